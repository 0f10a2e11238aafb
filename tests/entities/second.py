"""A second process with a database of the types of ``people``, which does what it is told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

WAIT = 60


class Second:
    """Runs Python text in another process; an expression's value comes back, or what it raised."""

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self("open", {"path": str(path), **options})

    def send(self, text: str, values: dict[str, Any] | None = None) -> None:
        """Begin to run a text that knows these values."""
        assert self.process.stdin is not None
        pickle.dump((text, values or {}), self.process.stdin)
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Return what came of it, or raise it."""
        assert self.process.stdout is not None
        worked, result = pickle.load(self.process.stdout)
        if not worked:
            raise result
        return result

    def __call__(self, text: str, values: dict[str, Any] | None = None) -> Any:
        self.send(text, values)
        return self.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        self.process.wait(WAIT)


def serve() -> None:
    """Do what is asked on stdin until it ends."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from entities import people

    from dynafile import entities

    known = {**vars(entities), **vars(people)}
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            text, values = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        try:
            known.update(values)
            if text == "open":
                if "db" in known:
                    known["db"].close()
                known["db"] = entities.Database.init(**values)
                answer = True, None
            else:
                try:
                    code = compile(text, "<told>", "eval")
                except SyntaxError:
                    code = compile(text, "<told>", "exec")
                result = eval(code, known)
                answer = True, getattr(result, "_id", result)
        except Exception as error:
            answer = False, error
        pickle.dump(answer, answers)
        answers.flush()
    answers.close()
    if "db" in known:
        known["db"].close()


if __name__ == "__main__":
    serve()
