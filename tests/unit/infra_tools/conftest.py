from __future__ import annotations

import pytest

from tests.support.cloudflare_fixtures import cloud
from tests.support.infra_tools import FakeDocker, Infisical, Programs

__all__ = ["cloud"]


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    programs = Programs(tmp_path_factory.mktemp("programs") / "here")
    yield programs
    programs.close()


@pytest.fixture
def programs(forks, tmp_path):
    forks.folder, forks.env, forks.words = tmp_path / "work", {}, forks.words[:1]
    forks.folder.mkdir()
    return forks


@pytest.fixture
def infisical(programs):
    emulated = Infisical()
    programs.env = emulated.env()
    yield emulated
    emulated.close()


@pytest.fixture
def fake(programs):
    return FakeDocker(programs)
