"""The kept corpus: what fuzzing has reached, replayed, each input within its share of memory."""

from __future__ import annotations

import gc

import pytest
from fuzz.guard import measured
from fuzz.run import CORPUS, NAMES, kept, main
from fuzz.seeds import seeds
from fuzz.targets import TARGETS, folder, key

from dynafile.errors import ReadOnlyDatabase, StreamNotEnabled

MOST_BYTES = 500_000


def test_every_target_is_run_and_has_a_corpus() -> None:
    assert tuple(TARGETS) == NAMES
    assert {each.name for each in CORPUS.iterdir()} == set(NAMES)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus(name: str) -> None:
    target = TARGETS[name]
    for data in (*seeds(name), *kept(name)):
        target(data)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("folder", "position")])
def test_memory_is_in_proportion(name: str) -> None:
    target = TARGETS[name]
    for data in (*seeds(name), *kept(name)):
        with measured(data):
            target(data)
    gc.collect()


def test_the_folder_of_the_corpus_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of ours are swallowed by the targets; here there are none but these two."""
    monkeypatch.setattr("fuzz.targets.ERRORS", (StreamNotEnabled, ReadOnlyDatabase))
    folder(b"")
    folder(b"\1")
    folder(b"\4")


def test_without_atheris_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fuzz.run.importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["run.py", "--only", "key"])
    assert main() == 2
    assert "Hypothesis" in capsys.readouterr().out


def test_a_target_fails_where_another_error_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("fuzz.targets.decode_key_value", broken)
    with pytest.raises(AssertionError):
        key(b"Sa\0\1")
