"""Production, rehearsed, in daily life.

The local machine comes and goes, keys of the VPN change, the server is rebooted.
"""

from __future__ import annotations

import json
import secrets
import time

import pytest

from rehearsal.claims import outages
from rehearsal.claims.network import only_declared, open_ports
from rehearsal.probes.peer import Peer
from tests.support import campaign
from tests.support.command import make
from tests.support.production_peer import Local, handled
from tests.support.waits import until

pytestmark = pytest.mark.docker
TAKEN, KEPT = 200, 202
_VPN = {"subnet": "10.0.0.0/24", "slot": 2}


def status(answer):
    return answer["status"], json.loads(answer["body"] or "{}").get("queued")


@pytest.mark.req("S2-45", "S2-48", "S2-49", "S2-50", "FP-07")
def test_requests_wait_while_the_local_machine_is_off_and_come_once_each_in_order(rehearsed):
    """The real client and a handler in a member of the VPN.

    The requests come through the tunnel's edge and through the VPN.
    """
    source = f"life-{secrets.token_hex(4)}"
    with rehearsed.seen() as view:
        local = Local(view)
        with local.handling() as handler:
            local.start()
            until(lambda: local.sql("SELECT online FROM local_state").strip() == "t", "the first beat makes it online")
            online = [
                status(local.through_the_vpn(0, source=source)),
                status(local.through_the_tunnel(1, source=source)),
            ]
            handler.wait_for(2)
            direct = handled(handler)
            # As by a power cut: nobody says "offline", and nobody answers.
            local.end("KILL")
        view.peer.down()
        off = [status(local.through_the_tunnel(number, source=source)) for number in (2, 3, 4)]
        stranger = local.through_the_tunnel(9, source=source, token=False)["status"]
        view.peer.up(rehearsed.outputs["client_configs"]["local"])
        off.append(status(local.through_the_vpn(5, source=source)))
        again = status(local.through_the_tunnel(2, source=source))
        with local.handling() as handler:
            local.once()
            local.once()
            handler.wait_for(4)
            # Whatever would come twice.
            time.sleep(1)
            late = handled(handler)

    assert [(TAKEN, False)] * 2 == online, "the local machine took them itself, out of n8n's container through the VPN"
    assert [(source, 0), (source, 1)] == direct
    assert [(KEPT, True)] * 4 == off, "no request is refused while the local machine is off"
    assert (KEPT, True) == again, "a repetition is told that it is kept, and is not kept twice"
    assert 302 == stranger, "the edge lets nobody pass without the service token"
    assert [(source, number) for number in (2, 3, 4, 5)] == late, "each once, in order"


@pytest.mark.req("S2-09")
def test_a_key_is_changed_by_updates_without_a_lost_probe_over_a_second_slot(rehearsed):
    """Add a slot, change over, change the first slot's key, change back, remove the second: never without a way in."""
    seconds = []
    with rehearsed.as_it_was(), rehearsed.seen() as view:
        peer, old = view.peer, rehearsed.outputs["client_configs"]["local"]
        probes = peer.probes(view.vpn_address, 22)
        spare = {**_VPN, "peers": {"local": {"slot": 1}, "spare": {"slot": 3}}}
        for changed in (spare, {**spare, "versions": {"local": 2}}):
            rehearsed.settle(lambda settings, vpn=changed: settings.update(wireguard=vpn))
            seconds.append(rehearsed.updated())
            configs = rehearsed.outputs["client_configs"]
            coming, leaving = ("wg1", "wg0") if len(seconds) == 1 else ("wg0", "wg1")
            peer.up(configs["spare" if coming == "wg1" else "local"], coming)
            peer.until_handshake(interface=coming)
            peer.lead(view.vpn_address, coming)
            time.sleep(1)
            peer.down(leaving)
        rehearsed.settle(
            lambda settings: settings.update(
                wireguard={**_VPN, "peers": {"local": {"slot": 1}}, "versions": {"local": 2}}
            )
        )
        seconds.append(rehearsed.updated())
        told = probes.stop()[-1]
        members = view.run("wg", "show", "wg0", "allowed-ips").split()[1::2]
        with Peer(view.network) as former:
            former.up(old)
            former.knock(view.vpn_address)
            time.sleep(3)
            silent = former.link().received

    print(json.dumps({"updates": [round(second, 1) for second in seconds], **told}))
    assert old != configs["local"], "the key has changed"
    assert told["sent"] > 9 * told["seconds"], "ten probes a second"
    assert [] == told["lost"], f"somebody was cut off: {told}"
    assert ["10.0.0.1/32"] == members, "one member is left, at its address"
    assert 0 == silent, "the old key still gets an answer"


@pytest.mark.campaign
@pytest.mark.parametrize("who", campaign.sample("rotations of a key", ["local", "server"]))
def test_a_key_is_changed_in_place_by_rotating_it(rehearsed, who):
    """The same address throughout; what is lost is what the host has not seen the new key's handshake for."""
    with rehearsed.as_it_was(), rehearsed.seen() as view:
        probes = view.peer.probes(view.vpn_address, 22)
        for change in ({"rotating": [who]}, {"versions": {who: 2}}):
            vpn = {**_VPN, "peers": {"local": {"slot": 1}}, **change}
            rehearsed.settle(lambda settings, vpn=vpn: settings.update(wireguard=vpn))
            before = rehearsed.outputs["client_configs"]["local"]
            rehearsed.updated()
            config = rehearsed.outputs["client_configs"]["local"]
            # A member's key: taken over between the updates. The server's: when it has changed, for the old one is
            # gone then.
            if (who == "local") is ("rotating" in change):
                view.peer.switch(config)
                time.sleep(2)
        told = probes.stop()[-1]
        reached = view.peer.link().handshake_age

    print(json.dumps({"who": who, **told}))
    assert before == config, "the configuration handed out first is the one that stays"
    assert reached is not None, "the new key works"
    gap = told["lost"][-1][1] - told["lost"][0][1] if told["lost"] else 0.0
    assert gap < (1.0 if who == "local" else 20.0), f"{who}: one moment, and a short one: {told}"


@pytest.mark.req("S2-13", "F-02")
@pytest.mark.campaign
@pytest.mark.parametrize("number", campaign.sample("reboots", range(20)))
def test_after_a_reboot_everything_is_back_and_nothing_else_is_open(rehearsed, number):
    """Odd ones by the power switch (`reset`), which no program is told of."""
    how = "reset" if number % 2 else "reboot"
    with rehearsed.seen() as view:
        before = state(view)
        outage = outages.reboot(view, how)
        after = settled(view, before)

    print(json.dumps({"how": how, **outage["seconds"]}))
    assert outages.ALL_WITHIN_BARS == outages.within_bars(outage), outage
    assert before == after, "what listens, what is scheduled and what runs is as before"
    assert [] == after["failed"], "units that failed"


def test_after_an_outage_of_this_computer_one_command_goes_on_with_the_rehearsal_as_it_was(rehearsed):
    """A rehearsal is left up for days.

    A laptop is switched off meanwhile, and its machine is no longer there by itself.
    """
    with rehearsed.seen() as view:
        before = state(view)
    rehearsed.outage()
    again = make("rehearse", "ARGS=--no-claims", timeout=2400)

    assert 0 == again.returncode, again.stdout[-6000:]
    assert "to create" not in again.stdout and " created" not in again.stdout, "its machine and all on it are the same"
    with rehearsed.seen() as view:
        assert before == settled(view, before), "what listens, what is scheduled and what runs is as before"
        assert only_declared(view) == open_ports(view.outside()), "and no port is open but the declared ones"


def settled(view, before):
    """The state once it is as before; where it never is, the last one."""
    end = time.monotonic() + 180
    while (after := state(view)) != before and time.monotonic() < end:
        time.sleep(2)
    return after


def state(view):
    """What must be the same after a boot: listeners, timers, failed units, containers, firewall."""
    run = view.run
    return {
        "listeners": sorted({listener for listener in _listening(run) if not listener.startswith("127.")}),
        "timers": sorted(
            line.split()[-2] for line in run("systemctl", "list-timers", "--all", "--no-legend").splitlines()
        ),
        "failed": run("systemctl", "--failed", "--no-legend", "--plain").splitlines(),
        "containers": sorted(
            (name, one["Image"], one["State"].get("Health", {}).get("Status", ""))
            for name, one in view.containers().items()
        ),
        "gate": run("iptables", "-t", "mangle", "-S"),
    }


def _listening(run):
    return [line.split()[3] for line in run("ss", "-H", "-l", "-t", "-n").splitlines()]
