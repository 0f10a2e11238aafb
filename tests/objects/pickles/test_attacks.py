"""Bytes of an enemy: a named error, soon, nothing has run, and no memory to speak of was used."""

from __future__ import annotations

import contextlib
import pickle
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from fuzz.guard import guarded, measured
from hypothesis import example, given, settings
from hypothesis import strategies as st
from objects.pickles import models
from objects.pickles.attacks import attacks
from objects.pickles.samples import FOREIGN, PLAIN, same

from dynafile.errors import CorruptObject, DynafileError, MissingExtra, UnsupportedObject
from dynafile.objects.pickles import dump, load

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 3.0
"""Generous for a machine that is busy: the slowest takes a third of it, most a thousandth."""


def refused(data: bytes) -> DynafileError:
    """Return the error that reading raises, within bounds."""
    load(dump([np.arange(1), pd.Timestamp(0), models.Frozen(1)]))  # what is imported once
    started = time.process_time()
    with pytest.raises((CorruptObject, UnsupportedObject)) as caught, guarded(), measured(data):
        load(data)
    assert time.process_time() - started < SECONDS
    assert str(caught.value)
    assert len(str(caught.value)) < 700
    return caught.value.with_traceback(None)


@pytest.mark.parametrize("name", attacks(""))
def test_attacks(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "ran"
    error = refused(attacks(str(marker))[name])
    assert isinstance(error, ValueError)
    assert not marker.exists()


def test_no_module_is_imported() -> None:
    with pytest.raises(UnsupportedObject, match="antigravity"):
        load(b"cantigravity\nfly\n.")


GADGETS = [
    *("os.system", "posix.system", "nt.system", "subprocess.Popen", "builtins.eval", "builtins.exec"),
    *("builtins.open", "builtins.__import__", "builtins.globals", "builtins.type", "builtins.super"),
    *("builtins.map", "builtins.str", "builtins.tuple", "builtins.memoryview", "builtins.setattr"),
    *("operator.attrgetter", "functools.partial", "functools.reduce", "importlib.import_module"),
    *("pickle.loads", "_pickle.loads", "copyreg._slotnames", "copyreg.pickle", "copyreg.__newobj_ex__"),
    *("types.FunctionType", "types.CodeType", "weakref.ref", "io.open", "shutil.rmtree", "sys.exit"),
    *("codecs.decode", "_codecs.decode", "codecs.encode", "_codecs.lookup", "encodings.zlib_codec.zlib_encode"),
    *("numpy.load", "numpy.fromfile", "numpy.memmap", "numpy.frompyfunc", "numpy.core.multiarray.fromfile"),
    *("numpy.testing._private.utils.runstring", "numpy.f2py.diagnose.run_command", "numpy._core.records.fromfile"),
    *("pandas.read_pickle", "pandas.eval", "pandas.io.common.get_handle", "pandas.compat.pickle_compat.loads"),
    *("collections.namedtuple", "collections.abc.Callable", "datetime.sys.modules", "uuid.os.system"),
    *("decimal.Context", "decimal.getcontext", "zoneinfo.ZoneInfo.from_file", "zoneinfo.reset_tzpath"),
    *("pathlib.Path", "pathlib.Path.unlink", "pathlib.os.system", "objects.pickles.models.dataclass"),
    *("objects.pickles.models.Point.__init__", "objects.pickles.models.Point.__init__.__globals__"),
    *("objects.pickles.models.Undeclared", "objects.pickles.models.Color", "dataclasses.Field"),
    *("dynafile.objects.pickles.builders.Builder", "dynafile.objects.pickles.plain.PLAIN"),
]  # fmt: skip


@pytest.mark.parametrize("full", GADGETS)
@pytest.mark.parametrize("end", [b".", b")R.", b")\x81.", b"}b.", b"Va\nR.", b"(Va\nVb\ntR."])
def test_what_is_not_on_the_list(full: str, end: bytes) -> None:
    """Each way to cut a dotted name in two is tried, and each way to use it."""
    parts = full.split(".")
    for cut in range(1, len(parts)):
        module, name = ".".join(parts[:cut]), ".".join(parts[cut:])
        refused(b"c%b\n%b\n%b" % (module.encode(), name.encode(), end))


STATES = [
    *({"x": 1, "more": 2}, {"__class__": 1}, {"x": 1, "__dict__": {}}, [1], [1, 2, 3], (1, 2)),
    *(({"x": 1}, {"more": 1}), (None, None, None), 5, "x", {1: 2}, ({"x": 1}, [1])),
]


@pytest.mark.parametrize("state", STATES, ids=repr)
@pytest.mark.parametrize(
    "kind", [models.Point, models.Frozen, models.Slotted, models.FrozenSlotted]
)
def test_states_that_are_none(kind: type, state: Any) -> None:
    made = f"c{kind.__module__}\n{kind.__qualname__}\n)\x81".encode("latin-1")
    refused(made + pickle.dumps(state, 0)[:-1] + b"b.")


def test_a_class_is_not_changed() -> None:
    """A state for the class itself, which is a dict of what the class has."""
    before = dict(vars(models.Point))
    refused(b"cobjects.pickles.models\nPoint\n}Vx\nI1\nsb.")
    refused(b"cobjects.pickles.models\nPoint\nN}Vx\nI1\ns\x86b.")
    assert dict(vars(models.Point)) == before


def test_what_goes_away_does_nothing() -> None:
    before = models.Closing.closed, models.Stateful.called
    for kind in ("Closing", "Stateful"):
        refused(b"cobjects.pickles.models\n%b\n)\x81}Vx\nI1\nsb." % kind.encode())
    assert (models.Closing.closed, models.Stateful.called) == before


def test_a_registered_class_gets_values_only() -> None:
    """Not what stands for names while a pickle is read."""
    for end in (
        b"cbuiltins\nset\n\x85R.",
        b")\x81}Vx\ncbuiltins\nset\nsb.",
        b"(]cbuiltins\nset\natR.",
    ):
        with pytest.raises(CorruptObject, match="as a value"):
            load(b"cobjects.pickles.models\nUndeclared\n" + end, {models.Undeclared})


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5)
    | st.binary(max_size=5)
    | st.complex_numbers()
    | st.decimals()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.times()
    | st.timedeltas()
    | st.builds(range, st.integers(), st.integers(), st.integers(1))
    | st.sampled_from(FOREIGN)
)
KEYS = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=3) | st.dates(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    ATOMS | KEYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.builds(models.Point, inner, inner, st.lists(inner, max_size=2))
        | st.builds(models.FrozenSlotted, inner)
        | inner.map(lambda value: [value, value])
    ),
    max_leaves=12,
)


def alike(one: Any, other: Any) -> bool:
    """Say whether two values are the same, dataclasses by their fields."""
    if isinstance(one, (models.Point, models.FrozenSlotted)) and type(one) is type(other):
        return all(alike(getattr(one, name), getattr(other, name)) for name in ("x", "y"))
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(alike, one, other))
    if type(one) is dict is type(other):
        return list(one) == list(other) and all(map(alike, one.values(), other.values()))
    return same(one, other)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.integers(2, 5))
def test_any_value(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert alike(load(data), value if protocol >= 4 else pickle.loads(data))
    assert alike(load(dump(value)), value)


def survived(data: bytes) -> None:
    """Read bytes that may be anything: nothing but these errors comes out, and soon."""
    started = time.process_time()
    with guarded():
        try:
            value = load(data)
        except (CorruptObject, UnsupportedObject, MissingExtra):
            pass
        else:
            with contextlib.suppress(UnsupportedObject):  # or it is stored again
                dump(value)
    assert time.process_time() - started < SECONDS


@settings(max_examples=600, deadline=None)
@given(VALUES, st.integers(0, 5), st.data())
def test_changed_bytes(value: Any, protocol: int, data: st.DataObject) -> None:
    try:
        changed = bytearray(pickle.dumps(value, protocol))
    except pickle.PicklingError:
        return
    except TypeError:
        return  # slots in protocols 0 and 1
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        end = at + data.draw(st.sampled_from([0, 1, 1, 1, 5]))
        changed[at:end] = data.draw(st.binary(max_size=5))
        if not changed:
            break
    survived(bytes(changed))


@settings(max_examples=300, deadline=None)
@example(b"")
@given(
    st.lists(
        st.sampled_from(
            [bytes([code]) for code in range(256)] + [b"\x8c\1a", b"K\1", b"cuuid\nUUID\n"]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_opcodes(data: bytes) -> None:
    survived(data)
    survived(data + b".")


@pytest.mark.parametrize(
    "value", [*PLAIN[::5], *FOREIGN[::4]], ids=lambda value: type(value).__name__
)
def test_every_byte_cut_and_turned(value: Any) -> None:
    data = dump(value)[:400]
    for at in range(len(data)):
        survived(data[:at])
        survived(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
