"""Why a contestant can't take part."""

from __future__ import annotations


class NotMeasured(Exception):
    """A contestant can't take part; the message says why."""
