"""Paths of users in the OpenAPI document: signing up, logging in, and what follows."""

from __future__ import annotations

from typing import Any, Final

from dynafile.documents.served.openapi_parts import BODY, answers, body, content, operation

__all__ = ["AUTH_SCHEMAS", "AUTH_SCHEMES", "auth_paths"]

_PASSWORD: Final = {
    "type": "string",
    "minLength": 8,
    "maxLength": 1024,
    "format": "password",
    "description": "Of any characters.",
}
_SECRET: Final = {"type": "string", "minLength": 1}
_USER: Final = {
    "uid": {"type": "string"},
    "email": {"type": "string"},
    "claims": {"type": "object", "description": "What administrators say of the user."},
    "made": {"type": "number", "description": "When, in seconds since 1970."},
}


def _all_of(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


AUTH_SCHEMAS: Final[dict[str, Any]] = {
    "Credentials": _all_of(
        email={"type": "string", "format": "email", "examples": ["ann@example.com"]},
        password=_PASSWORD,
    ),
    "Login": _all_of(email={"type": "string"}, password={"type": "string"}),
    "Refreshing": _all_of(refreshToken={"type": "string"}),
    "NewPassword": _all_of(password={"type": "string"}, newPassword=_PASSWORD),
    "Tokens": _all_of(
        **_USER,
        accessToken={**_SECRET, "description": "Send it as `Authorization: Bearer ...`."},
        refreshToken={**_SECRET, "description": "Is used once."},
        expiresIn={"type": "number", "description": "Seconds for which the access token counts."},
    ),
    "User": _all_of(**_USER),
}
"""What is sent and answered."""

AUTH_SCHEMES: Final[dict[str, Any]] = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a user.",
    },
}
"""How a user is known."""

_AS_USER: Final[list[dict[str, list[str]]]] = [{"user": []}, {"user": [], "key": []}]


def _tokens(status: int, description: str, *problems: int) -> dict[str, Any]:
    return answers(status, description, content("Tokens"), *BODY, *problems)


def auth_paths() -> dict[str, Any]:
    """Return the paths, which take an API key where documents do."""
    return {
        "/v1/auth/signup": {
            "post": operation(
                "signup",
                "Make a user, who is logged in then",
                _tokens(201, "The user was made.", 409),
                requestBody=body("Credentials"),
            )
        },
        "/v1/auth/login": {
            "post": operation(
                "login",
                "Log in",
                _tokens(200, "The user is logged in."),
                requestBody=body("Login"),
            )
        },
        "/v1/auth/refresh": {
            "post": operation(
                "refresh",
                "Get new tokens; the refresh token is used up",
                _tokens(200, "The session goes on."),
                requestBody=body("Refreshing"),
            )
        },
        "/v1/auth/logout": {
            "post": operation(
                "logout",
                "End a session",
                answers(204, "It has ended.", None, *BODY),
                requestBody=body("Refreshing"),
            )
        },
        "/v1/auth/password": {
            "post": operation(
                "changePassword",
                "Change the password, which ends all other sessions",
                _tokens(200, "The password is another one."),
                requestBody=body("NewPassword"),
                security=_AS_USER,
            )
        },
        "/v1/auth/user": {
            "get": operation(
                "user",
                "Say who is logged in",
                answers(200, "The user.", content("User")),
                security=_AS_USER,
            )
        },
    }
