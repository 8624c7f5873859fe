"""shared-infrastructure on this machine's Docker, brought up once for the modules of this folder."""

from __future__ import annotations

import pytest

from tests.support.shared import Shared


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    stack = Shared(tmp_path_factory.mktemp("shared"))
    try:
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack
    finally:
        stack.remove()
