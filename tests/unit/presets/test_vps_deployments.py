"""The programs of deployments as the preset's host gets them."""

from __future__ import annotations

import pytest

from catalog.presets.vps_infrastructure.deployments import DEPLOYMENTS
from tests.support.checkout import ROOT


@pytest.mark.req("S1-70", "S1-74")
def test_a_host_gets_the_programs_the_runners_scripts_and_the_workflow():
    sources = {
        file.source: sorted(path.name for path in ROOT.glob(file.source)) for file in DEPLOYMENTS.files if file.source
    }

    assert [] == [source for source, found in sources.items() if not found], "each names files that are there"
    assert {"deploy-service.sh", "rollback-service.sh", "registry-gc.sh"} <= {*sources["apps/deployments/*.sh"]}
    assert {"setup-runner.sh", "start-runner-service.sh", "uninstall.sh"} <= {*sources["apps/github_runner/*.sh"]}
    hidden = [file.target for file in DEPLOYMENTS.files if file.source.startswith("apps/deployments/*")]
    assert ["/usr/local/lib/homeport/deployments"] == sorted({*hidden}), "below /home no job of the runner sees them"
    assert "{checkout}/.github/workflows/deploy-ai-dev-server.yml" in [file.target for file in DEPLOYMENTS.files]
