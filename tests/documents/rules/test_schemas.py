"""Type rules: what schemas say of documents, and that nothing takes long."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.documents.rules import Rules
from dynafile.documents.rules import faults as faults_module
from dynafile.documents.rules.formats import FORMATS
from dynafile.documents.rules.regular import compile_expression
from dynafile.documents.rules.schema_text import parse_schema
from dynafile.documents.rules.schemas import Schema
from dynafile.errors import InvalidRules, MissingExtra, TypeRuleViolated


def schema(value: Any) -> Schema:
    return parse_schema("s.json", json.dumps(value))[0]


def fault(form: Any, value: Any) -> str | None:
    """What is wrong, with the path before it."""
    found = schema(form).check(value)
    return None if found is None else f"{found.path}: {found.reason}"


NESTED = {"properties": {"a": {"items": {"properties": {"two words": {"type": "string"}}}}}}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"v": {"type": "integer"}, "c": {"items": {"$ref": "#/$defs/node"}}},
        }
    },
}

FAULTS = [
    ({"type": "string"}, 5, ": is of type integer, and not string"),
    ({"type": ["string", "null"]}, True, ": is of type boolean, and not null or string"),
    ({"type": "integer"}, 1.5, ": is of type number, and not integer"),
    ({"type": "number"}, False, ": is of type boolean, and not number"),
    ({"enum": [1, "a", [None]]}, "b", ': is none of [1, "a", [null]]'),
    ({"const": {"a": 1}}, {"a": True}, ': is not {"a": 1}'),
    ({"minimum": 5}, 4, ": is less than 5"),
    ({"maximum": 5}, 5.5, ": is over 5"),
    ({"exclusiveMinimum": 5}, 5, ": is not over 5"),
    ({"exclusiveMaximum": 5}, 5.0, ": is not less than 5"),
    ({"multipleOf": 0.01}, 19.995, ": is not a multiple of 0.01"),
    ({"minLength": 2}, "é", ": has fewer than 2 characters"),
    ({"maxLength": 2}, "abc", ": has more than 2 characters"),
    ({"pattern": "^[a-z]+$"}, "ab\n", ": does not match ^[a-z]+$"),
    ({"format": "email"}, "ann", ": is not of the format email"),
    ({"minItems": 1}, [], ": has fewer than 1 items"),
    ({"maxItems": 1}, [1, 2], ": has more than 1 items"),
    ({"uniqueItems": True}, [1, 2, 1.0], ": has the same item at 0 and at 2"),
    ({"contains": {"type": "string"}}, [1], ": has 0 items of the kind of which it needs 1"),
    ({"contains": True, "maxContains": 1}, [1, 2], ": has 2 items of the kind of which it may have 1"),
    ({"minProperties": 1}, {}, ": has fewer than 1 fields"),
    ({"maxProperties": 0}, {"a": 1}, ": has more than 0 fields"),
    ({"required": ["a", "b"]}, {"a": 1}, ': lacks the field "b"'),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ': lacks the field "b", which goes with "a"'),
    ({"properties": {"a": False}}, {"a": 1}, "a: is not allowed"),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1, "b": 1}, "b: is not allowed"),
    ({"patternProperties": {"^x": {"type": "null"}}}, {"a": 1, "xy": 1}, "xy: is of type integer, and not null"),
    ({"additionalProperties": False, "patternProperties": {"^x": {}}}, {"x": 1, "y": 1}, "y: is not allowed"),
    ({"propertyNames": {"maxLength": 2}}, {"abc": 1}, "abc: has a name that has more than 2 characters"),
    ({"items": {"type": "null"}}, [None, 1], "[1]: is of type integer, and not null"),
    ({"prefixItems": [{}, {"type": "null"}], "items": False}, [1, None, 3], "[2]: is not allowed"),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, ': lacks the field "b"'),
    ({"allOf": [{}, {"minimum": 5}]}, 1, ": is less than 5"),
    ({"anyOf": [{"minimum": 5}, {"properties": {"a": False}}]}, {"a": 1}, None),
    ({"anyOf": [{"type": "null"}, {"properties": {"a": False}}]}, {"a": 1}, ": fits none of 2 schemas: is of type object, and not null; a is not allowed"),
    ({"oneOf": [{}, {}]}, 1, ": fits 2 of the schemas of which it should fit one"),
    ({"oneOf": [{"type": "null"}]}, 1, ": fits none of 1 schemas: is of type integer, and not null"),
    ({"not": {"type": "integer"}}, 1, ": fits what it must not"),
    ({"if": {"minimum": 5}, "then": {"maximum": 6}, "else": False}, 7, ": is over 6"),
    ({"if": {"minimum": 5}, "then": {"maximum": 6}, "else": False}, 4, ": is not allowed"),
    ({"if": {"minimum": 5}}, 7, None),
    (NESTED, {"a": [{}, {"two words": 5}]}, 'a[1]["two words"]: is of type integer, and not string'),
    (TREE, {"c": [{}, {"c": [{"v": "x"}]}]}, "c[1].c[0].v: is of type string, and not integer"),
    ({"$anchor": "n", "properties": {"c": {"$ref": "#n"}, "v": False}}, {"c": {"v": 1}}, "c.v: is not allowed"),
    ({"$defs": {"a/b~c %": False}, "properties": {"x": {"$ref": "#/$defs/a~1b~0c%20%25"}}}, {"x": 1}, "x: is not allowed"),
    ({"$id": "https://example.com/u.json", "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "U", "examples": [{"typ": 1}], "type": "null"}, 1, ": is of type integer, and not null"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value", "wrong"), FAULTS)
def test_faults(form: Any, value: Any, wrong: str | None) -> None:
    assert fault(form, value) == wrong


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({"type": "integer"}, 1.0),
        ({"type": "number"}, 1),
        ({"type": "number"}, 1.5),
        ({"multipleOf": 0.01}, 19.99),
        ({"multipleOf": 1e-8}, 1e300),
        ({"multipleOf": 5}, 10**300),
        ({"enum": [1]}, 1.0),
        ({"const": {"a": [1, 2]}}, {"a": [1.0, 2]}),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}, None, 0, False, ""]),
        ({"minLength": 1, "maxLength": 1}, "😀"),
        ({"pattern": "b"}, "abc"),
        ({"pattern": "^\\u00e9$"}, "é"),
        ({"pattern": "^\\p{L}+$"}, "né"),
        ({"required": ["a"], "minLength": 3, "minimum": 2, "items": False}, True),
        ({"contains": False, "minContains": 0}, [1]),
        (TREE, {"c": [{"c": [{"c": []}], "v": 1}]}),
        ({"dependentRequired": {"a": ["b"]}}, {}),
    ],
)
def test_no_faults(form: Any, value: Any) -> None:
    assert fault(form, value) is None


def test_the_error_names_document_value_and_rule() -> None:
    rules = Rules(f"\nschema /a/{{b}} {json.dumps(NESTED)};", source="app.rules")
    with pytest.raises(TypeRuleViolated) as caught:
        rules.check("a/x", {"a": [{"two words": 5}]})
    error = caught.value
    assert (error.path, error.document, error.line) == ('a[0]["two words"]', "a/x", 2)
    assert error.reason == "is of type integer, and not string"
    assert error.message == (
        'a[0]["two words"] in a/x is of type integer, and not string, by line 2 of app.rules'
    )


def test_every_schema_that_matches_holds() -> None:
    rules = Rules('schema /a/{b} {"required": ["x"]}; schema /{all=**} {"required": ["y"]};')
    rules.check("a/b", {"x": 1, "y": 1})
    for value in ({"x": 1}, {"y": 1}):
        with pytest.raises(TypeRuleViolated):
            rules.check("a/b", value)
    with pytest.raises(TypeRuleViolated):
        rules.check("c/d", {"x": 1})


GOOD_FORMATS = {
    "date": ["2024-02-29", "0001-01-01"],
    "date-time": ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789+09:30", "1998-12-31T23:59:60Z",
                  "1998-12-31T15:59:60.1-08:00"],
    "time": ["00:00:00Z", "23:59:59.5-23:59"],
    "email": ["a@b", "ann.lee+x@example.co.uk", "é@example.com"],
    "ipv4": ["127.0.0.1"],
    "ipv6": ["::1", "2001:db8::8a2e:370:7334", "::ffff:1.2.3.4"],
    "uri": ["https://example.com/a?b=c#d", "urn:isbn:1", "mailto:a@b"],
    "uuid": ["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
}  # fmt: skip
BAD_FORMATS = {
    "date": ["2023-02-29", "2026-1-31", "20260131", "2026-01-31T00:00:00Z", "２026-01-31", "2026-W01-1"],
    "date-time": ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-02-30T12:00:00Z",
                  "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00+24:00",
                  "1998-12-31T23:58:60Z", "2026-01-31T12:00:00Z\n", "2026-01-31T12:00:61Z"],
    "time": ["12:00Z", "12:00:00", "12:00:00+01:60", "x"],
    "email": ["a", "@b", "a@", "a@b@c", ".a@b", "a..b@c", "a b@c", "<a@b>", "a@b\n", "a@-.c."],
    "ipv4": ["127.0.0", "256.1.1.1", "01.1.1.1", "1.1.1.1\n", "::1"],
    "ipv6": ["1", "::1%eth0", ":::1", "12345::"],
    "uri": ["/a", "a b:c", "1:a", "http://a b", "a:<", ":"],
    "uuid": ["2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "x"],
}  # fmt: skip


def test_formats() -> None:
    assert FORMATS.keys() == GOOD_FORMATS.keys() == BAD_FORMATS.keys()
    for name, holds in FORMATS.items():
        for text in GOOD_FORMATS[name]:
            assert holds(text), (name, text)
        for text in [*BAD_FORMATS[name], "", "x" * 100_000, "1" * 5000, "\ud800", "\0"]:
            assert not holds(text), (name, text)
        assert fault({"format": name}, 5) is None


# -- hostile documents and schemas ----------------------------------------------------------------


def timed(form: Any, value: Any) -> tuple[str | None, float]:
    found = schema(form)
    started = time.perf_counter()
    wrong = found.check(value)
    return None if wrong is None else wrong.reason, time.perf_counter() - started


def test_expressions_take_linear_time() -> None:
    for expression in ("^(a+)+$", "^(a|aa)+$", "^(.*)*$x", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        reason, seconds = timed({"pattern": expression}, "a" * 200_000 + "!")
        assert reason is not None
        assert seconds < 1
        names = {"patternProperties": {expression: False}, "propertyNames": {"pattern": expression}}
        assert timed(names, {"a" * 50_000 + "!": 1})[1] < 1


def test_equality_takes_linear_time() -> None:
    """Numbers with one hash, and lists of maps, which cannot be sorted."""
    collide = [n * (2**61 - 1) for n in range(1, 30_000)]
    assert hash(collide[0]) == hash(collide[1])
    for items in (collide, [{"a": n} for n in range(30_000)], [[n] for n in range(30_000)]):
        reason, seconds = timed({"uniqueItems": True}, items)
        assert reason is None
        assert seconds < 2


def test_schemas_that_double_are_cut_off() -> None:
    """Each definition applies the next one twice: two to the hundredth power checks."""
    defs: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(100)
    }
    reason, seconds = timed({"$ref": "#/$defs/d0", "$defs": {**defs, "d100": {}}}, 1)
    assert reason in ("takes too many steps to check", "is nested too deeply to check")
    assert seconds < 10
    wide = {"anyOf": [{"items": {"$ref": "#"}, "minItems": 1, "type": "array"}] * 3}
    value: Any = []
    for _ in range(60):
        value = [value]
    reason, seconds = timed(wide, value)
    assert reason in ("takes too many steps to check", "is nested too deeply to check")
    assert seconds < 10


def test_large_documents_are_checked() -> None:
    form = {
        "items": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    }
    reason, seconds = timed(form, [{"a": n} for n in range(60_000)])
    assert reason is None
    assert seconds < 5
    reason, _ = timed({"items": {"enum": list(range(100))}}, [0] * 3_000_000)
    assert reason == "takes too many steps to check"


def test_deep_documents() -> None:
    value: Any = {}
    for _ in range(99):
        value = {"c": value}
    assert fault({"properties": {"c": {"$ref": "#"}}}, value) is None
    for _ in range(5000):
        value = {"c": value}
    assert fault({"properties": {"c": {"$ref": "#"}}}, value) == ": is nested too deeply to check"
    assert fault({"enum": [1]}, value) == ": is nested too deeply to check"


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    for name in ("urllib.request.urlopen", "socket.create_connection", "socket.socket.connect"):
        monkeypatch.setattr(name, refuse)
    for form in (
        {"$ref": "http://example.com/x.json"},
        {"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}},
        {"$schema": "http://example.com/meta"},
        {"$id": "http://example.com/", "$ref": "x.json"},
    ):
        with pytest.raises(InvalidRules):
            schema(form)
    assert fault({"$id": "http://example.com/", "properties": {"$ref": False}}, {"$ref": "x"}) == (
        "$ref: is not allowed"
    )


def test_files_of_schemas_that_are_wrong() -> None:
    for text, reason in {
        "": "the JSON does not parse",
        "[]": "a schema is a JSON object",
        "true": "a schema is a JSON object",
        "{} {}": "more follows after the schema",
        " " * 300_000: "at most 256 KiB",
        "{": "the JSON does not parse",
        "[" * 100_000: "nested over 50 levels",
    }.items():
        with pytest.raises(InvalidRules, match=reason):
            parse_schema("s.json", text)


def test_without_the_packages_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    command = r"pip install 'dynafile\[documents\]'"
    monkeypatch.setitem(sys.modules, "re2", None)
    assert fault({"type": "null"}, 1) is not None
    with pytest.raises(MissingExtra, match=command) as caught:
        schema({"pattern": "a"})
    assert caught.value.extra == "documents"
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    Rules("match /a/{b} { allow read if auth.uid = b; limit 1 KiB; }")
    with pytest.raises(MissingExtra, match=command):
        schema({})


# -- against jsonschema ---------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, 3, -1, 1.0, 1.5, 2.5, 1e300])
    | st.sampled_from(["", "a", "b", "ab", "abc", "é"])
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "ab"]), inner, max_size=3)
    ),
    max_leaves=6,
)
counts = st.integers(0, 3)
names = st.lists(st.sampled_from(["a", "b", "ab"]), unique=True, max_size=2)
expressions = st.sampled_from(["a", "^a", "b$", "^[ab]+$", "^$", "a{2}", "(a|b)b"])
KINDS = ["null", "boolean", "object", "array", "number", "string", "integer"]


def forms() -> st.SearchStrategy[Any]:
    plain = {
        "type": st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
        **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], st.sampled_from([0, 1, 1.5, 2])),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        **dict.fromkeys(["minLength", "maxLength", "minItems", "maxItems", "minProperties"], counts),
        **dict.fromkeys(["maxProperties", "minContains", "maxContains"], counts),
        "pattern": expressions,
        "uniqueItems": st.booleans(),
        "required": names,
        "dependentRequired": st.dictionaries(st.sampled_from("ab"), names, max_size=2),
    }  # fmt: skip

    def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        many = st.lists(inner, min_size=1, max_size=3)
        named = st.dictionaries(st.sampled_from(["a", "b", "ab"]), inner, max_size=2)
        return st.fixed_dictionaries(
            {},
            optional={
                **plain,
                **dict.fromkeys(["allOf", "anyOf", "oneOf", "prefixItems"], many),
                **dict.fromkeys(["not", "if", "then", "else", "items", "contains"], inner),
                **dict.fromkeys(["additionalProperties", "propertyNames"], inner),
                **dict.fromkeys(["properties", "dependentSchemas"], named),
                "patternProperties": st.dictionaries(expressions, inner, max_size=2),
                "$ref": st.just("#/$defs/d"),
            },
        ).map(lambda form: dict(list(form.items())[:4]))

    base = st.booleans() | st.fixed_dictionaries({}, optional=plain).map(
        lambda form: dict(list(form.items())[:2])
    )
    return st.recursive(base, extend, max_leaves=5)


@settings(max_examples=150, deadline=None)
@given(forms(), forms(), st.lists(values, min_size=1, max_size=4))
def test_it_says_what_jsonschema_says(root: Any, part: Any, documents: list[Any]) -> None:
    form = {"allOf": [root], "$defs": {"d": part if "$ref" not in json.dumps(part) else {}}}
    ours, theirs = schema(form), jsonschema.Draft202012Validator(form)
    for document in documents:
        assert (ours.check(document) is None) is theirs.is_valid(document)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["#", "#/$defs/a", "string", "a+", "(", "email", "x"]) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "$ref", "items", "properties", "allOf", "$defs", "a", "pattern",
                         "enum", "$id", "$anchor", "format", "not", "required", "$schema"]),
        inner, max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(anything, anything)
def test_any_schema_is_refused_or_checks_any_value(form: Any, value: Any) -> None:
    try:
        found = schema(form)
    except InvalidRules as error:
        assert error.reason
        return
    wrong = found.check(value)
    assert wrong is None or wrong.reason


def test_steps_to_a_value() -> None:
    assert faults_module.path_text(()) == ""
    assert (
        faults_module.path_text(("a-b", "c", 0, 1, "", "x.y", 'q"'))
        == 'a-b.c[0][1][""]["x.y"]["q\\""]'
    )
    assert compile_expression("a")("\ud800") is False
