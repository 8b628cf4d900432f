"""The golden requests of the older front end, and an organization in which each of them has its answer."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.organizations import Organization

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "rest.json").read_text())
CASES: list[dict[str, Any]] = GOLDEN["cases"]

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATTERNS = {
    "<uuid>": UUID,
    "<instant>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<text>": r"(?s).+",
    "<text or null>": r"(?s).*",
    "<uuid or null>": UUID,
    "<instant or null>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
}


def ask(
    api: Api,
    organization: Organization,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    more: dict[str, Any] = {} if body is None else {"json": body}
    whole = api.headers(headers, viewer=organization.viewer())
    return api.client.request(method, f"/api{path}", headers=whole, **more)


def furnish(organization: Organization) -> dict[str, str]:
    """Make what the cases name, and return its ids: an open and a completed task of a lead, and what they hang on."""
    own = organization
    contact = own.contact()
    lead = own.lead(assigned_to=own.user_id)
    account = own.account(contact)
    task = own.task(
        lead_id=lead,
        contact_id=contact,
        account_id=account,
        description="At noon.",
        priority="high",
        scheduled_at="2026-02-10T15:30Z",
    )
    done = own.task(
        lead_id=lead,
        status="completed",
        completed_at="2026-01-01T00:00Z",
        scheduled_at="2026-01-01T00:00Z",
        outcome="Sent",
    )
    ids = {"lead": lead, "contact": contact, "account": account, "task": task, "done": done, "nobody": uuid4()}
    return {name: str(id_) for name, id_ in ids.items()} | {"user": str(own.user_id), "organization": str(own.id)}


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """Return the value with {names} replaced by ids and $shapes by what they stand for."""
    if isinstance(value, dict):
        return {name: filled(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, ids) for inner in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$"):
        return filled(GOLDEN["shapes"][value[1:]], ids)
    return re.sub(r"{(\w+)}", lambda name: ids[name[1]], value)


def send(api: Api, organization: Organization, case: Mapping[str, Any], ids: Mapping[str, str]) -> httpx2.Response:
    """Send a case's request."""
    request = filled(case["request"], ids)
    role = Role(case["as"]) if case.get("as") == "viewer" else Role.USER
    viewer = Viewer(organization.user_id, organization.id, role)
    headers = {} if case.get("as") == "nobody" else api.headers(viewer=viewer)
    more: dict[str, Any] = {"json": request["body"]} if "body" in request else {}
    return api.client.request(request["method"], request["path"], headers=headers, **more)


def differences(expected: Any, actual: Any, *, place: str = "", is_partial: bool = False) -> list[str]:
    """Return where an answer isn't as expected: an object may have the keys that were added, or any if partial."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        extra = set() if is_partial else actual.keys() - expected.keys() - set(GOLDEN["added"])
        found = [f"{place}.{name} is missing" for name in expected.keys() - actual.keys()]
        found += [f"{place}.{name} is new" for name in extra]
        for name in expected.keys() & actual.keys():
            found += differences(expected[name], actual[name], place=f"{place}.{name}", is_partial=is_partial)
        return found
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for n, (e, a) in pairs for line in differences(e, a, place=f"{place}[{n}]", is_partial=is_partial)]
    return [] if _fits(expected, actual) else [f"{place} is {actual!r}, not {expected!r}"]


def _fits(expected: Any, actual: Any) -> bool:
    if expected == "<any>":
        return True
    if not isinstance(expected, str) or expected not in PATTERNS:
        return bool(expected == actual)
    if actual is None:
        return expected.endswith("or null>")
    return isinstance(actual, str) and bool(re.fullmatch(PATTERNS[expected], actual))
