"""Requests that come twice: an id and a time make a change happen once.

The client makes the id and says when; the same request again, because an answer was lost or because
somebody has a copy of it, gives the same answer and changes nothing. Answers are kept for as long
as the time of a request is taken, so that a copy is refused either way.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import time
from collections.abc import Callable
from typing import Any, Final

from dynafile.documents.access.names import checked_seconds
from dynafile.documents.access.records import Record, Records
from dynafile.documents.sources import Clock
from dynafile.errors import (
    AnswerNotKept,
    CommitOutcomeUnknown,
    IdempotentParameterMismatch,
    InvalidAccess,
    RequestInProgress,
    StaleRequest,
)

__all__ = ["Replays"]

_FOLDER: Final = "request/"
_LONGEST_ANSWER: Final = 1 << 20
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Replays:
    """The requests of the last minutes.

    :param window: seconds by which the time of a request may be off, before and after
    """

    def __init__(self, records: Records, *, window: float = 300, clock: Clock = time.time) -> None:
        self._records = records
        self._window = checked_seconds(window, "the window of requests")
        self._clock = clock

    def once(
        self, who: str, request_id: object, sent: object, body: bytes, act: Callable[[], Any]
    ) -> Any:
        """Return what ``act`` returns, or what it returned for the same request before.

        What ``act`` raises is raised, and the request may be made again. If its outcome is not
        known, or the process dies in between, the request stays in progress until its time is over.

        :param who: the id of the key or user; others may have the same request ids
        :param request_id: 16 to 64 characters of ``[A-Za-z0-9_-]``, random
        :param sent: when it was made, in seconds since 1970
        :param body: all that says what is to be done, the method and the path too
        :param act: makes the change, and returns what JSON can hold
        :raises StaleRequest: the time is off by more than the window
        :raises IdempotentParameterMismatch: the id was used for another body or time
        :raises RequestInProgress: the same request is being made right now
        :raises AnswerNotKept: it was made, and its answer was longer than 1 MiB
        """
        moment = self._moment(sent)
        if not isinstance(request_id, str) or _ID.fullmatch(request_id) is None:
            raise InvalidAccess("a request id has 16 to 64 characters of A-Z, a-z, 0-9, _ and -")
        name = _FOLDER + _digest(json.dumps([who, request_id]).encode())
        begun: Record = {
            "body": _digest(json.dumps(moment).encode() + b"\n" + body),
            "done": False,
            "expires": moment + self._window,
        }
        while not self._records.swap(name, None, begun):
            found = self._records.get(name)
            if found is None:
                continue
            # Of a request that is over, and whose id is used again.
            if found["expires"] <= self._clock():
                self._records.swap(name, found, None)
                continue
            return _answer(found, begun)
        try:
            answer = act()
        except CommitOutcomeUnknown:
            raise
        except Exception:
            self._records.swap(name, begun, None)
            raise
        kept = len(json.dumps(answer)) <= _LONGEST_ANSWER
        more = {"answer": answer} if kept else {}
        self._records.swap(name, begun, {**begun, "done": True, **more})
        return answer

    def _moment(self, sent: object) -> float:
        number = isinstance(sent, int | float) and not isinstance(sent, bool)
        if not number or not isinstance(sent, int | float) or not math.isfinite(sent):
            raise InvalidAccess("the time of a request is a number of seconds since 1970")
        if abs(self._clock() - sent) >= self._window:
            raise StaleRequest(
                f"the time of the request is off by {self._window:g} seconds or more; look at the "
                "clock, and send it anew with another id"
            )
        return float(sent)


def _answer(found: Record, begun: Record) -> Any:
    if not hmac.compare_digest(found["body"], begun["body"]):
        raise IdempotentParameterMismatch(
            "this request id was used for another request; take another id for each"
        )
    if not found["done"]:
        raise RequestInProgress(
            "this request has begun and has no answer yet; try again, or look whether it was made"
        )
    if "answer" not in found:
        raise AnswerNotKept(
            "this request was made; its answer was too long to be kept: read what is there now"
        )
    return found["answer"]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
