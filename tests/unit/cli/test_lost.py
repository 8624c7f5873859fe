"""A server deleted behind our back: what the state must forget, and what it must keep."""

import json

import pytest

from homeport.cli.lost import forget_lost, prune

URN = "urn:pulumi:prod::homeport::{}::{}"
PROVIDER = URN.format("pulumi:providers:docker", "docker")
OTHER = URN.format("pulumi:providers:docker", "hub-docker")
SERVER = URN.format("homeport:host:Server$hcloud:index/server:Server", "main-server")


def resource(urn, kind, **more):
    return {"urn": urn, "type": kind, **more}


CONTAINER = URN.format("docker:index/container:Container", "n8n-container")
ELSEWHERE = URN.format("docker:index/container:Container", "relay-container")
GATE = URN.format("command:local:Command", "n8n-healthy")
DEPLOYMENT = {
    "secrets_providers": {"type": "passphrase"},
    "resources": [
        resource(PROVIDER, "pulumi:providers:docker", id="1"),
        resource(OTHER, "pulumi:providers:docker", id="2"),
        resource(CONTAINER, "docker:index/container:Container", provider=f"{PROVIDER}::1", protect=True),
        resource(ELSEWHERE, "docker:index/container:Container", provider=f"{OTHER}::2"),
        resource(
            GATE, "command:local:Command", dependencies=[CONTAINER], propertyDependencies={"triggers": [CONTAINER]}
        ),
    ],
}


def test_what_lived_on_the_lost_server_is_forgotten_and_nothing_else():
    left = prune(DEPLOYMENT, {"main"})

    assert [OTHER, ELSEWHERE, GATE] == [one["urn"] for one in left["resources"]], (
        "protected volumes are gone with their disk, and nobody asks its Docker; what is on other hosts is there"
    )
    assert DEPLOYMENT["secrets_providers"] == left["secrets_providers"], "else no secret can be read any more"


def test_nothing_refers_to_what_was_forgotten():
    assert CONTAINER not in json.dumps(prune(DEPLOYMENT, {"main"})), "the engine refuses a state with loose ends"


class Engine:
    """An engine whose refresh finds what the test says."""

    def __init__(self, *, gone):
        self.gone, self.asked = gone, []
        self.deployment = {
            **DEPLOYMENT,
            "resources": [resource(SERVER, "hcloud:index/server:Server"), *DEPLOYMENT["resources"]],
        }

    def state(self):
        return self.deployment

    def ask(self, *argv, input_=None):
        self.asked.append(argv[:2])
        if argv[0] == "refresh" and self.gone:
            kept = [one for one in self.deployment["resources"] if one["urn"] != SERVER]
            self.deployment = {**self.deployment, "resources": kept}
        if argv[:2] == ("stack", "import"):
            self.deployment = json.loads(input_)["deployment"]
        return json.dumps({"version": 3, "deployment": self.deployment})


@pytest.mark.req("D-12")
def test_a_lost_server_is_named_and_its_containers_are_made_again():
    engine = Engine(gone=True)

    assert ["main"] == forget_lost(engine), "the person is told whose data is gone"
    assert CONTAINER not in [one["urn"] for one in engine.state()["resources"]], "the update would find nothing to do"


def test_a_server_that_is_there_costs_one_question():
    engine = Engine(gone=False)

    assert [] == forget_lost(engine), "nothing is lost"
    assert [("refresh", "--yes")] == engine.asked, "and nothing is written"
