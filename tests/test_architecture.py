"""The floors: who imports whom, how long modules are, and who may touch files.

Works on the installed package, and counts every import: those in functions and those under
``TYPE_CHECKING`` too.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import dynafile
from dynafile import aio, errors

PACKAGE = Path(dynafile.__file__).parent

FLOORS = {
    "errors": 0,
    "values": 0,
    "store": 1,
    "table": 2,
    "expressions": 2,
    "partiql": 2,
    "store_options": 3,
    "table_options": 3,
    "constraints": 3,
    "settings_request": 3,
    "table_request": 3,
    "update_request": 3,
    "creation": 3,
    "descriptions": 3,
    "handle": 3,
    "indexed_handle": 3,
    "key_ranges": 3,
    "legacy_requests": 3,
    "request_checks": 3,
    "results": 3,
    "capacity": 3,
    "read_requests": 3,
    "write_requests": 3,
    "item_reader": 3,
    "item_writer": 3,
    "streams": 3,
    "nested": 3,
    "transact": 3,
    "transactions": 3,
    "transactional": 3,
    "statements": 3,
    "batches": 3,
    "data_plane": 3,
    "resource_settings": 3,
    "stream_operations": 3,
    "table_api": 3,
    "database_handle": 3,
    "database": 3,
    "repairing": 3,
    "aio": 3,
    "locked": 3,
    "conditions": 3,
    "entities": 4,
    "objects": 4,
    "documents": 4,
    "cli": 5,
}
"""By the first name below ``dynafile``; a new package or module needs a floor here."""

CONTENTS = 3.5
"""The floor of ``dynafile/__init__.py``: it shows the API, and only floors above may use it."""

MAIN = 6

BESIDE = {
    ("aio", "database"),
    ("aio", "request_checks"),
    ("aio", "store_options"),
    ("aio", "streams"),
    ("aio", "table_api"),
    ("aio", "transactions"),
    ("batches", "capacity"),
    ("batches", "nested"),
    ("batches", "read_requests"),
    ("batches", "request_checks"),
    ("batches", "results"),
    ("batches", "write_requests"),
    ("capacity", "request_checks"),
    ("capacity", "results"),
    ("creation", "constraints"),
    ("creation", "settings_request"),
    ("creation", "table_options"),
    ("creation", "table_request"),
    ("data_plane", "batches"),
    ("data_plane", "capacity"),
    ("data_plane", "statements"),
    ("database", "constraints"),
    ("database", "creation"),
    ("database", "data_plane"),
    ("database", "descriptions"),
    ("database", "resource_settings"),
    ("database", "settings_request"),
    ("database", "store_options"),
    ("database", "stream_operations"),
    ("database", "table_api"),
    ("database", "table_options"),
    ("database", "update_request"),
    ("database_handle", "constraints"),
    ("database_handle", "store_options"),
    ("database_handle", "table_api"),
    ("handle", "store_options"),
    ("indexed_handle", "handle"),
    ("indexed_handle", "request_checks"),
    ("item_reader", "capacity"),
    ("item_reader", "indexed_handle"),
    ("item_reader", "key_ranges"),
    ("item_reader", "legacy_requests"),
    ("item_reader", "read_requests"),
    ("item_reader", "results"),
    ("item_writer", "capacity"),
    ("item_writer", "indexed_handle"),
    ("item_writer", "results"),
    ("item_writer", "write_requests"),
    ("legacy_requests", "nested"),
    ("locked", "table_api"),
    ("partiql", "expressions"),
    ("read_requests", "capacity"),
    ("read_requests", "key_ranges"),
    ("read_requests", "legacy_requests"),
    ("read_requests", "request_checks"),
    ("read_requests", "results"),
    ("repairing", "store_options"),
    ("resource_settings", "constraints"),
    ("resource_settings", "database_handle"),
    ("resource_settings", "descriptions"),
    ("resource_settings", "settings_request"),
    ("settings_request", "constraints"),
    ("statements", "capacity"),
    ("statements", "key_ranges"),
    ("statements", "nested"),
    ("statements", "read_requests"),
    ("statements", "request_checks"),
    ("statements", "results"),
    ("statements", "transact"),
    ("statements", "transactional"),
    ("statements", "write_requests"),
    ("stream_operations", "constraints"),
    ("stream_operations", "descriptions"),
    ("streams", "indexed_handle"),
    ("streams", "request_checks"),
    ("table_api", "descriptions"),
    ("table_api", "item_reader"),
    ("table_api", "item_writer"),
    ("table_api", "statements"),
    ("table_api", "streams"),
    ("table_options", "store_options"),
    ("table_request", "constraints"),
    ("table_request", "settings_request"),
    ("transact", "capacity"),
    ("transact", "nested"),
    ("transact", "read_requests"),
    ("transact", "request_checks"),
    ("transact", "results"),
    ("transact", "write_requests"),
    ("transactional", "capacity"),
    ("transactional", "transact"),
    ("transactional", "transactions"),
    ("transactions", "read_requests"),
    ("transactions", "request_checks"),
    ("transactions", "write_requests"),
    ("update_request", "constraints"),
    ("update_request", "settings_request"),
    ("update_request", "table_request"),
    ("values", "errors"),
    ("write_requests", "capacity"),
    ("write_requests", "legacy_requests"),
    ("write_requests", "request_checks"),
    ("write_requests", "results"),
}
"""On one floor, who may import whom; all others do not know each other."""

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60

FILE_MODULES = {
    "fcntl",
    "io",
    "mmap",
    "msvcrt",
    "os",
    "pathlib",
    "shutil",
    "subprocess",
    "tempfile",
}
"""Modules that lead to files or processes. Below floor 5 the seam alone may import them."""

HARMLESS = {
    "io.BytesIO",
    "os.PathLike",
    "os.fspath",
    "os.getpid",
    "os.path.basename",
    "os.path.realpath",
    "os.register_at_fork",
}
"""What anyone may use of such modules, because it opens, changes and lists nothing."""

SEAM = {
    "dynafile.documents.montybase_files",
    "dynafile.documents.rules.files",
    "dynafile.documents.served.configuration_files",
    "dynafile.objects.backends.files",
    "dynafile.objects.settings_file",
    "dynafile.store.descriptors",
    "dynafile.store.durable_folders",
    "dynafile.store.file_claim",
    "dynafile.store.file_lock",
    "dynafile.store.file_reserve",
    "dynafile.store.file_scratch",
    "dynafile.store.filesystem",
    "dynafile.store.local_volume",
    "dynafile.store.opening",
    "dynafile.store.repair_folders",
    "dynafile.store.strange_volume",
}
"""The modules through which everything below floor 5 reaches the operating system."""


@dataclass(frozen=True)
class Module:
    """A module of the package, parsed."""

    name: str
    path: Path
    source: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.source)

    @property
    def top(self) -> str:
        """The first name below the package; empty for the package itself."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def floor(self) -> float:
        if not self.top:
            return CONTENTS
        return MAIN if self.top == "__main__" else FLOORS[self.top]


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, path.read_text(encoding="utf-8"))
    return found


def imports(module: Module) -> set[str]:
    """The full names of what a module imports, of the package and of others."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: relative import in line {node.lineno}"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules() else node.module)
    return found


def own_imports(module: Module) -> set[str]:
    return {name for name in imports(module) if name == "dynafile" or name[:9] == "dynafile."}


def functions(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(module.tree) if isinstance(node, kinds)]


every_module = pytest.mark.parametrize("module", modules().values(), ids=modules().keys())
lower_module = pytest.mark.parametrize(
    "module", [pytest.param(module, id=name) for name, module in modules().items()
               if module.top in FLOORS and FLOORS[module.top] < 5]
)  # fmt: skip


def test_every_package_has_a_floor() -> None:
    named = {module.top for module in modules().values()} - {"", "__main__"}
    assert named <= FLOORS.keys(), f"give {named - FLOORS.keys()} a floor in FLOORS"


@every_module
def test_imports_go_down(module: Module) -> None:
    for name in own_imports(module):
        target = modules()[name]
        if target.top == module.top or (module.top, target.top) in BESIDE:
            continue
        assert target.floor < module.floor, f"{module.name} imports {name}, which is not below it"


def test_no_cycles() -> None:
    graph = {name: own_imports(module) - {name} for name, module in modules().items()}
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert leaves, f"these import one another in circles: {', '.join(sorted(graph))}"
        for name in leaves:
            del graph[name]


def test_the_command_is_not_imported_with_the_package() -> None:
    assert not any(name.startswith("dynafile.cli") for name in own_imports(modules()["dynafile"]))


@every_module
def test_modules_are_short(module: Module) -> None:
    lines = len(module.source.splitlines())
    assert lines <= LONGEST_MODULE, f"{module.name} has {lines} lines; split it along a concept"


@every_module
def test_functions_fit_on_a_screen(module: Module) -> None:
    for node in functions(module):
        assert node.end_lineno is not None
        lines = node.end_lineno - node.lineno + 1
        if ast.get_docstring(node) is not None:
            docstring = node.body[0]
            assert docstring.end_lineno is not None
            lines -= docstring.end_lineno - docstring.lineno + 1
        assert lines <= LONGEST_FUNCTION, f"{module.name}.{node.name} has {lines} lines"


@every_module
def test_modules_say_their_job_first(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring, f"{module.name} has no docstring"
    first = docstring.splitlines()[0]
    assert first.endswith((".", ":")), f"{module.name}: {first!r} is no sentence on one line"


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` as text; empty for anything but names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def reached(node: ast.AST) -> set[str]:
    """What a piece of code uses of modules that lead to files, by its full name."""
    found: set[str] = set()
    if isinstance(node, ast.ImportFrom) and node.module in FILE_MODULES:
        found = {f"{node.module}.{alias.name}" for alias in node.names}
    elif isinstance(node, ast.Call) and dotted(node.func) == "open":
        found = {"open"}
    elif isinstance(node, ast.Attribute):
        name = dotted(node)
        if name.split(".")[0] in FILE_MODULES:
            return {name} - HARMLESS
    for inner in ast.iter_child_nodes(node):
        found |= reached(inner)
    return found - HARMLESS


@lower_module
def test_only_the_seam_reaches_files(module: Module) -> None:
    if module.name not in SEAM:
        found = reached(module.tree)
        assert not found, f"{module.name} uses {', '.join(sorted(found))}; the seam is for that"


def test_the_seam_test_can_fail() -> None:
    code = "import os, io\nfrom pathlib import Path\nos.path.realpath(os.fspath(1))\nio.BytesIO()\n"
    assert reached(ast.parse(code)) == {"pathlib.Path"}
    code = "def f():\n  with open(os.path.join(a.os, 'b')) as c: os.stat(c).st_size\n"
    assert reached(ast.parse(code)) == {"open", "os.path.join", "os.stat"}


def test_the_seam_is_there() -> None:
    assert modules().keys() >= SEAM


def test_what_is_for_asyncio_is_imported_when_it_is_asked_for() -> None:
    """asyncio takes a quarter as long to import as all the rest."""
    code = (
        "import sys, dynafile; early = {'asyncio', 'dynafile.aio'} & set(sys.modules); "
        "dynafile.AsyncDynafile; assert not early, early; assert 'asyncio' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_is_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(dynafile).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and name not in ("TYPE_CHECKING", "annotations")
    }
    public |= {name for name in vars(aio) if name.startswith("Async")} - {"AsyncTransactionItems"}
    public |= dynafile._REPAIRING.keys()
    listed = {name for name in dynafile.__all__ if not inspect.ismodule(getattr(dynafile, name))}
    assert sorted(dynafile.__all__) == dynafile.__all__
    assert listed - {"__version__"} == public


def test_all_names_are_documented() -> None:
    for name in dynafile.__all__:
        value = getattr(dynafile, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"dynafile.{name} has no docstring"


def test_error_tree_is_as_drawn() -> None:
    """The tree in the docstring of ``errors.py`` is that of the classes, second bases included."""
    assert errors.__doc__ is not None
    drawn: list[tuple[str, str | None, str | None]] = []
    above: list[str] = []
    for line in errors.__doc__.split(".. code-block:: text")[1].splitlines():
        match = re.fullmatch(r"( {4,})(\w+)(?: +\((\w+(?:, \w+)*)\))?(?: .*)?", line)
        if match is None:
            assert not line.strip(), f"not understood: {line!r}"
            continue
        depth = (len(match[1]) - 4) // 2
        del above[depth:]
        drawn.append((match[2], above[-1] if above else None, match[3]))
        above.append(match[2])
    real = []
    for name, value in vars(errors).items():
        if inspect.isclass(value) and value.__module__ == errors.__name__:
            bases = [base.__name__ for base in value.__bases__]
            parent = bases[0] if bases != ["Exception"] else None
            real.append((name, parent, ", ".join(bases[1:]) or None))
    assert sorted(drawn, key=str) == sorted(real, key=str)
