"""The standard streams as a command needs them, whatever it was started with: no word ends a deed midway."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def make_safe() -> None:
    """Put something where a stream was closed (`<&-`, `>&-`), and have every character written somehow.

    Nothing can be read from a closed input. What is written to a closed output fails, as on a full disk, and standard
    error can tell it; where that is closed there is nobody to tell.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
