"""`./taskline check schema`: schema/schema.graphql is what the server has; `--fix` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from schema.build import build_schema

SDL = Path(__file__).parent.parent / "schema" / "schema.graphql"


def main(arguments: list[str]) -> int:
    """Compare, or write; 1 when the committed file differs."""
    printed = build_schema().as_str() + "\n"
    if "--fix" in arguments:
        SDL.write_text(printed)
    if SDL.read_text() == printed:
        return 0
    sys.stderr.write(
        "schema/schema.graphql differs from the schema. Write it by ./taskline check --fix, then review.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
