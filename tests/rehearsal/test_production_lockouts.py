"""Production, rehearsed: changes that would lock the program out. The host undoes each by itself, `up` says so, and the mended settings converge."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.rehearsal.production import ASKED

pytestmark = pytest.mark.docker
GUARD = 12
"""Seconds of the revert timers here; an hour of waiting for the true ones (90 and 120) would prove nothing more."""


def _render(path, old, new):
    """Changes a line of the program in the rehearsal's copy of the checkout: what no setting can say."""
    file = ASKED.checkout / path
    text = file.read_text()
    assert text.count(old) == 1, f"{path} has changed, so has this test to"
    file.write_text(text.replace(old, new))


def another_user(_):
    _render("wiring/remote.py", "users=(self.user,)", 'users=("nobody",)')


def no_rule_for_ssh(_):
    _render("wiring/remote.py", "published = opening.port in edge", 'published = opening.port in edge\n            if opening.purpose == "SSH":\n                continue')  # fmt: skip


def a_route_over_the_operator(rehearsed):
    operator = rehearsed.world["network"]["gateway"]
    line = '"PostUp = iptables -A FORWARD -i wg0 -j ACCEPT",'
    _render("render/wireguard.py", line, f'{line}\n        "PostUp = ip route add {operator}/32 dev %i",')


def only_other_addresses(rehearsed):
    rehearsed.settle(lambda settings: settings.update(ssh={"sources": ["203.0.113.0/24"]}))


def another_port_at_once(rehearsed):
    rehearsed.settle(lambda settings: settings.update(ssh={"port": 2222}))


KINDS = {
    "sshd lets another user in": another_user,
    "the host's firewall has no rule for SSH": no_rule_for_ssh,
    "the VPN's route swallows the operator's": a_route_over_the_operator,
    "both firewalls let only others in": only_other_addresses,
    "sshd's port moves without the one before": another_port_at_once,
}


@pytest.fixture(scope="module")
def quick(rehearsed):
    """The same system with short timers."""
    with rehearsed.as_it_was():
        _short()
        rehearsed.updated()
        yield rehearsed


def _short():
    for layer in ("ssh", "firewall", "wireguard"):
        path = ASKED.checkout / "components" / f"{layer}.py"
        path.write_text(re.sub(r"(?m)^GUARD = \d+$", f"GUARD = {GUARD}", path.read_text()))


@pytest.mark.req("A-06")
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_locks_the_program_out_is_undone_and_reported(quick, kind):
    before = {one: (ASKED.checkout / one).read_text() for one in ("wiring/remote.py", "render/wireguard.py", f"Pulumi.{ASKED.name}.yaml")}  # fmt: skip
    began = time.monotonic()
    KINDS[kind](quick)
    try:
        done = quick.up()
        failed = time.monotonic() - began
    finally:
        for path, text in before.items():
            (ASKED.checkout / path).write_text(text)
    again = quick.updated()
    print(json.dumps({"kind": kind, "failed after": round(failed, 1), "mended in": round(again, 1)}))

    assert done.returncode != 0, "a lock-out passed"
    print(done.stdout[-1500:])
    with quick.seen() as view:
        assert view.run("sshd", "-T").count("port 22\n") == 1
    assert 0 == quick.pulumi("preview", "--expect-no-changes", "--non-interactive").returncode, "all is as declared"
