"""What is wrong with a key, in DynamoDB's words; ours are added as a note."""

from __future__ import annotations

from dynafile.errors import EmptyKey, InvalidKey, KeyTooLong, KeyTypeMismatch, MissingKey
from dynafile.values import MAX_PARTITION_KEY_BYTES

_NO_MATCH = "The provided key element does not match the schema"


def of_item(error: InvalidKey, expected: str | None) -> InvalidKey:
    """Return the error of an item whose key is wrong; ``expected`` is the type, where known."""
    name = error.attribute
    if isinstance(error, MissingKey) and error.absent:
        message = f"One or more parameter values were invalid: Missing the key {name} in the item"
    elif isinstance(error, (MissingKey, KeyTypeMismatch)) and expected is not None:
        actual = "NULL" if isinstance(error, MissingKey) else error.actual
        message = (
            f"One or more parameter values were invalid: Type mismatch for key {name} expected: "
            f"{expected} actual: {actual}"
        )
    else:
        return _of_value(error)
    return _again(error, message)


def of_key(error: InvalidKey) -> InvalidKey:
    """Return the error of a key by which an item was asked for."""
    if isinstance(error, (MissingKey, KeyTypeMismatch)):
        return _again(error, _NO_MATCH)
    return _of_value(error)


def of_condition(error: InvalidKey) -> InvalidKey:
    """Return the error of a key condition with a value that no key can have."""
    if isinstance(error, EmptyKey):
        return _of_value(error)
    return _again(
        error,
        "One or more parameter values were invalid: Condition parameter type does not match schema "
        "type",
    )


def of_index_key(error: InvalidKey, index: str, expected: str | None) -> InvalidKey:
    """Return the error of an item that an index cannot take."""
    name = error.attribute
    if isinstance(error, KeyTypeMismatch) and expected is not None:
        message = (
            f"One or more parameter values were invalid: Type mismatch for Index Key {name} "
            f"Expected: {expected} Actual: {error.actual} IndexName: {index}"
        )
    elif isinstance(error, EmptyKey):
        kind = "binary" if error.binary else "string"
        message = (
            "One or more parameter values are not valid. A value specified for a secondary index "
            "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
            f"{kind} value. IndexName: {index}, IndexKey: {name}"
        )
    elif isinstance(error, KeyTooLong):
        message = (
            "One or more parameter values were invalid: Size of "
            f"{'hashkey' if error.limit == MAX_PARTITION_KEY_BYTES else 'rangekey'} has exceeded "
            f"the maximum size limit of {error.limit} bytes. IndexName: {index}"
        )
    else:
        return error
    return _again(error, message)


def _of_value(error: InvalidKey) -> InvalidKey:
    if isinstance(error, EmptyKey):
        kind = "binary" if error.binary else "string"
        return _again(
            error,
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain an empty {kind} value. Key: {error.attribute}",
        )
    if isinstance(error, KeyTooLong):
        if error.limit == MAX_PARTITION_KEY_BYTES:
            what = "Size of hashkey has exceeded the maximum size limit of2048 bytes"
        else:
            what = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        return _again(error, f"One or more parameter values were invalid: {what}")
    return error


def _again(error: InvalidKey, message: str) -> InvalidKey:
    if error.message == message:
        return error
    particulars = {k: v for k, v in vars(error).items() if k not in ("message", "__notes__")}
    again = type(error)(message, **particulars)
    again.add_note(error.explanation)
    return again
