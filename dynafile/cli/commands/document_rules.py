"""``dynafile documents rules``: access rules, type rules and size limits, checked and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynafile.cli.failures import Failure, tell
from dynafile.cli.options import FormatOption
from dynafile.cli.output import OutputFormat, Rows, chosen, print_items

if TYPE_CHECKING:
    from dynafile.documents.rules import Outcome

_FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="The file of rules.", show_default=False)
]
_CasesArgument = Annotated[
    str,
    typer.Argument(
        metavar="CASES",
        help="A file of cases in TOML: accesses, and whether each should be allowed.",
        show_default=False,
    ),
]


def check_rules(file: _FileArgument) -> None:
    """Check a file of rules, and the schemas that it names. An error says where it is."""
    from dynafile.documents.rules import load_rules

    rules = load_rules(file)
    counted = ", ".join(f"{count} {what}" for what, count in rules.counts.items())
    tell("ok", f"{file}: {counted}", colour="32")


def try_rules(file: _FileArgument, cases: _CasesArgument, *, form: FormatOption = None) -> None:
    """Put cases to rules, and print what is decided of each, by which line and why.

    A write that a type rule or a limit refuses counts as denied. Exits with 1 if any decision is
    not the one that its case expects.
    """
    from dynafile.documents.rules import load_cases, load_rules, run_cases

    rules = load_rules(file)
    outcomes = list(run_cases(rules, load_cases(cases)))
    rows = (_row(number, outcome) for number, outcome in enumerate(outcomes, 1))
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        Rows(rows, limited=True).print(["case", "result", "decision", "line"])
    else:
        print_items(rows, shape)
    failed = sum(not outcome.passed for outcome in outcomes)
    if failed:
        raise Failure(f"{file}: {failed} of {len(outcomes)} cases failed")
    tell("ok", f"{file}: {len(outcomes)} cases", colour="32")


def _row(number: int, outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "case": number,
        "result": "ok" if outcome.passed else "FAILED",
        "decision": "allow" if outcome.allowed else "deny",
        "line": outcome.line,
        "action": case.action,
        "path": case.path,
        **({"name": case.name} if case.name else {}),
        "why": outcome.why,
    }
