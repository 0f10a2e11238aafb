"""Whether an error tells a secret: in its text, its attributes, its causes, or a traceback."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable

from dynafile.errors import DynafileError


def assert_tells_none(error: DynafileError, secrets: Iterable[str]) -> None:
    """Look everywhere in an error, which can be sent to another process, for secrets."""
    secrets = list(secrets)
    at: BaseException | None = error
    while at is not None:
        told = [repr(at), str(vars(at)), *map(repr, at.args)]
        assert not [text for text in secrets for each in told if text in each]
        at = at.__cause__ or at.__context__
    shown = "".join(traceback.format_exception(error))
    assert not [text for text in secrets if text in shown]
    assert type(pickle.loads(pickle.dumps(error))) is type(error)
