"""Tasks by GraphQL: one, many, and new ones."""

from tests.apis import Api
from tests.organizations import Organization

CREATE = """
mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id subject status priority leadId contactId accountId lead { displayName } contact { displayName }
         account { displayName } assignee { id } createdBy { id } links { kind state label } }
  errors { __typename ... on UserError { code message path } } } }"""


def test_a_task_can_hang_on_a_contact_alone(api: Api, organization: Organization) -> None:
    contact = organization.contact()

    payload = api.data(organization.viewer(), CREATE, input={"subject": " Call ", "contactId": str(contact)})[
        "createTask"
    ]

    assert payload["errors"] == []
    assert payload["task"]["subject"] == "Call"
    assert payload["task"]["contact"] == {"displayName": "Cora Contact"}
    assert payload["task"]["lead"] is None
    assert payload["task"]["links"] == [{"kind": "CONTACT", "state": "LINKED", "label": "Cora Contact"}]
