"""How large a filter may be: what the database has to weigh for each row must stay bounded."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CONDITIONS = 100
DEEPEST = 8
LONGEST_LIST = 500


def check_filter(given: object, name: str) -> None:
    """Raise LimitExceeded for a filter with too many conditions, filters in filters too deep, or a list too long.

    Every test counts as a condition, and so does every filter within a filter.
    """
    conditions = 0
    for path, value, level in _walk(given, name, 1):
        conditions += 1
        if level > DEEPEST:
            raise LimitExceeded(f"{name} nests filters in filters deeper than {DEEPEST} levels. Flatten it.")
        if isinstance(value, list) and len(value) > LONGEST_LIST:
            raise LimitExceeded(f"{path} lists {len(value):,} values. List at most {LONGEST_LIST}.")
    if conditions > MOST_CONDITIONS:
        raise LimitExceeded(
            f"{name} has {conditions:,} conditions. Give at most {MOST_CONDITIONS}: a list is one condition."
        )


def _walk(given: object, path: str, level: int) -> Iterator[tuple[str, object, int]]:
    """Yield each test and each filter within: its path, its value, and how deep its filter is."""
    for place in fields(given) if is_dataclass(given) and not isinstance(given, type) else ():
        value = getattr(given, place.name)
        inner = f"{path}.{to_camel_case(place.name.rstrip('_'))}"
        filters = [value] if type(value) is type(given) else value if _holds_filters(value) else []
        if filters:
            for number, filter_ in enumerate(filters):
                inside = f"{inner}[{number}]" if isinstance(value, list) else inner
                yield inside, filter_, level + 1
                yield from _walk(filter_, inside, level + 1)
        elif is_dataclass(value):
            yield from _walk(value, inner, level)
        elif value is not None and value is not UNSET and value is not place.default:
            yield inner, value, level


def _holds_filters(value: object) -> bool:
    return isinstance(value, list) and bool(value) and is_dataclass(value[0])
