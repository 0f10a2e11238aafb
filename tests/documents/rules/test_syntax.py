"""Rules files that are wrong: refused whole, with line, column and the place."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.documents.rules import Rules
from dynafile.documents.rules.scanner import MAX_FILE
from dynafile.errors import InvalidArgument, InvalidRules, ItemTooLarge, TypeRuleViolated

A = "match /a/{b} { "
S = "schema /a/{b} "

BAD = {
    # statements
    "allow read;": (1, 1, "allow stands inside of match"),
    "deny read;": (1, 1, "expected match, schema or limit, not 'deny'"),
    "}": (1, 1, "expected match, schema or limit, not '}'"),
    "service cloud.firestore {": (1, 1, "no header is needed"),
    "rules_version = '2';": (1, 1, "no header is needed"),
    "\n\n  match": (3, 8, "expected a path such as /users/{user}, not the end"),
    "Match /a/{b} {}": (1, 1, "not 'Match'"),
    "matchx /a/{b} {}": (1, 1, "not 'matchx'"),
    "/* no end": (1, 1, "a comment that does not end"),
    A + "/* no end }": (1, 16, "a comment that does not end"),
    "é": (1, 1, "not 'é'"),
    "\x00": (1, 1, "not '\\x00'"),
    # paths
    "match a/{b} {}": (1, 7, "expected a path"),
    "match / {}": (1, 8, "expected a segment of the path, not ' '"),
    "match /a//b {}": (1, 10, "expected a segment of the path, not '/'"),
    "match /a/{b}/ {}": (1, 14, "expected a segment of the path"),
    "match /a/ {b} {}": (1, 10, "expected a segment"),
    "match /a/.. {}": (1, 10, "a segment is text of up to 1024 bytes"),
    "match /a/. {}": (1, 10, "a segment is text"),
    'match /a/"" {}': (1, 10, "a segment is text"),
    'match /a/"b/c" {}': (1, 10, "a segment is text"),
    'match /a/"b {}': (1, 10, "expected a segment"),
    f"match /a/{'x' * 1025} {{}}": (1, 10, "a segment is text"),
    "match /a/{} {}": (1, 10, "a variable is written {name}"),
    "match /a/{b {}": (1, 10, "a variable is written {name}"),
    "match /a/{b=***} {}": (1, 10, "a variable is written {name}"),
    "match /a/{b-c} {}": (1, 10, "a variable is written {name}"),
    "match /a/{5} {}": (1, 10, "a variable is written {name}"),
    "match /a/{é} {}": (1, 10, "a variable is written {name}"),
    "match /{b}/{b} {}": (1, 12, "the path has the variable b twice"),
    "match /{b}/{c} { match /{b}/{d} {} }": (1, 25, "the path has the variable b twice"),
    "match /a/{auth} {}": (1, 10, "auth has a meaning of its own"),
    "match /a/{request} {}": (1, 10, "request has a meaning of its own"),
    "match /a/{resource} {}": (1, 10, "resource has a meaning of its own"),
    "match /a/{In} {}": (1, 10, "In has a meaning of its own"),
    "match /{x=**}/{y=**} {}": (1, 15, "a path has at most one variable with =**"),
    "match /{x=**} { match /{y=**} {} }": (1, 24, "a path has at most one variable with =**"),
    "match " + "/a" * 101 + " {}": (1, 208, "a path has at most 100 segments"),
    "match /a { allow read; }": (1, 12, "/a is a collection, and rules are of documents"),
    "match /a/{b}/c { allow read; }": (1, 18, "match /a/{b}/c/{id}"),
    # blocks
    "match /a/{b}": (1, 13, "expected { after the path, not the end"),
    "match /a/{b};": (1, 13, "expected { after the path, not ';'"),
    "match /a/{b} { ": (1, 7, "this match has no } at its end"),
    "match /a/{b} { match /c/{d} {": (1, 22, "this match has no } at its end"),
    A + "} }": (1, 18, "expected match, schema or limit, not '}'"),
    A + "x }": (1, 16, "expected allow, match, schema or limit, or }, not 'x'"),
    A + "; }": (1, 16, "expected allow, match"),
    "match /a/{b} {" * 21: None,
    # allow
    A + "allow; }": (1, 21, "expected get, list, create, update, delete, read, write, not ';'"),
    A + "allow raed; }": (1, 22, "not 'raed'"),
    A + "allow Read; }": (1, 22, "not 'Read'"),
    A + "allow if true; }": (1, 22, "not 'if'"),
    A + "allow get,; }": (1, 26, "not ';'"),
    A + "allow get list; }": (1, 26, "expected if or ;, not 'list'"),
    A + "allow get }": (1, 26, "expected ; at the end of allow, not '}'"),
    A + "allow get": (1, 25, "expected ; at the end of allow, not the end"),
    A + "allow get when true; }": (1, 26, "expected if or ;, not 'when'"),
    # conditions
    A + "allow get if; }": (1, 28, "expected an attribute or a value, not ';'"),
    A + "allow get if }": (1, 29, "expected an attribute or a value, not '}'"),
    A + "allow get if auth.uid == b; }": (1, 38, "equality is written ="),
    A + "allow get if\n  usr = b; }": (2, 3, "there is no usr here; there are auth, b, request"),
    A + 'allow get if auth.uid = "ann"; }': (1, 40, "text is written 'in single quotes'"),
    A + "allow get if c = 1; match /c/{c} {} }": (1, 29, "there is no c here"),
    A + "allow get if begins_with(b, 5); }": (1, 29, "operand type: N"),
    A + "allow get if auth.uid = 'x; }": (1, 40, "a text that does not end"),
    A + "allow get if true }": (1, 34, "expected ; at the end of allow, not '}'"),
    A + "allow get if true allow list; }": (1, 34, "expected AND, OR or the end"),
    A + f"allow get if b = '{'x' * 5000}'; }}": (1, 29, "at most 4096 characters"),
    # lookups
    A + "allow get if get(/c).x; }": (1, 29, "this is the path of a collection"),
    A + "allow get if get().x; }": (1, 33, "expected a path such as /users/{auth.uid}"),
    A + "allow get if get(c).x; }": (1, 33, "expected a path such as"),
    A + "allow get if get(/c/{}).x; }": (1, 36, "expected a segment"),
    A + "allow get if get(/c/{x}).y; }": (1, 37, "there is no x here"),
    A + "allow get if get(/c/{b).y; }": None,
    A + "allow get if get(/c//d/e).y; }": (1, 36, "expected a segment"),
    A + "allow get if get(/c/..).y; }": (1, 36, "a segment is text"),
    A + "allow get if get(/c/$(b)).y; }": None,
    A + "allow get if get(/c/{b} x).y; }": (1, 40, "expected a path such as"),
    A + "allow get if exists(/c/{b}; }": None,
    A + "allow get if get; }": (1, 29, "there is no get here"),
    A + 'allow get if "get(/a/b)".x; }': (1, 29, "there is no get(/a/b) here"),
    A + "allow get if auth.get(/c/d) = 1; }": (1, 34, "expected a name after the dot"),
    A + "allow get if getAfter(/c/{b}).x; }": (1, 38, "a path outside of get(...) and exists(...)"),
    # limits
    "limit /a/{b};": (1, 13, "expected a number of bytes such as 16 KiB, not ';'"),
    "limit /a/{b} x KiB;": (1, 14, "expected a number"),
    "limit /a/{b} -5 KiB;": (1, 14, "expected a number"),
    "limit /a/{b} 5;": (1, 15, "expected B or KiB or MiB, not ';'"),
    "limit /a/{b} 5 KB;": (1, 16, "expected B or KiB or MiB, not 'KB'"),
    "limit /a/{b} 1.5 KiB;": (1, 15, "expected B or KiB or MiB"),
    "limit /a/{b} 2 MiB;": (1, 14, "a limit is between 2 B and 1 MiB"),
    "limit /a/{b} 0 B;": (1, 14, "a limit is between"),
    f"limit /a/{{b}} {'9' * 5000} B;": (1, 14, "expected a number"),
    "limit /a/{b} 5 B": (1, 17, "expected ; at the end of limit"),
    "limit 5 B;": (1, 7, "expected a path"),
    "limit /a 5 B;": (1, 1, "/a is a collection"),
    # schemas
    S + ";": (1, 15, 'expected a file of JSON Schema such as "user.json"'),
    S + "{}": (1, 17, "expected ; at the end of schema"),
    S + "[];": (1, 15, "expected a file of JSON Schema"),
    S + "true;": (1, 15, "expected a file of JSON Schema"),
    S + '"user.json";': (1, 15, "files of schemas are for rules that are in a file"),
    S + '"";': (1, 15, "expected a file of JSON Schema"),
    S + '{"a" 1};': (1, 20, "the JSON does not parse: Expecting ':' delimiter"),
    S + "{'a': 1};": (1, 16, "the JSON does not parse"),
    S + '{"type": "string"': None,
    S + "{ // x\n};": (1, 17, "the JSON does not parse"),
    S + '{"type": "strin"};': (1, 15, "the schema, at #/type: 'strin' is not valid"),
    S + '{"typ": "string"};': (1, 15, "there is no keyword 'typ' here"),
    S + '{"title": "x", "title": "y"};': (1, 15, "an object has 'title' twice"),
    S + '{"minimum": NaN};': (1, 15, "NaN is no JSON"),
    S + '{"minimum": 1e999};': (1, 15, "1e999 is out of range"),
    S + f'{{"minimum": {"9" * 5000}}};': (1, 15, "a number that is out of range"),
    S + '{"const": "\\ud800"};': (1, 15, "a lone surrogate"),
    S + '{"properties": {"\\ud800": true}};': (1, 15, "a lone surrogate"),
    S + '{"not":' * 60 + "{}" + "}" * 60 + ";": (1, 15, "nested over 50 levels"),
    S + '{"enum": ' + "[" * 5000 + "]" * 5000 + "};": (1, 15, "nested over 50 levels"),
    S + '{"$ref": "https://example.com/x"};': (1, 15, "nothing is fetched"),
    S + '{"$ref": "file:///etc/passwd"};': (1, 15, "nothing is fetched"),
    S + '{"$ref": "other.json"};': (1, 15, "nothing is fetched"),
    S + '{"$ref": "#"};': (1, 15, "this schema applies itself"),
    S + '{"allOf": [{"anyOf": [{"$ref": "#/allOf/0"}]}]};': (1, 15, "this schema applies itself"),
    S + '{"$ref": "#/$defs/x"};': (1, 15, "where there is no schema"),
    S + '{"$ref": "#x"};': (1, 15, "where there is no schema"),
    S + '{"enum": [{}], "not": {"$ref": "#/enum/0"}};': (1, 15, "where there is no schema"),
    S + '{"properties": {"a": {"$id": "x"}}};': (1, 15, "$id is only for the whole schema"),
    S + '{"$schema": "http://json-schema.org/draft-07/schema#"};': (1, 15, "there is 2020-12 here"),
    S + '{"$schema": 5};': (1, 15, "#/$schema"),
    S + '{"unevaluatedProperties": false};': (1, 15, "no keyword 'unevaluatedProperties'"),
    S + '{"pattern": "(?=a)"};': (1, 15, "the schema, at #/pattern: invalid perl operator"),
    S + '{"pattern": "(a"};': (1, 15, "the schema, at #/pattern: missing )"),
    S + '{"pattern": "\\\\1"};': (1, 15, "invalid escape sequence"),
    S + '{"pattern": "((a{1000}){1000}){1000}"};': (1, 15, "#/pattern"),
    S + '{"patternProperties": {"(": true}};': (1, 15, "#/patternProperties"),
    S + '{"format": "hostname"};': (1, 15, "there is no format 'hostname'; there are date"),
    S + '{"required": "x"};': (1, 15, "the schema, at #/required"),
    S + '{"minLength": -1};': (1, 15, "the schema, at #/minLength"),
    S + '{"multipleOf": 0};': (1, 15, "the schema, at #/multipleOf"),
    A + "schema; }": (1, 22, "expected a file of JSON Schema"),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:40])
def test_bad_files(text: str) -> None:
    with pytest.raises(InvalidRules) as caught:
        Rules(text, source="app.rules")
    error = caught.value
    assert error.source == "app.rules"
    assert error.line is not None
    assert error.column is not None
    where = f"app.rules, line {error.line}, column {error.column}: "
    assert error.message == f"{where}{error.reason}\n{error.excerpt}"
    shown, caret = error.excerpt.split("\n")
    assert len(shown) <= 102
    assert caret.strip() == "^"
    if BAD[text] is not None:
        line, column, reason = BAD[text]
        assert (error.line, error.column) == (line, column)
        assert reason in error.reason


def test_the_caret_stands_below_the_place() -> None:
    with pytest.raises(InvalidRules) as caught:
        Rules("match /a/{b} {\n\tallow raed;\n}")
    assert caught.value.excerpt == "   allow raed;\n         ^"
    long = "match /a/{b} { /* " + "x" * 500 + " */ allow raed; /* " + "y" * 500 + " */ }"
    with pytest.raises(InvalidRules) as caught:
        Rules(long)
    shown, caret = caught.value.excerpt.split("\n")
    assert shown[caret.index("^") :].startswith("raed; /*")


def test_what_could_command_a_terminal_is_not_shown() -> None:
    with pytest.raises(InvalidRules) as caught:
        Rules("match /a/{b} { \x1b[31m\u202e }")
    assert "\x1b" not in caught.value.message
    assert "\u202e" not in caught.value.message


def test_sizes_are_bounded() -> None:
    with pytest.raises(InvalidRules, match="at most 256 KiB"):
        Rules(" " * (MAX_FILE + 1))
    assert Rules("/" * 2 + " " * (MAX_FILE - 2)).counts == {"allow": 0, "schema": 0, "limit": 0}
    with pytest.raises(InvalidRules, match="at most 2000 statements"):
        Rules("match /a/{b} {" + "allow get;" * 2001 + "}")
    with pytest.raises(InvalidRules, match="match is nested over 20 levels deep"):
        Rules("".join(f"match /a/{{v{n}}} {{" for n in range(21)))
    with pytest.raises(InvalidRules, match="a lone surrogate"):
        Rules("// \ud800")


def test_large_files_load_in_linear_time() -> None:
    """Rules for any collection are not copied to each one that has rules of its own."""
    texts = {
        "collections": "".join(
            f"match /c{n}/{{d}} {{ allow read, write if auth.uid = d; }}\n" for n in range(1999)
        ),
        "comments": "/* " * 80_000,
        "lookups": A + "allow get if " + "get( " * 50_000,
        "quotes": A + "allow get if " + '"' * 100_001,
        "segments": "match " + "/a" * 100_000,
    }
    for name, text in texts.items():
        started = time.perf_counter()
        try:
            Rules(text)
        except InvalidRules:
            assert name != "collections"
        assert time.perf_counter() - started < 2, name


def test_comments_and_blanks() -> None:
    text = """
    // a comment; match /x {
    /* another
       allow read; */ match /* here */ /a/{b} /**/ { // and here
      allow get /* x */ , // y
        list /***/ : /* } */ if /* ; */ b = 'it; {is} // no /* comment' // the end
        OR b = 'x' ;
    }//"""
    rules = Rules(text)
    assert rules.counts == {"allow": 1, "schema": 0, "limit": 0}
    assert rules.decide("get", "a/x").rule == 5


def test_schemas_and_limits_in_blocks_and_alone() -> None:
    text = """
    schema /a/{b} {"required": ["x"]};
    limit /a/{b} 1 KiB;
    match /c/{d} {
      schema {"required": ["y"]};
      limit 30 B;
      schema /e/{f} {"required": ["z"]};
      limit /e/{f} 20 B;
    }
    """
    rules = Rules(text)
    assert rules.counts == {"allow": 0, "schema": 3, "limit": 3}
    for path, name, limit in (("a/1", "x", 1024), ("c/1", "y", 30), ("c/1/e/1", "z", 20)):
        rules.check(path, {name: 1})
        with pytest.raises(TypeRuleViolated, match=f'lacks the field "{name}"'):
            rules.check(path, {})
        size = len('{"":""}') + 1
        rules.check(path, {name: "v" * (limit - size)})
        with pytest.raises(ItemTooLarge) as caught:
            rules.check(path, {name: "v" * (limit - size + 1)})
        assert (caught.value.size, caught.value.limit) == (limit + 1, limit)
    rules.check("other/1", {})
    rules.check("a/1", {"x": "v" * 900}, size=1024)
    with pytest.raises(
        ItemTooLarge, match="a/1 has 1025 bytes, and line 3 of rules limits it to 1024"
    ):
        rules.check("a/1", {"x": 1}, size=1025)


# -- anything -------------------------------------------------------------------------------------

words = st.sampled_from(
    ["match", "allow", "schema", "limit", "if", "read", "write", "get", "list", "{", "}", ";", ":",
     "/a", "/{b}", "/{c=**}", "/users/{user}", '"x.json"', "16", "KiB", "auth.uid", "=", "user",
     "AND", "NOT", "'text'", "exists(/a/{b})", "get(/a/{auth.uid}).x", "resource.x", "<>", "true",
     '{"type": "object"}', '{"$ref": "#"}', '{"pattern": "a+"}', "//", "/*", "*/", "\n", ",", "é"]
)  # fmt: skip
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=8,
)  # fmt: skip
documents = st.none() | st.dictionaries(st.sampled_from(["uid", "x", "y"]), json_values)


@settings(max_examples=400, deadline=None)
@given(st.lists(words, max_size=25).map(" ".join) | st.text(max_size=100))
def test_any_text_makes_rules_or_our_error(text: str) -> None:
    try:
        rules = Rules(text)
    except InvalidRules as error:
        assert error.reason
        return
    decide_anything(rules, {}, None, {})


conditions = st.lists(
    st.sampled_from(
        ["auth.uid", "resource.x", "request.resource.y", "user", "=", "<>", "<", "AND", "OR", "NOT",
         "(", ")", "'ann'", "5", "true", "null", "exists(/a/{auth.uid})", "get(/a/{user}).x",
         "contains(auth.x, user)", "size(resource.x)", "IN", "BETWEEN", "[1, 2]", ",",
         "attribute_exists(auth.y)", "begins_with(user, 'a')"]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(conditions, documents, documents, documents, json_values)
def test_any_condition_on_anything(
    condition: str, auth: Any, resource: Any, request: Any, found: Any
) -> None:
    try:
        rules = Rules(f"match /users/{{user}} {{ allow read, write if {condition}; }}")
    except InvalidRules:
        return
    for each in (auth, resource, request):
        decide_anything(rules, each, each, found)
    decision = rules.decide("update", "users/ann", auth, resource, request, lambda _: found)
    assert decision.allowed is (decision.rule == 1)


def decide_anything(rules: Rules, auth: Any, resource: Any, found: Any) -> None:
    for path in ("users/ann", "a/b", ("a", "é'\"{}")):
        decision = rules.decide("get", path, auth, resource, None, lambda _: found)
        assert decision.why
        try:
            rules.check(path, resource)
        except (TypeRuleViolated, ItemTooLarge) as error:
            assert error.message


@settings(max_examples=100, deadline=None)
@given(st.text() | st.none() | st.integers(), st.text() | st.tuples(st.text(), st.text()))
def test_any_arguments(action: Any, path: Any) -> None:
    rules = Rules("match /{all=**} { allow read, write; }")
    try:
        assert rules.decide(action, path)
    except InvalidArgument as error:
        assert error.message
