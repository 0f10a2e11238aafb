"""Hooks: a type's ``on_event`` is asked about each change before it is made."""

from __future__ import annotations

from typing import Any

from dynafile.entities.actions import ACTION_DELETE
from dynafile.entities.types import EntityType
from dynafile.errors import DynafileError, HookRejected, InvalidEntityType, NotPermitted


def call_entity_hook(
    info: EntityType, entity: Any, field: str | None, old: Any, new: Any, action: str
) -> Any:
    """Ask the hook of a type, if it has one; return the value that it allows.

    Raises HookRejected where it refuses or fails, NotPermitted where that is a deletion, and what
    Dynafile raised inside of it as it is.
    """
    hook = info.hook
    if hook is None:
        return new
    what = f"deletion of {entity!r}" if action == ACTION_DELETE else f"change to {field}"
    try:
        # As a static method, a class method, or a function whose self is the entity.
        answer = hook(entity, field, old, new, action)
    except DynafileError:
        raise
    except Exception as error:
        kind = NotPermitted if action == ACTION_DELETE else HookRejected
        raise kind(f"the hook of {info.name} failed at the {what}: {error!r}") from error
    allowed, value = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, new)
    if not isinstance(allowed, bool):
        raise InvalidEntityType(
            f"on_event of {info.name} must return True, False, or one of them with a value, not "
            f"{answer!r}"
        )
    if allowed:
        return value
    if action == ACTION_DELETE:
        raise NotPermitted(f"Hook rejected entity deletion: {entity!r}")
    raise HookRejected(f"Hook rejected change to {field} of {entity!r}", field=field)
