"""The long run of ``make crash``: simulated crashes, real kills, damage, and processes at work.

The first three share the machine; the processes, whose waiting is measured, have it for themselves.
``--seed N`` does again what a run with that seed did; without it a seed is drawn and printed. What
was found in figures goes to ``results.json``, from which ``docs/guarantees.md`` is generated.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crash import corruption, kills, processes
from crash.explorer import HOWS, Explorer
from crash.lives import ALL, Tables
from crash.takeover import calls_of, take_over

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("results.json")
SHARE = 0.25


def simulated(seconds: float, seed: int) -> dict[str, Any]:
    """Crash every life at a quarter of its places, with one seed after the other, until time is over."""
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


def damaged(seconds: float, seed: int) -> dict[str, Any]:
    """Damage files at random, then read and repair what is left."""
    start = time.monotonic()
    counts = corruption.run(seconds, seed)
    return {**dict(sorted(counts.items())), "seconds": round(time.monotonic() - start)}


def beside(seconds: float, seed: int) -> dict[str, Any]:
    """Let readers and writers of several processes work beside one another."""
    return dict(processes.run(seconds, seed))


PARTS: dict[str, tuple[Callable[[float, int], dict[str, Any]], float]] = {
    "kills": (killed, 200),
    "simulated": (simulated, 240),
    "corruption": (damaged, 120),
    "processes": (beside, 600),
}
"""What is run: how many seconds, or rounds of the kills, and a seed; returns figures."""
ALONE = "processes"


def part(name: str, amount: float, seed: int) -> dict[str, Any] | str:
    """Run one part; return its figures, or what was found."""
    logging.disable(logging.CRITICAL)  # each torn end is told
    try:
        return PARTS[name][0](amount, seed)
    except Exception:
        return traceback.format_exc()


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what was asked for; return 1 where something was found."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, help="of an earlier run, to do it again")
    parser.add_argument("--only", choices=PARTS, help="one part, and nothing is written")
    for name, (_, most) in PARTS.items():
        what = "rounds" if name == "kills" else "seconds"
        parser.add_argument(f"--{name}", type=float, default=most, metavar="N", help=what)
    given = parser.parse_args()
    seed = random.randrange(1 << 20) if given.seed is None else given.seed
    say(f'seed {seed}; to do it again: make crash ARGS="--seed {seed}"')
    start = time.monotonic()
    asked = [name for name in PARTS if given.only in (None, name)]
    found = run([name for name in asked if name != ALONE], given, seed)
    if ALONE in asked:
        found |= run([ALONE], given, seed)
    if any(isinstance(each, str) for each in found.values()):
        return 1
    if given.only is None:
        results = {"seed": seed, "python": sys.version.split()[0]}
        results |= {"seconds": round(time.monotonic() - start), **found}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        say(f"nothing was found; {RESULTS.name} is written, and `make docs` puts it into the page")
    return 0


def run(names: list[str], given: argparse.Namespace, seed: int) -> dict[str, dict[str, Any] | str]:
    """Run parts two at a time, and print what came of each."""
    results: dict[str, dict[str, Any] | str] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures: dict[Future[dict[str, Any] | str], str] = {
            pool.submit(part, name, getattr(given, name), seed): name for name in names
        }
        for future in as_completed(futures):
            name, found = futures[future], future.result()
            results[name] = found
            if isinstance(found, str):
                say(f"FOUND in {name}, with seed {seed}: {found}")
            else:
                say(f"{name}: " + ", ".join(f"{key} {value:,}" for key, value in found.items()))
    return results


if __name__ == "__main__":
    sys.exit(main())
