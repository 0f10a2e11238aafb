"""The reader: a value of the bytes of a pickle that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dynafile.errors import DynafileError
from dynafile.objects.pickles.budget import Overspent
from dynafile.objects.pickles.builders import SCAFFOLD
from dynafile.objects.pickles.classes import Classes
from dynafile.objects.pickles.interpreter import run
from dynafile.objects.pickles.machine import Machine
from dynafile.objects.pickles.refusals import corrupt
from dynafile.objects.pickles.shape import DEEPEST, Members, too_tall

__all__ = ["load"]


def load(data: bytes | memoryview, registered: Iterable[type] = frozenset()) -> Any:
    """Return the value of a pickle of protocols 0 to 5, of types on the allow-list only.

    Nothing that the bytes name is imported, NumPy and pandas excepted, or called. Time and memory
    are in proportion to their length. ``registered`` are classes of the user's that may be in it,
    and that may make themselves in their own way.

    Raises ``UnsupportedObject`` for a type that is not on the list, ``MissingExtra`` for NumPy,
    pandas or a time zone that is not on this machine, and ``CorruptObject`` for what is no pickle.
    """
    classes = Classes(registered)
    machine = Machine(bytes(data), classes)
    try:
        value = run(machine)
        # An opcode makes one level at most, and plain ones make nothing but values.
        if machine.special or len(machine.data) > DEEPEST:
            members = Members(_check, None, classes.made, machine.context.parts)
            if too_tall([value, *machine.context.roots], members):
                raise corrupt(f"it is nested deeper than {DEEPEST} levels")
    except DynafileError:
        raise
    except (IndexError, EOFError):
        raise corrupt("it ends early") from None
    except Overspent:
        raise corrupt("it makes too much of too little") from None
    except Exception as error:
        # Python, NumPy and pandas say in many ways that an argument is wrong.
        raise corrupt(str(error)[:200] or type(error).__name__) from error
    return value


def _check(value: Any) -> None:
    if type(value) in SCAFFOLD:
        raise corrupt(f"{value.name} as a value")
