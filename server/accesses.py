"""What is known of a request by its end: the access log has what it was, the audit trail also whose."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING, Any

from pythonjsonlogger.orjson import OrjsonFormatter

from errors import DocumentNotTrusted, SettingsInvalid, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from starlette.requests import HTTPConnection

    from db.sessions import Session
    from execution.guards import Measured
    from server.metrics import Metrics
    from server.sign_in import SignedIn
    from server.spans import Trace
    from server.traces import Traces

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Access:
    """One request, or one operation on a WebSocket, while it is served."""

    request_id: str
    address: str | None = None
    signed_in: SignedIn | None = None
    measured: Measured | None = None
    session: Session | None = None
    codes: Sequence[str] = ()
    """The codes of its errors."""
    is_untrusted: bool = False
    """Whether its document is none of the operator's list, and may run all the same."""
    trace: Trace | None = None
    """Its spans; None where nobody traces, and of a WebSocket, whose operations are traced each."""
    _began: float = field(default_factory=time.perf_counter)

    def of_operation(self) -> Access:
        """Return a new one, for an operation on this WebSocket that begins now."""
        return replace(self, measured=None, session=None, codes=(), trace=None, _began=time.perf_counter())

    def add_codes(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """Note the codes of these entries of `errors`."""
        if errors:
            self.codes = sorted({*self.codes, *(error["extensions"]["code"] for error in errors)})

    @property
    def duration_s(self) -> float:
        """How long ago it began."""
        return time.perf_counter() - self._began

    @property
    def is_for_audit(self) -> bool:
        """Whether it was meant to change something, or its token or its document was refused."""
        is_change = self.measured is not None and self.measured.kind == "mutation"
        return is_change or not {Unauthenticated.code, DocumentNotTrusted.code}.isdisjoint(self.codes)

    def facts(self) -> dict[str, Any]:
        """Return what it was, with nothing that says whose."""
        what, session = self.measured, self.session
        found = {
            "request_id": self.request_id,
            "trace_id": self.trace and self.trace.id,
            "duration_ms": round(self.duration_s * 1_000, 1),
            "operation": what and what.name,
            "kind": what and what.kind,
            "points": what and what.points,
            "statements": session and session.statements,
            "codes": " ".join(self.codes),
            "trusted": "no" if self.is_untrusted else None,
        }
        return {name: value for name, value in found.items() if value not in {None, ""}}

    def persons(self) -> dict[str, Any]:
        """Return who it was, and from where, as far as that is known."""
        signed_in = self.signed_in
        return {
            "address": self.address,
            "user_id": signed_in and str(signed_in.viewer.user_id),
            "organization_id": signed_in and str(signed_in.viewer.organization_id),
            "role": signed_in and str(signed_in.viewer.role),
            "token_id": signed_in and signed_in.token_id,
        }


def of(connection: HTTPConnection) -> Access:
    """Return what is known of a request so far; `server.logs` has put it there."""
    found: Access = connection.state.access
    return found


class AccessLog:
    """Writes a line for each access, and for some of them one in the audit trail."""

    def __init__(
        self, audit_file: Path | None = None, metrics: Metrics | None = None, traces: Traces | None = None
    ) -> None:
        """Open the audit trail, if there is to be one. Raises SettingsInvalid when it can't be written."""
        self.metrics = metrics
        """What counts accesses, too; None where nothing does."""
        self.traces = traces
        """What traces them, too; None where nothing does."""
        self._audit = logging.Logger("taskline.audit")  # noqa: LOG001 - each application has its own file
        if audit_file is None:
            return
        try:
            handler = WatchedFileHandler(audit_file)  # goes on in a new file when this one is moved away
        except OSError as exc:
            raise SettingsInvalid(
                f"TASKLINE_AUDIT_FILE: {audit_file} can't be written: {exc.strerror}. Choose another file."
            ) from exc
        handler.setFormatter(OrjsonFormatter(["time"], timestamp="time"))
        self._audit.addHandler(handler)

    def close(self) -> None:
        """Close the audit trail."""
        for handler in self._audit.handlers:
            handler.close()

    def write(self, access: Access, what: str, *arguments: object, **more: object) -> None:
        """Write that something has ended: what, in words with their arguments, and the same by name."""
        facts = access.facts()
        # %r in the words keeps a path with odd characters on one line.
        told = " ".join(f"{name}={value}" for name, value in facts.items())
        log.info(f"{what} %s", *arguments, told, extra=more | facts)
        if self._audit.handlers and access.is_for_audit:
            fields = access.measured.fields if access.measured else ()
            changes = access.session.changes if access.session else 0
            self._audit.info(
                "", extra={**more, **facts, **access.persons(), "fields": list(fields), "changes": changes}
            )
