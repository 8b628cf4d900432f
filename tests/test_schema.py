"""The schema is a contract: what is committed is what the server has."""

from pathlib import Path

from schema.build import build_schema

SDL = Path(__file__).parent.parent / "schema" / "schema.graphql"


def test_committed_sdl_is_the_schema() -> None:
    printed = build_schema().as_str() + "\n"

    assert SDL.read_text() == printed, "write it by ./taskline check --fix, then review the diff"


def test_everything_in_the_schema_is_described() -> None:
    types = build_schema()._schema.type_map
    ours = {name: type_ for name, type_ in types.items() if not name.startswith("__")}

    bare = [name for name, type_ in ours.items() if not type_.description]
    bare += [
        f"{name}.{field}"
        for name, type_ in ours.items()
        for field, definition in {**getattr(type_, "fields", {}), **getattr(type_, "values", {})}.items()
        if not definition.description
    ]

    assert bare == []
