"""``dynafile demo``, from the first act to the last."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from dynafile import Dynafile
from dynafile.cli.demo.cities import load_cities
from dynafile.cli.failures import ExitCode, Failure
from dynafile.errors import DynafileError

_TABLE = "dynafile-demo"


def demo(
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="The folder for the cities.")
    ] = "demo-db",
) -> None:
    """Import the world's cities into a folder and show what one does with them, with timings.

    It takes some seconds. The folder stays, for you to look around; running the demo again makes it
    anew. Needs the extra `demo`.
    """
    from dynafile.cli.demo import acts
    from dynafile.cli.demo.stage import Stage, duration, timed

    _refuse_others(path)
    cities = load_cities()
    stage = Stage()
    stage.title("Dynafile", "a DynamoDB-like table engine that lives in a folder")
    with timed() as took:
        with Dynafile(path, "PK", "SK", table_name=_TABLE) as db:
            db.clear()
            for index in db.indexes:
                db.drop_index(index)
            acts.import_cities(stage, db, cities)
            acts.one_city(stage, db)
            acts.by_prefix(stage, db)
            acts.largest(stage, db)
            acts.three_filters(stage, db)
            acts.update(stage, db)
            acts.timings(stage, db)
        acts.layout(stage, path)
        acts.where_next(stage, path, _program())
    stage.end(f"All of this took {duration(took.seconds)}. The folder {path} stays.")


def _refuse_others(path: str) -> None:
    """Raise unless the path is free, or holds an earlier demo: the demo empties its table."""
    folder = Path(path)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        with Dynafile(path, read_only=True) as db:
            if db.table_name == _TABLE:
                return
    except DynafileError:
        pass
    raise Failure(
        f"{path} exists, and is not from an earlier demo",
        hint="name another folder, as in: dynafile demo my-demo",
        code=ExitCode.STORAGE,
    )


def _program() -> str:
    """Return what to type for this command: the script may not be on the path."""
    if shutil.which("dynafile"):
        return "dynafile"
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return "python -m dynafile"
    return os.path.relpath(script)
