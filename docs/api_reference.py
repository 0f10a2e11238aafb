"""Makes the API reference: every name of ``dynafile.__all__``, from its docstring and signature.

Docstrings are written in the small part of reStructuredText that :func:`_markdown` knows. A role
that refers to a name that is not in the reference is an error, and so is a public name without a
docstring.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

import dynafile
from dynafile import documents, entities, errors, objects
from dynafile.aio.kinds import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_WIDTH: Final = 88
_MODULES: Final = (
    "database",
    "table_api",
    "database_handle",
    "descriptions",
    "table",
    "expressions",
    "aio",
)
"""The order of the reference, by the first name below ``dynafile``; others follow."""

_MADE_BY: Final = {
    "Batch": "Montybase.batch",
    "Changes": "Reference.watch",
    "DocumentChange": "Reference.on_snapshot",
    "DocumentQuery": "Reference.where",
    "ImportReport": "Montybase.import_json",
    "Reference": "doc",
    "Watch": "Reference.on_snapshot",
    "BatchWriter": "Table.batch_writer",
    "AsyncBatchWriter": "AsyncTable.batch_writer",
    "AsyncTable": "AsyncDatabase.table",
    "AsyncTransaction": "AsyncTable.transaction",
    "Table": "Database.table",
    "TablePage": "Database.list_tables",
}
"""Classes that users do not call, and the method that makes one for them."""

_ROLE = re.compile(r":(?:meth|class|func|data|attr|exc):`~?([\w.]+)`")
_PARAMETER = re.compile(r":param (\w+): ")


@dataclass(frozen=True)
class Entry:
    """A heading of the reference, and what stands below it."""

    name: str
    level: int
    parts: tuple[str, ...]


_described: ModuleType = dynafile
"""The package whose names are looked up."""


def entities_reference() -> str:
    """Return the reference of ``dynafile.entities``."""
    with _describing(entities):
        return reference()


def documents_reference() -> str:
    """Return the reference of ``dynafile.documents``."""
    with _describing(documents):
        return reference()


def objects_reference() -> str:
    """Return the reference of ``dynafile.objects``."""
    with _describing(objects):
        return reference()


@contextmanager
def _describing(package: ModuleType) -> Iterator[None]:
    global _described
    _described, before = package, _described
    try:
        yield
    finally:
        _described = before


def reference() -> str:
    """Return the reference: a table of its names, then an entry for each of them."""
    entries = list(_entries())
    anchors = {entry.name: _anchor(entry.name) for entry in entries}
    index = [
        f"| [`{name}`](#{_anchor(name)}) | {_inline(_first_line(name), name, anchors)} |"
        for name in public_names()
    ]
    parts = ["\n".join(["| name | what it is |", "| --- | --- |", *index])]
    for entry in entries:
        parts.append(f"{'#' * entry.level} `{entry.name}`")
        parts += [_markdown(part, entry.name, anchors) for part in entry.parts]
    return "\n\n".join(parts)


def public_names() -> list[str]:
    """Return the names of a package in the order of the reference.

    Those of ``__all__``, and what a package of a model imports as itself, which ``*`` leaves out.
    """
    if _described is dynafile:
        return sorted(dynafile.__all__, key=_rank)
    contents = ast.parse(Path(str(_described.__file__)).read_text(encoding="utf-8"))
    beside = [
        alias.name
        for node in contents.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]
    names = [
        name
        for name in _described.__all__
        if inspect.isfunction(value := getattr(_described, name))
        or (inspect.isclass(value) and not issubclass(value, Exception))
    ]
    known = {getattr(_described, name).__name__ for name in names}
    return sorted([name for name in {*names, *beside} if name in known | set(beside)], key=_rank)


def error_names() -> list[str]:
    """Return the errors, from the base of the tree on."""
    return [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    ]


def members(cls: type) -> dict[str, Any]:
    """Return the public methods and properties of a class, also those of our bases.

    A special method counts if it has a docstring. What a public base has is told there.
    """
    base = public_base(cls)
    elsewhere = () if base is None else base.__mro__
    twins = twin_members(cls)
    found: dict[str, Any] = {}
    for owner in cls.__mro__:
        if _is_ours(owner) and owner not in elsewhere:
            for name, value in vars(owner).items():
                if name not in twins and _is_member(name, value, owner):
                    found.setdefault(name, value)
    return found


def twin_members(cls: type) -> dict[str, Kind]:
    """Return what a class for asyncio has of the one that it stands for, by its kind."""
    of = getattr(cls, "_twin_of", None)
    kinds = {} if of is None else KINDS[of]
    return {name: kind for name, kind in kinds.items() if kind is not Kind.OWN}


def public_base(cls: type) -> type | None:
    """Return the nearest base that has an entry of its own."""
    bases = (base for base in cls.__mro__[1:] if getattr(_described, base.__name__, None) is base)
    return next(bases, None)


def _is_member(name: str, value: object, owner: type) -> bool:
    if name.startswith("__"):
        source = importlib.import_module(owner.__module__).__file__
        written = inspect.isfunction(value) and value.__code__.co_filename == source
        return written and name != "__init__" and bool(value.__doc__)
    if name.startswith("_"):
        return False
    return inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)


def _is_ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] == dynafile.__name__


def _entries() -> Iterator[Entry]:
    for name in public_names():
        value = getattr(_described, name)
        if name == "errors":
            yield Entry(name, 2, (_doc(value, name),))
            for error in error_names():
                yield Entry(f"errors.{error}", 3, tuple(_error(error)))
        elif inspect.isclass(value) and not issubclass(value, Exception):
            yield from _class(name, value)
        elif inspect.isclass(value):
            yield Entry(name, 2, (_doc(value, name), "The other errors are in :data:`errors`."))
        elif inspect.isfunction(value):
            yield Entry(name, 2, (_signature(name, value), _doc(value, name)))
        else:
            yield Entry(name, 2, (_alias(name), _assigned_doc(name)))


def _class(name: str, cls: type) -> Iterator[Entry]:
    parts = []
    if name in _MADE_BY:
        parts.append(f"Made by :meth:`{_MADE_BY[name]}`.")
    elif hasattr(cls, "_twin_of"):
        pass  # the docstring says whose arguments it takes
    elif not issubclass(cls, Enum):
        parts.append(_signature(name, cls))
    parts.append(_doc(cls, name))
    opening = next((vars(c)["__init__"] for c in cls.__mro__ if "__init__" in vars(c)), None)
    if inspect.isfunction(opening) and opening.__doc__ and name not in _MADE_BY:
        parts.append(inspect.cleandoc(opening.__doc__))
    parts += [_fields(cls)] if _fields(cls) else []
    base = public_base(cls)
    if base is None and hasattr(cls, "_twin_of"):
        parts.append(_twin_table(cls))
    if base is not None:
        article = "an" if base.__name__[0] in "AEIO" else "a"
        parts.append(f"And all that {article} :class:`{base.__name__}` has.")
    yield Entry(name, 2, tuple(parts))
    for member, value in members(cls).items():
        full = f"{name}.{member}"
        if isinstance(value, property):
            kind = str(inspect.signature(value.fget).return_annotation)  # type: ignore[arg-type]
            yield Entry(full, 3, (f"A property: ``{kind}``.", _doc(value, full)))
        else:
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            bound = not isinstance(value, staticmethod)
            yield Entry(full, 3, (_signature(full, function, bound=bound), _doc(value, full)))


def _twin_table(cls: type) -> str:
    """Say what a class for asyncio has of the one that it stands for, a row a kind."""
    of: type = cls._twin_of  # type: ignore[attr-defined]
    rows: dict[Kind, list[str]] = {}
    for name, kind in twin_members(cls).items():
        rows.setdefault(kind, []).append(f":meth:`{of.__name__}.{name}`")
    lines = [f"| {', '.join(names)} | {kind.value} |" for kind, names in rows.items()]
    head = [f"| what a :class:`{of.__name__}` has | is here |", "| --- | --- |"]
    return "\n".join([*head, *lines])


def _error(name: str) -> Iterator[str]:
    cls = getattr(errors, name)
    bases = [
        f":exc:`errors.{base.__name__}`"
        if base.__module__ == errors.__name__
        else f"``{base.__name__}``"
        for base in cls.__bases__
    ]
    yield _doc(cls, name)
    yield f"Bases: {', '.join(bases)}."
    annotations = inspect.get_annotations(cls)
    if annotations:
        rows = [f"- ``{attribute}``: ``{kind}``" for attribute, kind in annotations.items()]
        yield "Attributes:\n\n" + "\n".join(rows)


def _fields(cls: type) -> str:
    """Describe the members of an enum, or the fields of a struct or named tuple."""
    if issubclass(cls, Enum):
        return "\n".join(f"- ``{member.name}`` = ``{member.value!r}``" for member in cls)
    if issubclass(cls, Struct):
        written = _as_written(cls)
        kinds = {name: written[name] for name in cls.__struct_fields__}
    elif issubclass(cls, tuple):
        kinds = {name: _annotation(cls, name) for name in getattr(cls, "_fields", ())}
    else:
        return ""
    docs = _docstrings_after(importlib.import_module(cls.__module__), cls.__name__)
    rows = []
    for name, kind in kinds.items():
        text = " ".join(docs.get(name, "").split())
        rows.append(f"- ``{name}``: ``{kind}``" + (f". {text}" if text else ""))
    return "\n".join(rows)


def _as_written(cls: type) -> dict[str, str]:
    """Return the annotations of a class and its bases as they stand in the source."""
    return {
        name: str(kind)
        for base in reversed(cls.__mro__)
        for name, kind in inspect.get_annotations(base).items()
    }


def _annotation(cls: type, name: str) -> str:
    kind = inspect.get_annotations(cls)[name]
    return kind if isinstance(kind, str) else getattr(kind, "__forward_arg__", str(kind))


def _signature(name: str, function: Callable[..., Any], *, bound: bool = False) -> str:
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[int(bound) :]
    if inspect.isclass(function) and issubclass(function, Struct):
        written = _as_written(function)
        parameters = [each.replace(annotation=written[each.name]) for each in parameters]
    shown = [_shown(parameter) for parameter in parameters]
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        shown.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    positional = sum(kind is inspect.Parameter.POSITIONAL_ONLY for kind in kinds)
    if positional:
        shown.insert(positional, "/")
    returned = signature.return_annotation
    is_class = inspect.isclass(function) or returned is inspect.Signature.empty
    end = "" if is_class else f" -> {returned if isinstance(returned, str) else returned.__name__}"
    line = f"{name}({', '.join(shown)}){end}"
    if len(line) > _WIDTH:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in shown) + f"){end}"
    return f".. code-block:: py\n\n{textwrap.indent(line, '    ')}"


def _shown(parameter: inspect.Parameter) -> str:
    kind = parameter.annotation
    text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
    if kind is not parameter.empty:
        text += f": {kind if isinstance(kind, str) else getattr(kind, '__forward_arg__', kind)}"
    if parameter.default is not parameter.empty:
        text += f" = {parameter.default!r}"
    return text


def _alias(name: str) -> str:
    tree = ast.parse(inspect.getsource(_module(name)))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return f".. code-block:: py\n\n    {ast.unparse(node)}"
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return f".. code-block:: py\n\n    {ast.unparse(node)}"
    raise LookupError(f"{name} is not assigned in {_module(name).__name__}")


def _docstrings_after(module: Any, cls: str | None) -> dict[str, str]:
    """Return the strings that stand below assignments in a module, or in a class of it."""
    body: Iterable[ast.stmt] = ast.parse(inspect.getsource(module)).body
    if cls is not None:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == cls).body
    found, before = {}, None
    for node in body:
        text = node.value if isinstance(node, ast.Expr) else None
        if before and isinstance(text, ast.Constant) and isinstance(text.value, str):
            found[before] = inspect.cleandoc(text.value)
        before = None
        if isinstance(node, ast.Assign):
            before = ast.unparse(node.targets[0])
        elif isinstance(node, ast.AnnAssign):
            before = ast.unparse(node.target)
    return found


def _module(name: str) -> Any:
    """Return the module that a public name comes from, as the contents page imports it."""
    value = getattr(_described, name)
    home = getattr(value, "__module__", None)
    if inspect.ismodule(value):
        return value
    if home is None or not home.startswith("dynafile."):
        contents = ast.parse(Path(str(_described.__file__)).read_text(encoding="utf-8"))
        home = next(
            node.module
            for node in contents.body
            if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]
        )
    return importlib.import_module(str(home))


def _rank(name: str) -> tuple[int, str, int]:
    if name == "Dynafile":
        return -1, "", 0
    module = _module(name)
    first = module.__name__.split(".")[1]
    place = _MODULES.index(first) if first in _MODULES else len(_MODULES)
    names = list(vars(module))
    return place, module.__name__, names.index(name) if name in names else len(names)


def _doc(value: object, name: str) -> str:
    text = inspect.getdoc(value)
    if not text:
        raise LookupError(f"{name} is public and has no docstring")
    return text


def _assigned_doc(name: str) -> str:
    docs = _docstrings_after(_module(name), None)
    if name not in docs:
        raise LookupError(f"{name} is public and has no docstring below its assignment")
    return docs[name]


def _first_line(name: str) -> str:
    value = getattr(_described, name)
    described = inspect.isclass(value) or inspect.isfunction(value) or inspect.ismodule(value)
    text = _doc(value, name) if described else _assigned_doc(name)
    return text.split("\n\n")[0].replace("\n", " ")


def _anchor(name: str) -> str:
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def _markdown(text: str, scope: str, anchors: dict[str, str]) -> str:
    blocks = re.split(r"\n{2,}", text)
    shown: list[str] = []
    while blocks:
        block = blocks.pop(0)
        if block.startswith(".. code-block:: "):
            code = []
            while blocks and blocks[0].startswith("    "):
                code.append(blocks.pop(0))
            body = textwrap.dedent("\n\n".join(code))
            shown.append(f"```{block.removeprefix('.. code-block:: ')}\n{body}\n```")
        elif block.startswith(">>> "):
            shown.append(f"```pycon\n{block}\n```")
        elif _PARAMETER.match(block):
            items = re.split(r"\n(?=:param )", block)
            rows = [_PARAMETER.sub(r"- ``\1``: ", " ".join(item.split())) for item in items]
            shown.append("\n".join(_inline(row, scope, anchors) for row in rows))
        else:
            shown.append(_inline(block, scope, anchors))
    return "\n\n".join(shown)


def _inline(text: str, scope: str, anchors: dict[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        wanted = match[1]
        for name in (wanted, f"{scope.split('.')[0]}.{wanted}", f"errors.{wanted}"):
            if name in anchors:
                return f"[`{wanted.removeprefix('errors.')}`](#{anchors[name]})"
        raise LookupError(f"the docstring of {scope} refers to {wanted}, which is not public")

    return _ROLE.sub(link, text).replace("``", "`")
