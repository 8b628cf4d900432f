"""What people type into a search field, taken apart and bounded."""

from __future__ import annotations

from errors import BadUserInput

MOST_WORDS = 10
LONGEST_SEARCH = 1_000  # characters; more than a person's names, company and address have together


def words_of(text: str, what: str) -> tuple[str, ...]:
    """Return the words of a search, none for a blank one. Raises BadUserInput when there is too much, or a NUL."""
    words = text.split()
    if len(words) > MOST_WORDS or len(text) > LONGEST_SEARCH or "\0" in text:
        raise BadUserInput(
            f"{what} has more than {MOST_WORDS} words or {LONGEST_SEARCH} characters, or a NUL character. Shorten it."
        )
    return tuple(words)
