"""createTask as tests call it, and the rows that it leaves."""

from typing import Any

from resolvers.viewers import Viewer
from tests.apis import Api
from tests.organizations import Organization

CREATE = """
mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id kind subject description status priority dueAt completedAt occursAt isOverdue isOrphan version
         leadId contactId accountId assignee { id } createdBy { id }
         lead { displayName } contact { displayName } account { displayName } links { kind recordId } }
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id } }
  clientMutationId } }"""


def create(api: Api, viewer: Viewer, **fields: object) -> Any:
    return api.data(viewer, CREATE, input={"subject": "Call"} | fields)["createTask"]


def stored(organization: Organization) -> list[dict[str, Any]]:
    return organization.owner.rows(f"SELECT * FROM lead_interactions WHERE organization_id = '{organization.id}'")
