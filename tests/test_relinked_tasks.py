"""relinkTasks: move the tasks of one record to others, after a look at what would happen."""

import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.relinks import MOST_TASKS, MOST_TASKS_OF_LEADS
from resolvers.viewers import Role
from tests.apis import Api
from tests.new_tasks import stored
from tests.organizations import Organization, new_organization

RELINK = """mutation ($input: RelinkTasksInput!) { relinkTasks(input: $input) {
  affected sample { id subject leadId contactId accountId } dryRun replayed
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id } } } }"""

DELETE = "mutation ($id: ID!) { deleteTask(input: {id: $id}) { errors { __typename } } }"


def relink(
    api: Api,
    organization: Organization,
    asked: Mapping[str, object] | None = None,
    *,
    role: Role = Role.USER,
    **more: object,
) -> Any:
    """Relink as asked, with more fields; `from_` stands for `from`."""
    given = {name.rstrip("_"): value for name, value in (dict(asked or {}) | more).items()}
    return api.data(organization.viewer(role), RELINK, input=given)["relinkTasks"]


def refusals(payload: Mapping[str, Any]) -> list[tuple[str, list[str] | None]]:
    """Return code and path of each refusal, after checking that nothing was moved, and that each has a message."""
    assert (0, []) == (payload["affected"], payload["sample"])
    assert all(error["message"].endswith(".") for error in payload["errors"])
    return [(error["code"], error["path"]) for error in payload["errors"]]


def links(organization: Organization) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Return each task's lead, contact and account, by its subject."""
    return {row["subject"]: (row["lead_id"], row["contact_id"], row["account_id"]) for row in stored(organization)}


class Cast:
    """Two records of each kind; the first ones have tasks of all combinations of links."""

    def __init__(self, organization: Organization) -> None:
        self.lead, self.other_lead = str(organization.lead()), str(organization.lead())
        self.contact, self.other_contact = str(organization.contact()), str(organization.contact())
        self.account = str(organization.account(UUID(self.contact)))
        self.other_account = str(organization.account(UUID(self.contact), account_name="Other"))
        for name in ("L", "C", "A", "LC", "LA", "CA", "LCA"):
            self.task(organization, name)

    def task(self, organization: Organization, name: str) -> UUID:
        linked = {"lead_id": self.lead, "contact_id": self.contact, "account_id": self.account}
        return organization.task(
            subject=name, **{column: id_ for column, id_ in linked.items() if column[0].upper() in name}
        )


@pytest.fixture
def cast(organization: Organization) -> Cast:
    return Cast(organization)


def test_a_link_is_replaced_by_one_of_its_kind(api: Api, organization: Organization, cast: Cast) -> None:
    before = links(organization)

    payload = relink(api, organization, from_={"leadId": cast.lead}, to={"leadId": cast.other_lead}, dryRun=False)

    assert (4, False, False, []) == (payload["affected"], payload["dryRun"], payload["replayed"], payload["errors"])
    moved = {
        name: (cast.other_lead if lead else None, contact, account) for name, (lead, contact, account) in before.items()
    }
    assert moved == links(organization)


def test_a_link_of_another_kind_takes_the_old_ones_place(api: Api, organization: Organization, cast: Cast) -> None:
    relink(api, organization, from_={"leadId": cast.lead}, to={"contactId": cast.other_contact}, dryRun=False)

    after = links(organization)
    assert (None, cast.other_contact, None) == after["L"] == after["LC"]
    assert (None, cast.other_contact, cast.account) == after["LA"] == after["LCA"]
    assert (None, cast.contact, None) == after["C"]


def test_the_old_link_of_another_kind_can_be_kept(api: Api, organization: Organization, cast: Cast) -> None:
    relink(
        api,
        organization,
        from_={"leadId": cast.lead},
        to={"contactId": cast.other_contact},
        keepFrom=True,
        dryRun=False,
    )

    after = links(organization)
    assert (cast.lead, cast.other_contact, None) == after["L"] == after["LC"]
    assert (cast.lead, cast.other_contact, cast.account) == after["LA"] == after["LCA"]


def test_keeping_means_nothing_for_a_link_of_the_same_kind(api: Api, organization: Organization, cast: Cast) -> None:
    relink(
        api,
        organization,
        from_={"contactId": cast.contact},
        to={"contactId": cast.other_contact},
        keepFrom=True,
        dryRun=False,
    )

    assert (None, cast.other_contact, None) == links(organization)["C"]


def test_all_three_links_can_be_set_at_once(api: Api, organization: Organization, cast: Cast) -> None:
    to = {"leadId": cast.other_lead, "contactId": cast.other_contact, "accountId": cast.other_account}

    relink(api, organization, from_={"accountId": cast.account}, to=to, dryRun=False)

    after = links(organization)
    assert {tuple(to.values())} == {after[name] for name in ("A", "LA", "CA", "LCA")}


def test_nothing_is_changed_unless_it_is_asked_for(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {"from": {"leadId": cast.lead}, "to": {"leadId": cast.other_lead}}
    before = stored(organization)

    payloads = [relink(api, organization, asked), relink(api, organization, asked, dryRun=None)]

    assert [(4, True)] * 2 == [(payload["affected"], payload["dryRun"]) for payload in payloads]
    assert before == stored(organization)


KINDS = ("lead", "contact", "account")


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
@pytest.mark.parametrize("to", [("lead",), ("contact",), ("account",), ("contact", "account"), KINDS], ids="+".join)
@pytest.mark.parametrize("from_", KINDS)
def test_a_dry_run_says_what_the_run_does(
    api: Api, organization: Organization, cast: Cast, from_: str, to: tuple[str, ...], keep: bool
) -> None:
    asked = {
        "from": {f"{from_}Id": getattr(cast, from_)},
        "to": {f"{kind}Id": getattr(cast, f"other_{kind}") for kind in to},
        "keepFrom": keep,
    }

    dry = relink(api, organization, asked)
    done = relink(api, organization, asked, dryRun=False)

    assert dry | {"dryRun": False} == done
    assert (4, 4) == (done["affected"], len(done["sample"]))
    after = links(organization)
    assert [after[task["subject"]] for task in done["sample"]] == [
        (task["leadId"], task["contactId"], task["accountId"]) for task in done["sample"]
    ]


def test_only_matching_tasks_are_moved(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {
        "from": {"leadId": cast.lead},
        "to": {"leadId": cast.other_lead},
        "filter": {"accountId": {"eq": cast.account}},
    }

    dry, done = relink(api, organization, asked), relink(api, organization, asked, dryRun=False)

    assert (2, 2) == (dry["affected"], done["affected"])
    assert ["LA", "LCA"] == sorted(name for name, (lead, *_) in links(organization).items() if lead == cast.other_lead)


def test_activities_stay_where_they_are(api: Api, organization: Organization, cast: Cast) -> None:
    organization.task(interaction_type="call", subject="call", lead_id=cast.lead)

    relink(api, organization, from_={"leadId": cast.lead}, to={"leadId": cast.other_lead}, dryRun=False)

    assert cast.lead == links(organization)["call"][0]


def test_the_tasks_of_a_deleted_account_can_be_rescued(api: Api, organization: Organization, cast: Cast) -> None:
    organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{cast.account}'")
    asked = {"from": {"accountId": cast.account}, "to": {"accountId": cast.other_account}, "filter": {"orphan": True}}

    dry, done = relink(api, organization, asked), relink(api, organization, asked, dryRun=False)

    assert (1, 1) == (dry["affected"], done["affected"])
    assert (None, None, cast.other_account) == links(organization)["A"]


@pytest.mark.parametrize("filter_", [{}, {"includeDeleted": True}], ids=str)
def test_deleted_tasks_stay_where_they_are(
    api: Api, organization: Organization, cast: Cast, filter_: dict[str, bool]
) -> None:
    (id_,) = (row["id"] for row in stored(organization) if row["subject"] == "L")
    deleted = api.data(organization.viewer(), DELETE, id=id_)["deleteTask"]
    asked = {"from": {"leadId": cast.lead}, "to": {"leadId": cast.other_lead}, "filter": filter_}

    dry, done = relink(api, organization, asked), relink(api, organization, asked, dryRun=False)

    assert ([], 3, 3) == (deleted["errors"], dry["affected"], done["affected"])
    assert cast.lead == links(organization)["L"][0]


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("from_", KINDS)
def test_the_tasks_of_a_record_that_is_gone_can_be_rescued(
    api: Api, organization: Organization, cast: Cast, from_: str, to: str, dry: bool
) -> None:
    record, target = getattr(cast, from_), getattr(cast, f"other_{to}")
    organization.owner.run(
        f"UPDATE accounts SET contact_id = '{cast.other_contact}' WHERE contact_id = '{cast.contact}'"
    )  # they would go with it
    organization.owner.run(f"DELETE FROM {from_}s WHERE id = '{record}'")
    before = links(organization)
    hung_on_it = sorted(name for name in before if from_[0].upper() in name)

    payload = relink(
        api, organization, {"from": {f"{from_}Id": record}, "to": {f"{to}Id": target}, "dryRun": dry, "keepFrom": True}
    )

    assert ([], 4) == (payload["errors"], payload["affected"])
    assert hung_on_it == sorted(task["subject"] for task in payload["sample"])
    assert {target} == {task[f"{to}Id"] for task in payload["sample"]}
    place = KINDS.index(to)
    after = {name: (*link[:place], target, *link[place + 1 :]) for name, link in before.items() if name in hung_on_it}
    assert (before if dry else before | after) == links(organization)


@pytest.mark.parametrize("dry", [True, False])
def test_many_of_a_record_that_is_gone_cost_as_many_statements_as_one(
    api: Api, organization: Organization, dry: bool
) -> None:
    def cost(size: int) -> tuple[int, int]:
        lead, other = str(organization.lead()), str(organization.lead())
        organization.tasks([{"lead_id": lead}] * size)
        organization.owner.run(f"DELETE FROM leads WHERE id = '{lead}'")
        asked = {"from": {"leadId": lead}, "to": {"leadId": other}, "dryRun": dry}
        answer = api.ask(RELINK, {"input": asked}, viewer=organization.viewer()).json()
        return answer["data"]["relinkTasks"]["affected"], answer["extensions"]["cost"]["statements"]

    statements = 3 if dry else 4
    assert [(1, statements), (100, statements)] == [cost(1), cost(100)]


def test_a_task_that_has_another_record_in_place_of_the_lost_one_stays(
    api: Api, organization: Organization, cast: Cast
) -> None:
    organization.owner.run(f"DELETE FROM leads WHERE id = '{cast.lead}'")
    third = str(organization.lead())
    which = f"organization_id = '{organization.id}' AND subject = 'L'"
    organization.owner.run(f"UPDATE lead_interactions SET lead_id = '{third}' WHERE {which}")

    payload = relink(api, organization, from_={"leadId": cast.lead}, to={"leadId": cast.other_lead}, dryRun=False)

    assert (3, third) == (payload["affected"], links(organization)["L"][0])


def test_the_lost_tasks_of_another_organization_stay_there(api: Api, organization: Organization) -> None:
    theirs = new_organization(organization.owner)
    lead, mine = theirs.lead(), str(organization.lead())
    theirs.task(subject="L", lead_id=lead)
    organization.owner.run(f"DELETE FROM leads WHERE id = '{lead}'")

    payload = relink(api, organization, from_={"leadId": str(lead)}, to={"leadId": mine}, dryRun=False)

    assert [("RECORD_NOT_FOUND", ["input", "from", "leadId"])] == refusals(payload)
    assert {"L": (None, None, None)} == links(theirs)


def test_the_same_again_moves_nothing(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {
        "from": {"leadId": cast.lead},
        "to": {"contactId": cast.other_contact},
        "keepFrom": True,
        "dryRun": False,
    }
    relink(api, organization, asked)
    before = stored(organization)

    payload = relink(api, organization, asked)

    assert (0, [], []) == (payload["affected"], payload["sample"], payload["errors"])
    assert before == stored(organization)


def test_a_move_is_written_down_as_the_callers(api: Api, organization: Organization, cast: Cast) -> None:
    organization.owner.run(
        f"UPDATE lead_interactions SET updated_at = 'epoch' WHERE organization_id = '{organization.id}'"
    )

    relink(api, organization, from_={"leadId": cast.lead}, to={"leadId": cast.other_lead}, dryRun=False)

    changed = {row["subject"] for row in stored(organization) if row["last_modified_by"] == str(organization.user_id)}
    assert {"L", "LC", "LA", "LCA"} == changed


def test_the_sample_shows_ten_of_many(api: Api, organization: Organization) -> None:
    lead, other = str(organization.lead()), str(organization.lead())
    ids = organization.tasks([{"lead_id": lead}] * 30)
    asked = {"from": {"leadId": lead}, "to": {"leadId": other}}

    dry, done = relink(api, organization, asked), relink(api, organization, asked, dryRun=False)

    assert sorted(map(str, ids))[:10] == [task["id"] for task in dry["sample"]]
    assert (30, dry["sample"]) == (done["affected"], done["sample"])
    assert {other} == {task["leadId"] for task in done["sample"]}


@pytest.mark.parametrize("dry", [True, False])
def test_many_cost_as_many_statements_as_one(api: Api, organization: Organization, dry: bool) -> None:
    def cost(size: int) -> tuple[int, int]:
        lead, other = str(organization.lead()), str(organization.lead())
        organization.tasks([{"lead_id": lead}] * size)
        asked = {"from": {"leadId": lead}, "to": {"leadId": other}, "dryRun": dry}
        answer = api.ask(RELINK, {"input": asked}, viewer=organization.viewer()).json()
        return answer["data"]["relinkTasks"]["affected"], answer["extensions"]["cost"]["statements"]

    looks = 0 if dry else 1  # at the lead that they leave
    assert [(1, 1 + looks), (100, 1 + looks), (0, 2)] == [cost(1), cost(100), cost(0)]


def add_tasks(organization: Organization, column: str, id_: str, count: int) -> None:
    """Add tasks of this record, the first of which is urgent; without the triggers that make that slow."""
    organization.owner.run(f"""
      BEGIN;
      ALTER TABLE lead_interactions DISABLE TRIGGER sync_lead_next_follow_up;
      INSERT INTO lead_interactions
             (organization_id, interaction_type, status, subject, user_id, {column}, priority, scheduled_at)
      SELECT '{organization.id}', 'task', 'pending', 'x', '{organization.user_id}', '{id_}',
             CASE WHEN n = 1 THEN 'high' ELSE 'low' END, now() + n * interval '1 hour'
        FROM generate_series(1, {count}) AS n;
      ALTER TABLE lead_interactions ENABLE TRIGGER sync_lead_next_follow_up;
      COMMIT""")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "most"), [("contact", MOST_TASKS), ("lead", MOST_TASKS_OF_LEADS)])
def test_as_many_as_may_be_are_moved_and_more_are_refused_with_their_number(
    api: Api, organization: Organization, kind: str, most: int
) -> None:
    first, second = (str(getattr(organization, kind)()) for _ in range(2))
    add_tasks(organization, f"{kind}_id", first, most + 1)
    asked = {"from": {f"{kind}Id": first}, "to": {f"{kind}Id": second}}

    for dry in (True, False):
        payload = relink(api, organization, asked, dryRun=dry)
        assert [("VALIDATION", ["input", "filter"])] == refusals(payload)
        assert f"{most + 1:,} tasks" in payload["errors"][0]["message"]

    narrowed = asked | {"filter": {"priority": ["LOW"]}}
    assert most == relink(api, organization, narrowed)["affected"]
    assert most == relink(api, organization, narrowed, dryRun=False)["affected"]


@pytest.mark.parametrize("dry", [True, False])
def test_there_must_be_something_to_link_to(api: Api, organization: Organization, cast: Cast, dry: bool) -> None:
    payload = relink(api, organization, from_={"leadId": cast.lead}, to={"leadId": None}, dryRun=dry)

    assert [("LINK_REQUIRED", ["input", "to"])] == refusals(payload)


@pytest.mark.parametrize("dry", [True, False])
def test_every_record_is_verified_in_the_organization(
    api: Api, organization: Organization, cast: Cast, dry: bool
) -> None:
    theirs = new_organization(organization.owner)
    contact = theirs.contact()
    deleted = organization.account(UUID(cast.contact), account_name="Gone", deleted_at="now")
    to = {"leadId": str(theirs.lead()), "contactId": str(contact), "accountId": str(deleted)}

    payload = relink(api, organization, from_={"leadId": cast.lead}, to=to, dryRun=dry)

    assert [("RECORD_NOT_FOUND", ["input", "to", name]) for name in to] == refusals(payload)
    assert [("LEAD", to["leadId"]), ("CONTACT", to["contactId"]), ("ACCOUNT", to["accountId"])] == [
        (error["kind"], error["id"]) for error in payload["errors"]
    ]


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("which", ["unknown", "foreign"])
def test_tasks_come_from_a_record_that_is_there(
    api: Api, organization: Organization, cast: Cast, which: str, dry: bool
) -> None:
    lead = str(uuid4() if which == "unknown" else new_organization(organization.owner).lead())

    payload = relink(api, organization, from_={"leadId": lead}, to={"leadId": cast.lead}, dryRun=dry)

    assert [("RECORD_NOT_FOUND", ["input", "from", "leadId"])] == refusals(payload)
    assert ("LEAD", lead) == (payload["errors"][0]["kind"], payload["errors"][0]["id"])


def test_a_record_without_tasks_moves_none(api: Api, organization: Organization, cast: Cast) -> None:
    payload = relink(api, organization, from_={"leadId": cast.other_lead}, to={"leadId": cast.lead}, dryRun=False)

    assert (0, []) == (payload["affected"], payload["errors"])


@pytest.mark.parametrize("dry", [True, False])
def test_a_viewer_may_move_nothing(api: Api, organization: Organization, cast: Cast, dry: bool) -> None:
    asked = {"from": {"leadId": cast.lead}, "to": {"leadId": cast.other_lead}, "dryRun": dry}

    assert [("FORBIDDEN", None)] == refusals(relink(api, organization, asked, role=Role.VIEWER))


@pytest.mark.parametrize(
    "asked",
    [
        {"from": {"leadId": "7"}, "to": {"leadId": str(UUID(int=1))}},
        {"from": {"leadId": str(UUID(int=1))}, "to": {"leadId": "7"}},
        {"from": {}, "to": {"leadId": str(UUID(int=1))}},
        {"from": {"leadId": str(UUID(int=1)), "contactId": str(UUID(int=1))}, "to": {"leadId": str(UUID(int=1))}},
        {"from": {"leadId": str(UUID(int=1))}, "to": {"leadId": str(UUID(int=1))}, "filter": {"status": ["NO"]}},
    ],
    ids=str,
)
def test_what_cant_be_read_is_bad_user_input(api: Api, organization: Organization, asked: dict[str, object]) -> None:
    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), RELINK, input=asked)


def test_a_repeat_with_the_same_key_moves_nothing_more(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {
        "from": {"leadId": cast.lead},
        "to": {"leadId": cast.other_lead},
        "idempotencyKey": "k",
        "dryRun": False,
    }
    first = relink(api, organization, asked)
    cast.task(organization, "L since then".replace("since then", ""))

    second = relink(api, organization, asked)
    other = relink(api, organization, asked | {"to": {"contactId": cast.contact}})

    assert first | {"replayed": True} == second
    assert (4, False) == (first["affected"], first["replayed"])
    assert [("IDEMPOTENCY_CONFLICT", ["input", "idempotencyKey"])] == refusals(other)


def test_a_dry_run_takes_no_key(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {"from": {"leadId": cast.lead}, "to": {"leadId": cast.other_lead}, "idempotencyKey": "k"}

    relink(api, organization, asked)

    assert not relink(api, organization, asked, dryRun=False)["replayed"]
    assert cast.other_lead == links(organization)["L"][0]


def test_a_record_deleted_at_that_moment_is_refused(api: Api, organization: Organization, cast: Cast) -> None:
    asked = {"from": {"leadId": cast.lead}, "to": {"contactId": cast.other_contact}, "dryRun": False}
    payloads: list[Any] = []
    thread = threading.Thread(target=lambda: payloads.append(relink(api, organization, asked)))

    with organization.owner.transaction(f"DELETE FROM contacts WHERE id = '{cast.other_contact}'"):
        thread.start()
        organization.owner.wait_for_waiters()
        organization.owner.run("COMMIT")
    thread.join()

    assert [("RECORD_NOT_FOUND", ["input", "to", "contactId"])] == refusals(payloads[0])
    assert cast.lead == links(organization)["L"][0]


def test_a_task_that_moved_meanwhile_stays_there(api: Api, organization: Organization, cast: Cast) -> None:
    third = str(organization.lead())
    asked = {"from": {"leadId": cast.lead}, "to": {"contactId": cast.other_contact}, "dryRun": False}
    payloads: list[Any] = []
    thread = threading.Thread(target=lambda: payloads.append(relink(api, organization, asked)))
    which = f"organization_id = '{organization.id}' AND subject = 'L'"
    move = f"UPDATE lead_interactions SET lead_id = '{third}' WHERE {which}"

    with organization.owner.transaction(move):
        thread.start()
        organization.owner.wait_for_waiters()
        organization.owner.run("COMMIT")
    thread.join()

    assert 3 == payloads[0]["affected"]
    assert (third, None, None) == links(organization)["L"]
