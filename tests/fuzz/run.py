"""The long run of ``make fuzz``: every target with atheris, guided by what the inputs reach.

Each target runs in a process of its own, from its seeds and the kept corpus. Inputs that reach what
none before did are added to the corpus, as few and as small as reach all of it. An input that finds
something is kept in ``found/``; once it is mended it belongs into the corpus. ``--seed N`` draws the
same mutations again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

if TYPE_CHECKING:
    from fuzz.targets import Target

CORPUS = HERE / "corpus"
FOUND = HERE / "found"
WORDS = HERE / "words.dict"
SECONDS = 60.0
LONGEST = 4096
"""Bytes of an input: what is larger than that tells nothing that a smaller one does not."""
MOST_KEPT = 50_000
"""Bytes of the corpus of one target."""
MOST_MEMORY = 2 << 30
GROWTH_KIB = 192 << 10
"""By so much the process may grow in one execution: inputs are small, so this is a bomb."""
HANG_SECONDS = 25
NAMES = (
    *("snapshot", "journal", "checkpoint", "meta", "position", "item", "key", "value", "rules"),
    "folder",
)
_FIGURES = re.compile(r"stat::(number_of_executed_units|new_units_added): +(\d+)")


def kept(name: str) -> list[bytes]:
    """Return the kept corpus of a target."""
    return [file.read_bytes() for file in sorted((CORPUS / name).glob("*")) if file.is_file()]


def keep(folder: Path, data: bytes) -> Path:
    """Write an input under the name that its bytes give it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


# -- in the process of a target -------------------------------------------------------------------


def child(name: str, arguments: list[str]) -> None:
    """Fuzz one target until libFuzzer ends the process."""
    import resource  # Windows has none, nor atheris

    import atheris

    with atheris.instrument_imports(include=["dynafile"], enable_loader_override=False):
        from fuzz.guard import Escaped
        from fuzz.targets import TARGETS
    target, wrong = TARGETS[name], Path(os.environ["DYNAFILE_FUZZ_WRONG"])
    seen: dict[tuple[str, ...], int] = {}
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))

    def once(data: bytes) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            target(data)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            if grown > GROWTH_KIB:
                raise Escaped(f"{len(data)} bytes took {grown} KiB of memory")
        except BaseException as error:
            # Go on: behind one that is easily found others would not be.
            site = site_of(error)
            if len(data) < seen.get(site, LONGEST + 1):
                seen[site] = len(data)
                place = wrong / hashlib.sha256(repr(site).encode()).hexdigest()[:16]
                place.write_bytes(data)
                place.with_suffix(".txt").write_text(traceback.format_exc())

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


def site_of(error: BaseException) -> tuple[str, ...]:
    """Return what tells one finding from another: its kind, and our line that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{each.filename}:{each.lineno}" for each in frames if "dynafile" in each.filename]
    return type(error).__name__, *ours[-1:]


def edges_of(target: Target, data: bytes) -> set[tuple[str, int, int]]:
    """Return which line of ours came after which when a target ran."""
    edges: set[tuple[str, int, int]] = set()
    last: dict[int, int] = {}

    def inside(frame, event, _):  # type: ignore[no-untyped-def]
        if event == "line":
            place = id(frame)
            edges.add((frame.f_code.co_filename, last.get(place, 0), frame.f_lineno))
            last[place] = frame.f_lineno
        return inside

    def outside(frame, event, _):  # type: ignore[no-untyped-def]
        return inside if "dynafile" in frame.f_code.co_filename else None

    sys.settrace(outside)
    try:
        target(data)
    except Exception:  # told where it was found
        return set()
    finally:
        sys.settrace(None)
    return edges


# -- the run --------------------------------------------------------------------------------------


def fuzz(name: str, seconds: float, seed: int) -> bool:
    """Run one target and keep what it found; return whether nothing is wrong."""
    from fuzz.seeds import seeds
    from fuzz.targets import TARGETS

    before = kept(name)
    with tempfile.TemporaryDirectory() as folder:
        new, begin, wrong = (Path(folder, each) for each in ("new", "begin", "wrong"))
        for each in (new, begin, wrong):
            each.mkdir()
        for data in (*before, *seeds(name)):
            keep(begin, data)
        command = [sys.executable, __file__, "--child", name, str(new), str(begin)]
        command += [f"-seed={seed}", f"-max_total_time={int(seconds)}", f"-max_len={LONGEST}"]
        command += [f"-artifact_prefix={wrong}/", f"-timeout={HANG_SECONDS}", f"-dict={WORDS}"]
        command += ["-print_final_stats=1", "-rss_limit_mb=0", "-len_control=20"]
        begun = time.monotonic()
        place = {**os.environ, "DYNAFILE_FUZZ_WRONG": str(wrong)}
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=place)
        took = time.monotonic() - begun
        figures = dict(_FIGURES.findall(run.stderr))
        found = _found(name, wrong)
        fresh = [file.read_bytes() for file in new.iterdir()]
    if run.returncode and not found:
        say("\n".join(run.stderr.splitlines()[-40:]))
        return False
    # Regressions stay, whatever else reaches the same lines.
    chosen = [*before, *seeds(name)]
    added = _beyond(TARGETS[name], chosen, fresh)
    for data in added:
        keep(CORPUS / name, data)
    count = int(figures.get("number_of_executed_units", 0))
    say(
        f"  {name}: {count:,} executions in {took:.0f} seconds, "
        f"{int(figures.get('new_units_added', 0)):,} new inputs, {len(added)} of them kept"
    )
    return not found


def _found(name: str, wrong: Path) -> int:
    """Keep what was found in a target, tell of it, and return how much it is."""
    inputs = [file for file in sorted(wrong.iterdir()) if file.suffix != ".txt"]
    for file in inputs:
        told = file.with_suffix(".txt")
        say(f"FOUND in {name}: {keep(FOUND / name, file.read_bytes())}")
        say(told.read_text() if told.exists() else "  it took too long, or the process died")
    return len(inputs)


def _beyond(target: Target, before: list[bytes], fresh: list[bytes]) -> list[bytes]:
    """Return the fewest fresh inputs that reach what those before do not."""
    reached: set[tuple[str, int, int]] = set()
    for data in before:
        reached |= edges_of(target, data)
    room = MOST_KEPT - sum(map(len, before))
    chosen: list[bytes] = []
    for data in sorted(fresh, key=lambda each: (len(each), each)):
        edges = edges_of(target, data)
        if edges - reached and len(data) <= room:
            reached |= edges
            chosen.append(data)
            room -= len(data)
    return chosen


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what was asked for; return 1 where something was found, 2 where there is no atheris."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each target")
    parser.add_argument("--only", choices=NAMES, help="one target")
    parser.add_argument("--seed", type=int, help="of an earlier run, to do it again")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        say(
            "atheris is not installed: it has wheels for CPython 3.11 to 3.13 on Linux, and none "
            "for this machine. The suite tries the same targets with Hypothesis: "
            "pytest tests/fuzz"
        )
        return 2
    seed = random.randrange(1, 1 << 20) if given.seed is None else given.seed
    say(f'seed {seed}; to do it again: make fuzz ARGS="--seed {seed}"')
    names = NAMES if given.only is None else (given.only,)
    whole = [fuzz(name, given.seconds, seed) for name in names]
    say("nothing was found" if all(whole) else "something was found")
    return 0 if all(whole) else 1


if __name__ == "__main__":
    sys.exit(main())
