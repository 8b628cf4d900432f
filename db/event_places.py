"""Places in the stream of events, and whether the log still has all that came after one.

Writers commit in another order than they write, so neither a sequence nor a time nor a transaction's id can tell what
is new: a reader that remembers the last one it saw loses whatever is committed late. Here a place is a pair of
snapshots. New is what the later snapshot sees and the earlier one doesn't; that is a batch, and it is read in the
order of the sequence. Nobody waits for a transaction that is still open: what it wrote is in a later batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Text, text

from db.statements import Statement, compiled, uuid_argument
from errors import ResumeExpired, Unavailable

if TYPE_CHECKING:
    from db.sessions import Session
    from db.task_events import TaskEventRow


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a reader could see at a moment: a snapshot as PostgreSQL writes it, `10:20:10,14,15`, and the last sequence.

    Whatever a transaction writes that began to write after the snapshot has a later sequence. So it is found by an
    index, in its order, however much is written at once. Those that had begun have a number below `end`. The snapshot
    doesn't name them all: it ends with the last one that had ended, and later ones may have written before that.
    """

    snapshot: str
    top: int
    end: int


NOTHING = Horizon("1:1:", 0, 1)
"""Before all that was ever written: transactions are counted from 3."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream a place is in: its log, and the branch of the server's history, which a promotion begins anew.

    The rest tells a standby that took over whether it has all that was seen; then the place is one in its stream, too.
    """

    log: str
    timeline: int
    """0 for a standby, which can't be followed: it doesn't tell which transactions are open."""
    flushed: int
    """How far the server had written its own log, in bytes; 0 if what was seen was on a synchronous standby, too."""
    last: str
    """Marks the last line; empty before the first one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the stream: all that `seen` sees has been read, and of what `batch` sees too, all up to `seq`.

    Both are equal between two batches.
    """

    stream: Stream
    seen: Horizon
    batch: Horizon
    seq: int

    def after(self, event: TaskEventRow) -> Place:
        """Return the place after a line of the log, as it is now: what was written later, then what is committed later.

        All that came from the old history was over when the log began; so after such a line comes the whole log.
        """
        return Place(self.stream, NOTHING, self.seen, 0 if event.is_copied else event.seq)


def between(stream: Stream, horizon: Horizon) -> Place:
    """Return the place where all that a horizon has is read, and nothing else."""
    return Place(stream, horizon, horizon, 0)


async def current_place(session: Session) -> Place:
    """Return the place after all that is committed now. 1 statement."""
    ((log, timeline, flushed, last, *horizon),) = await session.rows(_now())
    return between(Stream(log, timeline, flushed, last), Horizon(*horizon))


def refuse(fault: str) -> None:
    """Raise what FAULT has found: ResumeExpired, or Unavailable for what passes by itself."""
    if fault == "standby":
        raise Unavailable(STANDBY)
    raise ResumeExpired(f"{_WORDS[fault]} Read anew, and go on from there.")


STANDBY = "The database is a standby, which can't be followed. Try again in a few seconds."
_WORDS = {
    "foreign": "This place is in another stream: that of another database, or of this one before it was restored.",
    "branched": "This server was recovered, or took over as a standby, and may lack what was before this place.",
    "ahead": "This place is in the future of this database, which was restored to an earlier state.",
    "crowded": "This place has more open transactions than there can be: no server of ours has given it out.",
    "pruned": "The log doesn't reach back to this place any more: what came next has been pruned.",
}

TOP = """
SELECT coalesce((SELECT seq FROM taskline_events WHERE organization_id = :organization_id ORDER BY seq DESC LIMIT 1), 0)
"""

# The number that the next transaction will get, which age() tells by 32 bits, counted from the number in the snapshot.
# It is read after the snapshot was taken.
XMAX = "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"
END = f"{XMAX} + mod(4294967299 + age(xid '3') - mod({XMAX}, 4294967296), 4294967296)"

# Which log it is. Transactions are counted by the cluster: a dump that is restored elsewhere, a copy and a table made
# anew make it another one. An image of the disk that is brought back can't be told by the server; for that the owner
# writes a comment on the table.
LOG = """
SELECT left(encode(sha256(convert_to(concat_ws(' ',
         (SELECT system_identifier FROM pg_control_system()),
         (SELECT oid FROM pg_database WHERE datname = current_database()),
         CAST(CAST('taskline_events' AS regclass) AS oid),
         obj_description(CAST('taskline_events' AS regclass), 'pg_class')), 'UTF8')), 'hex'), 16)
"""

# A commit is seen after it has been written to the disk, and, where there are synchronous standbys, by them. So all
# three are read after the snapshot.
TIMELINE = """
CASE WHEN pg_is_in_recovery() THEN 0
     ELSE CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS bit(32)) AS integer) END
"""
FLUSHED = """
CASE WHEN pg_is_in_recovery() OR current_setting('synchronous_standby_names') <> '' THEN 0
     ELSE CAST(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') AS bigint) END
"""
_MARK = """
left(encode(sha256(convert_to(concat_ws(' ', n.xid, n.interaction_id, extract(epoch FROM n.at)), 'UTF8')), 'hex'), 16)
"""
LAST = f"""
coalesce((SELECT {_MARK} FROM taskline_events AS n
           WHERE n.organization_id = :organization_id ORDER BY n.seq DESC LIMIT 1), '')
"""  # noqa: S608 - our own words

# Whether a server that took over has all that was seen. It has read the log of the one before up to the fork, which it
# tells until it is started again; then it tells how far it has read its own. So the last line must be there, too: with
# it, numbers of lines go on after it, and no later event is hidden.
_FORK = "pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')"
_HAS_LAST = f"""
(coalesce(:batch_top, :seen_top) = 0
 OR EXISTS (SELECT FROM taskline_events AS n
             WHERE n.organization_id = :organization_id AND n.seq = coalesce(:batch_top, :seen_top)
               AND {_MARK} = :last))
"""
_HAS_ALL = f"""
(s.timeline > :timeline AND :timeline > 0
 AND (:flushed = 0 OR s.timeline - 1 = :timeline AND :flushed <= coalesce({_FORK}, -1)) AND {_HAS_LAST})
"""

SNAPSHOT = "CAST(CAST(:{} AS text) AS pg_snapshot)"
SEEN, BATCH = SNAPSHOT.format("seen"), SNAPSHOT.format("batch")

# A line that a restore has put here bears the number that another cluster gave the transaction. Here a line is written
# by the transaction that it names, or by a part of it, whose number is higher; there it is the restore's. Numbers of
# rows have 32 bits, so it is taken to be the latest that it can be.
IS_RESTORED = """
(CAST(CAST({0}.xid AS text) AS bigint)
 > s.next_xid - mod(s.next_xid - CAST(CAST({0}.xmin AS text) AS bigint), 4294967296))
"""

# Whether a snapshot saw all that has been pruned: none of it was still to come, or still open and has ended since. Its
# numbers may have been given out again since; its sequences not.
_SAW_PRUNED = """
(pg_snapshot_xmax({0}) > p.last
 AND NOT EXISTS (SELECT FROM pg_snapshot_xip({0}) AS w (xid)
                  WHERE w.xid <= p.last AND pg_visible_in_snapshot(w.xid, pg_current_snapshot())))
"""

# Why a place can't be gone on from; null if it can. Pruning leaves a line of its own in each organization: the last
# transaction of whose lines some are gone, and the last sequence of these.
PRUNED = "pruned"
FAULT = f"""
CASE WHEN s.timeline = 0 THEN 'standby'
     WHEN s.log <> :log THEN 'foreign'
     WHEN NOT (s.timeline = :timeline OR {_HAS_ALL}) THEN 'branched'
     WHEN pg_snapshot_xmax(coalesce({BATCH}, {SEEN})) > pg_snapshot_xmax(pg_current_snapshot())
          AND NOT {_HAS_LAST} THEN 'ahead'
     WHEN EXISTS (SELECT FROM (SELECT CASE WHEN {IS_RESTORED.format("n")} THEN xid8 '1' ELSE n.xid END AS last,
                                      CAST(n.after ->> 'seq' AS bigint) AS seq
                                 FROM taskline_events AS n
                                WHERE n.organization_id = :organization_id
                                  AND n.interaction_id = uuid '00000000-0000-0000-0000-000000000000'
                                  AND n.type = '{PRUNED}') AS p
                   WHERE NOT (p.seq <= :seen_top AND {_SAW_PRUNED.format(SEEN)}
                              OR p.seq <= :last_seq AND {_SAW_PRUNED.format(f"coalesce({BATCH}, {SEEN})")}))
     THEN 'pruned' END
"""  # noqa: S608 - our own words


@cache
def _now() -> Statement:
    now = f"""
    SELECT ({LOG}) AS log, {TIMELINE} AS timeline, {FLUSHED} AS flushed, {LAST} AS last,
           CAST(pg_current_snapshot() AS text) AS snapshot, ({TOP}) AS top, {END} AS "end"
    """
    query = text(now).bindparams(uuid_argument("organization_id"))
    numbers = dict.fromkeys(("timeline", "flushed", "top", "end"), BigInteger)
    return compiled(query.columns(log=Text, last=Text, snapshot=Text, **numbers))
