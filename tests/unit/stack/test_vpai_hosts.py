"""The hosts of vpai in the graph: what is rented and how, the key that all are reached with, both firewalls of one."""

from __future__ import annotations

import json

import pytest

from homeport.plan.resolve import resolve
from homeport.render.hetzner_firewall import hcloud_rules
from homeport.settings.load import Configuration
from tests.unit.stack.test_graph import VPAI, VPAI_SECRETS
from tests.unit.stack.test_supplied_key import KEY, SERVER, pair

FIREWALL = "hcloud:index/firewall:Firewall"


@pytest.fixture
def graph(build):
    return build(VPAI, {**VPAI_SECRETS, "ssh-private-key": pair()[0]}, "vpai", stack="prod")


@pytest.mark.req("S5-03", "R-35", "R-36")
def test_the_application_server_is_rented_as_described_with_the_deploy_key_by_its_name(graph):
    [key], [server] = graph.all(KEY), graph.all(SERVER)

    wanted = {"serverType": "cx22", "image": "ubuntu-24.04", "location": "fsn1"}
    assert wanted == {name: server["inputs"][name] for name in wanted}
    assert ("vpn-deploy", pair()[1]) == (key["inputs"]["name"], key["inputs"]["publicKey"]), "put there with the server"
    assert 1 == len(server["inputs"]["sshKeys"]), "and no other key is on it"


@pytest.mark.req("S5-05")
def test_every_host_is_reached_with_the_one_private_key_that_was_supplied_and_no_agents(graph):
    answers = {
        name: resource["inputs"]["environment"]["HOMEPORT_SSH_OPTS"].splitlines()
        for resource in graph.all("command:local:Command")
        if (name := resource["name"]).endswith(("reach-answers", "reach-switch"))
    }

    assert {"ai-reach-answers", "app-reach-switch", "vpn-reach-answers", "workstation-reach-answers"} == set(answers)
    for name, options in answers.items():
        host = name.partition("-")[0]
        identity = [option for option in options if option.startswith("IdentityFile=")]
        assert [f"prod-{host}"] == [option.rstrip('"').rpartition("/")[2] for option in identity], options
        assert "IdentitiesOnly=yes" in options, "no key of the agent's is offered"


@pytest.mark.req("S5-11")
@pytest.mark.parametrize("reach", ["public", "mesh"])
def test_the_clouds_firewall_lets_in_what_the_hosts_own_lets_in_from_the_internet(build, reach):
    ssh = {"port": 804, "reach": reach}
    graph = build({**VPAI, "ssh": ssh}, {**VPAI_SECRETS, "ssh-private-key": pair()[0]}, "vpai", stack="prod")
    config = {"homeport:preset": "vpai", "homeport:settings": json.dumps({**VPAI, "ssh": ssh})}
    host = resolve(Configuration("prod", config), sealed=True).hosts["app"]
    [firewall] = graph.all(FIREWALL)

    def seen(rules):
        return {(rule["protocol"], rule.get("port")) for rule in rules}

    own = {(rule.opening.protocol, str(rule.opening.port)) for rule in host.rules if not rule.via}
    assert own | {("icmp", None)} == seen(firewall["inputs"]["rules"]), "one cannot be open where the other is shut"
    assert seen(hcloud_rules(host.openings)) == seen(firewall["inputs"]["rules"])
    assert (reach == "public") == (("tcp", "804") in own), "SSH by the mesh needs no rule for strangers"


@pytest.mark.req("P-18")
def test_no_volume_with_what_users_made_goes_when_it_leaves_the_stack_whoever_shares_it(graph):
    volumes = {volume["name"]: volume for volume in graph.all("docker:index/volume:Volume")}
    kept = {name for name, volume in volumes.items() if volume["options"].get("retainOnDelete")}
    # A service's files and the proxy's routes are written anew by the next update.
    written = {name for name in volumes if name.endswith(("-files", "-routes"))}

    assert {name for name in volumes if "sure-storage" in name} <= kept - written, "two processes write these files"
    assert {"alloy-data"} == volumes.keys() - kept - written, "how far logs were read is all that goes with its volume"
