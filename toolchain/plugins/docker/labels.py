"""Labels: a set of label and value in properties, a map in the daemon's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolchain.plugins.tfbridge.schema import frozen, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

LABEL: Final = frozen({"label": text(required=True), "value": text(required=True)})


def labels_of(items: list[Props] | None) -> dict[str, str]:
    """Docker's map for a list of label and value."""
    return {item["label"]: item["value"] for item in items or []}


def labels_from(labels: dict[str, str] | None) -> list[Props]:
    """The list of label and value for Docker's map."""
    return [{"label": label, "value": value} for label, value in sorted((labels or {}).items())]
