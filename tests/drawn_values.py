"""Values that a caller may send, fit and odd, and an organization with rows of every kind to send them to."""

from uuid import uuid4

from hypothesis import strategies as st

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

texts = st.one_of(
    st.sampled_from(["", " ", "call", "a b", "%", "_", "\\", "'", '"', "é\u0301", "\u202e", "\ufeff", "😀", "x" * 300]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
instants = st.one_of(
    st.sampled_from(["2026-02-10T15:30:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+00:00", "2026-02-10"]),
    st.datetimes().map(lambda instant: f"{instant.isoformat()}+01:30"),
)
numbers = st.one_of(st.integers(-2, 12), st.sampled_from([50, 51, 200, 201, -(2**31), 2**31 - 1, 2**31]))
zones = st.sampled_from(["UTC", "Europe/Paris", "Asia/Kathmandu", "Mars/Olympus"])


def filled_organization(owner: Owner) -> Organization:
    """Make an organization with rows of every kind, odd ones among them."""
    organization = new_organization(owner)
    contact = organization.contact()
    lead = organization.lead(linked_contact_id=contact, assigned_to=organization.user_id)
    accounts = [organization.account(contact), organization.account(contact, account_name="Old", deleted_at="now")]
    for kind in ("task", "call", "fax"):
        for status, due in (("pending", None), (None, "infinity"), ("strange", "4000-01-01 BC")):
            links = {"lead_id": lead, "contact_id": contact, "account_id": accounts[kind == "call"]}
            organization.task(interaction_type=kind, status=status, scheduled_at=due, created_at=None, **links)
    return organization


def ids_of(filled: Organization) -> list[str]:
    """Return ids of its rows, of others' rows, of none, and what is no id."""
    tables = ("leads", "contacts", "accounts", "users", "lead_interactions")
    own = [f"SELECT id FROM {table} WHERE organization_id = '{filled.id}'" for table in tables]
    foreign = [f"(SELECT id FROM {table} WHERE organization_id <> '{filled.id}' LIMIT 1)" for table in tables]
    found = [row["id"] for row in filled.owner.rows(" UNION ALL ".join([*own, *foreign]))]
    return [*found, str(uuid4()), "", "no-uuid", found[0].upper()]


def cursors_of(api: Api, filled: Organization) -> list[str]:
    """Return the cursors of its tasks."""
    edges = api.data(filled.viewer(), "{ tasks { edges { cursor } } }")["tasks"]["edges"]
    return [edge["cursor"] for edge in edges]
