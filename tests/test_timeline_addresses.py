"""The documented parameters of the timeline's address are those that the page reads and writes."""

import re
from pathlib import Path

WEB = Path(__file__).parent.parent / "web"
KINDS = {"lead", "contact", "account"}


def section(text: str, title: str) -> str:
    """Return what stands under a heading, down to the next one."""
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def test_every_parameter_of_the_address_is_documented_and_no_other() -> None:
    address = section((WEB / "README.md").read_text(encoding="utf-8"), "The timeline's address")
    view = (WEB / "timeline" / "address" / "view.ts").read_text(encoding="utf-8")

    documented = {
        name for row in re.findall(r"^\| (`.*?`) \|", address, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)
    }
    read = set(re.findall(r'given\.(?:get|has)\("([\w-]+)"\)', view)) | KINDS
    written = set(re.findall(r'^    \["([\w-]+)", ', view, re.MULTILINE)) | KINDS

    assert documented == read == written


def test_every_value_of_the_address_is_documented_and_no_other() -> None:
    address = section((WEB / "README.md").read_text(encoding="utf-8"), "The timeline's address")
    view = (WEB / "timeline" / "address" / "view.ts").read_text(encoding="utf-8")

    for parameter, constant in {"kind": "INTERACTION_KINDS", "status": "STATUSES", "priority": "PRIORITIES"}.items():
        row = re.search(rf"^\| `{parameter}` \| (.*) \|$", address, re.MULTILINE)
        values = re.search(rf"{constant} = \[(.*?)\]", view, re.DOTALL)
        assert row
        assert values

        assert {value.lower() for value in re.findall(r'"(\w+)"', values[1])} == set(re.findall(r"`(\w+)`", row[1]))
