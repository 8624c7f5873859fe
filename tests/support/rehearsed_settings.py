"""What is rehearsed: the preset with services of its user's own, as tests/cases/rehearsed has them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / "tests" / "cases" / "rehearsed"


def own_services(preset: str) -> list[str]:
    """The names of those services."""
    path = FOLDER / preset / "Pulumi.prod.yaml"
    config = yaml.safe_load(path.read_text())["config"] if path.is_file() else {}
    return list(config.get("homeport:settings", {}).get("apps", {}))


@contextmanager
def own_settings(preset: str) -> Iterator[None]:
    """Commands read the stack's file of that folder, where there is one for the preset, instead of the checkout's."""
    with pytest.MonkeyPatch.context() as patch:
        if (FOLDER / preset).is_dir():
            patch.setenv("HOMEPORT_STACK_FILES", str(FOLDER / preset))
        yield
