"""Answers of a cloud as a later version of its API might give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

STRANGE = "never-seen"


def everywhere(value: Any, change: Any) -> Any:
    """A JSON value with each of its objects, the innermost first, as `change` makes it.

    Labels are the user's own, and of a page's numbers Hetzner's client takes no other.
    """
    if isinstance(value, list):
        return [everywhere(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    return change({key: item if key in {"labels", "meta"} else everywhere(item, change) for key, item in value.items()})


def fields(value: Any) -> set[str]:
    """The names of all fields in a JSON value."""
    found: set[str] = set()
    everywhere(value, lambda row: found.update(row) or row)
    return found


def without(answer: Any, field: str) -> Any:
    """An answer that has a field of that name nowhere."""
    return replace(
        answer,
        body=everywhere(answer.body, lambda row: {key: item for key, item in row.items() if key != field}),
    )


def with_more(answer: Any) -> Any:
    """An answer with a field in each object that nobody knows."""
    return replace(answer, body=everywhere(answer.body, lambda row: {**row, STRANGE: {STRANGE: [STRANGE]}}))


def with_strange(answer: Any, field: str) -> Any:
    """An answer in which a field, where it is text, has a value that nobody knows."""
    return replace(
        answer,
        body=everywhere(
            answer.body,
            lambda row: {**row, field: STRANGE} if isinstance(row.get(field), str) else row,
        ),
    )
