"""What the demo keeps between its starts."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from commands.demo_state import FILE, DemoState
from errors import DemoNotMade
from resolvers.viewers import Role

SOMEBODY = UUID(int=1)
STATE = DemoState(jwt_secret="s" * 43, organization_id=UUID(int=2), people={Role.USER: (SOMEBODY, "Elif Costa")})
KEPT = {"jwt_secret": "s" * 43, "organization_id": str(UUID(int=2)), "people": {"user": [str(SOMEBODY), "Elif Costa"]}}


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    STATE.write(tmp_path)

    assert STATE == DemoState.read(tmp_path)
    assert KEPT == json.loads((tmp_path / FILE).read_text())


def test_a_demo_made_afresh_keeps_the_key(tmp_path: Path) -> None:
    STATE.write(tmp_path)

    assert STATE.jwt_secret == DemoState.secret_for_the_next(tmp_path)


@pytest.mark.parametrize("text", [None, "{}"])
def test_without_a_key_to_keep_there_is_a_new_one(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)

    keys = {DemoState.secret_for_the_next(tmp_path) for _ in range(2)}

    assert 2 == len(keys)
    assert {43} == {len(key) for key in keys}


def test_only_we_can_read_it(tmp_path: Path) -> None:
    STATE.write(tmp_path)

    assert 0o600 == (tmp_path / FILE).stat().st_mode & 0o777


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    STATE.write(tmp_path)

    DemoState.forget(tmp_path)

    assert DemoState.read(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"jwt_secret": "ab',
        "\\xff",
        json.dumps({name: value for name, value in KEPT.items() if name != "people"}),
        json.dumps({"jwt_sekret" if name == "jwt_secret" else name: value for name, value in KEPT.items()}),
        json.dumps(KEPT | {"organization_id": "tenant-1"}),
        json.dumps(KEPT | {"people": {"user": ["me", "Elif Costa"]}}),
        json.dumps(KEPT | {"people": {"king": [str(SOMEBODY), "Elif Costa"]}}),
    ],
)
def test_what_the_demo_did_not_write_is_one_clear_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(DemoNotMade) as refused:
        DemoState.read(tmp_path)

    assert f"{tmp_path / FILE} isn't as the demo wrote it. Make the demo anew: ./taskline demo --fresh." == str(
        refused.value
    )


def test_a_role_that_nobody_has_is_named() -> None:
    with pytest.raises(DemoNotMade, match="admin"):
        STATE.viewer(Role.ADMIN)
