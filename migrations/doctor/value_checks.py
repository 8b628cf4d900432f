"""What is looked for in rows: values that the API can't show, doesn't know, or that contradict each other."""

from __future__ import annotations

from migrations.doctor.reference_checks import ERROR, NOTE, WARNING, Kind, RowCheck, setting

_LI, _EVENTS = "lead_interactions", "interaction_events"
_IS_TASK = "t.interaction_type = 'task'"

STATUSES = ("pending", "scheduled", "completed", "cancelled")
PRIORITIES = ("low", "medium", "high")
TYPES = ("task", "call", "email", "meeting", "note", "sms", "whatsapp")

INSTANTS = {
    _LI: ("scheduled_at", "completed_at", "created_at", "updated_at"),
    _EVENTS: ("created_at",),
    "leads": ("converted_date",),
    "accounts": ("deleted_at",),
}


def value_checks() -> list[RowCheck]:
    """Return all checks of values."""
    return [*_organizations(), *_words(), *_contradictions(), *_instants(), *_history()]


def _organizations() -> list[RowCheck]:
    """Return the checks of who owns an interaction; the places of the remedies are for whoever decides."""
    by_lead = "organization_id = (SELECT l.organization_id FROM leads l WHERE l.id = t.lead_id)"
    return [
        RowCheck(
            _LI,
            "organization_id",
            ERROR,
            "t.organization_id IS NULL",
            "is empty: the API shows it to nobody",
            "./taskline migrate up 042_tenant_of_interactions.sql",
        ),
        RowCheck(
            _LI,
            "organization_id",
            ERROR,
            "disputed.interaction_id IS NOT NULL",
            "is in dispute, for it is not its lead's: the API shows it to nobody until somebody decides, "
            "as docs/migrations.md says. Where the leads are right",
            setting(_LI, by_lead),
        ),
        RowCheck(
            _LI,
            "organization_id",
            ERROR,
            "t.organization_id <> lead.organization_id{undisputed}",
            "is not its lead's. Where the leads are right",
            setting(_LI, by_lead),
        ),
        *(
            RowCheck(
                table,
                "organization_id",
                ERROR,
                "t.organization_id IS NULL",
                "is empty: nobody sees it",
                f"UPDATE {table} SET organization_id = '…' WHERE id = '{{sample}}';",
            )
            for table in ("leads", "contacts", "accounts", "users")
        ),
    ]


def _words() -> list[RowCheck]:
    by_times = (
        "CASE WHEN t.completed_at IS NOT NULL THEN 'completed' WHEN t.scheduled_at > now() THEN 'scheduled' "
        "ELSE 'pending' END"
    )
    return [
        RowCheck(
            _LI,
            "status",
            WARNING,
            f"{_IS_TASK} AND coalesce(t.status NOT IN {STATUSES}, true)",
            "is unknown, or empty: the API shows UNKNOWN, and the task is neither open nor done",
            setting(_LI, f"status = {by_times}"),
        ),
        RowCheck(
            _LI,
            "priority",
            WARNING,
            f"{_IS_TASK} AND coalesce(t.priority NOT IN {PRIORITIES}, true)",
            "is unknown, or empty: the API shows UNKNOWN",
            setting(_LI, "priority = 'medium'"),
        ),
        RowCheck(
            _LI,
            "interaction_type",
            WARNING,
            f"coalesce(t.interaction_type NOT IN {TYPES}, true)",
            "is unknown, or empty: the API shows OTHER, and never a task",
            setting(
                _LI,
                f"interaction_type = CASE WHEN lower(t.interaction_type) IN {TYPES} "
                "THEN lower(t.interaction_type) ELSE 'note' END",
            ),
        ),
        RowCheck(
            _LI,
            "subject",
            NOTE,
            f"{_IS_TASK} AND btrim(coalesce(t.subject, '')) = ''",
            "is empty: the task has no headline",
            setting(_LI, "subject = '(no subject)'"),
        ),
    ]


def _contradictions() -> list[RowCheck]:
    return [
        RowCheck(
            _LI,
            "completed_at",
            WARNING,
            "t.status = 'completed' AND t.completed_at IS NULL",
            "is empty, though it is completed: it stands on the timeline where it was due",
            setting(_LI, "completed_at = coalesce(t.updated_at, t.created_at, now())"),
        ),
        RowCheck(
            _LI,
            "completed_at",
            WARNING,
            "t.status IN ('pending', 'scheduled') AND t.completed_at IS NOT NULL",
            "is set, though it is open: it stands on the timeline as if it were done",
            setting(_LI, "completed_at = NULL"),
        ),
        RowCheck(
            _LI,
            "occurs_at",
            ERROR,
            "t.occurs_at IS DISTINCT FROM coalesce(t.completed_at, t.scheduled_at, t.created_at, '-infinity')",
            "isn't the first of completed_at, scheduled_at and created_at: its place in the timeline is wrong",
            "./taskline migrate up 043_timeline_order.sql",
        ),
        RowCheck(
            _LI,
            "deleted_at",
            WARNING,
            f"{_IS_TASK} AND t.deleted_at IS NOT NULL AND t.status IS DISTINCT FROM 'cancelled'",
            "is set, though the status is another than cancelled: the API hides a task that the old application "
            "shows as alive. Where it is to live",
            setting(_LI, "deleted_at = NULL, deleted_by = NULL, status_before_deletion = NULL"),
        ),
        RowCheck(
            _LI,
            "lead_id",
            WARNING,
            f"{_IS_TASK} AND t.lead_id IS NULL AND t.contact_id IS NULL AND t.account_id IS NULL",
            "is empty, and so are contact_id and account_id: the task hangs on nothing",
            f"UPDATE {_LI} SET lead_id = '…' WHERE id = '{{sample}}';",
        ),
    ]


def _instants() -> list[RowCheck]:
    shown = "BETWEEN '0001-01-01 00:00+00' AND '9999-12-31 23:59:59.999999+00'"
    likely = "BETWEEN '1900-01-01 00:00+00' AND '2200-01-01 00:00+00'"
    return [
        check
        for table, columns in INSTANTS.items()
        for column in columns
        for check in (
            RowCheck(
                table,
                column,
                ERROR,
                f"NOT t.{column} {shown}",
                "is infinite or outside of the years 1 to 9999: the API shows the nearest instant that it can",
                setting(table, f"{column} = NULL"),
                kind=Kind.INSTANT,
            ),
            RowCheck(
                table,
                column,
                WARNING,
                f"t.{column} {shown} AND NOT t.{column} {likely}",
                "is before 1900 or after 2200",
                setting(table, f"{column} = NULL"),
                kind=Kind.INSTANT,
            ),
        )
    ]


def _history() -> list[RowCheck]:
    first_line = (
        f"INSERT INTO {_EVENTS} (interaction_id, lead_id, organization_id, event_type, created_at) "
        f"SELECT t.id, t.lead_id, t.organization_id, 'created', t.created_at FROM {_LI} t WHERE {{those}};"
    )
    of_interaction = f"(SELECT i.organization_id FROM {_LI} i WHERE i.id = t.interaction_id)"
    empties = [
        RowCheck(_EVENTS, column, WARNING, f"t.{column} IS NULL", "is empty", remedy)
        for column, remedy in (
            ("interaction_id", f"DELETE FROM {_EVENTS} t WHERE {{those}};"),
            ("organization_id", setting(_EVENTS, f"organization_id = {of_interaction}")),
            ("event_type", setting(_EVENTS, "event_type = 'updated'")),
            ("created_at", setting(_EVENTS, "created_at = now()")),
        )
    ]
    return [
        RowCheck(
            _LI,
            "id",
            NOTE,
            f"t.organization_id IS NOT NULL AND NOT EXISTS (SELECT FROM {_EVENTS} e WHERE e.interaction_id = t.id)",
            "has no line of history",
            first_line,
            (f"{_EVENTS}.interaction_id", f"{_EVENTS}.lead_id", f"{_EVENTS}.event_type"),
        ),
        *empties,
    ]
