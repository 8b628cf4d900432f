"""What PostGraphile is asked: the same data in the names that it makes of the tables, most renamed by aliases."""

from __future__ import annotations

from bench.contest.data import ORGANIZATION, PERSON

_PERSON = "id: rowId firstName lastName"
_OWN = "id: rowId subject status priority dueAt: scheduledAt completedAt occursAt"
_RECORDS = f"lead: leadByLeadId {{ {_PERSON} company }} contact: contactByContactId {{ {_PERSON} company }}"
_ACCOUNT = "account: accountByAccountId { id: rowId displayName: accountName"
_PLAIN = f"{_OWN} {_RECORDS} {_ACCOUNT} }}"
_FULL = f"""{_OWN} {_RECORDS} {_ACCOUNT} contact: contactByContactId {{ {_PERSON} }} }}
assignee: userByUserId {{ {_PERSON} }}"""


def _timeline(name: str, first: int) -> str:
    return f"""query {name}($account: UUID!) {{
  timeline: allLeadInteractions(
    condition: {{organizationId: "{ORGANIZATION}", accountId: $account, deletedAt: null}}
    orderBy: [OCCURS_AT_DESC, ROW_ID_DESC]
    first: {first}
  ) {{ edges {{ node {{ {_FULL} }} }} pageInfo {{ hasNextPage endCursor }} }}
}}"""


QUERIES = {
    "Q1": _timeline("Q1", 50),
    "Q2": f"query Q2($task: UUID!) {{ task: leadInteractionByRowId(rowId: $task) {{ {_PLAIN} }} }}",
    "Q3": _timeline("Q3", 200),
    "H1": _timeline("H1", 50),
    # The trigger sets occursAt, which the generated schema wants all the same.
    "M1": f"""mutation M1($contact: UUID!) {{
  createTask: createLeadInteraction(input: {{leadInteraction: {{
    organizationId: "{ORGANIZATION}", interactionType: "task", subject: "Call back"
    status: "scheduled", priority: "medium"
    scheduledAt: "2099-01-01T00:00:00Z", occursAt: "2099-01-01T00:00:00Z"
    contactId: $contact, userId: "{PERSON}", createdBy: "{PERSON}"
  }}}}) {{
    task: leadInteraction {{
      id: rowId subject status priority dueAt: scheduledAt
      contact: contactByContactId {{ {_PERSON} company }} assignee: userByUserId {{ {_PERSON} }}
    }}
  }}
}}""",
}


def plain(data: object) -> object:
    """Return data in the names and words of Taskline's schema."""
    match data:
        case {"createTask": dict(payload)}:
            return {"createTask": {"task": plain(payload["task"]), "errors": []}}
        case {"firstName": str(first), "lastName": str(last), **rest}:
            return {**rest, "displayName": f"{first} {last}"}
        case {"status": str(status), "priority": str(priority), **rest}:
            own = {name: plain(value) for name, value in rest.items()}
            return {**own, "status": status.upper(), "priority": priority.upper()}
        case dict():
            return {name: plain(value) for name, value in data.items()}
        case list():
            return [plain(value) for value in data]
    return data
