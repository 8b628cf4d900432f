"""The address of an environment's database, from its variables or from its .env file. The variables win."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

from dotenv import dotenv_values

from errors import MigrationTargetUnknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENVIRONMENTS = ("devtest", "staging", "production")
DEFAULT_PORT = "5432"
LAST_PORT = 65_535
_A_PORT = f"a number from 1 to {LAST_PORT}"

# A password may hold every character, also those that an address must escape: the last @ ends it.
_ADDRESS = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?(?P<rest>[^@]*)", re.DOTALL
)

_A_HALF = re.compile("[\ud800-\udfff]")  # of a pair: what the shell gave as a byte that is no UTF-8
_HOST = re.compile(r"(?P<name>\[.*\]|[^:]*)(?::(?P<port>\d*))?")


def address(environment: str, variables: Mapping[str, str], folder: Path) -> str:
    """Return the address of `devtest`, `staging` or `production`.

    For devtest it is DEVTEST_DATABASE_URL, or DEVTEST_DB_HOST, _PORT, _NAME, _USER and _PASSWORD, as variables or, if
    there are none, in `folder/.env.devtest`. Raises MigrationTargetUnknown; the message never holds a value.
    """
    prefix = environment.upper()
    file = folder / f".env.{environment}"
    found = _found(prefix, variables) or _found(prefix, _of_file(file))
    if found is None:
        raise MigrationTargetUnknown(
            f"No address for {environment}. Set {prefix}_DATABASE_URL (postgresql://user:password@host:5432/database), "
            f"or {prefix}_DB_HOST, _PORT, _NAME, _USER and _PASSWORD, or write them to {file.name}."
        )
    return found


def escaped(url: str, source: str) -> str:
    """Return an address with user and password escaped as they must be; `source` names it in the error."""
    match = _ADDRESS.fullmatch(url.strip())
    if not match or _A_HALF.search(url):
        raise MigrationTargetUnknown(
            f"{source} isn't an address. It looks like postgresql://user:password@host:5432/database."
        )
    login = ""
    if match["user"] is not None:
        login = quote(unquote(match["user"]), safe="")
        login += "" if match["password"] is None else f":{quote(unquote(match['password']), safe='')}"
        login += "@"
    made = f"postgresql://{login}{match['rest']}"
    try:
        urlsplit(made)
    except ValueError:
        raise MigrationTargetUnknown(
            f"{source} has a host that can't be read, as [::1 without its ]. It looks like "
            "postgresql://user:password@host:5432/database."
        ) from None
    if not _are_ports(made):
        raise MigrationTargetUnknown(f"{source} has a port that isn't {_A_PORT}.")
    return made


def is_same_database(one: str, other: str) -> bool:
    """Return whether two addresses name the same server, port and database, whoever signs in there."""
    (hosts, name), (other_hosts, other_name) = _names(one), _names(other)
    return name == other_name and not hosts.isdisjoint(other_hosts)


def _names(url: str) -> tuple[set[tuple[str, str]], str]:
    """Return an address's servers, each with its port, and its database. What the address leaves out is filled in."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    login, _, netloc = parts.netloc.rpartition("@")
    hosts = (netloc or query.get("host", "")).split(",")
    ports = query.get("port", DEFAULT_PORT).split(",")
    found = set()
    for place, host in enumerate(hosts):
        match = _HOST.fullmatch(host)
        name, port = (match["name"], match["port"]) if netloc and match else (host, None)
        found.add((name.lower(), port or ports[min(place, len(ports) - 1)]))
    database = parts.path.lstrip("/") or query.get("dbname") or query.get("database") or login.partition(":")[0]
    return found, unquote(database)


def _are_ports(url: str) -> bool:
    """Return whether each port of an address can be one; the driver would take a larger number modulo 65,536."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        ports = [port for host in hosts if (port := urlsplit(f"//{host}").port) is not None]
        named = [int(port) for ports in parse_qs(parts.query).get("port", []) for port in ports.split(",")]
    except ValueError:
        return False
    return all(1 <= port <= LAST_PORT for port in ports + named)


def _found(prefix: str, values: Mapping[str, str]) -> str | None:
    if url := values.get(f"{prefix}_DATABASE_URL", "").strip():
        return escaped(url, f"{prefix}_DATABASE_URL")
    host = values.get(f"{prefix}_DB_HOST", "").strip()
    if not host:
        return None
    missing = [f"{prefix}_DB_{part}" for part in ("NAME", "USER") if not values.get(f"{prefix}_DB_{part}", "").strip()]
    if missing:
        raise MigrationTargetUnknown(f"{prefix}_DB_HOST is set, but {' and '.join(missing)} isn't. Set it too.")
    port = values.get(f"{prefix}_DB_PORT", "").strip() or DEFAULT_PORT
    if not (port.isdecimal() and 1 <= int(port) <= LAST_PORT):
        raise MigrationTargetUnknown(
            f"{prefix}_DB_PORT isn't {_A_PORT}. Set it to the server's port, usually {DEFAULT_PORT}."
        )
    user, name = (quote(values[f"{prefix}_DB_{part}"].strip(), safe="") for part in ("USER", "NAME"))
    password = values.get(f"{prefix}_DB_PASSWORD", "")
    login = f"{user}:{quote(password, safe='')}" if password else user
    where = f"[{host}]" if ":" in host else host
    if host.startswith("/"):  # a socket's folder
        return f"postgresql://{login}@/{name}?host={quote(host, safe='')}&port={port}"
    return f"postgresql://{login}@{where}:{port}/{name}"


def _of_file(file: Path) -> dict[str, str]:
    """Read a .env file: `export`, quotes, CRLF and a byte-order mark are understood; a $ is just a character."""
    try:
        values = dotenv_values(file, encoding="utf-8-sig", interpolate=False)
    except UnicodeDecodeError:
        raise MigrationTargetUnknown(f"{file.name} isn't UTF-8 text. Save it as UTF-8.") from None
    except OSError as exc:
        raise MigrationTargetUnknown(f"Can't read {file.name}: {exc.strerror}.") from exc
    return {name: value for name, value in values.items() if value is not None}
