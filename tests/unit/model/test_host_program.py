"""Programs of a host: what a preset may say of one, and which of them a stack has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.model.check import problems
from homeport.model.declarations import declarations
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile, ProgramPort
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.secret import SecretSpec
from homeport.model.template import ENV
from tests.unit.model.test_check import service, sound

AGENT = HostProgram(
    name="agent",
    purpose="test",
    files=(
        ProgramFile(target="{home}/agent.py", source="apps/heartbeat/heartbeat.py"),
        ProgramFile(target="/etc/agent/env", text="TOKEN={agent-token}\nWHERE={home}\n", syntax=ENV, mode=0o600),
    ),
    users=(HostUser(name="agent"),),
    folders=(HostFolder(path="{home}", owner="agent:agent"),),
    units=("agent.service",),
    ports=(ProgramPort(number=9000, reachable=("inner",)),),
    needs=("app",),
    secrets=(SecretSpec(name="agent-token", purpose="for tests"),),
)
SOUND = sound(programs=(AGENT,), values={"home": "/srv/agent"})


def test_one_that_holds_together_is_taken_and_its_secret_is_the_stack_s():
    assert () == problems(SOUND), "nothing is wrong with it"
    assert ("agent",) == SOUND.secrets()["agent-token"], "it is made or asked for as a service's is"
    assert "home" not in SOUND.secrets(), "what the preset knows is no secret"
    preset = Preset(name="x", purpose="x", services=(), networks=(), programs=(AGENT,))
    assert "agent-token" in declarations([preset]).secrets, "the configuration knows it"


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"needs": ("nowhere",)}, "programs.agent.needs", "nowhere is no service"),
        ({"ports": (ProgramPort(number=1, reachable=("world",)),)}, "programs.agent.ports", "network world"),
        ({"files": (ProgramFile(target="/x"),)}, "programs.agent./x", "a source and a text, or neither"),
        ({"files": (ProgramFile(target="x", text="x"),)}, "programs.agent.x", "no absolute path"),
        ({"files": (ProgramFile(target="/x/../etc/y", text="x"),)}, "programs.agent./x/../etc/y", "no absolute path"),
        ({"files": (ProgramFile(target="/{nowhere}", text="x"),)}, "programs.agent./{nowhere}", "{nowhere}"),
        ({"files": (ProgramFile(target="/x", text="{agent-token}", syntax=ENV),)}, "programs.agent./x", "others"),
        ({"setup": "echo {agent-token}"}, "programs.agent.setup", "no secret is an argument"),
        ({"folders": (HostFolder(path="/x", owner="{who}:x"),)}, "programs.agent./x", "{who}"),
    ],
)
def test_one_that_does_not_is_refused_by_name(change, where, what):
    refused = problems(replace(SOUND, programs=(replace(AGENT, **change),)))

    assert [where] == [problem.path for problem in refused], "each mistake is named once, with its place"
    assert what in refused[0].what, "and in words"


def test_a_caller_that_goes_to_the_host_by_a_network_that_is_not_let_in_is_refused():
    """Docker's default route is that of the network that comes first by name; the host sees the address on it."""
    networks = tuple(Network(name=name, subnet=f"10.{n}.0.0/24", internal=False) for n, name in enumerate("abc"))
    caller = service("app", networks=("b", "c"), host_gateway=True)

    def refused(*reachable):
        agent = replace(AGENT, ports=(ProgramPort(number=9000, reachable=reachable),))
        services = tuple(caller if each.name == "app" else each for each in SOUND.services)
        blueprint = replace(SOUND, networks=(*SOUND.networks, *networks), services=services, programs=(agent,))
        return [problem.what for problem in problems(blueprint) if "programs" in problem.path]

    assert [] == refused("b") == refused("a"), "by its own way; another network is no matter of its"
    assert ["app goes to the host by b, which 9000 is not for: name its network so that it comes first"] == refused("c")


def test_two_of_one_name_or_for_one_file_are_refused():
    refused = [problem.what for problem in problems(replace(SOUND, programs=(AGENT, AGENT)))]

    assert "two programs of the host have this name" in refused
    assert "two files are written to /etc/agent/env" in refused


def test_one_whose_service_is_off_is_left_out_and_said():
    left = SOUND.without(frozenset({"app"}))

    assert () == left.programs, "it would have nothing to work with"
    assert "agent: needs app, switched off" in left.skipped, "nothing is left out silently"
    assert "agent-token" in left.resting_secrets, "its secret is kept for the day it comes back"
