"""vps-infrastructure goes as it came: nothing of it is left on this machine."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.world


@pytest.mark.req("P-18")
def test_down_leaves_nothing(platform):
    done = platform.homeport("down", "--yes", timeout=600)

    assert 0 == done.returncode, done.stdout[-3000:]
    assert [] == [name for kind in ("container", "network", "volume") for name in platform.objects(kind)]
