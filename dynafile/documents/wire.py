"""Changes and answers as JSON, both ways: what a server and its clients say."""

from __future__ import annotations

from typing import Any, Final, cast

from msgspec import UNSET

from dynafile.documents.engine import ChangeType, DocumentChange, Element, Plan
from dynafile.documents.paths import check_segment, path_text
from dynafile.documents.requests import Change, ChangeKind
from dynafile.documents.wire_members import ANYTHING, members, place, required
from dynafile.documents.wire_queries import path_from
from dynafile.documents.wire_transforms import transforms_from, transforms_to
from dynafile.errors import MalformedRequest

__all__ = [
    "KINDS",
    "change_from",
    "change_to",
    "changes_from",
    "element_from",
    "element_to",
    "event_from",
    "event_to",
    "plan_from",
    "plan_to",
]

KINDS: Final = ("set", "add", "update", "delete")
_MOST_CHANGES: Final = 10_000
_TYPES: Final = ("state", "added", "modified", "removed")


# -- changes ------------------------------------------------------------------------------------

_CHANGE: Final[dict[str, Any]] = {
    "kind": str,
    "path": list,
    "value": ANYTHING,
    "transforms": dict,
    "key": str,
    "exists": bool,
    "lastUpdate": str,
}


def changes_from(value: Any) -> list[Change]:
    """Return what the body of a batch says."""
    found = members(value, "", {"changes": list})
    required(found, "", "changes")
    changes = found["changes"]
    if len(changes) > _MOST_CHANGES:
        raise MalformedRequest(
            f"a batch has at most {_MOST_CHANGES} changes, not {len(changes)}: make several",
            path="changes",
        )
    return [change_from(each, f"changes[{number}]") for number, each in enumerate(changes)]


def change_from(value: Any, where: str) -> Change:
    """Return a change; raises MalformedRequest, InvalidDocumentPath."""
    found = members(value, where, _CHANGE)
    required(found, where, "kind", "path")
    kind = found["kind"]
    if kind not in KINDS:
        raise MalformedRequest(
            f"{where}.kind is one of {', '.join(KINDS)}, not {kind!r:.80}", path=where
        )
    if kind != "delete" and "value" not in found and "transforms" not in found:
        raise MalformedRequest(f"{where} needs 'value'", path=where)
    contents = found.get("value", UNSET)
    if "transforms" in found:
        if kind == "delete":
            raise MalformedRequest(f"{where}.transforms is not for delete", path=where)
        contents = transforms_from(
            {} if contents is UNSET else contents,
            found["transforms"],
            f"{where}.transforms",
            update=kind == "update",
        )
    return Change(
        kind=cast("ChangeKind", kind),
        path=path_from(found["path"], place(where, "path")),
        value=contents,
        key=check_segment(found["key"]) if "key" in found else None,
        exists=found.get("exists"),
        last_update=found.get("lastUpdate"),
    )


def change_to(change: Change) -> dict[str, Any]:
    """Return a change as JSON says it."""
    found: dict[str, Any] = {"kind": change.kind, "path": list(change.path)}
    if change.value is not UNSET:
        found["value"], transforms = transforms_to(change.value, update=change.kind == "update")
        if transforms:
            found["transforms"] = transforms
    more = {"key": change.key, "exists": change.exists, "lastUpdate": change.last_update}
    found.update((name, each) for name, each in more.items() if each is not None)
    return found


# -- answers ------------------------------------------------------------------------------------


def element_to(element: Element) -> dict[str, Any]:
    """Return a document as JSON says it."""
    return {
        "id": element.path[-1],
        "path": path_text(element.path),
        "value": element.value,
        "lastUpdate": element.last_update,
    }


def element_from(value: dict[str, Any]) -> Element:
    """Return the document of an answer."""
    return Element(tuple(value["path"].split("/")), value["value"], value["lastUpdate"])


def plan_to(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON says it."""
    return {"index": plan.index, "missing": list(plan.missing), "text": plan.text}


def plan_from(value: dict[str, Any]) -> Plan:
    """Return the plan of an answer."""
    return Plan(value["index"], tuple(value["missing"]), value["text"])


def event_to(change: DocumentChange) -> dict[str, Any]:
    """Return what a listener is told as JSON says it."""
    return {
        "type": change.type,
        "id": change.id,
        "path": change.path,
        "value": change.value,
        "position": change.position,
    }


def event_from(value: dict[str, Any]) -> DocumentChange:
    """Return what a listener is told; raises MalformedRequest."""
    if value.get("type") not in _TYPES:
        raise MalformedRequest(f"{value.get('type')!r:.80} is no kind of change")
    return DocumentChange(
        cast("ChangeType", value["type"]),
        value["id"],
        value["path"],
        value["value"],
        value["position"],
    )
