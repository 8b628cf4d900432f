"""Changes of tasks as tests call them, and the rows that they leave."""

from typing import Any
from uuid import UUID

from resolvers.viewers import Viewer
from tests.apis import Api
from tests.organizations import Organization

OUTCOME = """fragment Outcome on TaskPayload {
  task { id kind subject description outcome status priority dueAt completedAt occursAt isOrphan version
         leadId contactId accountId assignee { id }
         lead { id } contact { id } account { id } links { kind recordId } }
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id }
           ... on StaleVersionError { current { id version subject status } } }
  replayed clientMutationId }"""


def document(mutation: str, input_: str) -> str:
    return f"mutation ($input: {input_}!) {{ {mutation}(input: $input) {{ ...Outcome }} }} {OUTCOME}"


UPDATE = document("updateTask", "UpdateTaskInput")
DOCUMENTS = {
    "updateTask": UPDATE,
    "completeTask": document("completeTask", "CompleteTaskInput"),
    "reopenTask": document("reopenTask", "TaskIdInput"),
    "cancelTask": document("cancelTask", "TaskIdInput"),
}
COMPLETE_ALL = f"""mutation ($ids: [ID!]!) {{ completeTasks(ids: $ids) {{
  results {{ ...Outcome }} succeeded failed }} }} {OUTCOME}"""


def change(api: Api, viewer: Viewer, mutation: str, id_: UUID | str, **more: object) -> Any:
    """Send one of DOCUMENTS for a task and return its payload."""
    return api.data(viewer, DOCUMENTS[mutation], input={"id": str(id_)} | more)[mutation]


def update(api: Api, organization: Organization, id_: UUID | str, **fields: object) -> Any:
    return change(api, organization.viewer(), "updateTask", id_, **fields)


def updated(api: Api, organization: Organization, id_: UUID | str, **fields: object) -> Any:
    """Change a task and return it, after checking that the change was made."""
    payload = update(api, organization, id_, **fields)
    assert ([], False) == (payload["errors"], payload["replayed"])
    return payload["task"]


def row(organization: Organization, id_: UUID | str) -> dict[str, Any]:
    """Return a task as stored, with its version."""
    (found,) = organization.owner.rows(f"SELECT *, xmin::text FROM lead_interactions WHERE id = '{id_}'")
    return found


def events(organization: Organization, id_: UUID | str) -> list[tuple[str, str | None]]:
    """Return what the old history says after the beginning: what happened, and who did it."""
    sql = f"""SELECT event_type, changed_by FROM interaction_events
               WHERE interaction_id = '{id_}' AND event_type <> 'created' ORDER BY event_type"""
    return [(event["event_type"], event["changed_by"]) for event in organization.owner.rows(sql)]


def next_follow_up(organization: Organization, lead_id: UUID) -> str | None:
    (found,) = organization.owner.rows(f"SELECT next_follow_up FROM leads WHERE id = '{lead_id}'")
    due: str | None = found["next_follow_up"]
    return due
