"""Values of options that must say something: the "" that an unset shell variable leaves never means a default."""

from __future__ import annotations

import math
import os
from pathlib import Path

import click

LONGEST_NAME_BYTES = 63  # of a role; the server would cut a longer one short, and take it for another


class Text(click.ParamType[str]):
    """Text that isn't empty; of `longest_bytes` in UTF-8, if that is given. What is refused is never quoted."""

    name = "text"

    def __init__(self, longest_bytes: int | None = None) -> None:
        self.longest_bytes = longest_bytes

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value as it is."""
        if not value.strip():
            self.fail("it is empty. Is a variable of the shell unset?", param, ctx)
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            self.fail("it isn't UTF-8.", param, ctx)
        if self.longest_bytes is not None and length > self.longest_bytes:
            self.fail(f"it has {length} bytes, and a name at most {self.longest_bytes}.", param, ctx)
        return value


class File(click.Path):
    """The path of a file, be it there or not, but no folder's; it isn't empty."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path."""
        Text().convert(os.fspath(value), param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    """Seconds within a range; "nan" is in none, though it compares as if it were in all."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} isn't in the range {self._describe_range()}.", param, ctx)
        return float(number)
