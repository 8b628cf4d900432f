"""The hand-written limit: Starlette and asyncpg, one SQL statement for each document, dicts, orjson; no GraphQL at all.

It knows its documents by their names, and reads only the variables.
"""

from __future__ import annotations

import base64
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

_TASK = "id, subject, status, priority, scheduled_at, completed_at, occurs_at"
_RELATED = """
       l.id AS l_id, l.first_name AS l_first, l.last_name AS l_last, l.company AS l_company,
       c.id AS c_id, c.first_name AS c_first, c.last_name AS c_last, c.company AS c_company,
       a.id AS a_id, a.account_name AS a_name"""
_JOINS = """
  LEFT JOIN leads l ON l.organization_id = t.organization_id AND l.id = t.lead_id
  LEFT JOIN contacts c ON c.organization_id = t.organization_id AND c.id = t.contact_id
  LEFT JOIN accounts a ON a.organization_id = t.organization_id AND a.id = t.account_id AND a.deleted_at IS NULL"""
_ENTRY = f"{_TASK}, interaction_type, organization_id, lead_id, contact_id, account_id, user_id"
_FIRST = "deleted_at IS NULL ORDER BY occurs_at DESC, id DESC LIMIT $3"


def _page(entries: str) -> str:
    return f"""
SELECT t.*, {_RELATED}, h.id AS h_id, h.first_name AS h_first, h.last_name AS h_last,
       u.id AS u_id, u.first_name AS u_first, u.last_name AS u_last
  FROM ({entries}) t
  {_JOINS}
  LEFT JOIN contacts h ON h.organization_id = t.organization_id AND h.id = a.contact_id
  LEFT JOIN users u ON u.organization_id = t.organization_id AND u.id = t.user_id
 ORDER BY t.occurs_at DESC, t.id DESC"""  # noqa: S608 - constants


_OF_ACCOUNT = f"SELECT {_ENTRY} FROM lead_interactions WHERE organization_id = $1 AND account_id = $2"  # noqa: S608
PAGE = _page(f"{_OF_ACCOUNT} AND {_FIRST}")
NEXT_PAGE = _page(f"{_OF_ACCOUNT} AND (occurs_at, id) < ($4, $5) AND {_FIRST}")
UP_TO = f"SELECT occurs_at, id FROM ({_OF_ACCOUNT} AND occurs_at <= $4 AND {_FIRST}) t"  # noqa: S608
# Of the contact, of its accounts and of the leads it came from as many each, then the first of all together.
WITH_RELATED = _page(f"""
SELECT {_ENTRY}, via FROM (
  SELECT occurs_at, id, array_agg(kind) AS via FROM (
    (SELECT 'CONTACT' AS kind, occurs_at, id FROM lead_interactions
      WHERE organization_id = $1 AND contact_id = $2 AND {_FIRST})
    UNION ALL
    SELECT 'ACCOUNT', e.occurs_at, e.id FROM accounts s CROSS JOIN LATERAL (
      SELECT occurs_at, id FROM lead_interactions WHERE organization_id = $1 AND account_id = s.id AND {_FIRST}) e
     WHERE s.organization_id = $1 AND s.contact_id = $2 AND s.deleted_at IS NULL
    UNION ALL
    SELECT 'LEAD', e.occurs_at, e.id FROM leads s CROSS JOIN LATERAL (
      SELECT occurs_at, id FROM lead_interactions WHERE organization_id = $1 AND lead_id = s.id AND {_FIRST}) e
     WHERE s.organization_id = $1 AND s.linked_contact_id = $2) linked
   GROUP BY occurs_at, id ORDER BY occurs_at DESC, id DESC LIMIT $3) page
  JOIN lead_interactions USING (occurs_at, id)""")  # noqa: S608
ONE = f"""
SELECT t.*, {_RELATED}
  FROM (SELECT {_TASK}, organization_id, lead_id, contact_id, account_id FROM lead_interactions
         WHERE organization_id = $1 AND id = $2 AND interaction_type = 'task' AND deleted_at IS NULL) t
  {_JOINS}"""  # noqa: S608
CREATE = """
WITH t AS (
  INSERT INTO lead_interactions (organization_id, interaction_type, subject, status, priority, scheduled_at,
                                 contact_id, user_id, created_by)
  SELECT $1, 'task', $2, CASE WHEN $3 > now() THEN 'scheduled' ELSE 'pending' END, 'medium', $3, c.id, $5, $5
    FROM contacts c WHERE c.organization_id = $1 AND c.id = $4
  RETURNING id, subject, status, priority, scheduled_at, contact_id, user_id)
SELECT t.*, c.id AS c_id, c.first_name AS c_first, c.last_name AS c_last, c.company AS c_company,
       u.id AS u_id, u.first_name AS u_first, u.last_name AS u_last
  FROM t JOIN contacts c ON c.organization_id = $1 AND c.id = t.contact_id
  JOIN users u ON u.organization_id = $1 AND u.id = t.user_id"""
DUE_AT = datetime(2099, 1, 1, tzinfo=UTC)  # what M1 says


def task_of(row: Any) -> dict[str, object]:
    """Return what Q1, Q2 and Q3 ask of a task and of its lead, contact and account."""
    return {
        "id": row["id"],
        "subject": row["subject"],
        "status": row["status"].upper(),
        "priority": row["priority"].upper(),
        "dueAt": row["scheduled_at"],
        "completedAt": row["completed_at"],
        "occursAt": row["occurs_at"],
        "lead": row["l_id"]
        and {
            "id": row["l_id"],
            "displayName": f"{row['l_first']} {row['l_last']}",
            "company": row["l_company"],
        },
        "contact": row["c_id"] and contact_of(row),
        "account": row["a_id"] and {"id": row["a_id"], "displayName": row["a_name"]},
    }


def contact_of(row: Any) -> dict[str, object]:
    """Return a task's contact."""
    return {
        "id": row["c_id"],
        "displayName": f"{row['c_first']} {row['c_last']}",
        "company": row["c_company"],
    }


def entry_of(row: Any) -> dict[str, object]:
    """Return a task as Q1 and Q3 ask for it."""
    task: dict[str, Any] = task_of(row)
    if task["account"]:
        task["account"]["contact"] = {"id": row["h_id"], "displayName": f"{row['h_first']} {row['h_last']}"}
    task["assignee"] = {"id": row["u_id"], "displayName": f"{row['u_first']} {row['u_last']}"}
    return {"node": task}


def related_of(row: Any) -> dict[str, object]:
    """Return an interaction as R1 asks for it."""
    found: dict[str, Any] = entry_of(row)["node"]  # type: ignore[assignment]  # as made above
    own = ("id", "subject", "occursAt", "lead", "contact", "account", "assignee")
    node = {name: found[name] for name in own} | {"kind": row["interaction_type"].upper()}
    via = sorted(row["via"], key=("LEAD", "CONTACT", "ACCOUNT").index)
    return {"via": [{"kind": kind} for kind in via], "node": node}


def page_info(rows: list[Any], first: int) -> dict[str, object]:
    """Return whether there is more than a page, and the cursor of its last row."""
    return {"hasNextPage": len(rows) > first, "endCursor": cursor_of(rows[:first])}


def cursor_of(rows: list[Any]) -> str | None:
    """Return the cursor of the last of these rows."""
    if not rows:
        return None
    return base64.urlsafe_b64encode(f"{rows[-1]['occurs_at'].isoformat()} {rows[-1]['id']}".encode()).decode()


class Api:
    """The endpoint: one organization's data, asked by one person."""

    def __init__(self, url: str, organization: str, person: str) -> None:
        self._url, self._organization, self._person = url, organization, person

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Open the pool, whose connections read and write uuids as text; they prepare each statement once."""

        async def prepare(connection: Any) -> None:
            await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")

        async with asyncpg.create_pool(self._url, min_size=10, max_size=10, init=prepare) as self._pool:
            yield

    async def answer(self, request: Request) -> Response:
        """Answer a document by its name."""
        asked = orjson.loads(await request.body())
        data = await self._data(asked["operationName"], asked["variables"])
        return Response(orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z), media_type="application/json")

    async def _data(self, name: str, variables: dict[str, str]) -> dict[str, object]:
        match name:
            case "Q2":
                rows = await self._pool.fetch(ONE, self._organization, variables["task"])
                return {"task": task_of(rows[0]) if rows else None}
            case "M1":
                return await self._create(variables)
            case "D0":
                values = (self._organization, variables["account"], 1, datetime.fromisoformat(variables["at"]))
                return {"timeline": {"pageInfo": {"endCursor": cursor_of(await self._pool.fetch(UP_TO, *values))}}}
        return {"timeline": await self._timeline(name, variables)}

    async def _timeline(self, name: str, variables: dict[str, str]) -> dict[str, object]:
        first = 200 if name == "Q3" else 50
        if name == "R1":
            rows = await self._pool.fetch(WITH_RELATED, self._organization, variables["contact"], first + 1)
            return {"edges": [related_of(row) for row in rows[:first]], "pageInfo": page_info(rows, first)}
        values = (self._organization, variables["account"], first + 1)
        if name == "D1":
            at, _, id_ = base64.urlsafe_b64decode(variables["after"]).decode().partition(" ")
            rows = await self._pool.fetch(NEXT_PAGE, *values, datetime.fromisoformat(at), id_)
        else:
            rows = await self._pool.fetch(PAGE, *values)
        return {"edges": [entry_of(row) for row in rows[:first]], "pageInfo": page_info(rows, first)}

    async def _create(self, variables: dict[str, str]) -> dict[str, object]:
        values = (self._organization, "Call back", DUE_AT, variables["contact"], self._person)
        rows = await self._pool.fetch(CREATE, *values)
        if not rows:
            error = {"code": "RECORD_NOT_FOUND", "message": "There is no such contact."}
            return {"createTask": {"task": None, "errors": [error]}}
        row = rows[0]
        task = {
            "id": row["id"],
            "subject": row["subject"],
            "status": row["status"].upper(),
            "priority": row["priority"].upper(),
            "dueAt": row["scheduled_at"],
            "contact": contact_of(row),
            "assignee": {"id": row["u_id"], "displayName": f"{row['u_first']} {row['u_last']}"},
        }
        return {"createTask": {"task": task, "errors": []}}


if __name__ == "__main__":
    port, *database = sys.argv[1:]
    api = Api(*database)
    app = Starlette(routes=[Route("/graphql", api.answer, methods=["POST"])], lifespan=api.lifespan)
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False)
