"""JSON Schema, 2020-12: a schema made into checks that cost a bounded number of steps.

That a schema is one is asked of ``jsonschema``; documents are checked here. There a hostile
document can take all the time and memory that it wants: errors hold the text of the value at each
level, regular expressions are Python's, and equality of items is quadratic. Here each part of a
value is a step, the steps are counted, and what goes wrong first is the answer.

Stricter than the standard: keywords that it does not know are refused, for they are misspelt more
often than meant, and ``$ref`` leads into the same schema only, so that nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from dynafile.documents.rules.applicators import (
    all_of,
    any_of,
    array_check,
    contains,
    dependent_schemas,
    negation,
    object_check,
    one_of,
    when,
)
from dynafile.documents.rules.faults import Budget, Check, Exhausted, Fault
from dynafile.documents.rules.keywords import VALUE_KEYWORDS

__all__ = ["Schema", "SchemaError", "Steps", "pointer"]

Steps: TypeAlias = tuple[str, ...]

_ONE: Final = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
_LISTS: Final[dict[str, Callable[[list[Check]], Check]]] = {
    "allOf": all_of,
    "anyOf": any_of,
    "oneOf": one_of,
}
_MAPS: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_IN_PLACE: Final = frozenset({"not", "if", "then", "else"})
_NOTES: Final = frozenset(
    {
        *("$anchor", "$comment", "$id", "$schema", "contentEncoding", "contentMediaType"),
        *("default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"),
    }
)
_OTHERS: Final = frozenset({"$ref", "maxContains", "minContains", "prefixItems"})
_KNOWN: Final = _ONE | _MAPS | _NOTES | _OTHERS | _LISTS.keys() | VALUE_KEYWORDS.keys()
_DIALECTS: Final = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/schema#",
    }
)


class SchemaError(ValueError):
    """What is wrong with a schema, and the steps to where."""

    def __init__(self, reason: str, steps: Steps) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps = steps


def pointer(steps: Steps) -> str:
    """Return steps as a JSON pointer with a hash in front."""
    return "#" + "".join(f"/{each.replace('~', '~0').replace('/', '~1')}" for each in steps)


class Schema:
    """A schema whose form is right, compiled. Raises ``SchemaError`` for what is not supported."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._places: dict[Steps, Any] = {}
        self._anchors: dict[str, Steps] = {}
        self._checks: dict[Steps, Check] = {}
        dialect = root.get("$schema")
        if dialect is not None and dialect not in _DIALECTS:
            raise SchemaError(f"of JSON Schema there is 2020-12 here, and not {dialect}", ())
        self._collect(root, ())
        self._refuse_circles()
        for steps in self._places:
            self._compiled(steps)

    def check(self, value: Any) -> Fault | None:
        """Return the first fault of a value, or None."""
        try:
            return self._checks[()](value, Budget())
        except Exhausted:
            return Fault("takes too many steps to check")
        except RecursionError:
            return Fault("is nested too deeply to check")

    # -- where schemas are ----------------------------------------------------------------------

    def _collect(self, schema: Any, steps: Steps) -> None:
        self._places[steps] = schema
        if isinstance(schema, bool):
            return
        for keyword, argument in schema.items():
            here = (*steps, keyword)
            if keyword not in _KNOWN:
                raise SchemaError(f"there is no keyword {keyword!r:.60} here", steps)
            if keyword in _ONE:
                self._collect(argument, here)
            elif keyword in _LISTS or keyword == "prefixItems":
                for index, each in enumerate(argument):
                    self._collect(each, (*here, str(index)))
            elif keyword in _MAPS:
                for name, each in argument.items():
                    self._collect(each, (*here, name))
            elif keyword == "$anchor":
                self._anchors[argument] = steps
            elif keyword in ("$id", "$schema") and steps:
                raise SchemaError(f"{keyword} is only for the whole schema", steps)

    def _target(self, reference: str, steps: Steps) -> Steps:
        """Return where a reference leads."""
        if not reference.startswith("#"):
            reason = f"$ref leads into this schema only, as #/$defs/name, not to {reference!r:.80}"
            raise SchemaError(f"{reason}; nothing is fetched", steps)
        fragment = unquote(reference[1:])
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get(fragment)
        else:
            parts = fragment.split("/")[1:]
            found = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
        if found is None or found not in self._places:
            raise SchemaError(f"$ref leads to {reference!r:.80}, where there is no schema", steps)
        return found

    def _refuse_circles(self) -> None:
        """Refuse schemas that apply themselves to the same value, which would never end."""
        beneath = {steps: self._in_place(steps) for steps in self._places}
        done: set[Steps] = set()
        for start in beneath:
            trail: dict[Steps, None] = {}
            stack: list[tuple[Steps, bool]] = [(start, True)]
            while stack:
                steps, entering = stack.pop()
                if not entering:
                    del trail[steps]
                    done.add(steps)
                elif steps in trail:
                    raise SchemaError("this schema applies itself to the same value", steps)
                elif steps not in done:
                    trail[steps] = None
                    stack.append((steps, False))
                    stack.extend((each, True) for each in beneath[steps])

    def _in_place(self, steps: Steps) -> list[Steps]:
        schema = self._places[steps]
        if isinstance(schema, bool):
            return []
        found = [(*steps, keyword) for keyword in _IN_PLACE if keyword in schema]
        for keyword in _LISTS:
            found += ((*steps, keyword, str(n)) for n in range(len(schema.get(keyword, ()))))
        named = schema.get("dependentSchemas", {})
        found += ((*steps, "dependentSchemas", name) for name in named)
        if "$ref" in schema:
            found.append(self._target(schema["$ref"], steps))
        return found

    # -- checks ---------------------------------------------------------------------------------

    def _compiled(self, steps: Steps) -> Check:
        if steps not in self._checks:
            schema = self._places[steps]
            if isinstance(schema, bool):
                checks: list[Check] = [] if schema else [_nothing]
            else:
                checks = self._parts(schema, steps)
            self._checks[steps] = all_of(checks)
        return self._checks[steps]

    def _parts(self, schema: dict[str, Any], steps: Steps) -> list[Check]:
        checks: list[Check] = []
        if "$ref" in schema:
            checks.append(self._reference(self._target(schema["$ref"], steps)))
        for keyword, make in VALUE_KEYWORDS.items():
            if keyword in schema:
                try:
                    checks.append(make(schema[keyword]))
                except ValueError as error:
                    raise SchemaError(str(error), (*steps, keyword)) from None
        one, many, named = self._getters(schema, steps)
        if schema.keys() & {"prefixItems", "items"}:
            checks.append(array_check(many("prefixItems"), one("items")))
        inner = one("contains")
        if inner is not None:
            least, most = schema.get("minContains", 1), schema.get("maxContains")
            checks.append(contains(inner, least, most))
        others, names = one("additionalProperties"), one("propertyNames")
        if others or names or schema.keys() & {"properties", "patternProperties"}:
            properties, patterns = named("properties"), named("patternProperties")
            try:
                checks.append(object_check(properties, patterns, others, names))
            except ValueError as error:
                raise SchemaError(str(error), (*steps, "patternProperties")) from None
        if "dependentSchemas" in schema:
            checks.append(dependent_schemas(named("dependentSchemas")))
        checks.extend(make(many(word)) for word, make in _LISTS.items() if word in schema)
        excluded, condition = one("not"), one("if")
        if excluded is not None:
            checks.append(negation(excluded))
        if condition is not None:
            checks.append(when(condition, one("then"), one("else")))
        return checks

    def _getters(
        self, schema: dict[str, Any], steps: Steps
    ) -> tuple[
        Callable[[str], Check | None],
        Callable[[str], list[Check]],
        Callable[[str], dict[str, Check]],
    ]:
        """Return what gives the compiled schema, list, or map of schemas of a keyword."""

        def one(keyword: str) -> Check | None:
            return self._compiled((*steps, keyword)) if keyword in schema else None

        def many(keyword: str) -> list[Check]:
            count = len(schema.get(keyword, ()))
            return [self._compiled((*steps, keyword, str(index))) for index in range(count)]

        def named(keyword: str) -> dict[str, Check]:
            return {
                name: self._compiled((*steps, keyword, name)) for name in schema.get(keyword, ())
            }

        return one, many, named

    def _reference(self, target: Steps) -> Check:
        # Looked up when it is needed: a schema may refer to one that it is part of.
        checks = self._checks
        return lambda value, budget: checks[target](value, budget)


def _nothing(_: Any, __: Budget) -> Fault:
    return Fault("is not allowed")
