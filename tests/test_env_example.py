""".env.example lists every setting with its default and a word about it."""

import re
from itertools import pairwise

import pytest
from pydantic.fields import FieldInfo

from settings import Settings
from tests.papers import PASSWORDS, ROOT, SETTINGS

TEXT = (ROOT / ".env.example").read_text()


def test_it_lists_every_setting() -> None:
    listed = re.findall(r"^#?([A-Z_]+)=", TEXT, re.MULTILINE)

    assert sorted([*SETTINGS, *PASSWORDS]) == sorted(listed)


def test_it_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    defaults = Settings.from_env()
    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", TEXT, re.MULTILINE))
    with_default = {variable for variable, field in SETTINGS.items() if has_default(field)}

    for variable in with_default:
        monkeypatch.setenv(variable, shown[variable])

    assert with_default
    assert defaults == Settings.from_env()


def test_it_says_a_word_about_each_setting() -> None:
    lines = TEXT.splitlines()

    bare = [line for before, line in pairwise(lines) if re.match(r"#?[A-Z_]+=", line) and not re.match(r"# \w", before)]

    assert [] == bare


def has_default(field: FieldInfo) -> bool:
    return field.default_factory is None and field.default is not None
