"""The long run of ``make crash``: simulated crashes, real kills, and processes beside one another.

``--seed N`` does again what a run with that seed did; without it a seed is drawn and printed. What
was found in figures goes to ``results.json``, from which ``docs/guarantees.md`` is generated.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import random
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crash import kills
from crash.explorer import HOWS, Explorer, Found
from crash.lives import ALL, Tables
from crash.takeover import calls_of, take_over

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("results.json")
SIMULATED_SECONDS = 180
SHARE = 0.5
ROUNDS = 200
PROCESSES_SECONDS = 600


def simulated(seconds: float, seed: int) -> dict[str, Any]:
    """Crash every life at half of its places, with one seed after the other, until time is over."""
    start = time.monotonic()
    counts: Counter[str] = Counter()
    for number in count(seed):
        for kind in ALL:
            explorer = Explorer(kind, number)
            chance = random.Random(number)
            for place, disk, moment in explorer.moments():
                if time.monotonic() > start + seconds and counts["lives"] >= len(ALL):
                    break
                if chance.random() < SHARE:
                    explorer.crash_at(disk, place, moment, chance.getrandbits(40))
            counts += explorer.counts
            counts["lives"] += 1
            say(f"  {kind.__name__}, seed {number}: {explorer.counts['points']:,} crashes")
        counts["takeovers"] += _taken_over(number)
        if time.monotonic() > start + seconds:
            break
    return {
        "crashes": counts["points"],
        **{how: counts[how] for how in HOWS},
        "again": counts["again"],
        "takeovers": counts["takeovers"],
        "lives": counts["lives"],
        "seconds": round(time.monotonic() - start),
    }


def _taken_over(seed: int) -> int:
    """Let a process die at every eighth call of a life; another goes on each time."""
    places = range(1 + seed % 8, calls_of(Tables, seed), 8)
    for dies_at in places:
        take_over(Tables, seed, dies_at)
    return len(places)


def killed(rounds: float, seed: int) -> dict[str, Any]:
    """Kill a writer process and its readers at random moments."""
    return kills.run(int(rounds), seed)


def beside(seconds: float, seed: int) -> dict[str, Any] | None:
    """Let readers and writers of several processes work beside one another."""
    if importlib.util.find_spec("crash.processes") is None:
        return None
    return dict(importlib.import_module("crash.processes").run(seconds, seed))


SECTIONS: dict[str, tuple[Callable[[float, int], dict[str, Any] | None], float]] = {
    "simulated": (simulated, SIMULATED_SECONDS),
    "kills": (killed, ROUNDS),
    "processes": (beside, PROCESSES_SECONDS),
}
"""What is run: seconds, or rounds of the kills, and a seed; returns figures, None for nothing."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what was asked for; return 1 where something was found."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, help="of an earlier run, to do it again")
    parser.add_argument("--only", choices=SECTIONS, help="one part, and nothing is written")
    for name, (_, most) in SECTIONS.items():
        what = "rounds" if name == "kills" else "seconds"
        parser.add_argument(f"--{name}", type=float, default=most, metavar="N", help=what)
    given = parser.parse_args()
    seed = random.randrange(1 << 20) if given.seed is None else given.seed
    logging.disable(logging.CRITICAL)  # each torn end is told
    say(f'seed {seed}; to do it again: make crash ARGS="--seed {seed}"')
    results: dict[str, Any] = {"seed": seed, "python": sys.version.split()[0]}
    for name, (run, _) in SECTIONS.items():
        if given.only not in (None, name):
            continue
        say(f"{name}:")
        try:
            found = run(getattr(given, name), seed)
        except (Found, AssertionError) as error:
            say(f"FOUND in {name}, with seed {seed}: {error}")
            return 1
        if found is not None:
            results[name] = found
            say("  " + ", ".join(f"{key} {value:,}" for key, value in found.items()))
    if given.only is None:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        say(f"nothing was found; {RESULTS.name} is written, and `make docs` puts it into the page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
