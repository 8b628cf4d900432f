"""Resume tokens: a place in the stream of events, opaque to clients and checked strictly."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import astuple

from db.event_places import Horizon, Place, Stream
from errors import BadCursor, ResumeExpired

KIND, VERSION = "stream", 2  # a page's cursor has no kind
LONGEST = 20_000  # characters; a snapshot names each transaction that is open
# xmin:xmax:xip,xip … as pg_snapshot prints itself, in numbers that fit it.
SNAPSHOT = re.compile(r"(\d{1,19}):(\d{1,19}):(\d{1,19}(?:,\d{1,19})*)?", re.ASCII)
MARK = re.compile(r"[0-9a-f]{16}", re.ASCII)
LARGEST = 2**63 - 1


def encode(place: Place) -> str:
    """Return the token of a place: base64url of [kind, version, stream, seen, batch, seq]; no batch between two."""
    seen, batch = ([horizon.snapshot, horizon.top, horizon.end] for horizon in (place.seen, place.batch))
    stream = list(astuple(place.stream))
    parts = [KIND, VERSION, stream, seen, None if batch == seen else batch, place.seq]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(token: str) -> Place:
    """Return the place.

    Raises BadCursor for anything that no server of ours has given out, and ResumeExpired for what another release has.
    """
    try:
        if len(token) > LONGEST:
            raise ValueError("too long")  # noqa: TRY301 - told apart from nothing else
        plain = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        kind, version, *parts = json.loads(plain)
        if kind != KIND or type(version) is not int:
            raise ValueError("other kind")  # noqa: TRY301
        place = _place(*parts) if version == VERSION else None
    except (ValueError, TypeError, RecursionError) as exc:
        raise BadCursor(
            f"“{token[:40]}” is no place in the stream. Give an event's `cursor` or a `resumeToken`, unchanged."
        ) from exc
    if place is None:
        raise ResumeExpired("Another release of this server gave this place. Read anew, and go on from there.")
    return place


def _place(stream: object, seen: object, batch: object, seq: object) -> Place:
    return Place(_stream(stream), _horizon(seen), _horizon(seen if batch is None else batch), _sequence(seq))


def _stream(value: object) -> Stream:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("no stream")
    log, timeline, flushed, last = value
    if not isinstance(log, str) or not MARK.fullmatch(log):
        raise ValueError("no log")
    if last != "" and not (isinstance(last, str) and MARK.fullmatch(last)):
        raise ValueError("no line")
    return Stream(log, _sequence(timeline), _sequence(flushed), last)


def _horizon(value: object) -> Horizon:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("no horizon")
    snapshot, end = _snapshot(value[0]), _sequence(value[2])
    if end < int(snapshot.split(":")[1]):
        raise ValueError("no end")
    return Horizon(snapshot, _sequence(value[1]), end)


def _sequence(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError("no sequence")
    return value


def _snapshot(value: object) -> str:
    """Return a snapshot in PostgreSQL's own terms: xmin ≤ each xip < xmax, in order, each once."""
    found = SNAPSHOT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("no snapshot")
    first, end, open_ = int(found[1]), int(found[2]), [int(part) for part in (found[3] or "").split(",") if part]
    is_in_order = open_ == sorted(set(open_)) and 1 <= first <= min(open_, default=end) and end <= LARGEST
    if not is_in_order or (open_ and open_[-1] >= end):
        raise ValueError("no snapshot")
    return found[0]
