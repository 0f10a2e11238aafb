"""The OpenAPI document is valid, complete, and tells what is answered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from dynafile import errors
from dynafile.documents import doc
from dynafile.documents.served.openapi import openapi
from dynafile.documents.served.openapi_auth import AUTH_SCHEMAS, AUTH_SCHEMES, auth_paths
from dynafile.documents.served.routes import VERBS, methods_of
from dynafile.documents.wire_problems import STATUSES, error_from, problem_of

if TYPE_CHECKING:
    from dynafile.documents import Montybase

V1 = "/v1/documents"
COLLECTION = f"{V1}/{{collection}}"
DOCUMENT = f"{COLLECTION}/{{document}}"
BENEATH = f"{DOCUMENT}/{{name}}"


def test_it_is_valid() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(openapi())


def test_every_route_is_in_it() -> None:
    paths = openapi()["paths"]
    for path in (COLLECTION, DOCUMENT, BENEATH, V1):
        segments = tuple(re.findall(r"{(\w+)}", path))
        methods = {name.upper() for name in paths[path]} - {"PARAMETERS"}
        assert methods | {"HEAD"} == set(methods_of(segments))
    assert {f"{V1}:{verb}" for verb in VERBS} < paths.keys()
    names = [
        each["operationId"]
        for methods in paths.values()
        for name, each in methods.items()
        if name != "parameters"
    ]
    assert len(names) == len(set(names))


def follow(value: Any, whole: Any) -> None:
    """Look up each reference in a value."""
    if isinstance(value, dict):
        if "$ref" in value:
            found = whole
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
        for each in value.values():
            follow(each, whole)
    elif isinstance(value, list):
        for each in value:
            follow(each, whole)


def test_every_reference_leads_somewhere() -> None:
    whole = openapi()
    follow(whole, whole)
    assert "$ref" in str(whole)


def test_answers_are_as_it_says(ask: Any, db: Montybase) -> None:
    whole = openapi()
    doc(db, "users", "ann").set({"n": 1})

    def check(answer: Any, path: str, method: str) -> None:
        said = whole["paths"][path][method]["responses"][str(answer.status)]
        if "$ref" in said:
            said = whole["components"]["responses"][said["$ref"].rpartition("/")[2]]
        kind = answer.headers["content-type"].partition(";")[0]
        schema = said["content"][kind]["schema"] | {"components": whole["components"]}
        Draft202012Validator(schema).validate(answer.json)

    for target, path in (
        ("/users/ann", DOCUMENT),
        ("/users", COLLECTION),
        ("/users/ann/n", BENEATH),
        ("/users/ann/posts", BENEATH),
        ("/users/absent", DOCUMENT),
        ("/users/..", DOCUMENT),
    ):
        check(ask("GET", V1 + target), path, "get")
    check(ask("GET", V1), V1, "get")
    check(ask("PUT", f"{V1}/users/bob", {"n": 1}), DOCUMENT, "put")
    check(ask("PUT", f"{V1}/users/bob", 5), DOCUMENT, "put")
    check(ask("PUT", f"{V1}/users/bob/n", 5), BENEATH, "put")
    check(ask("POST", f"{V1}/users", {"n": 1}), COLLECTION, "post")
    check(ask("POST", f"{V1}/users/bob/posts", {"n": 1}), BENEATH, "post")
    check(ask("PATCH", f"{V1}/users/absent", {"n": 1}), DOCUMENT, "patch")
    check(ask("PATCH", f"{V1}/users/ann", {"n": 1}), DOCUMENT, "patch")
    check(ask("DELETE", f"{V1}/users/bob", None, [("if-match", '"1"')]), DOCUMENT, "delete")
    check(ask("DELETE", f"{V1}/users/bob"), DOCUMENT, "delete")
    check(ask("POST", f"{V1}/users/ann", {}), DOCUMENT, "get")  # 405
    body: dict[str, Any] = {"query": {"path": ["users"], "orderBy": [{"field": "n"}]}}
    for verb, sent in (
        ("query", body),
        ("explain", body),
        ("aggregate", body | {"kind": "average", "field": "n"}),
        ("batch", {"changes": [{"kind": "delete", "path": ["users"]}]}),
        ("query", {}),
    ):
        check(ask("POST", f"{V1}:{verb}", sent), f"{V1}:{verb}", "post")
    for path, methods in whole["paths"].items():
        for method in methods.keys() - {"parameters"}:
            for response in methods[method]["responses"]:
                assert response.isdigit(), (path, method)


@pytest.mark.parametrize("kind", [kind for kind, _ in STATUSES], ids=lambda kind: kind.__name__)
def test_a_client_raises_what_the_server_did(kind: Any) -> None:
    problem = problem_of(kind("what was wrong", path=("users", "ann"), retry_after=3), "/v1/x")
    back = error_from(problem, problem["status"])
    if problem["status"] in (500, 507):
        assert type(back) is errors.ServerFailed
    else:
        assert type(back) is kind
        assert str(back) == "what was wrong"
        assert (back.path, back.retry_after) == ("users/ann", 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "problem", [None, [], {}, {"code": "dict"}, {"code": "ServerFailed", "detail": 5}]
)
def test_what_is_no_problem_is_a_failure(problem: Any) -> None:
    back = error_from(problem, 502)
    assert type(back) is errors.ServerFailed
    assert "502" in str(back)


def test_what_users_do_fits_into_it() -> None:
    whole = openapi()
    assert auth_paths().keys() <= whole["paths"].keys()
    assert AUTH_SCHEMES.keys() <= whole["components"]["securitySchemes"].keys()
    for schema in AUTH_SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_the_schemas_of_users_hold_what_is_sent() -> None:
    def is_valid(name: str, value: Any) -> bool:
        return bool(Draft202012Validator(AUTH_SCHEMAS[name]).is_valid(value))

    tokens = {"uid": "u", "email": "a@b.example", "accessToken": "x.y.z", "refreshToken": "r"}
    tokens |= {"claims": {}, "made": 1.5}
    assert is_valid("Tokens", tokens | {"expiresIn": 900})
    assert not is_valid("Tokens", tokens)
    assert is_valid("Credentials", {"email": "a@b.example", "password": "12345678"})
    assert not is_valid("Credentials", {"email": "a@b.example", "password": "1234567"})
    assert is_valid("Login", {"email": "", "password": ""})  # answered as any wrong one
    assert is_valid("Refreshing", {"refreshToken": "r"})
    assert is_valid("NewPassword", {"password": "x", "newPassword": "12345678"})
    assert is_valid(
        "User", {"uid": "u", "email": "a@b.example", "claims": {"admin": True}, "made": 0}
    )
    assert not is_valid("User", {"uid": "u", "email": "a@b.example", "claims": {}, "hash": "h"})
