"""Today's front end keeps working: its requests get the answers that it knows, or one of the deliberate differences."""

from typing import Any

import pytest

from tests.apis import Api
from tests.organizations import Organization
from tests.papers import ROOT, section, table
from tests.rest_cases import CASES, differences, filled, furnish, send

DIFFERENCES = table(section((ROOT / "docs" / "rest.md").read_text(), "Deliberate differences"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_request_of_the_older_front_end_gets_its_answer(
    api: Api, organization: Organization, case: dict[str, Any]
) -> None:
    ids = furnish(organization)

    response = send(api, organization, case, ids)

    expected = filled(case["answer"], ids)
    assert expected["status"] == response.status_code, response.text
    assert "application/json" == response.headers["content-type"]
    assert [] == differences(expected["body"], response.json(), is_partial=expected.get("partial", False))


def test_each_difference_is_listed_with_its_reason_and_shown_by_a_case() -> None:
    shown = {case["difference"] for case in CASES if "difference" in case}

    assert shown == {row[0].strip("`") for row in DIFFERENCES}
    assert all(all(row) for row in DIFFERENCES)


def test_each_case_that_differs_says_what_was_before() -> None:
    assert [] == [case["name"] for case in CASES if ("before" in case) != ("difference" in case)]
