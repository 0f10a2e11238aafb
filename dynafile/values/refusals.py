"""DynamoDB's words for values that it refuses too; ours are added as a note."""

from __future__ import annotations

from dynafile.errors import (
    InvalidNumber,
    ItemTooLarge,
    NestingTooDeep,
    ValidationError,
)


def in_their_words(error: ValidationError, cause: str = "") -> ValidationError:
    """Return the error with DynamoDB's message, where it has one for what is wrong.

    ``cause`` tells apart what has one class: of a number ``digits``, ``large`` or ``small``.
    """
    message = _NUMBERS.get(cause) if isinstance(error, InvalidNumber) else _WORDS.get(type(error))
    if message is None:
        return error
    particulars = {k: v for k, v in vars(error).items() if k not in ("message", "__notes__")}
    theirs = type(error)(message, **particulars)
    theirs.add_note(error.explanation)
    return theirs


_NUMBERS = {
    "digits": "Attempting to store more than 38 significant digits in a Number",
    "large": (
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
    ),
    "small": (
        "Number underflow. Attempting to store a number with magnitude smaller than supported range"
    ),
}
_WORDS: dict[type[ValidationError], str] = {
    ItemTooLarge: "Item size has exceeded the maximum allowed size",
    NestingTooDeep: "Nesting Levels have exceeded supported limits",
}
