"""Idempotency keys: a change that is sent again with its key is made once, and answered alike."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.idempotency_keys import MOST_PRUNED
from db.task_changes import TaskChange
from resolvers.idempotency import digest_of
from resolvers.tasks import TaskDraft
from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.apis import api as served
from tests.databases import CrmDatabase
from tests.new_tasks import create_all, stored
from tests.organizations import Organization, new_organization

CREATE = """mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id subject version } replayed clientMutationId
  errors { __typename ... on UserError { code message path } } } }"""
UPDATE = """mutation ($input: UpdateTaskInput!) { updateTask(input: $input) {
  task { id subject version } replayed errors { __typename ... on UserError { code message path } } } }"""


def create(api: Api, viewer: Viewer, **fields: object) -> Any:
    return api.data(viewer, CREATE, input={"subject": "Call"} | fields)["createTask"]


def update(api: Api, viewer: Viewer, **fields: object) -> Any:
    return api.data(viewer, UPDATE, input=fields)["updateTask"]


def keys(organization: Organization) -> list[dict[str, Any]]:
    return organization.owner.rows(
        f"SELECT key, operation, user_id, answer FROM taskline_idempotency_keys"
        f" WHERE organization_id = '{organization.id}' ORDER BY key"
    )


@pytest.fixture
def contact(organization: Organization) -> str:
    return str(organization.contact())


def test_a_repeat_creates_nothing_and_answers_with_the_task(api: Api, organization: Organization, contact: str) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}

    first, second = (create(api, organization.viewer(), **asked) for _ in range(2))

    assert (False, True) == (first["replayed"], second["replayed"])
    assert first["task"] == second["task"]
    assert ([], []) == (first["errors"], second["errors"])
    assert 1 == len(stored(organization))


def test_a_repeat_shows_the_task_as_it_is_now(api: Api, organization: Organization, contact: str) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    id_ = create(api, organization.viewer(), **asked)["task"]["id"]
    organization.owner.run(f"UPDATE lead_interactions SET subject = 'Since then' WHERE id = '{id_}'")

    assert "Since then" == create(api, organization.viewer(), **asked)["task"]["subject"]


def test_without_a_key_each_request_creates_a_task(api: Api, organization: Organization, contact: str) -> None:
    for key in (None, None):
        create(api, organization.viewer(), contactId=contact, idempotencyKey=key)
    create(api, organization.viewer(), contactId=contact)

    assert 3 == len(stored(organization))
    assert [] == keys(organization)


def test_another_key_is_another_intention(api: Api, organization: Organization, contact: str) -> None:
    for key in ("k", "K", "k "):
        create(api, organization.viewer(), contactId=contact, idempotencyKey=key)

    assert 3 == len(stored(organization))


@pytest.mark.parametrize(
    "other",
    [{"subject": "Mail"}, {"priority": "LOW"}, {"dueAt": "2999-01-01T00:00:00Z"}, {"description": "x"}],
    ids="".join,
)
def test_the_same_key_with_another_input_is_refused(
    api: Api, organization: Organization, contact: str, other: dict[str, str]
) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    create(api, organization.viewer(), **asked)

    payload = create(api, organization.viewer(), **asked | other)

    (error,) = payload["errors"]
    assert (None, False) == (payload["task"], payload["replayed"])
    assert ("IdempotencyConflictError", "IDEMPOTENCY_CONFLICT") == (error["__typename"], error["code"])
    assert (["input", "idempotencyKey"], True) == (error["path"], "“k”" in error["message"])
    assert 1 == len(stored(organization))


@pytest.mark.parametrize(
    "same",
    [
        {"clientMutationId": "another"},
        {"priority": "MEDIUM"},
        {"priority": None, "description": None, "leadId": None},
        {"dueAt": "2999-01-01T02:00:00+02:00"},
    ],
    ids=str,
)
def test_what_means_the_same_is_the_same_input(
    api: Api, organization: Organization, contact: str, same: dict[str, str]
) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k", "dueAt": "2999-01-01T00:00:00Z", "clientMutationId": "one"}
    create(api, organization.viewer(), **asked)

    assert create(api, organization.viewer(), **asked | same)["replayed"]


def test_a_repeat_gives_back_its_own_text(api: Api, organization: Organization, contact: str) -> None:
    texts = [
        create(api, organization.viewer(), contactId=contact, idempotencyKey="k", clientMutationId=text)[
            "clientMutationId"
        ]
        for text in ("first", "second")
    ]

    assert ["first", "second"] == texts


def test_a_key_belongs_to_one_person_of_one_organization(api: Api, organization: Organization, contact: str) -> None:
    other = new_organization(organization.owner)
    colleague = Viewer(organization.user(), organization.id, Role.USER)
    asked = {"idempotencyKey": "k"}

    payloads = [
        create(api, organization.viewer(), contactId=contact, **asked),
        create(api, colleague, contactId=contact, **asked),
        create(api, other.viewer(), contactId=str(other.contact()), **asked),
    ]

    assert [(False, [])] * 3 == [(payload["replayed"], payload["errors"]) for payload in payloads]


def test_a_refused_change_leaves_no_key(api: Api, organization: Organization, contact: str) -> None:
    for fields in ({"subject": " "}, {"leadId": str(uuid4())}):
        refused = create(api, organization.viewer(), **{"contactId": contact, "idempotencyKey": "k"} | fields)
        assert refused["errors"]
    assert [] == keys(organization)

    assert not create(api, organization.viewer(), contactId=contact, idempotencyKey="k")["replayed"]


@pytest.mark.parametrize("key", ["", "x" * 256, "nul\0"], ids=["empty", "too long", "NUL"])
def test_a_key_has_1_to_255_characters(api: Api, organization: Organization, contact: str, key: str) -> None:
    assert [] == create(api, organization.viewer(), contactId=contact, idempotencyKey="😀" * 255)["errors"]

    answer = api.ask(
        CREATE, {"input": {"subject": "x", "contactId": contact, "idempotencyKey": key}}, viewer=organization.viewer()
    )

    if "errors" in answer.json():  # a NUL isn't even read
        assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    else:
        (error,) = answer.json()["data"]["createTask"]["errors"]
        assert ("VALIDATION", ["input", "idempotencyKey"]) == (error["code"], error["path"])
    assert 1 == len(stored(organization))


def test_a_check_alone_takes_no_key(api: Api, organization: Organization, contact: str) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}

    create(api, organization.viewer(), **asked, validateOnly=True)

    assert [] == keys(organization)
    assert not create(api, organization.viewer(), **asked)["replayed"]


def test_the_task_of_a_repeat_may_have_been_deleted_since(api: Api, organization: Organization, contact: str) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    id_ = create(api, organization.viewer(), **asked)["task"]["id"]
    organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{id_}'")

    payload = create(api, organization.viewer(), **asked)

    (error,) = payload["errors"]
    assert (None, "RECORD_NOT_FOUND") == (payload["task"], error["code"])
    assert "has been deleted since" in error["message"]
    assert [] == stored(organization)


def test_a_repeat_finds_a_task_that_was_deleted_and_restored(
    api: Api, organization: Organization, contact: str
) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    id_ = create(api, organization.viewer(), **asked)["task"]["id"]
    change = "mutation ($id: ID!) {{ {}(input: {{id: $id}}) {{ errors {{ __typename }} }} }}"

    api.data(organization.viewer(), change.format("deleteTask"), id=id_)
    deleted = create(api, organization.viewer(), **asked)
    api.data(organization.viewer(), change.format("restoreTask"), id=id_)
    restored = create(api, organization.viewer(), **asked)

    assert ["RECORD_NOT_FOUND"] == [error["code"] for error in deleted["errors"]]
    assert (id_, True) == (restored["task"]["id"], restored["replayed"])
    assert 1 == len(stored(organization))


def test_a_key_costs_one_statement_more_and_two_for_a_repeat(
    api: Api, organization: Organization, contact: str
) -> None:
    def cost() -> int:
        asked = {"subject": "x", "contactId": contact, "idempotencyKey": "k"}
        answer = api.ask(CREATE, {"input": asked}, viewer=organization.viewer()).json()
        statements: int = answer["extensions"]["cost"]["statements"]
        return statements

    assert [2, 3] == [cost(), cost()]


# Updates.


def test_a_repeated_update_changes_nothing(api: Api, organization: Organization, contact: str) -> None:
    id_ = str(organization.task(contact_id=contact))
    version = api.data(organization.viewer(), "query ($id: ID!) { task(id: $id) { version } }", id=id_)["task"][
        "version"
    ]
    asked = {"id": id_, "subject": "Mail", "idempotencyKey": "k", "expectedVersion": version}

    first = update(api, organization.viewer(), **asked)
    organization.owner.run(f"UPDATE lead_interactions SET subject = 'Since then' WHERE id = '{id_}'")
    second = update(api, organization.viewer(), **asked)

    assert ("Mail", False) == (first["task"]["subject"], first["replayed"])
    assert ("Since then", True, []) == (second["task"]["subject"], second["replayed"], second["errors"])


def test_null_and_absent_are_different_updates(api: Api, organization: Organization, contact: str) -> None:
    id_ = str(organization.task(contact_id=contact))
    asked = {"id": id_, "subject": "Mail", "idempotencyKey": "k"}
    update(api, organization.viewer(), **asked)

    payload = update(api, organization.viewer(), **asked, description=None)

    assert ["IDEMPOTENCY_CONFLICT"] == [error["code"] for error in payload["errors"]]


def test_a_refused_update_leaves_no_key(api: Api, organization: Organization, contact: str) -> None:
    id_ = str(organization.task(contact_id=contact))

    payload = update(api, organization.viewer(), id=id_, subject="Mail", expectedVersion="0", idempotencyKey="k")

    assert ["STALE_VERSION"] == [error["code"] for error in payload["errors"]]
    assert [] == keys(organization)


def test_one_key_can_stand_for_a_creation_and_for_an_update(api: Api, organization: Organization, contact: str) -> None:
    id_ = create(api, organization.viewer(), contactId=contact, idempotencyKey="k")["task"]["id"]

    payload = update(api, organization.viewer(), id=id_, subject="Mail", idempotencyKey="k")

    assert ("Mail", False) == (payload["task"]["subject"], payload["replayed"])
    assert ["createTask", "updateTask"] == sorted(key["operation"] for key in keys(organization))


# Lists.


def test_a_repeated_list_creates_what_is_new_in_it(api: Api, organization: Organization, contact: str) -> None:
    items = [{"contactId": contact, "subject": f"{n}", "idempotencyKey": f"k{n}"} for n in range(3)]
    first = create_all(api, organization.viewer(), items[:2])

    second = create_all(api, organization.viewer(), [*items, {"contactId": contact, "subject": "no key"}])

    assert [True, True, False, False] == [result["replayed"] for result in second["results"]]
    assert [result["task"] for result in first["results"]] == [result["task"] for result in second["results"][:2]]
    assert (4, 0) == (second["succeeded"], second["failed"])
    assert ["0", "1", "2", "no key"] == sorted(row["subject"] for row in stored(organization))


def test_an_item_of_a_list_and_a_single_task_share_their_keys(
    api: Api, organization: Organization, contact: str
) -> None:
    asked = {"subject": "Call", "contactId": contact, "idempotencyKey": "k"}
    (first,) = create_all(api, organization.viewer(), [asked])["results"]

    second = create(api, organization.viewer(), **asked)

    assert (True, first["task"]["id"]) == (second["replayed"], second["task"]["id"])


@pytest.mark.parametrize("atomic", [True, False])
def test_a_key_twice_in_a_list_creates_one_task(
    api: Api, organization: Organization, contact: str, atomic: bool
) -> None:
    item = {"contactId": contact, "idempotencyKey": "k"}

    results = create_all(api, organization.viewer(), [item, item], atomic=atomic)["results"]

    assert [False, True] == [result["replayed"] for result in results]
    assert results[0]["task"] == results[1]["task"]
    assert 1 == len(stored(organization))


@pytest.mark.parametrize(("atomic", "created"), [(True, 0), (False, 1)])
def test_a_key_for_two_inputs_of_a_list_is_refused(
    api: Api, organization: Organization, contact: str, atomic: bool, created: int
) -> None:
    items = [{"contactId": contact, "subject": subject, "idempotencyKey": "k"} for subject in ("a", "b")]

    payload = create_all(api, organization.viewer(), items, atomic=atomic)

    assert "IdempotencyConflictError" == payload["results"][1]["errors"][0]["__typename"]
    assert (created, created) == (len(stored(organization)), payload["succeeded"])


@pytest.mark.parametrize(("atomic", "created"), [(True, 0), (False, 1)])
def test_a_key_used_before_for_another_input_is_refused_in_a_list(
    api: Api, organization: Organization, contact: str, atomic: bool, created: int
) -> None:
    create(api, organization.viewer(), contactId=contact, idempotencyKey="used")
    items = [
        {"contactId": contact, "subject": "other", "idempotencyKey": "used"},
        {"contactId": contact, "subject": "new", "idempotencyKey": "new"},
    ]

    payload = create_all(api, organization.viewer(), items, atomic=atomic)

    assert ["input", "0", "idempotencyKey"] == payload["results"][0]["errors"][0]["path"]
    assert created == payload["succeeded"]
    assert ["new", "used"][-1 - created :] == [key["key"] for key in keys(organization)]


@pytest.mark.parametrize("atomic", [True, False])
def test_refused_items_leave_no_key(api: Api, organization: Organization, contact: str, atomic: bool) -> None:
    items = [
        {"contactId": contact, "idempotencyKey": "good"},
        {"contactId": str(uuid4()), "idempotencyKey": "missing"},
        {"contactId": contact, "subject": "", "idempotencyKey": "wrong"},
    ]

    create_all(api, organization.viewer(), items, atomic=atomic)

    assert ([] if atomic else ["good"]) == [key["key"] for key in keys(organization)]


def test_keys_of_a_list_cost_the_same_for_one_and_for_a_hundred(
    api: Api, organization: Organization, contact: str
) -> None:
    def cost(name: str, size: int) -> int:
        items = [{"subject": "x", "contactId": contact, "idempotencyKey": f"{name} {n}"} for n in range(size)]
        query = "mutation ($input: [CreateTaskInput!]!) { createTasks(input: $input) { succeeded } }"
        answer = api.ask(query, {"input": items}, viewer=organization.viewer()).json()
        assert size == answer["data"]["createTasks"]["succeeded"]
        statements: int = answer["extensions"]["cost"]["statements"]
        return statements

    assert [2, 2] == [cost("few", 1), cost("many", 100)]
    assert [3, 3] == [cost("few", 1), cost("many", 100)]  # claimed, read, and their tasks


# At the same time.


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """Call from this many threads, all of which start together; return the answers."""
    together = threading.Barrier(count)

    def start() -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(count) as threads:
        return [future.result() for future in [threads.submit(start) for _ in range(count)]]


@pytest.fixture
def second(crm: CrmDatabase) -> Iterator[Api]:
    """Another server on the same database."""
    with served(database_url=crm.app_url) as running:
        yield running


@pytest.mark.slow
def test_twenty_identical_requests_at_once_make_one_task(
    api: Api, second: Api, organization: Organization, contact: str
) -> None:
    servers = cycle([api, second])

    payloads = at_once(20, lambda: create(next(servers), organization.viewer(), contactId=contact, idempotencyKey="k"))

    assert 1 == len(stored(organization))
    assert [[]] * 20 == [payload["errors"] for payload in payloads]
    assert 1 == len({str(payload["task"]) for payload in payloads})
    assert 1 == sum(not payload["replayed"] for payload in payloads)


@pytest.mark.slow
def test_twenty_identical_lists_at_once_make_their_tasks_once(
    api: Api, organization: Organization, contact: str
) -> None:
    items = [{"contactId": contact, "subject": f"{n}", "idempotencyKey": f"k{n}"} for n in range(10)]
    backwards = list(reversed(items))

    payloads = at_once(20, lambda: create_all(api, organization.viewer(), backwards if uuid4().int % 2 else items))

    assert [str(n) for n in range(10)] == sorted(row["subject"] for row in stored(organization))
    assert [(10, 0)] * 20 == [(payload["succeeded"], payload["failed"]) for payload in payloads]


@pytest.fixture
def impatient(crm: CrmDatabase) -> Iterator[Api]:
    """An API that waits half a second for a lock."""
    with served(database_url=crm.app_url, lock_timeout_ms=500) as running:
        yield running


def claimed(organization: Organization, key: str, answer: str = "null") -> str:
    """SQL that claims a key as a request does that is still running."""
    values = f"'{organization.id}', '{organization.user_id}', 'createTask', '{key}', '\\x00', '{answer}'"
    return (
        "INSERT INTO taskline_idempotency_keys (organization_id, user_id, operation, key, input_digest, answer)"
        f" VALUES ({values})"
    )


def test_a_repeat_waits_for_the_first_request_and_then_answers(
    api: Api, organization: Organization, contact: str
) -> None:
    with ThreadPoolExecutor(1) as threads, organization.owner.transaction(claimed(organization, "k")):
        repeat = threads.submit(create, api, organization.viewer(), contactId=contact, idempotencyKey="k")
        organization.owner.wait_for_waiters()
        organization.owner.run("ROLLBACK")
        payload = repeat.result()

    assert (False, []) == (payload["replayed"], payload["errors"])
    assert 1 == len(stored(organization))


def test_a_repeat_that_waits_too_long_can_be_sent_again(
    impatient: Api, organization: Organization, contact: str
) -> None:
    asked = {"subject": "x", "contactId": contact, "idempotencyKey": "k"}

    with organization.owner.transaction(claimed(organization, "k")):
        codes = impatient.codes(organization.viewer(), CREATE, input=asked)

    assert ["TIMEOUT"] == codes
    assert [] == stored(organization)
    assert not create(impatient, organization.viewer(), **asked)["replayed"]


# How long they are kept.


def aged(organization: Organization, hours: float) -> None:
    organization.owner.run(
        f"UPDATE taskline_idempotency_keys SET created_at = now() - interval '{hours} hours'"
        f" WHERE organization_id = '{organization.id}'"
    )


@pytest.mark.parametrize(("hours", "replayed"), [(23.9, True), (24.1, False)])
def test_a_key_is_kept_for_24_hours(
    api: Api, organization: Organization, contact: str, hours: float, replayed: bool
) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    create(api, organization.viewer(), **asked)
    aged(organization, hours)

    payload = create(api, organization.viewer(), **asked)

    assert (replayed, []) == (payload["replayed"], payload["errors"])
    assert 1 == len(keys(organization))


def test_an_expired_key_can_stand_for_another_input(api: Api, organization: Organization, contact: str) -> None:
    create(api, organization.viewer(), contactId=contact, idempotencyKey="k")
    aged(organization, 25)
    changed = {"contactId": contact, "subject": "Mail", "idempotencyKey": "k"}

    payloads = [create(api, organization.viewer(), **changed) for _ in range(2)]

    assert [(False, []), (True, [])] == [(payload["replayed"], payload["errors"]) for payload in payloads]


def test_how_long_is_a_setting(crm: CrmDatabase, organization: Organization, contact: str) -> None:
    asked = {"contactId": contact, "idempotencyKey": "k"}
    with served(database_url=crm.app_url, idempotency_hours=48) as patient:
        create(patient, organization.viewer(), **asked)
        aged(organization, 47)

        assert create(patient, organization.viewer(), **asked)["replayed"]


def test_expired_keys_are_removed_in_bites_when_a_key_is_used(
    api: Api, organization: Organization, contact: str
) -> None:
    other = new_organization(organization.owner)
    for one in (organization, other):
        numbers = (
            f"SELECT '{one.id}'::uuid, '{one.user_id}'::uuid, 'createTask', n::text, '\\x00'::bytea, 'null'::jsonb"
        )
        one.owner.run(
            "INSERT INTO taskline_idempotency_keys (organization_id, user_id, operation, key, input_digest, answer)"
            f" {numbers} FROM generate_series(1, {MOST_PRUNED + 10}) AS n"
        )
        aged(one, 25)

    create(api, organization.viewer(), contactId=contact)
    untouched = len(keys(organization))
    create(api, organization.viewer(), contactId=contact, idempotencyKey="k")
    after_one = len(keys(organization))
    create(api, organization.viewer(), contactId=contact, idempotencyKey="l")

    assert (MOST_PRUNED + 10, 11, ["k", "l"]) == (untouched, after_one, [key["key"] for key in keys(organization)])
    assert MOST_PRUNED + 10 == len(keys(other))


# What is kept, and who sees it.


def test_keys_of_other_organizations_are_out_of_reach(
    crm: CrmDatabase, api: Api, organization: Organization, contact: str
) -> None:
    other = new_organization(organization.owner)
    create(api, organization.viewer(), contactId=contact, idempotencyKey="k")
    seen = "SELECT count(*) FROM taskline_idempotency_keys"

    counts = [
        crm.psql(f"SET app.current_organization_id = '{one}'; {seen}", url=crm.app_url)
        for one in (organization.id, other.id)
    ]

    assert ["1", "0"] == counts


def test_nothing_of_the_input_is_kept_but_its_digest(api: Api, organization: Organization, contact: str) -> None:
    id_ = create(api, organization.viewer(), contactId=contact, subject="secret", idempotencyKey="k")["task"]["id"]

    assert [
        {"key": "k", "operation": "createTask", "user_id": str(organization.user_id), "answer": {"task": id_}}
    ] == keys(organization)


def test_digests_stay_the_same_from_release_to_release() -> None:
    """Else a repeat to a server that has just been updated would be refused."""
    draft = TaskDraft("Call", due_at=datetime(2026, 2, 10, 15, tzinfo=UTC), contact_id=UUID(int=1))
    elsewhere = TaskDraft(
        "Call", due_at=datetime(2026, 2, 10, 16, tzinfo=timezone(timedelta(hours=1))), contact_id=UUID(int=1)
    )
    change = TaskChange(UUID(int=2), frozenset({"subject", "description"}), subject="Mail")

    assert "4aa94fff1a751b9e7156c0399057404f6d2a600d1b6e5a0a7f694d05f4486e4f" == digest_of(draft).hex()
    assert digest_of(elsewhere) == digest_of(draft)
    assert "c785b655855c98aaa1ed97028bf1fac2f2d616d757c9c834737b5d5feef7dae5" == digest_of(change).hex()
