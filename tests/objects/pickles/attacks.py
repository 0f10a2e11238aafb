"""Pickles that an enemy made: each must be refused, soon, and without using memory."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

P4 = b"\x80\x04"


def text(value: str) -> bytes:
    """Return the opcodes that push a text."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    """Return the opcodes that push a global."""
    return text(module) + text(attribute) + b"\x93"


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """Return the opcodes that call a global."""
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


def put(number: int) -> bytes:
    return b"r" + struct.pack("<I", number)


def get(number: int) -> bytes:
    return b"j" + struct.pack("<I", number)


def size(number: int) -> bytes:
    return b"\x8a\x0a" + number.to_bytes(10, "little", signed=True)


class Payload:
    """Pickles as a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def known(marker: str) -> dict[str, bytes]:
    """Return the payloads of the tests of the model of objects."""
    mkdir = f"c{os.mkdir.__module__}\nmkdir\n(V{marker}\ntR.".encode()
    return {
        "call": pickle.dumps(Payload(os.mkdir, marker)),
        "call of protocol 0": mkdir,
        "call of protocol 2": b"\x80\x02" + mkdir,
        "eval": pickle.dumps(Payload(eval, f"__import__('os').mkdir({marker!r})")),
        "getattr": b"cbuiltins\ngetattr\n.",
        "dotted name": P4 + name("datetime", "sys.exit.foo") + b".",
        "through datetime": P4 + name("datetime", "sys") + b".",
        "instance": f"(V{marker}\nios\nmkdir\n.".encode(),
        "object": f"(cos\nmkdir\nV{marker}\no.".encode(),
        "persistent": b"Pid\n.",
        "binary persistent": b"Vid\nQ.",
        "extension": b"\x82\x01.",
        "in a list": pickle.dumps([1, {"a": Payload(os.mkdir, marker)}]),
        "a bytearray of a terabyte": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
        "bytes of a terabyte": P4 + b"\x8e" + struct.pack("<Q", 2**40) + b"x.",
        "text of a terabyte": P4 + b"\x8d" + struct.pack("<Q", 2**40) + b"x.",
        "a memo of a terabyte": P4 + b"Nr" + struct.pack("<I", 2**31) + b".",
        "a memo of many digits": b"Np" + b"9" * 4000 + b"\n.",
        "a number of gigabytes": b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b"\1.",
        "a negative length": b"\x80\x02\x8b" + struct.pack("<i", -1) + b"\1.",
        "nested too deep": P4 + b"]" * 200_000 + b"a" * 199_999 + b".",
        "a bytearray by its size": pickle.dumps(Payload(bytearray, 1_000_000)),
        "a set of a range": pickle.dumps(Payload(frozenset, range(1_000))),
        "a date of a state": P4 + call("datetime", "datetime", b"K\1K\1K\1") + b"}b.",
        "a type as a value": P4 + name("datetime", "datetime") + b".",
        "empty": b"",
        "garbage": b"garbage",
        "a missing end": pickle.dumps([1, 2, 3])[:-1],
        "two": pickle.dumps(1) + pickle.dumps(2),
        "an empty stack": P4 + b"0.",
        "text instead": b'{"json": 1}',
    }


def malformed() -> dict[str, bytes]:
    """Return what makes no sense to the machine."""
    date = call("datetime", "date", b"C\4\x07\xea\1\1")
    return {
        "pop of nothing": b"0N.",
        "a mark that is missing": b"NNt.",
        "pop of a mark that is missing": b"N1.",
        "a stack that is left": b"NN.",
        "a mark that is left": b"(N.",
        "only a mark": b"(.",
        "append to nothing": b"Na.",
        "append beyond a mark": b"](Na.",
        "append to text": b"VaNa" + b".",
        "append to a tuple": b")Na.",
        "append to bytes": P4 + b"C\1aK\1a.",
        "append to a bytearray": P4 + b"C\1a" + call("builtins", "bytearray", b"C\1a") + b"K\1a.",
        "append to a set": P4 + b"\x8fK\1a.",
        "append to a dict": b"}Na.",
        "append to a date": P4 + date + b"Na.",
        "append to a name": P4 + name("collections", "deque") + b"Na.",
        "set an item of a list": b"]K\0Ns.",
        "set an item of a deque": P4 + call("collections", "deque") + b"K\0Ns.",
        "set an item of a Counter": P4 + call("collections", "Counter", b"}") + b"K\0Ns.",
        "set items of nothing": b"(K\0Nu.",
        "a key without a value": b"}(K\0u.",
        "a key that is a list": b"}]Ns.",
        "a key that is a dict": b"}}Ns.",
        "a key that holds a list": b"}]\x85Ns.",
        "a key that is its dict": b"}q\0h\0Ns.",
        "a key that is a bytearray": b"}\x96\1\0\0\0\0\0\0\0aNs.",
        "a key that is a name": P4 + b"}" + name("builtins", "set") + b"Ns.",
        "a key that holds a name": P4 + b"}" + name("builtins", "set") + b"\x85Ns.",
        "a key that is no number": P4 + b"}" + call("decimal", "Decimal", text("sNaN")) + b"Ns.",
        "a member that is a list": P4 + b"\x8f(]\x90.",
        "a set in a set": P4 + b"\x8f(\x8f\x90.",
        "a set in itself": P4 + b"\x8f\x94(h\0\x90.",
        "a frozenset of lists": P4 + b"(]\x91.",
        "members for a list": P4 + b"](N\x90.",
        "a memo that is empty": b"h\0.",
        "a memo of lies": b"g-1\n.",
        "a memo that is no number": b"gx\n.",
        "an opcode that is none": b"\xff.",
        "a protocol that is none": b"\x80\x06N.",
        "a frame of lies": P4 + b"\x95" + struct.pack("<Q", 100) + b"N.",
        "a frame of terabytes": P4 + b"\x95" + struct.pack("<Q", 2**63) + b"N.",
        "text that is none": P4 + b"\x8c\1\xff.",
        "unicode that is none": b"V\\u12\n.",
        "an int that is none": b"Ix\n.",
        "an int of many digits": b"I" + b"9" * 5000 + b"\n.",
        "a long of many digits": b"L" + b"9" * 1_000_000 + b"L\n.",
        "a float that is none": b"Fx\n.",
        "a line without an end": b"V" + b"a" * 100,
        "a name of numbers": b"K\1K\2\x93.",
        "a buffer": b"\x80\x05\x97.",
        "a buffer that is read": b"\x80\x05N\x98.",
        "text of Python 2": b"S'a'\n.",
        "a call of a number": b"K\1)R.",
        "a call of a list": b"])R.",
        "a call without a tuple": P4 + name("builtins", "set") + b"]R.",
        "a call of what is made": P4 + name("uuid", "UUID") + b")R.",
        "an instance of a function": P4 + name("_codecs", "encode") + b")\x81.",
        "an instance of a date": P4 + name("datetime", "date") + b")\x81.",
        "an instance with options": P4 + name("uuid", "UUID") + b"]]\x92.",
        "a state for a list": b"]}b.",
        "a state for a name": P4 + name("uuid", "UUID") + b"}b.",
        "a state for a name, by the memo": P4 + name("builtins", "dict") + b"\x94}VfromkeysNsbh\0.",
        "a state for a date": P4 + date + b"}b.",
        "a state for the same, twice": P4 + name("uuid", "UUID") + b")\x81}VintK\1sb}VintK\2sb.",
        "an instance without a state": P4 + name("uuid", "UUID") + b")\x81.",
        "a draft in a list": P4 + b"]" + name("uuid", "UUID") + b")\x81a.",
        "a draft twice": P4 + name("uuid", "UUID") + b")\x81\x94h\0\x86.",
        "a draft that is copied": P4 + name("uuid", "UUID") + b")\x812\x86.",
        "a draft in its state": P4 + name("uuid", "UUID") + b")\x81\x94}Vinth\0sb.",
    }  # fmt: skip


def arguments() -> dict[str, bytes]:
    """Return calls of what is allowed, with what no pickler would give it."""
    return {
        key: P4 + opcodes + b"."
        for key, opcodes in {
            "a set of text": call("builtins", "set", text("abc")),
            "a set of nothing": call("builtins", "set"),
            "a set of lists": call("builtins", "set", b"]]a"),
            "a frozenset of a dict": call("builtins", "frozenset", b"}"),
            "a bytearray of a list": call("builtins", "bytearray", b"]"),
            "a bytearray of a code": call("builtins", "bytearray", text("a"), text("utf-7")),
            "bytes of a size": call("builtins", "bytes", b"K\5"),
            "text of a code": call("_codecs", "encode", text("a"), text("zip")),
            "text beyond the code": call("_codecs", "encode", text("\u1234"), text("latin1")),
            "a complex of text": call("builtins", "complex", text("1"), text("2")),
            "a range of floats": call("builtins", "range", *[b"G" + bytes(8)] * 3),
            "a range of no step": call("builtins", "range", b"K\0K\1K\0"),
            "a slice of lists": call("builtins", "slice", b"]]]"),
            "an object": name("builtins", "object") + b")\x81",
            "an object called": call("builtins", "object"),
            "a list called": call("builtins", "list", b"]"),
            "an int called": call("builtins", "int", text("1")),
            "a name of a list": call("builtins", "getattr", name("builtins", "list"), text("append")),
            "a name of a zone": call("builtins", "getattr", name("zoneinfo", "ZoneInfo"), text("from_file")),
            "a name of a value": call("builtins", "getattr", b"]", text("append")),
            "a date of ints": call("datetime", "date", b"M\xea\x07K\1K\1"),
            "a date that is none": call("datetime", "date", b"C\4\0\0\0\0"),
            "a datetime that is none": call("datetime", "datetime", b"C\x0a\x07\xea\x0d\1\0\0\0\0\0\0"),
            "a datetime of a zone of text": call("datetime", "datetime", b"C\x0a\x07\xea\1\1\0\0\0\0\0\0", text("UTC")),
            "a time that is none": call("datetime", "time", b"C\6\x30\0\0\0\0\0"),
            "a timedelta too long": call("datetime", "timedelta", size(10**15), b"K\0K\0"),
            "a timedelta of floats": call("datetime", "timedelta", *[b"G" + bytes(8)] * 3),
            "a timezone of text": call("datetime", "timezone", text("UTC")),
            "a zone of a path": call("zoneinfo", "ZoneInfo", text("../../../etc/passwd")),
            "a zone of a folder": call("zoneinfo", "ZoneInfo", text("/etc")),
            "a Decimal of nonsense": call("decimal", "Decimal", text("nonsense")),
            "a Decimal of a tuple": call("decimal", "Decimal", b"K\0)N\x87"),
            "a UUID called": call("uuid", "UUID", text("0" * 32)),
            "a UUID of bytes": name("uuid", "UUID") + b")\x81}" + text("bytes") + b"C\1asb",
            "a UUID too large": name("uuid", "UUID") + b")\x81}" + text("int") + b"\x8a\x11" + bytes(16) + b"\1sb",
            "an OrderedDict of items": call("collections", "OrderedDict", b"]"),
            "a defaultdict of a function": call("collections", "defaultdict", name("_codecs", "encode")),
            "a defaultdict of a date": call("collections", "defaultdict", name("datetime", "date")),
            "a defaultdict of eval": call("collections", "defaultdict", name("builtins", "eval")),
            "a deque of members": call("collections", "deque", b"]K\1"),
            "a deque of less than nothing": call("collections", "deque", b")J\xff\xff\xff\xff"),
            "a Counter of text": call("collections", "Counter", text("abc")),
            "a path of numbers": call("pathlib", "PurePosixPath", b"K\1"),
            "a path that looks": name("pathlib", "Path"),
            "an instance of int": call("copyreg", "_reconstructor", name("builtins", "int"), name("builtins", "object"), b"N"),
            "an instance of a base": call("copyreg", "_reconstructor", name("uuid", "UUID"), name("builtins", "int"), b"K\1"),
            "an instance of nothing": call("copyreg", "__newobj__"),
            "an instance of a list": call("copyreg", "__newobj__", name("builtins", "list")),
            "a fraction": call("fractions", "Fraction", b"K\1K\3"),
        }.items()
    }  # fmt: skip


def doubled(first: bytes, again: bytes, levels: int) -> bytes:
    """Return opcodes for a value that holds two of one that holds two of one..."""
    data = first + put(0)
    for level in range(levels):
        data += again.replace(b"<>", get(level)) + put(level + 1)
    return data


def explosions() -> dict[str, bytes]:
    """Return what is small, and would take long, or much memory, for one who believes it."""
    tuples = doubled(b")", b"<><>\x86", 60)
    sets = doubled(b"(\x91", b"(<>K\1\x91" + b"0(<>)\x86\x85<>\x91", 60)
    frozen = name("objects.pickles.models", "Frozen")
    instances = doubled(b")", frozen + b")\x81}" + text("x") + b"<>s" + text("y") + b"<>sb", 60)
    mebi = b"B" + struct.pack("<I", 2**20) + bytes(2**20)
    integer = b"\x8b" + struct.pack("<I", 2**20) + b"\1" * 2**20
    row = b"(" + b"".join(b"M" + struct.pack("<H", n) for n in range(20_000))
    count = b"(" + b"".join(b"M" + struct.pack("<H", n) + b"N" for n in range(20_000))
    flood = b"".join(size((n - 2500) * (2**61 - 1)) + b"N" for n in range(10_000))
    return {
        "a key of tuples": P4 + tuples + b"0}" + get(60) + b"Ns.",
        "a member of tuples": P4 + tuples + b"0\x8f(" + get(60) + b"\x90.",
        "a frozenset of tuples": P4 + tuples + b"0(" + get(60) + b"\x91.",
        "a set of tuples": P4 + tuples + b"0" + call("builtins", "set", b"]" + get(60) + b"a") + b".",
        "a key of frozensets": P4 + sets + b"0}" + get(60) + b"Ns.",
        "a key of instances": P4 + instances + b"0}" + get(60) + b"Ns.",
        "a deep key": P4 + b")" + b"\x85" * 200_000 + b"q\0}h\0Ns.",
        "a deep tuple": P4 + b")" + b"\x85" * 200_000 + b".",
        "a deep dict": P4 + b"}N" * 50_000 + b"N" + b"s" * 50_000 + b".",
        "a deep list, by the memo": P4 + b"]" + b"".join(put(0) + b"0]" + get(0) + b"a" for _ in range(2000)) + b".",
        "a deep list in circles": P4 + b"]" + put(0) + b"".join(b"]" + get(0) + b"a" for _ in range(2000)) + b"a" * 2000 + b".",
        "many bytearrays": P4 + mebi + put(0) + b"0](" + (name("builtins", "bytearray") + get(0) + b"\x85R") * 2000 + b"e.",
        "many sets": P4 + b"]" + row + b"e" + put(0) + b"0](" + (name("builtins", "set") + get(0) + b"\x85R") * 3000 + b"e.",
        "many Counters": P4 + b"}" + count + b"u" + put(0) + b"0](" + (name("collections", "Counter") + get(0) + b"\x85R") * 3000 + b"e.",
        "a huge key": P4 + integer + put(0) + b"0](" + (b"}" + get(0) + b"Ns") * 100_000 + b"e.",
        "keys of one hash": P4 + b"}(" + flood + b"u.",
        "keys of one hash, one by one": P4 + b"}" + flood.replace(b"N", b"Ns").replace(b"NsNs", b"Ns") + b".",
    }  # fmt: skip


def array(shape: bytes, dtype: bytes, data: bytes, fortran: bytes = b"\x89") -> bytes:
    """Return the opcodes of an array."""
    made = call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), b"K\0\x85C\1b")
    return made + b"(K\1" + shape + dtype + fortran + data + b"tb"


def dtype(code: str, *state: bytes) -> bytes:
    """Return the opcodes of a dtype."""
    rest = b"".join(state or [text("<"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0"])
    return call("numpy", "dtype", text(code), b"\x89\x88") + b"(K\3" + rest + b"tb"


def numeric() -> dict[str, bytes]:
    """Return what is of NumPy and pandas, and lies."""
    eight = b"C\x08" + bytes(8)
    i8, o8 = dtype("i8"), dtype("O8", text("|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3f")
    lone = array(b"K\1\x85", i8, eight)
    lone_object = array(b"K\1\x85", o8, b"]Na")
    index = call(
        "pandas.core.indexes.base",
        "_new_Index",
        name("pandas", "RangeIndex"),
        b"}("
        + text("name")
        + b"N"
        + text("start")
        + b"K\0"
        + text("stop")
        + b"K\1"
        + text("step")
        + b"K\1u",
    )
    huge = index.replace(text("stop") + b"K\1", text("stop") + size(2**62))

    def frame(values: bytes, place: bytes, axes: bytes = index + index) -> bytes:
        block = call("pandas._libs.internals", "_unpickle_block", values, place, b"K\2")
        manager = call(
            "pandas.core.internals.managers", "BlockManager", block + b"\x85", b"](" + axes + b"e"
        )
        return name("pandas", "DataFrame") + b")\x81}" + text("_mgr") + manager + b"sb"

    def backed(kind: str, dtype: bytes, values: bytes) -> bytes:
        made = call(
            "pandas._libs.arrays",
            "__pyx_unpickle_NDArrayBacked",
            name("pandas.arrays", kind),
            b"J\x9f\xfd\xf0\x04N",
        )
        return made + dtype + values + b"\x86b"

    def place(start: bytes, stop: bytes) -> bytes:
        return call("builtins", "slice", start, stop, b"K\1")

    two = array(b"K\1K\1\x86", i8, eight)
    categories = (
        name("pandas", "CategoricalDtype")
        + b")\x81}("
        + text("categories")
        + index
        + text("ordered")
        + b"\x89ub"
    )
    deep = dtype(
        "V8",
        text("|"),
        b"N" + text("a") + b"\x85}" + text("a") + i8 + b"K\0\x86s",
        b"K\x08K\1K\x10",
    )
    for _ in range(100):
        field = text("a") + get(9) + b"K\0\x86s"
        deep += (
            put(9)
            + b"0"
            + dtype("V8", text("|"), b"N" + text("a") + b"\x85}" + field, b"K\x08K\1K\x10")
        )
    nest = lone_object + put(0)
    for _ in range(2000):
        nest += b"0" + array(b"K\1\x85", o8, b"]" + get(0) + b"a") + put(0)
    return {
        key: P4 + opcodes + b"."
        for key, opcodes in {
            "an array of less than it says": array(b"K\2\x85", i8, eight),
            "an array of terabytes": array(size(2**40) + b"\x85", i8, eight),
            "an array of less than nothing": array(size(-1) + b"\x85", i8, b"C\0"),
            "an array that overflows": array(size(2**62) + size(4) + b"\x86", i8, b"C\0"),
            "an array of truths": array(b"K\1\x85", dtype("b1"), b"C\1\2"),
            "an array of text that is none": array(b"K\1\x85", dtype("U1", text("<"), b"NNNK\4K\4K\x08"), b"C\4\xff\xff\xff\xff"),
            "an array of pointers": array(b"K\1\x85", o8, eight),
            "an array of too few objects": array(b"K\2\x85", o8, b"]"),
            "an array of ints that is objects": array(b"K\1\x85", i8, b"]Na"),
            "an array of an int": array(b"K\1", i8, eight),
            "an array of no dtype": array(b"K\1\x85", b"N", eight),
            "an array without a state": call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), b"K\0\x85C\1b"),
            "an array by its shape": call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), size(2**40) + b"\x85C\1b") + b"]b",
            "an array of another class": call("numpy._core.multiarray", "_reconstruct", name("numpy", "dtype"), b"K\0\x85C\1b"),
            "an array called": call("numpy", "ndarray", size(2**40) + b"\x85"),
            "a buffer of lies": call("numpy._core.numeric", "_frombuffer", eight, i8, b"K\2\x85", text("C")),
            "a buffer of an order": call("numpy._core.numeric", "_frombuffer", eight, i8, b"K\1\x85", text("K")),
            "a buffer of axes": call("numpy._core.numeric", "_frombuffer", eight, i8, b"K\1\x85", text("K"), b"K\5\x85"),
            "a scalar of an object": call("numpy._core.multiarray", "scalar", o8, b"K\1"),
            "a scalar of little": call("numpy._core.multiarray", "scalar", i8, b"C\1a"),
            "a structure of objects": dtype("V8", text("|"), b"N" + text("a") + b"\x85}" + text("a") + o8 + b"K\0\x86s", b"K\x08K\1K\x10"),
            "a structure beyond its size": dtype("V8", text("|"), b"N" + text("a") + b"\x85}" + text("a") + i8 + b"K\1\x86s", b"K\x08K\1K\x10"),
            "a structure before itself": dtype("V8", text("|"), b"N" + text("a") + b"\x85}" + text("a") + i8 + size(-8) + b"\x86s", b"K\x08K\1K\x10"),
            "a dtype of commas": dtype("i4,O"),
            "a dtype of a class": call("numpy", "dtype", name("builtins", "object"), b"\x89\x88"),
            "a dtype without a state": call("numpy", "dtype", text("i8"), b"\x89\x88"),
            "a dtype of gigabytes": array(b"K\0\x85", dtype("V2147483647", text("|"), b"NNNJ\xff\xff\xff\x7fK\1K\0"), b"C\0"),
            "arrays in arrays": nest,
            "a structure in structures": deep,
            "a function of NumPy": name("numpy", "load"),
            "a function of pandas": name("pandas", "read_pickle"),
            "eval of pandas": name("pandas", "eval"),
            "a frame beyond itself": frame(two, place(b"K\1", b"K\2")),
            "a frame before itself": frame(two, place(size(-1), b"K\0")),
            "a frame of a place of text": frame(two, text("a")),
            "a frame of too few rows": frame(two, place(b"K\0", b"K\1"), index + huge),
            "a frame of too few columns": frame(two, place(b"K\0", b"K\1"), huge + index),
            "a frame of one dimension": frame(lone, place(b"K\0", b"K\1")),
            "a frame of a list": frame(b"]", place(b"K\0", b"K\1")),
            "a frame of an axis": frame(two, place(b"K\0", b"K\1"), index),
            "a frame of axes of text": frame(two, place(b"K\0", b"K\1"), text("a") + text("b")),
            "a frame without content": name("pandas", "DataFrame") + b")\x81}b",
            "a frame of a dict": name("pandas", "DataFrame") + b")\x81}" + text("_mgr") + b"}sb",
            "a frame of attributes": frame(two, place(b"K\0", b"K\1"))[:-1] + text("loc") + b"Nsb",
            "a frame without a state": name("pandas", "DataFrame") + b")\x81",
            "a block as a value": call("pandas._libs.internals", "_unpickle_block", two, place(b"K\0", b"K\1"), b"K\2"),
            "strings of numbers": backed("StringArray", call("pandas", "StringDtype", text("python")), array(b"K\1\x85", o8, b"]K\1a")),
            "strings of ints": backed("StringArray", call("pandas", "StringDtype", text("python")), lone),
            "strings of arrow": call("pandas", "StringDtype", text("pyarrow")),
            "moments of ints": backed("DatetimeArray", i8, lone),
            "codes beyond the categories": backed("Categorical", categories, lone.replace(eight, b"C\x08\5" + bytes(7))),
            "codes of a list": backed("Categorical", categories, b"]"),
            "categories beyond memory": categories.replace(text("stop") + b"K\1", text("stop") + size(2**62)),
            "a Timestamp of text": call("pandas._libs.tslibs.timestamps", "_unpickle_timestamp", text("a"), b"NNK\x0a"),
            "a Timestamp of a unit": call("pandas._libs.tslibs.timestamps", "_unpickle_timestamp", b"K\1NNK\x63"),
            "a Timestamp beyond time": call("pandas._libs.tslibs.timestamps", "_unpickle_timestamp", size(2**63), b"NNK\x0a"),
            "a Timedelta of nothing": call("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"),
            "an index of an index": call("pandas.core.indexes.base", "_new_Index", name("pandas", "Index"), b"}(" + text("data") + index + text("name") + b"Nu"),
            "an index of a name of lists": call("pandas.core.indexes.base", "_new_Index", name("pandas", "Index"), b"}(" + text("data") + lone + text("name") + b"]u"),
            "an index of a name of names": call("pandas.core.indexes.base", "_new_Index", name("pandas", "Index"), b"}(" + text("data") + lone + text("name") + name("pandas", "Index") + b"\x85u"),
            "an index of options": call("pandas.core.indexes.base", "_new_Index", name("pandas", "Index"), b"}(" + text("data") + lone + text("tupleize_cols") + b"Nu"),
        }.items()
    }  # fmt: skip


def attacks(marker: str) -> dict[str, bytes]:
    """Return all of them; some would make the folder ``marker`` when loaded."""
    return {**known(marker), **malformed(), **arguments(), **explosions(), **numeric()}
