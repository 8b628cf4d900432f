"""A client in Python, with gql: create a task for an account alone, complete it, and read the account's tasks.

TASKLINE_URL=http://127.0.0.1:8000/graphql TASKLINE_TOKEN=… python docs/example_client.py ACCOUNT_ID
"""

import os
import sys

from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXTransport

CREATE = gql("""
  mutation ($accountId: ID!) {
    createTask(input: {subject: "Renew the licence", accountId: $accountId}) {
      task { id }
      errors { ... on UserError { code message } }
    }
  }
""")
COMPLETE = gql("""
  mutation ($taskId: ID!) {
    completeTask(input: {id: $taskId, outcome: "Successful"}) {
      task { id }
      errors { ... on UserError { code message } }
    }
  }
""")
PAGE = gql("""
  query ($accountId: ID!, $after: String) {
    tasks(filter: {accountId: {eq: $accountId}}, first: 2, after: $after) {
      nodes { subject status account { displayName } }
      pageInfo { hasNextPage endCursor }
    }
  }
""")


def changed(payload: dict[str, list[dict[str, str]] | dict[str, str]]) -> dict[str, str]:
    """Return the task of a payload; a refusal ends the program with its words."""
    task = payload["task"]
    if not isinstance(task, dict):
        sys.exit(str(payload["errors"]))
    return task


def main(account_id: str) -> None:
    """Do it, and print each task of the account."""
    headers = {"Authorization": f"Bearer {os.environ['TASKLINE_TOKEN']}"}
    transport = HTTPXTransport(url=os.environ["TASKLINE_URL"], headers=headers)
    # With the schema at hand, a misspelt field is refused before it is sent.
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        created = session.execute(GraphQLRequest(CREATE, variable_values={"accountId": account_id}))["createTask"]
        session.execute(GraphQLRequest(COMPLETE, variable_values={"taskId": changed(created)["id"]}))
        page = {"endCursor": None, "hasNextPage": True}
        while page["hasNextPage"]:
            variables = {"accountId": account_id, "after": page["endCursor"]}
            tasks = session.execute(GraphQLRequest(PAGE, variable_values=variables))["tasks"]
            for task in tasks["nodes"]:
                print(task["account"]["displayName"], task["status"], task["subject"], sep="\t")  # noqa: T201 - its purpose
            page = tasks["pageInfo"]


if __name__ == "__main__":
    main(sys.argv[1])
