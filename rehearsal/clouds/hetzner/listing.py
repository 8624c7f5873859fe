"""Answers to list requests: label selectors, filters, sorting and pages."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from rehearsal.clouds.hetzner.errors import invalid

Row = dict[str, Any]
Query = dict[str, list[str]]
_PER_PAGE: Final = 25
_MOST: Final = 50


def matches(selector: str, labels: dict[str, str]) -> bool:
    """Whether the labels fit a selector such as `env=prod,tier in (a,b),!old`."""
    return all(_fits(term.strip(), labels) for term in re.split(r",(?![^(]*\))", selector) if term.strip())


def _fits(term: str, labels: dict[str, str]) -> bool:
    grouped = re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", term)
    if grouped:
        inside = labels.get(grouped[1]) in [value.strip() for value in grouped[3].split(",")]
        return inside == (grouped[2] == "in")
    if "!=" in term:
        key, value = term.split("!=", 1)
        return labels.get(key.strip()) != value.strip()
    if "=" in term:
        key, value = re.split("==?", term, maxsplit=1)
        return labels.get(key.strip()) == value.strip()
    if term.startswith("!"):
        return term[1:].strip() not in labels
    return term in labels


def page(key: str, rows: list[Row], query: Query, filters: tuple[str, ...] = ("name",)) -> Row:
    """The JSON of a list: `key` with the rows of the page, `meta` with the pagination.

    Args:
        key: Name of the list in the answer.
        rows: All rows, in the order of their ids.
        query: Query parameters, each with all its values.
        filters: Parameters that must equal the row's field of the same name.
    """
    known = {"page", "per_page", "sort", "label_selector", *filters}
    unknown = {name: "unknown parameter" for name in query if name not in known}
    if unknown:
        raise invalid(unknown)
    for name in filters:
        if name in query:
            wanted = query[name]
            rows = [row for row in rows if _text(row.get(name)) in wanted]
    for selector in query.get("label_selector", []):
        rows = [row for row in rows if matches(selector, row.get("labels") or {})]
    rows = _sorted(rows, query.get("sort", []))
    number = _number(query, "page", 1, 1_000_000)
    size = _number(query, "per_page", _PER_PAGE, _MOST)
    last = max(1, -(-len(rows) // size))
    meta = {
        "page": number,
        "per_page": size,
        "previous_page": number - 1 if number > 1 else None,
        "next_page": number + 1 if number < last else None,
        "last_page": last,
        "total_entries": len(rows),
    }
    return {key: rows[(number - 1) * size : number * size], "meta": {"pagination": meta}}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sorted(rows: list[Row], orders: list[str]) -> list[Row]:
    for order in reversed(orders):
        field, _, direction = order.partition(":")
        if field not in ("id", "name", "created", "command", "status", "started", "finished") or direction not in (
            "",
            "asc",
            "desc",
        ):
            raise invalid({"sort": f"cannot sort by {order!r}"})
        rows = sorted(rows, key=partial(_sort_key, field), reverse=direction == "desc")
    return rows


def _sort_key(field: str, row: Row) -> Any:
    return row.get(field) or ""


def _number(query: Query, name: str, default: int, most: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not text.isdigit() or int(text) < 1:
        raise invalid({name: "must be a positive number"})
    return min(int(text), most)
