"""The refusals: what the errors of pickles say, in one voice."""

from __future__ import annotations

from dynafile.errors import CorruptObject, UnsupportedObject

__all__ = ["corrupt", "too_deep", "unread", "unwritten"]

ASK = "connect(url, allow_pickle=True)"


def corrupt(what: str) -> CorruptObject:
    """Return the error for bytes that are no pickle, or none that a pickler would write."""
    return CorruptObject(f"the stored bytes are no value: {what}")


def unread(name: str, advice: str = "") -> UnsupportedObject:
    """Return the error for a pickle that asks for what is not on the list of what is read."""
    advice = advice or f"if you trust who wrote it, {ASK} reads it"
    return UnsupportedObject(f"the stored value holds {name!r:.200}: {advice}", kind=name)


def unwritten(name: str, place: str, why: str = "") -> UnsupportedObject:
    """Return the error for a value that is not stored; ``place`` is where in the whole it is."""
    because = f" ({why})" if why else ""
    message = f"{place} is of type {name!r:.200}{because}, which is not stored as it is: "
    return UnsupportedObject(
        f"{message}{ASK} stores it, or dynafile.objects.register(its class)", kind=name
    )


def too_deep(limit: int) -> UnsupportedObject:
    """Return the error for a value whose nesting nobody could read back."""
    return UnsupportedObject(f"the value is nested deeper than {limit} levels", kind="nesting")
