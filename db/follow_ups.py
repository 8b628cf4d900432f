"""A lead's next follow-up where the CRM's own trigger doesn't look: on the lead that a task leaves for another one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.statements import Statement, compiled, uuid_argument, uuids_argument

if TYPE_CHECKING:
    from db.sessions import Session

# The trigger's own rule, as far as row security shows what it counts.
_DUE = """
(SELECT min(t.scheduled_at) FROM lead_interactions t
  WHERE t.organization_id = l.organization_id AND t.lead_id = l.id
    AND t.interaction_type = 'task' AND t.status IN ('scheduled', 'pending'))
"""
# The leads that this transaction has taken tasks from, by the log, and whose next follow-up isn't right any more. None
# where no trigger keeps it, or where it does so with rights that aren't ours: then it is others' to see to.
_STALE = f"""
SELECT l.id FROM leads l
 WHERE l.organization_id = :organization_id
   AND l.id IN (SELECT e.record_id FROM taskline_events e
                 WHERE e.organization_id = :organization_id AND e.xid = pg_current_xact_id()
                   AND e.type = 'unlinked' AND e.record_kind = 'lead')
   AND EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                WHERE t.tgrelid = 'lead_interactions'::regclass AND t.tgenabled IN ('O', 'A')
                  AND p.prosrc ~ '\\mnext_follow_up\\M')
   AND has_table_privilege('leads', 'UPDATE')
   AND to_jsonb(l) ? 'next_follow_up'
   AND (to_jsonb(l)->>'next_follow_up')::timestamptz IS DISTINCT FROM {_DUE}
"""  # noqa: S608 - text of our own
# Who holds such a lead may have written a task for it that no statement begun by now sees.
_HOLD = """
SELECT FROM leads l WHERE l.organization_id = :organization_id AND l.id = ANY (:ids) ORDER BY l.id FOR NO KEY UPDATE
"""
_MEND = f"""
UPDATE leads l SET next_follow_up = {_DUE}, updated_at = now()
 WHERE l.organization_id = :organization_id AND l.id = ANY (:ids)
"""  # noqa: S608 - text of our own


async def mend(session: Session) -> None:
    """Set the next follow-up of the leads that tasks have left in this transaction for another lead.

    Where a task leaves a lead for none, the trigger has seen to it. 1 statement, 3 when there is such a lead. Raises
    TimedOut when somebody else holds it: two tasks that change places between two leads may each wait for the other's.
    """
    if stale := await session.rows(_stale()):
        ids = [id_ for (id_,) in stale]
        await session.rows(_hold(), ids=ids)
        await session.rows(_mend(), ids=ids)


@cache
def _stale() -> Statement:
    return compiled(text(_STALE).bindparams(uuid_argument("organization_id")))


@cache
def _hold() -> Statement:
    return compiled(text(_HOLD).bindparams(uuid_argument("organization_id"), uuids_argument("ids")))


@cache
def _mend() -> Statement:
    return compiled(text(_MEND).bindparams(uuid_argument("organization_id"), uuids_argument("ids")))
