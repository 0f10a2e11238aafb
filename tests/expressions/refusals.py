"""What DynamoDB refuses, and in which words: a table for ``test_refusals``, to be extended.

Each row has the parameter that the expression comes in, the expression, names, values, the class of
the error (exactly that one), and its whole message. ``{}`` in a message stands for the parameter.
"""

from __future__ import annotations

from typing import Any

from dynafile.errors import (
    ExpressionError,
    InvalidArgument,
    InvalidName,
    InvalidNumber,
    InvalidSet,
    NestingTooDeep,
    UnsupportedType,
    ValidationError,
)

Row = tuple[str, Any, Any, Any, type[Exception], str]

C = "ConditionExpression"
F = "FilterExpression"
K = "KeyConditionExpression"
P = "ProjectionExpression"
U = "UpdateExpression"

V = {":v": 1}
S = {":s": "x"}


def syntax(token: str, near: str) -> str:
    return f'Invalid {{}}: Syntax error; token: "{token}", near: "{near}"'


def overlap(one: str, two: str, verb: str = "overlap") -> str:
    return (
        f"Invalid {{}}: Two document paths {verb} with each other; must remove or rewrite one of "
        f"these paths; path one: [{one}], path two: [{two}]"
    )


def wrong_type(operator: str, kind: str) -> str:
    return (
        "Invalid {}: Incorrect operand type for operator or function; "
        f"{operator}, operand type: {kind}"
    )


def deep(levels: int) -> list[list[Any]]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


DEEP = "Invalid {}: The expression is nested over 100 levels deep"
RESERVED = "Invalid {}: Attribute name is a reserved keyword; reserved keyword: "
REDUNDANT = "Invalid {}: The expression has redundant parentheses;"
OPERATORS = "Invalid {}: The expression contains too many operators; operator count: 301"
EMPTY = "Invalid {}: The expression can not be empty;"
SIZE = "Invalid {}: Expression size has exceeded the maximum allowed size; expression size: "
NO_NAME = (
    "Invalid {}: An expression attribute name used in the document path is not defined; "
    "attribute name: "
)
NO_VALUE = (
    "Invalid {}: An expression attribute value used in expression is not defined; attribute value: "
)
COUNT = (
    "Invalid {}: Incorrect number of operands for operator or function; operator or function: "
    "%s, number of operands: %d"
)
PATH = "Invalid {}: Operator or function requires a document path; operator or function: "
DISTINCT = (
    "Invalid {}: The first operand must be distinct from the remaining operands for this operator "
    "or function; operator: %s, first operand: [%s]"
)
NOT_THIS_WAY = (
    "Invalid {}: The function is not allowed to be used this way in an expression; function: "
)
NOT_IN_CONDITION = "Invalid {}: The function is not allowed in a condition expression; function: "
NOT_IN_UPDATE = "Invalid {}: The function is not allowed in an update expression; function: "
ANY_TYPE = "{B,BOOL,BS,L,M,N,NS,NULL,S,SS}"
UNUSED = "Value provided in ExpressionAttribute%s unused in expressions: keys: {%s}"
INVALID_VALUE = "ExpressionAttributeValues contains invalid value: "

SYNTAX: list[Row] = [
    *((parameter, "", None, None, ExpressionError, EMPTY) for parameter in (C, F, K, P, U)),
    *(
        (parameter, " ", None, None, ExpressionError, syntax("<EOF>", ""))
        for parameter in (C, F, K, P, U)
    ),
    (C, "a x b", None, None, ExpressionError, syntax("x", "a x b")),
    (C, "a", None, None, ExpressionError, syntax("<EOF>", "a")),
    (C, ":v", None, V, ExpressionError, syntax("<EOF>", ":v")),
    (C, "a = :v b", None, V, ExpressionError, syntax("b", ":v b")),
    (C, "a = ", None, None, ExpressionError, syntax("<EOF>", "=")),
    (C, "= :v", None, V, ExpressionError, syntax("=", "= :v")),
    (C, "a == :v", None, V, ExpressionError, syntax("=", "== :v")),
    (C, "a != :v", None, V, ExpressionError, syntax("!", "a !=")),
    (C, "a = 5", None, None, ExpressionError, syntax("5", "= 5")),
    (C, "a = 'x'", None, None, ExpressionError, syntax("'", "= 'x")),
    (C, "a = :v AND", None, V, ExpressionError, syntax("<EOF>", "AND")),
    (C, "a = :v  and\tb", None, V, ExpressionError, syntax("<EOF>", "b")),
    (C, "a AND b = :v", None, V, ExpressionError, syntax("AND", "a AND b")),
    (C, "NOT #x", {"#x": "x"}, None, ExpressionError, syntax("<EOF>", "#x")),
    (C, "NOT", None, None, ExpressionError, syntax("<EOF>", "NOT")),
    (C, "a = NOT b", None, None, ExpressionError, syntax("NOT", "= NOT b")),
    (C, "and = :v", None, V, ExpressionError, syntax("and", "and =")),
    (C, "a.in = :v", None, V, ExpressionError, syntax("in", ".in =")),
    (C, "(a = :v", None, V, ExpressionError, syntax("<EOF>", ":v")),
    (C, "a = :v)", None, V, ExpressionError, syntax(")", ":v)")),
    (C, "()", None, None, ExpressionError, syntax(")", "()")),
    (C, "(a)", None, None, ExpressionError, syntax("<EOF>", ")")),
    (C, "(a = :v) = :v", None, V, ExpressionError, syntax("=", ") = :v")),
    (C, "a = (b = :v)", None, V, ExpressionError, syntax("=", "b = :v")),
    (C, "a BETWEEN :v", None, V, ExpressionError, syntax("<EOF>", ":v")),
    (C, "a BETWEEN :v, :v", None, V, ExpressionError, syntax(",", ":v, :v")),
    (C, "a BETWEEN :v OR :v", None, V, ExpressionError, syntax("OR", ":v OR :v")),
    (C, "a IN :v", None, V, ExpressionError, syntax(":v", "IN :v")),
    (C, "a IN ()", None, None, ExpressionError, syntax(")", "()")),
    (C, "a IN (:v", None, V, ExpressionError, syntax("<EOF>", ":v")),
    (C, "a IN (:v,)", None, V, ExpressionError, syntax(")", ",)")),
    (C, "size()", None, None, ExpressionError, syntax(")", "()")),
    (C, "contains(a :v)", None, V, ExpressionError, syntax(":v", "a :v)")),
    (C, "contains(a, :v", None, V, ExpressionError, syntax("<EOF>", ":v")),
    (C, "contains(a = :v, b)", None, V, ExpressionError, syntax("=", "a = :v")),
    (C, "a[] = :v", None, V, ExpressionError, syntax("]", "[] =")),
    (C, "a[x] = :v", None, V, ExpressionError, syntax("x", "[x]")),
    (C, "a[-1] = :v", None, V, ExpressionError, syntax("-", "[-1")),
    (C, "a[:v] = :v", None, V, ExpressionError, syntax(":v", "[:v]")),
    (C, "a[0 = :v", None, V, ExpressionError, syntax("=", "0 = :v")),
    (C, "a..b = :v", None, V, ExpressionError, syntax(".", "..b")),
    (C, "a. = :v", None, V, ExpressionError, syntax("=", ". = :v")),
    (C, ".a = :v", None, V, ExpressionError, syntax(".", ".a")),
    (C, "a.:v = :v", None, V, ExpressionError, syntax(":v", ".:v =")),
    (C, "# = :v", None, V, ExpressionError, syntax("#", "# =")),
    (C, "a = :", None, None, ExpressionError, syntax(":", "= :")),
    (C, "a-b = :v", None, V, ExpressionError, syntax("-", "a-b")),
    (C, "1a = :v", None, V, ExpressionError, syntax("1", "1a")),
    (C, "größe = :v", None, V, ExpressionError, syntax("ö", "grö\u00df")),
    # Seen of DynamoDB: https://github.com/aws/aws-sdk-js/issues/1691.
    (U, "set _something = :v", None, V, ExpressionError, syntax("_", "set _something")),
    (F, "_type = :v", None, V, ExpressionError, syntax("_", "_type")),
    (K, "PK = :v AND _sk = :v", None, V, ExpressionError, syntax("_", "AND _sk")),
    (C, "__typename <> :v", None, V, ExpressionError, syntax("_", "__")),
    (K, "GI-1-PK = :v", None, V, ExpressionError, syntax("-", "GI-1")),
    (P, "a b", None, None, ExpressionError, syntax("b", "a b")),
    (P, "a,", None, None, ExpressionError, syntax("<EOF>", ",")),
    (P, "a, :v", None, V, ExpressionError, syntax(":v", ", :v")),
    (P, "a = :v", None, V, ExpressionError, syntax("=", "a = :v")),
    (P, "*", None, None, ExpressionError, syntax("*", "*")),
    (U, "a = :v", None, V, ExpressionError, syntax("a", "a =")),
    (U, "SET", None, None, ExpressionError, syntax("<EOF>", "SET")),
    (
        U,
        "SET  REMOVE #Options",
        {"#Options": "Options"},
        None,
        ExpressionError,
        syntax("REMOVE", "SET  REMOVE #Options"),
    ),
    (U, "SET = :v", None, V, ExpressionError, syntax("=", "SET = :v")),
    (U, "SET a", None, None, ExpressionError, syntax("<EOF>", "a")),
    (U, "SET a = :v,", None, V, ExpressionError, syntax("<EOF>", ",")),
    (U, "SET a = :v b = :v", None, V, ExpressionError, syntax("b", ":v b =")),
    (U, "SET a = :v + :v + :v", None, V, ExpressionError, syntax("+", ":v + :v")),
    (U, "SET a = b * :v", None, V, ExpressionError, syntax("*", "b * :v")),
    (U, "SET a = -:v", None, V, ExpressionError, syntax("-", "= -:v")),
    (U, "SET a == :v", None, V, ExpressionError, syntax("=", "== :v")),
    (U, "SET set = :v", None, V, ExpressionError, syntax("set", "SET set =")),
    (U, "SET size(a) = :v", None, V, ExpressionError, syntax("(", "size(a")),
    (U, "SET a = list_append(b, :v + :v)", None, V, ExpressionError, syntax("+", ":v + :v")),
    (U, "REMOVE a = :v", None, V, ExpressionError, syntax("=", "a = :v")),
    (U, "REMOVE :v", None, V, ExpressionError, syntax(":v", "REMOVE :v")),
    (U, "ADD a b", None, None, ExpressionError, syntax("b", "a b")),
    (U, "ADD a = :v", None, V, ExpressionError, syntax("=", "a = :v")),
    (U, "ADD a", None, None, ExpressionError, syntax("<EOF>", "a")),
    (U, "DELETE a", None, None, ExpressionError, syntax("<EOF>", "a")),
    (C, "(" * 2000, None, None, ExpressionError, DEEP),
    (C, "(" * 1500 + "a = :v" + ")" * 1500, None, V, ExpressionError, DEEP),
    (C, "(NOT " * 500 + "a = :v" + ")" * 500, None, V, ExpressionError, DEEP),
    (C, "NOT " * 1000 + "a = :v", None, V, ExpressionError, DEEP),
    (C, "a = " + "(" * 2000, None, None, ExpressionError, DEEP),
    (C, "size(" * 800, None, None, ExpressionError, DEEP),
    (U, "SET a = " + "(" * 2000, None, None, ExpressionError, DEEP),
    (U, "SET a = " + "f(" * 1500, None, None, ExpressionError, DEEP),
]

TEXT: list[Row] = [
    (C, "a" * 4097, None, None, ValidationError, f"{SIZE}4097"),
    (P, "é" * 2049, None, None, ValidationError, f"{SIZE}4098"),
    (C, "((a = :v))", None, V, ValidationError, REDUNDANT),
    (F, "(b = :v) AND ((a = :v))", None, V, ValidationError, REDUNDANT),
    (C, "((a)) = :v", None, V, ValidationError, REDUNDANT),
    (C, "a = ((:v))", None, V, ValidationError, REDUNDANT),
    (C, "(((a = :v) AND b = :v))", None, V, ValidationError, REDUNDANT),
    (U, "SET a = ((b))", None, None, ValidationError, REDUNDANT),
    (C, "((name = :v))", None, V, ValidationError, REDUNDANT),
    (C, " AND ".join(["a=:v"] * 151), None, V, ValidationError, OPERATORS),
    (F, " OR ".join(["a IN (:v)"] * 151), None, V, ValidationError, OPERATORS),
    (U, "SET " + ",".join(f"a{n}=b+:v" for n in range(301)), None, V, ValidationError, OPERATORS),
    (C, "name = :v", None, V, ValidationError, f"{RESERVED}name"),
    (C, "a.Status = :v", None, V, ValidationError, f"{RESERVED}Status"),
    (C, "size = :v", None, V, ValidationError, f"{RESERVED}size"),
    (C, "item = :v AND name = :v", None, V, ValidationError, f"{RESERVED}item"),
    (K, "hash = :v", None, V, ValidationError, f"{RESERVED}hash"),
    (P, "a, Year", None, None, ValidationError, f"{RESERVED}Year"),
    (U, "SET ttl = :v", None, V, ValidationError, f"{RESERVED}ttl"),
    (U, "REMOVE a, data", None, None, ValidationError, f"{RESERVED}data"),
    (C, "name = foo(a)", None, None, ValidationError, f"{RESERVED}name"),
    (C, "foo(a)", None, None, ValidationError, "Invalid {}: Invalid function name; function: foo"),
    (
        C,
        "SIZE(a) > :v",
        None,
        V,
        ValidationError,
        "Invalid {}: Invalid function name; function: SIZE",
    ),
    (
        U,
        "SET a = f(b)",
        None,
        None,
        ValidationError,
        "Invalid {}: Invalid function name; function: f",
    ),
    (C, "if_not_exists(a, :v)", None, V, ValidationError, f"{NOT_IN_CONDITION}if_not_exists"),
    (C, "a = list_append(b, :v)", None, V, ValidationError, f"{NOT_IN_CONDITION}list_append"),
    (U, "SET a = size(b)", None, None, ValidationError, f"{NOT_IN_UPDATE}size"),
    (U, "SET a = contains(b, :v)", None, V, ValidationError, f"{NOT_IN_UPDATE}contains"),
    (C, "begins_with(a)", None, None, ValidationError, COUNT % ("begins_with", 1)),
    (C, "attribute_exists(a, b)", None, None, ValidationError, COUNT % ("attribute_exists", 2)),
    (C, "size(a, b) = :v", None, V, ValidationError, COUNT % ("size", 2)),
    (C, "attribute_type(a)", None, None, ValidationError, COUNT % ("attribute_type", 1)),
    (U, "SET a = if_not_exists(a)", None, None, ValidationError, COUNT % ("if_not_exists", 1)),
    (U, "SET a = list_append(a, b, c)", None, None, ValidationError, COUNT % ("list_append", 3)),
    (
        F,
        f"a IN ({', '.join([':v'] * 101)})",
        None,
        V,
        ValidationError,
        "Invalid {}: The IN operator is provided with too many operands; number of operands: 101",
    ),
    (
        U,
        "SET a = :v REMOVE b SET c = :v",
        None,
        V,
        ValidationError,
        'Invalid {}: The "SET" section can only be used once in an update expression;',
    ),
    (
        U,
        "remove a remove b",
        None,
        None,
        ValidationError,
        'Invalid {}: The "REMOVE" section can only be used once in an update expression;',
    ),
    (
        C,
        "a[10000000000] = :v",
        None,
        V,
        ValidationError,
        "Invalid {}: List index is not within the allowable range; index: [10000000000]",
    ),
]

PLACEHOLDERS: list[Row] = [
    (C, "#a = :v", None, V, ValidationError, f"{NO_NAME}#a"),
    (C, "#a = :v", {"#A": "a"}, V, ValidationError, f"{NO_NAME}#a"),
    (C, "a.#b.#c = :w", {"#b": "b"}, V, ValidationError, f"{NO_NAME}#c"),
    (C, "a = :w", None, None, ValidationError, f"{NO_VALUE}:w"),
    (C, "a = :v AND b = :w", None, V, ValidationError, f"{NO_VALUE}:w"),
    (U, "SET a = :w", None, V, ValidationError, f"{NO_VALUE}:w"),
    (P, "#a", None, None, ValidationError, f"{NO_NAME}#a"),
    (C, "a = b", {}, None, ValidationError, "ExpressionAttributeNames must not be empty"),
    (C, "a = b", None, {}, ValidationError, "ExpressionAttributeValues must not be empty"),
    (C, "#a = b", {"#a": "a", "#b": "b"}, None, ValidationError, UNUSED % ("Names", "#b")),
    (
        C,
        "a = b",
        None,
        {":v": 1, ":w": 2},
        ValidationError,
        UNUSED % ("Values", ":v, :w"),
    ),
    *(
        (
            C,
            "a = b",
            {key: "a"},
            None,
            ValidationError,
            f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{key}"',
        )
        for key in ("a", "#", "#a-b", "#a.b", ":a", "", "##a", "#é", "#a ")
    ),
    *(
        (
            C,
            "a = b",
            None,
            {key: "a"},
            ValidationError,
            f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{key}"',
        )
        for key in ("a", ":", ":a-b", "#a", "", "::a")
    ),
    (
        C,
        "#a = b",
        {"#a": ""},
        None,
        InvalidName,
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a",
    ),
    (
        C,
        "#a = b",
        {"#a": 1},
        None,
        InvalidArgument,
        "ExpressionAttributeNames maps placeholders to names, and #a is 1",
    ),
    (
        C,
        "a = b",
        ["#a"],
        None,
        InvalidArgument,
        "ExpressionAttributeNames is a mapping, not ['#a']",
    ),
    (
        C,
        "a = b",
        None,
        {1: 1},
        InvalidArgument,
        "a key of ExpressionAttributeValues is a str, not 1",
    ),
    (
        C,
        "a = :v",
        None,
        {":v": float("nan")},
        InvalidNumber,
        (
            f"{INVALID_VALUE}nan is no number that an attribute can hold; give a finite one "
            "for key :v"
        ),
    ),
    (
        U,
        "SET a = :v",
        None,
        {":v": {1, "a"}},
        InvalidSet,
        (
            f"{INVALID_VALUE}a set holds strings, numbers or bytes, one kind, and is not empty "
            "for key :v"
        ),
    ),
    (
        U,
        "SET a = :v",
        None,
        {":v": object()},
        UnsupportedType,
        (
            f"{INVALID_VALUE}a value of type builtins.object is none that an attribute can hold; "
            "pass a str, number, bytes, bool, None, list, dict, set, date or time for key :v"
        ),
    ),
    (
        U,
        "SET a = :v",
        None,
        {":v": deep(40)},
        NestingTooDeep,
        f"{INVALID_VALUE}the value is nested deeper than 32 levels; flatten it for key :v",
    ),
    (
        C,
        5,
        None,
        None,
        InvalidArgument,
        "{} is a str, or a condition such as Attr('age').gte(18), not 5",
    ),
    (U, 5, None, None, InvalidArgument, "{} is a str, not 5"),
    (P, ["a"], None, None, InvalidArgument, "{} is a str, not ['a']"),
]

CONDITIONS: list[Row] = [
    (C, "size(a)", None, None, ValidationError, f"{NOT_THIS_WAY}size"),
    (C, "NOT size(a)", None, None, ValidationError, f"{NOT_THIS_WAY}size"),
    (C, "contains(a, :v) = :v", None, V, ValidationError, f"{NOT_THIS_WAY}contains"),
    (C, "a = attribute_exists(b)", None, None, ValidationError, f"{NOT_THIS_WAY}attribute_exists"),
    (C, "contains(a, begins_with(b, :s))", None, S, ValidationError, f"{NOT_THIS_WAY}begins_with"),
    (C, "attribute_exists(:v)", None, V, ValidationError, f"{PATH}attribute_exists"),
    (
        C,
        "attribute_not_exists(size(a))",
        None,
        None,
        ValidationError,
        f"{PATH}attribute_not_exists",
    ),
    (C, "attribute_type(:s, :s)", None, S, ValidationError, f"{PATH}attribute_type"),
    (C, "size(size(a)) = :v", None, V, ValidationError, f"{PATH}size"),
    (C, "a = a", None, None, ValidationError, DISTINCT % ("=", "a")),
    (C, "#a < a", {"#a": "a"}, None, ValidationError, DISTINCT % ("<", "a")),
    (C, "a.b[0] <> a.b[0]", None, None, ValidationError, DISTINCT % ("<>", "a, b, [0]")),
    (C, "a BETWEEN :v AND a", None, V, ValidationError, DISTINCT % ("BETWEEN", "a")),
    (C, "a IN (:v, a)", None, V, ValidationError, DISTINCT % ("IN", "a")),
    (C, "contains(a, a)", None, None, ValidationError, DISTINCT % ("contains", "a")),
    (C, "begins_with(a, a)", None, None, ValidationError, DISTINCT % ("begins_with", "a")),
    *(
        (
            F,
            f"a {sign} :v",
            None,
            {":v": value},
            ValidationError,
            wrong_type(f"operator: {sign}", kind),
        )
        for sign, value, kind in [
            ("<", True, "BOOL"),
            ("<=", None, "NULL"),
            (">", [1], "L"),
            (">=", {"a": 1}, "M"),
            ("<", {"a"}, "SS"),
            ("<", {1, 2.5}, "NS"),
            ("<", frozenset([b"a"]), "BS"),
        ]
    ),
    (C, ":v > a", None, {":v": True}, ValidationError, wrong_type("operator: >", "BOOL")),
    (
        C,
        "a BETWEEN :v AND b",
        None,
        {":v": True},
        ValidationError,
        wrong_type("operator: BETWEEN", "BOOL"),
    ),
    *(
        (
            C,
            text,
            None,
            {":v": value},
            ValidationError,
            wrong_type(f"operator or function: {function}", kind),
        )
        for text, value, function, kind in [
            ("begins_with(a, :v)", 1, "begins_with", "N"),
            ("begins_with(:v, a)", ["x"], "begins_with", "L"),
            ("contains(:v, a)", 1, "contains", "N"),
            ("contains(size(a), :v)", 1, "contains", "N"),
            ("begins_with(size(a), :v)", "x", "begins_with", "N"),
            ("size(:v) = a", 5, "size", "N"),
            ("attribute_type(a, :v)", 5, "attribute_type", "N"),
            ("attribute_type(a, :v)", {"S"}, "attribute_type", "SS"),
        ]
    ),
    (
        C,
        "attribute_type(a, b)",
        None,
        None,
        ValidationError,
        wrong_type("operator or function: attribute_type", ANY_TYPE),
    ),
    (
        C,
        "attribute_type(a, :s)",
        None,
        S,
        ValidationError,
        f"Invalid {{}}: Invalid attribute type name found; type: x, valid types: {ANY_TYPE}",
    ),
    (
        F,
        "a BETWEEN :h AND :l",
        None,
        {":l": 1, ":h": 2},
        ValidationError,
        (
            "Invalid {}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
            "bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: "
            "{N:1}"
        ),
    ),
    (
        F,
        "size(a) BETWEEN :h AND :l",
        None,
        {":l": 1, ":h": "x"},
        ValidationError,
        (
            "Invalid {}: The BETWEEN operator requires same data type for lower and upper bounds; lower "
            "bound operand: AttributeValue: {S:x}, upper bound operand: AttributeValue: {N:1}"
        ),
    ),
    (
        C,
        ".".join("abcdefghijklmnopqrstuvwxyz" * 2)[:65] + " = :v",
        None,
        V,
        ValidationError,
        "Invalid {}: The document path has too many nesting elements; nesting levels: 33",
    ),
    (
        C,
        "a = :v AND (a = :v OR (" * 50 + "a = :v AND b = :v" + "))" * 50,
        None,
        V,
        ExpressionError,
        "Invalid {}: a condition nests and, or and not over 100 levels deep",
    ),
]

UPDATES: list[Row] = [
    (U, "SET a = :v, a = :v", None, V, ValidationError, overlap("a", "a")),
    (U, "SET a = :v REMOVE a.b", None, V, ValidationError, overlap("a", "a, b")),
    (U, "SET a.b[1] = :v, c = :v REMOVE a", None, V, ValidationError, overlap("a, b, [1]", "a")),
    (U, "REMOVE a[0], #a[0].b", {"#a": "a"}, None, ValidationError, overlap("a, [0]", "a, [0], b")),
    (U, "ADD a :v SET b = :v DELETE a :v", None, {":v": {1}}, ValidationError, overlap("a", "a")),
    (U, "SET a.b = :v, a[0] = :v", None, V, ValidationError, overlap("a, b", "a, [0]", "conflict")),
    (
        U,
        "REMOVE a[1].b, a.c.d",
        None,
        None,
        ValidationError,
        overlap("a, [1], b", "a, c, d", "conflict"),
    ),
    (P, "a, b, a", None, None, ValidationError, overlap("a", "a")),
    (P, "a.b, #a", {"#a": "a"}, None, ValidationError, overlap("a, b", "a")),
    (P, "a[0], a.b", None, None, ValidationError, overlap("a, [0]", "a, b", "conflict")),
    (U, "SET a = if_not_exists(:v, b)", None, V, ValidationError, f"{PATH}if_not_exists"),
    (U, "SET a = if_not_exists((b + c), b)", None, None, ValidationError, f"{PATH}if_not_exists"),
    *(
        (
            U,
            f"SET a = {text}",
            None,
            {":v": value},
            ValidationError,
            wrong_type(f"operator or function: {operator}", kind),
        )
        for text, value, operator, kind in [
            ("b + :v", "x", "+", "S"),
            (":v - b", [1], "-", "L"),
            ("b + :v", {1}, "+", "NS"),
            ("b - :v", True, "-", "BOOL"),
            ("list_append(b, :v)", "x", "list_append", "S"),
            ("list_append(:v, b)", {"a": 1}, "list_append", "M"),
            ("list_append(b, :v) + c", [], "+", "L"),
            ("list_append(b, (c + :v))", 1, "list_append", "N"),
        ]
    ),
    *(
        (
            U,
            f"{clause} a :v",
            None,
            {":v": value},
            ValidationError,
            wrong_type(f"operator: {clause}", f"{kind}, typeSet: ALLOWED_FOR_{clause}_OPERAND"),
        )
        for clause, value, kind in [
            ("ADD", "x", "STRING"),
            ("ADD", [1], "LIST"),
            ("ADD", {"a": 1}, "MAP"),
            ("ADD", None, "NULL"),
            ("ADD", False, "BOOLEAN"),
            ("ADD", b"x", "BINARY"),
            ("DELETE", 1, "NUMBER"),
            ("DELETE", "x", "STRING"),
        ]
    ),
]

KEYS: list[Row] = [
    *(
        (
            K,
            text,
            None,
            {":p": "p", **({":s": "S"} if ":s" in text else {})},
            ValidationError,
            f"Invalid operator used in KeyConditionExpression: {operator}",
        )
        for text, operator in [
            ("PK = :p OR SK = :s", "OR"),
            ("PK = :p AND (SK = :s OR SK = :p)", "OR"),
            ("NOT PK = :p", "NOT"),
            ("PK = :p AND SK <> :s", "<>"),
            ("PK = :p AND SK IN (:s)", "IN"),
            ("PK = :p AND contains(SK, :s)", "contains"),
            ("PK = :p AND attribute_exists(SK)", "attribute_exists"),
            ("PK = :p AND attribute_not_exists(SK)", "attribute_not_exists"),
            ("PK = :p AND attribute_type(SK, :s)", "attribute_type"),
        ]
    ),
    *(
        (
            K,
            text,
            None,
            {":p": "p", **({":s": "s"} if ":s" in text else {})},
            ValidationError,
            message,
        )
        for text, message in [
            (
                "PK = :p AND PK = :p",
                "KeyConditionExpressions must only contain one condition per key",
            ),
            (
                "PK = :p AND SK > :p AND SK < :s",
                "KeyConditionExpressions must only contain one condition per key",
            ),
            ("PK > :p AND SK > :p", "Query key condition not supported"),
            (
                "PK = SK AND SK = :p",
                (
                    "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
                    "condition"
                ),
            ),
            (
                "PK = :p AND SK BETWEEN :s AND c",
                (
                    "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
                    "condition"
                ),
            ),
            (":p = :s", "Invalid condition in KeyConditionExpression: No key attribute specified"),
            (
                "begins_with(:p, PK)",
                (
                    "Invalid condition in KeyConditionExpression: begins_with operator must have the "
                    "key attribute as its first operand"
                ),
            ),
            (
                ":p BETWEEN SK AND :s",
                (
                    "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key "
                    "attribute as its first operand"
                ),
            ),
            (
                "PK = :p AND size(SK) = :s",
                "KeyConditionExpressions cannot contain nested operations",
            ),
            ("PK = size(:p)", "KeyConditionExpressions cannot contain nested operations"),
            (
                "PK.a = :p",
                "KeyConditionExpressions cannot have conditions on nested attributes",
            ),
        ]
    ),
    (
        K,
        "PK = :p AND begins_with(SK, :s)",
        None,
        {":p": "p", ":s": 1},
        ValidationError,
        wrong_type("operator or function: begins_with", "N"),
    ),
    (
        K,
        "PK = :p AND SK BETWEEN :s AND :p",
        None,
        {":p": "p", ":s": "s"},
        ValidationError,
        (
            "Invalid {}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
            "bound; lower bound operand: AttributeValue: {S:s}, upper bound operand: AttributeValue: "
            "{S:p}"
        ),
    ),
]

REFUSALS: dict[str, list[Row]] = {
    "syntax": SYNTAX,
    "text": TEXT,
    "placeholders": PLACEHOLDERS,
    "conditions": CONDITIONS,
    "updates": UPDATES,
    "keys": KEYS,
}
