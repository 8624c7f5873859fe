"""The programs of deployments as the preset's host gets them."""

from __future__ import annotations

import pytest

from catalog.presets.vps_infrastructure.deployments import DEPLOYMENTS, REGISTRY_GC
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


@pytest.mark.req("S1-66")
def test_the_registry_is_cleaned_daily_by_its_owners_rights_where_it_is_on():
    units = {path.name: path.read_text() for path in (ROOT / "apps/deployments/units").iterdir()}

    assert {"registry-gc.timer", "registry-mend.service"} == {*REGISTRY_GC.units}, "what starts by itself"
    assert ("registry",) == REGISTRY_GC.needs, "where it is off, so is this"
    [secret] = [file for file in REGISTRY_GC.files if "registry-password" in file.names]
    assert (0o400, "{user}:{user}") == (secret.mode, secret.owner), "no argument, no environment"
    assert "ExecStopPost=" in units["registry-gc.service"] and "--mend" in units["registry-gc.service"]
    assert all("User={user}\n" in text for name, text in units.items() if name.endswith(".service")), (
        "nothing is root's"
    )
