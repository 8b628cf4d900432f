"""Settings are read from the environment, and handed on by it."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from errors import SettingsInvalid
from settings import Settings
from tests.papers import SETTINGS


@pytest.fixture(autouse=True)
def environment() -> Iterator[pytest.MonkeyPatch]:
    """An environment without settings, which is put back at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in SETTINGS:
            patch.setenv(variable, "")  # so that what a test exports is undone
            patch.delenv(variable)
        yield patch


def test_an_empty_variable_is_no_setting(environment: pytest.MonkeyPatch) -> None:
    unset = Settings.from_env()

    for variable in SETTINGS:
        environment.setenv(variable, "")

    assert unset == Settings.from_env()


def test_what_is_exported_is_read_again() -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://api@host/crm"),
        port=0,
        jwt_issuer="https://example.com",
        cors_origins="https://app.example.com, http://[::1]:3000",
    )

    settings.export()

    assert settings == Settings.from_env()


def test_what_is_absent_is_absent_for_whoever_reads_it_again(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TASKLINE_JWKS_URL", "https://login.example.com/keys")

    Settings.from_env().model_copy(update={"jwks_url": None}).export()

    assert Settings.from_env().jwks_url is None


def test_a_value_that_cant_be_used_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TASKLINE_PORT", "eighty")

    with pytest.raises(SettingsInvalid, match="TASKLINE_PORT"):
        Settings.from_env()
