"""A feature that a host has where its owner asks for it.

A layer of its own, its packages, and peace from the firewall.
"""

from __future__ import annotations

import base64

from tests.unit.stack.test_graph import RENTED, RENTED_SECRETS


def graphs(build):
    settings = RENTED | {"ssh": {**RENTED.get("ssh", {}), "fail2ban": True}}
    return build(RENTED, RENTED_SECRETS, "jett", stack="prod"), build(settings, RENTED_SECRETS, "jett", stack="prod")


def command(graph, name):
    return graph.one("command:local:Command", name)["inputs"]


def bundle(inputs):
    """The archive that a host gets, as it travels."""
    stdin = inputs.get("stdin") or ""
    return base64.b64decode(stdin).decode("latin-1") if isinstance(stdin, str) else "a secret"


def test_it_is_one_layer_more_and_nothing_of_it_is_there_without(build):
    without, with_it = graphs(build)

    more = set(with_it.identities()) - set(without.identities())
    assert {
        "homeport:fail2ban:Fail2ban fail2ban",
        "homeport:host:Files fail2ban-jail",
        "command:local:Command fail2ban-jail-files",
    } == more, "a component, its files and the command that lays them"
    assert set() == set(without.identities()) - set(with_it.identities()), "and nothing else goes"
    assert not [resource for resource in without.resources if "fail2ban" in str(resource["inputs"])], (
        "who does not ask has no trace of it"
    )


def test_it_watches_sshd_takes_itself_back_and_never_bans_the_vpn(build):
    _, graph = graphs(build)

    inputs = command(graph, "fail2ban-jail-files")
    assert inputs["create"].endswith(" apply fail2ban-jail 90"), "whoever is cut off by it is let in again"
    assert "port = 22\n" in bundle(inputs), "where sshd listens"
    assert "ignoreip = 127.0.0.1/8 ::1 10.0.0.0/24\n" in bundle(inputs), "members of the VPN"


def test_its_packages_are_installed_and_the_firewall_leaves_its_chain_alone(build):
    _, graph = graphs(build)

    files = [
        resource["inputs"] for resource in graph.all("command:local:Command") if resource["name"].endswith("-files")
    ]
    everything = [bundle(inputs) for inputs in files]
    assert [text for text in everything if "need fail2ban-server fail2ban" in text], "with the other packages"
    assert [text for text in everything if "chains=f2b-sshd" in text], "else it would be reported as a stranger's"
