"""A rented server whose SSH is hardened by the program's own units, in their order, and broken in between.

The host's plan (rules of the firewall, ports of sshd) is the program's for each step's settings; the units are laid by
its scripts. The VPN is an interface of that name on a network of its own: what is tried is what goes by it, not
WireGuard.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from homeport.cli import lockout
from homeport.plan.hosts import inner_addresses
from homeport.plan.resolve import resolve
from homeport.render import sshd, ufw
from homeport.settings.load import Configuration
from rehearsal.probes.box import docker
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.host import Server
from tests.support.waits import until

if TYPE_CHECKING:
    from pathlib import Path

GUARDS = {"firewall": 120, "sshd": 40}
"""Seconds of the revert timers here. They run while the change is made: the firewall's took 40 s at a load of 60."""
OLD, NEW = 22, 804
START: dict[str, Any] = {}
OPEN: dict[str, Any] = {"port": NEW, "previous": OLD}
CLOSED: dict[str, Any] = {"port": NEW, "reach": "vpn"}
_SETTINGS = {"open": OPEN, "close": CLOSED}
STEPS = ("proof at 22", "open firewall", "open sshd", "proof at 804", "close firewall", "close sshd")
"""What `homeport harden` does of SSH, in its order (homeport/cli/hardening.py, homeport/stack/remote.py)."""
_LEFT = {"open": STEPS.index("proof at 804"), "close": len(STEPS)}
"""Which step comes next once an update by the settings of this kind has come to its end."""
_SESSIONS = "ps -eo pid,args | awk '/sshd: deploy/ && !/awk/ { print $1 }' | xargs -r kill -9"


class Failed(Exception):  # noqa: N818  # what is to be shown to the operator
    """A step that did not hold, and what it said."""

    def __init__(self, step: str, said: str) -> None:
        super().__init__(f"{step}: {said}")
        self.step, self.said = step, said


class Steps:
    """The server, its VPN, and the steps."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.declared = ""
        """What the settings say of SSH since the last step: they are written before the update that follows them."""
        self.laid: dict[str, str] = {}
        """Layer to the settings that it was laid with, to its end: an update leaves that alone."""
        self.network = f"{self.server.ground.name}-vpn"
        try:
            block = subnets.block("10.233")
            self.subnet, self.vpn_address = f"{block}.0/24", f"{block}.1"
            docker("network", "create", "--subnet", self.subnet, "--gateway", f"{block}.254", self.network)
            docker("network", "connect", "--ip", self.vpn_address, self.network, self.server.container)
            self.join()
            # A machine that boots beside others takes its time.
            until(self._known, "the server never answered", 600)
            self.back()
        except BaseException:
            self.remove()
            raise

    def _known(self) -> bool:
        try:
            self.server.known()
        except AssertionError:
            return False
        return True

    def remove(self) -> None:
        self.server.remove()
        subprocess.run(["docker", "network", "rm", self.network], capture_output=True, check=False)

    def join(self) -> None:
        """The second network's interface is called as WireGuard's, as after each boot."""
        other = f"ip -o -4 address show | awk '$4 ~ /^{self.vpn_address}\\// {{ print $2 }}'"
        self.server.inside(
            f'i=$({other}); [ "$i" = wg0 ] || {{ ip link set $i down; ip link set $i name wg0; ip link set wg0 up; }}'
        )

    def plan(self, ssh: dict[str, Any]):
        """The host as the program plans it with these settings of SSH."""
        hosts = {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}}
        values = {"environment": "prod", "domain": "example.org", "exposure": "vpn", "hosts": hosts, "ssh": ssh}
        values["wireguard"] = {"subnet": self.subnet, "peers": {"laptop": {"slot": 7}}}
        config = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(values)}
        plan = resolve(Configuration("prod", config), sealed=True)
        assert {"vpn": self.vpn_address} == inner_addresses("main", plan.blueprint), "the VPN is where the plan has it"
        return plan.hosts["main"]

    def environment(self, ssh: dict[str, Any]) -> dict[str, str]:
        """What the program hands to its scripts in an update with these settings."""
        host = self.plan(ssh)
        port, *previous = host.ssh_ports
        address = host.ssh_address or self.server.address
        # As `up` has it: the way before is gone back to while the next one is not open.
        ways = ((self.server.address, OLD), (self.server.address, NEW), (self.vpn_address, NEW))
        return {
            **os.environ,
            "HOMEPORT_SSH": f"deploy@{address}",
            "HOMEPORT_SSH_PORT": str(port),
            "HOMEPORT_SSH_OPTS": self.server.options(),
            **({"HOMEPORT_SSH_PORT_PREVIOUS": " ".join(map(str, previous))} if previous else {}),
            "HOMEPORT_SSH_BEFORE": "\n".join(f"homeport-host deploy@{place} {number}" for place, number in ways),
        }

    def bundle(self, layer: str, ssh: dict[str, Any]) -> str:
        """A layer as its component lays it."""
        host = self.plan(ssh)
        if layer == "firewall":
            return self.server.whole(ufw.files(host.rules, (), host.ways), ufw.apply(), ufw.remove())
        files = sshd.files(ports=host.ssh_ports, users=("deploy",), host_key=sshd.HOST_KEY)
        return self.server.whole(files, sshd.apply(host.ssh_ports), sshd.remove(host.ssh_ports))

    def begun(self, layer: str, ssh: dict[str, Any]) -> subprocess.Popen[str]:
        """The script that lays it, in a session of its own."""
        env = self.environment(ssh)
        env |= {"HOMEPORT_SSH_PORT_NEXT": str(self.plan(ssh).ssh_ports[0])} if layer == "sshd" else {}
        argv = ["sh", "components/scripts/host.sh", "apply", layer, str(GUARDS[layer])]
        pipe = subprocess.PIPE
        run = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )
        assert run.stdin is not None
        run.stdin.write(self.bundle(layer, ssh))
        run.stdin.close()
        run.stdin = None
        return run

    def lay(self, layer: str, ssh: dict[str, Any], step: str = "") -> None:
        with self.begun(layer, ssh) as run:
            _, said = run.communicate(timeout=240)
        if run.returncode:
            raise Failed(step or layer, said)
        self.laid[layer] = self.declared

    def step(self, step: str) -> None:
        """One of them, to its end.

        Raises:
            Failed: It did not hold.
        """
        what, _, layer = step.partition(" ")
        if what == "proof":
            port = layer.removeprefix("at ")
            said = lockout.said_by(self.environment(OPEN), f"deploy@{self.vpn_address}", port)
            if said:
                raise Failed(step, said)
            return
        self.declared = what
        self.lay(layer, _SETTINGS[what], step)

    def killed(self, step: str) -> None:
        """A step's script, killed once the host has made the change and waits for its proof."""
        what, _, layer = step.partition(" ")
        self.declared = what
        with self.begun(layer, _SETTINGS[what]) as run:
            armed = f"/var/lib/homeport/units/{layer}/armed"
            until(
                lambda: run.poll() is not None or self.server.inside(f"cat {armed} 2>/dev/null", check=False),
                f"{step} never came to its timer",
            )
            os.killpg(run.pid, signal.SIGKILL)
            self.laid.pop(layer, None)
            run.communicate(timeout=120)

    def undone(self, layer: str) -> None:
        """Waits until the host has put back what nobody confirmed; nothing where it came to its end."""
        journal = f"/var/lib/homeport/units/{layer}/journal"
        until(lambda: not self.server.inside(f"ls -d {journal} 2>/dev/null", check=False), "not put back", 400)

    def ways(self) -> set[str]:
        """Where a new connection gets a shell: by the public address and in the VPN, at both ports."""
        at = {"public": self.server.address, "vpn": self.vpn_address}
        env = {**self.environment(OPEN), "HOMEPORT_SSH_OPTS": self.server.options()}
        places = [(where, port) for where in at for port in (OLD, NEW)]
        with ThreadPoolExecutor() as pool:
            said = pool.map(lambda place: lockout.said_by(env, f"deploy@{at[place[0]]}", str(place[1])), places)
            return {f"{where}:{port}" for (where, port), words in zip(places, said, strict=True) if not words}

    def cut(self) -> None:
        """All connections to it end, the shared one too."""
        self.server.inside(_SESSIONS, check=False)

    def harden(self, before: str = "", broken: str = "") -> None:
        """All steps that are left; before one of them something is broken on the server.

        As the verb does it: an update by the settings as they are, then what comes after them.
        """
        if self.declared:
            for layer in GUARDS:
                if self.laid.get(layer) != self.declared:
                    self.lay(layer, _SETTINGS[self.declared])
        for step in STEPS[_LEFT.get(self.declared, 0) :]:
            if step == before:
                self.server.inside(broken)
            self.step(step)

    def back(self) -> None:
        """As it was in the beginning: everybody's way, at the usual port. Laid past sshd, and proved by nobody."""
        self.declared, self.laid = "", {}
        unpack = (
            "d=$(mktemp -d /run/homeport.XXXXXX); base64 -d | tar -xC $d -f -; sh $d/bundle/unit.sh $d/bundle apply"
        )
        for layer in ("firewall", "sshd"):
            argv = ["docker", "exec", "-i", self.server.container, "sh", "-c", f"{unpack} {layer} 0"]
            done = subprocess.run(
                argv, input=self.bundle(layer, START), capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stderr
