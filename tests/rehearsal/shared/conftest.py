"""shared-infrastructure on this machine's Docker: its names are its own, so each module has it in its turn."""

from __future__ import annotations

import pytest

from tests.support.shared import Shared, Tunnelled


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    stack = Shared(tmp_path_factory.mktemp("shared"))
    try:
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def tunnelled(tmp_path_factory):
    stack = Tunnelled(tmp_path_factory.mktemp("tunnelled"))
    try:
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack
    finally:
        stack.remove()
