"""createTask and createTasks as tests call them, and the rows that they leave."""

from collections.abc import Mapping, Sequence
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


CREATE_ALL = """
mutation ($input: [CreateTaskInput!]!, $atomic: Boolean) { createTasks(input: $input, atomic: $atomic) {
  results { task { id subject status leadId contactId accountId } replayed clientMutationId
            errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id } } }
  succeeded failed } }"""


def create(api: Api, viewer: Viewer, **fields: object) -> Any:
    return api.data(viewer, CREATE, input={"subject": "Call"} | fields)["createTask"]


def create_all(api: Api, viewer: Viewer, items: Sequence[Mapping[str, object]], *, atomic: bool = True) -> Any:
    """Create tasks; items without a subject are calls."""
    whole = [{"subject": "Call"} | dict(item) for item in items]
    return api.data(viewer, CREATE_ALL, input=whole, atomic=atomic)["createTasks"]


def stored(organization: Organization) -> list[dict[str, Any]]:
    return organization.owner.rows(f"SELECT * FROM lead_interactions WHERE organization_id = '{organization.id}'")
