"""Writes the parts of the documents that are generated, between their markers.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, in README.md or in any page
of this folder. One file is generated whole: ``dynafile/aio/__init__.pyi``.
``python docs/generate.py`` writes them; with ``--check`` it changes nothing, and exits with 1 if
one is out of date.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from api_reference import documents_reference, entities_reference, objects_reference, reference
from async_stub import STUB, stub

import dynafile
from dynafile import errors
from dynafile.cli.failures import ExitCode
from dynafile.cli.program import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents() -> list[Path]:
    """Return the files that may have generated parts."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def rendered(text: str) -> str:
    """Return a document with its generated parts as they should be."""
    return _PART.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]]().strip()}\n\n{part[3]}", text)


def commands() -> str:
    """Describe every command: usage, what it does, arguments and options."""
    return "\n\n".join(_command(name, function) for name, function in COMMANDS.items())


def exit_codes() -> str:
    """List the exit codes with what they mean."""
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in _documented_members(ExitCode)]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def error_list() -> str:
    """List the errors with the first sentence of each."""
    rows = [
        f"| `{name}` | {_first_sentence(value)} |"
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    ]
    return "\n".join(["| error | when |", "| --- | --- |", *rows])


def module_list() -> str:
    """List the modules with the first line of each one's docstring."""
    package = Path(dynafile.__file__).parent
    rows = []
    for path in sorted(package.rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        job = docstring.split("\n", 1)[0].replace("``", "`").replace("|", "\\|")
        rows.append(f"| `{path.relative_to(package.parent).as_posix()}` | {job} |")
    return "\n".join(["| module | job |", "| --- | --- |", *rows])


FOUND = "damage that was refused with its file"
CUT = "damage that passed for the torn end of a crash, and was reported"
CHECK = "damage to what no item needs, found by `check`"
WHOLE = "damage that changes nothing: all was read, and nothing else"
CRASHES = {
    "simulated": {
        "crashes": "simulated crashes",
        "killed": "of them a process that is killed",
        "nothing": "a power cut that leaves nothing of what was not synced",
        "everything": "a power cut that leaves everything",
        "ordered": "a power cut that leaves what was done up to some moment",
        "some": "a power cut that leaves any part, torn anywhere",
        "again": "crashes of what an earlier crash had left",
        "takeovers": "deaths of a process beside one that goes on",
    },
    "kills": {
        "rounds": "rounds of real kills",
        "acknowledged": "commits that a killed writer had acknowledged",
        "adopted": "commits under way that were found whole",
        "sightings": "times that a reader saw a newer commit",
        "readers killed": "readers killed",
    },
    "corruption": {
        "damages": "bytes changed, files cut, gone, swapped with others or older",
        "written: CorruptFile": FOUND,
        "written: ForeignFile": "damage to the word that says whose file it is",
        "written: found by check": CHECK,
        "written: cut": CUT,
        "written: whole": WHOLE,
        "repair: all saved": "repairs that saved every item as it was",
        "repair: some lost": "repairs that said what is lost or not sure",
        "repair: refused": "repairs refused, because nothing tells the tables any more",
    },
    "processes": {
        "puts": "puts of four writers",
        "increments": "conditional increments of one counter, and what it came to",
        "reads": "reads beside them, none of them stale, or of what was not on the disk yet",
        "records": "records that a follower of the stream got, in order",
        "indexes": "indexes added, read and dropped",
        "killed": "writers killed while they held the lock, or waited for it",
        "least_share": "puts of the slowest of the four, of those of the fastest",
        "median_put": "milliseconds of the median put",
        "longest_sync": "milliseconds of the longest sync of the disk",
        "longest_put": "milliseconds of the longest put",
        "longest_put_after_a_kill": "milliseconds of the longest put after a kill",
        "over_100_ms": "puts that took over 100 ms",
        "over_100_ms_beside_syncs": "puts that took over 100 ms longer than the longest sync",
    },
}


def crash_figures() -> str:
    """List what the last long run of the crash tests did, from its results."""
    results = json.loads(_read(ROOT / "tests" / "crash" / "results.json"))
    lines = [
        f"| {part} | {meaning} | {results[part][what]:,} |"
        for part, meanings in CRASHES.items()
        for what, meaning in meanings.items()
        if what in results[part]
    ]
    minutes = results["seconds"] / 60
    head = f"Seed {results['seed']}, {minutes:.0f} minutes; nothing was lost."
    return "\n".join([head, "", "| part | what | how many |", "| --- | --- | --- |", *lines])


def _command(name: str, function: Callable[..., None]) -> str:
    arguments, options = [], []
    usage = [f"dynafile {name}"]
    for parameter, type_, info in _parameters(function):
        if type(info).__name__ == "ArgumentInfo":
            usage.append(info.metavar)
            arguments.append(f"- `{info.metavar.strip('[]')}`: {info.help}")
        else:
            options.append(f"- {_option(parameter, type_, info)}: {info.help}")
    usage += ["[OPTIONS]"] if options else []
    doc = inspect.getdoc(function) or ""
    parts = [f"### {name}", f"```text\n{' '.join(usage)}\n```", doc, "\n".join(arguments)]
    if options:
        parts += ["Options:", "\n".join(options)]
    return "\n\n".join(parts)


def _parameters(function: Callable[..., None]) -> Iterator[tuple[inspect.Parameter, Any, Any]]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hints[name]) is Annotated:
            type_, info, *_ = get_args(hints[name])
            yield parameter, type_, info


def _option(parameter: inspect.Parameter, type_: Any, info: Any) -> str:
    # typer takes the first name for a default until it builds the command.
    given = [info.default, *(info.param_decls or ())]
    declared = [name for name in given if isinstance(name, str) and name.startswith("-")]
    names = declared or ["--" + parameter.name.strip("_").replace("_", "-")]
    value = info.metavar or _value_of(type_)
    shown = ", ".join(f"`{name}`" for name in names)
    if value:
        shown += f" `{value}`"
    default = parameter.default
    if isinstance(default, Enum | int) and not isinstance(default, bool):
        shown += f" (default `{default.value if isinstance(default, Enum) else default}`)"
    return shown


def _value_of(type_: Any) -> str:
    inner = [part for part in get_args(type_) if part is not type(None)] or [type_]
    kind = inner[0]
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return "N" if kind is int else ""


def _documented_members(enum: type[Enum]) -> Iterator[tuple[Any, str]]:
    """Yield members with the docstrings below them, which only the source has."""
    tree = ast.parse(inspect.getsource(enum)).body[0]
    assert isinstance(tree, ast.ClassDef)
    for statement, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            assert isinstance(below, ast.Expr)
            assert isinstance(below.value, ast.Constant)
            yield enum[statement.targets[0].id], " ".join(str(below.value.value).split())


def _first_sentence(value: type) -> str:
    text = " ".join((inspect.getdoc(value) or "").split()).replace("``", "`")
    return text.split(". ")[0].rstrip(".") + "."


_PARTS = {
    "commands": commands,
    "crash": crash_figures,
    "errors": error_list,
    "exit_codes": exit_codes,
    "modules": module_list,
    "reference": reference,
    "documents_reference": documents_reference,
    "entities_reference": entities_reference,
    "objects_reference": objects_reference,
}


def main() -> int:
    """Write the generated parts, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the documents.")
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if out of date")
    check = parser.parse_args().check
    stale = False
    generated = [(STUB, stub()), *((path, rendered(_read(path))) for path in documents())]
    for path, new in generated:
        text = _read(path)
        if new != text:
            stale = True
            print(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
            if not check:
                path.write_text(new, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
