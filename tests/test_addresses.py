"""An address that can't be listened on says what to do about it."""

import errno
import socket

import pytest

from commands import serving
from errors import AddressUnusable


def refusal(host: str, port: int) -> str:
    with pytest.raises(AddressUnusable) as refused, serving.listening(host, port):
        pass
    return str(refused.value)


def test_a_port_in_use_leads_to_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        said = refusal("127.0.0.1", port)

    assert said == (
        f"Can't listen on 127.0.0.1:{port}: Address already in use. "
        "Stop the program that listens there, or choose another port: --port 0 takes any."
    )


def test_a_port_of_the_administrator_leads_to_a_higher_one() -> None:
    said = str(serving.unusable("127.0.0.1", 80, PermissionError(errno.EACCES, "(somewhere)")))

    assert "Can't listen on 127.0.0.1:80: Permission denied. " in said
    assert "--port 8000" in said


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a..b", "::g"])
def test_an_address_that_isnt_ours_leads_to_the_host(host: str) -> None:
    said = refusal(host, 0)

    assert said.startswith(f"Can't listen on {host}:0: ")
    assert "Check --host" in said
    assert "(" not in said
    assert "Errno" not in said
