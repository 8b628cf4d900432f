"""Rows as years of hand-made fixes leave them: none of them fails a page, and each is shown once."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.apis import api as api_on
from tests.databases import LEGACY, CrmDatabase, psql
from tests.owners import Owner, owner_of

PERSON = "id displayName email phone company status owner { displayName email }"
EVERYTHING = f"""
  __typename id kind subject description outcome occursAt createdAt updatedAt leadId contactId accountId
  lead {{ {PERSON} contact {{ {PERSON} }} }} contact {{ {PERSON} lead {{ {PERSON} }} }}
  account {{ id displayName name status contact {{ {PERSON} }} }}
  links(includeLost: true) {{ kind state recordId label lostAt record {{ id displayName }} }}
  assignee {{ displayName email }} createdBy {{ displayName email }}
  ... on Task {{ status priority dueAt completedAt isOverdue isOrphan version }}"""
TASKS = f"""query ($after: String) {{ list: tasks(first: 200, after: $after) {{
  edges {{ node {{ {EVERYTHING} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
TIMELINE = f"""query ($record: RecordRef!, $after: String) {{
  list: timeline(record: $record, first: 200, after: $after) {{
  edges {{ node {{ {EVERYTHING} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""

# As the API's role sees them: where the old policy is still there, an interaction belongs to its lead's organization.
ROWS = """SELECT t.* FROM lead_interactions t
           WHERE t.organization_id = '{id}' AND (t.lead_id IS NULL OR EXISTS (
                   SELECT FROM leads l WHERE l.id = t.lead_id AND l.organization_id = t.organization_id))"""


def tenant(owner: Owner, slug: str) -> Viewer:
    (row,) = owner.rows(f"SELECT id FROM organizations WHERE slug = '{slug}'")
    (user,) = owner.rows(f"SELECT id FROM users WHERE organization_id = '{row['id']}' ORDER BY email LIMIT 1")
    return Viewer(UUID(user["id"]), UUID(row["id"]), Role.USER)


def whole(api: Api, viewer: Viewer, query: str, **variables: object) -> list[dict[str, Any]]:
    """Return all rows of a list, page after page."""
    nodes: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = api.data(viewer, query, after=after, **variables)["list"]
        nodes += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


def ids(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["tenant-1", "tenant-2", "tenant-3"])
def test_every_task_of_a_legacy_tenant_is_shown_once(api: Api, owner: Owner, slug: str) -> None:
    viewer = tenant(owner, slug)

    tasks = whole(api, viewer, TASKS)

    sql = f"{ROWS.format(id=viewer.organization_id)} AND interaction_type = 'task' ORDER BY scheduled_at NULLS LAST, id"
    rows = owner.rows(sql)
    assert ids(rows) == ids(tasks)
    assert Counter((row["status"] or "unknown").upper() for row in rows) == Counter(task["status"] for task in tasks)
    assert Counter((row["priority"] or "unknown").upper() for row in rows) == Counter(
        task["priority"] for task in tasks
    )
    assert [row["subject"] or "" for row in rows] == [task["subject"] for task in tasks]
    assert all(link["label"] for task in tasks for link in task["links"])


def test_the_legacy_data_holds_the_rows_that_this_file_is_about(owner: Owner) -> None:
    (found,) = owner.rows(
        """SELECT count(*) FILTER (WHERE t.status IS NULL) AS without_status,
                  count(*) FILTER (WHERE t.priority IS NULL) AS without_priority,
                  count(*) FILTER (WHERE t.subject = '') AS without_subject,
                  count(*) FILTER (WHERE t.status = 'completed' AND t.completed_at IS NULL) AS done_at_no_time,
                  count(*) FILTER (WHERE t.status = 'pending' AND t.completed_at IS NOT NULL) AS done_but_open,
                  count(*) FILTER (WHERE l.organization_id <> t.organization_id) AS of_another_tenant_than_its_lead
             FROM lead_interactions t JOIN leads l ON l.id = t.lead_id JOIN organizations o ON o.id = l.organization_id
            WHERE t.interaction_type = 'task' AND o.slug LIKE 'tenant-%'"""
    )

    assert dict.fromkeys(found, 12) == found


def check_longest_timelines(api: Api, owner: Owner, kind: str) -> None:
    viewer, column = tenant(owner, "tenant-1"), f"{kind}_id"
    rows = f"({ROWS.format(id=viewer.organization_id)}) AS visible"
    most = f"SELECT {column} AS id FROM {rows} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 3"
    records = ids(owner.rows(most))
    assert 3 == len(records)

    for record in records:
        timeline = whole(api, viewer, TIMELINE, record={f"{kind}Id": record})

        order = "coalesce(completed_at, scheduled_at, created_at) DESC, id DESC"
        expected = ids(owner.rows(f"SELECT id FROM {rows} WHERE {column} = '{record}' ORDER BY {order}"))
        assert expected == ids(timeline)


@pytest.mark.slow
def test_the_longest_timelines_of_leads_are_whole(api: Api, owner: Owner) -> None:
    check_longest_timelines(api, owner, "lead")


@pytest.mark.slow
def test_the_longest_timelines_of_the_demos_contacts_and_accounts_are_whole(database: CrmDatabase) -> None:
    psql(database.server, database.owner_url, "-f", str(LEGACY / "linked_tasks.sql"))

    with api_on(database_url=database.app_url) as running, owner_of(database) as owner:
        check_longest_timelines(running, owner, "contact")
        check_longest_timelines(running, owner, "account")
