from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from checkouts import Host  # noqa: E402  # found by the path above


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)
