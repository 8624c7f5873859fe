"""A host with systemd on a network of its own, with cloudflared as the layer for hosts puts it there."""

from __future__ import annotations

import secrets
import subprocess

from homeport.model.access import PublicHostname
from homeport.model.route import Guard
from homeport.render import cloudflared
from homeport.render.ssh_options import pinned
from rehearsal.clouds.cloudflare.emulator import Addresses
from rehearsal.machine.daemon import CONTAINER, IMAGE
from tests.support import subnets
from tests.support.cloudflare import ACCOUNT, ZONE, Cloud
from tests.support.host_files import lay
from tests.support.waits import until

CLOUDFLARED = "cloudflare/cloudflared:2025.9.1"
HOST = "n8n.example.com"
DOOR = PublicHostname(
    name="n8n", hostname=HOST, origin="http://127.0.0.1:5678", guards=(Guard(kind="login", because="people"),)
)
# A service that answers a request and hangs up.
SERVE = "python3 -m http.server 5678 --bind 127.0.0.1 --directory /usr/share/common-licenses"

LET_IN = """
ssh-keygen -A >/dev/null
useradd --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
cd ~deploy && mkdir .ssh && cat >.ssh/authorized_keys && chown -R deploy .ssh
systemctl restart ssh
"""


def docker(*argv, stdin=None, fails=False):
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(["docker", *argv], capture_output=True, check=False, input=given, timeout=600)
    assert fails == (done.returncode != 0), f"docker {argv}: {done.stdout.decode()} {done.stderr.decode()}"
    return done.stdout.decode() + (done.stderr.decode() if fails else "")


class Machine:
    """A host with its own Docker on a network of its own, and a Cloudflare whose edge listens there."""

    def __init__(self, folder):
        self.name = f"tunnel-{secrets.token_hex(3)}"
        self.gateway = f"{subnets.network(self.name, '--internal')}.1"
        self.cloud = Cloud(folder, Addresses(tunnel=f"127.0.0.1:0,{self.gateway}:7844"))
        hosts = ("--add-host", f"region1.v2.argotunnel.com:{self.gateway}")
        docker(
            "run", "-d", "--name", self.name, "--network", self.name, *hosts, "-v", "/var/lib/docker", *CONTAINER, IMAGE
        )

    def close(self):
        docker("rm", "--force", "--volumes", self.name)
        docker("network", "rm", self.name)
        self.cloud.emulator.close()

    def run(self, shell, stdin="", *, fails=False):
        return docker("exec", "-i", self.name, "sh", "-c", shell, stdin=stdin, fails=fails)

    def environment(self, folder):
        """What a host's handle gives for it; sshd takes one key."""
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        self.run(LET_IN, (folder / "key.pub").read_text())
        address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name).strip()
        pinned_key = " ".join(self.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        options = (*pinned(address, 22, pinned_key), f"IdentityFile={key}", "IdentitiesOnly=yes")
        return {
            "HOMEPORT_SSH": f"deploy@{address}",
            "HOMEPORT_SSH_PORT": "22",
            "HOMEPORT_SSH_OPTS": "\n".join(options),
        }

    def prepare(self):
        """Its Docker with the image, a service, and a tunnel with one guarded door in Cloudflare."""
        until(
            lambda: (
                "ok" in self.run("systemctl start docker 2>/dev/null; docker version >/dev/null 2>&1 && echo ok; true")
            ),
            "no Docker",
        )
        with subprocess.Popen(["docker", "save", CLOUDFLARED], stdout=subprocess.PIPE) as save:
            subprocess.run(["docker", "exec", "-i", self.name, "docker", "load", "-q"], stdin=save.stdout, check=True)
        self.image = self.run(f"docker image inspect -f '{{{{.Id}}}}' {CLOUDFLARED}").strip()
        self.run(
            "cat >/etc/systemd/system/n8n.service",
            "[Service]\nExecStart=" + SERVE + "\n[Install]\nWantedBy=multi-user.target\n",
        )
        self.run("systemctl daemon-reload; systemctl enable --now n8n")
        cloud = self.cloud
        made = cloud.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": "jett", "config_src": "local"})
        self.tunnel = made["id"]
        record = {
            "type": "CNAME",
            "name": HOST,
            "content": f"{self.tunnel}.cfargotunnel.com",
            "proxied": True,
            "ttl": 1,
        }
        cloud.made("POST", f"/zones/{ZONE}/dns_records", record)
        self.aud = cloud.app(cloud.policy(), domain=HOST)["aud"]
        self.secret = cloud.emulator.store.get("tunnels", self.tunnel)["secret"]

    def write(self, doors=(DOOR,)):
        """The files, as the layer for hosts writes them."""
        values = {"account": ACCOUNT, "team": "team", "image": self.image, "tunnel-id": self.tunnel}
        values |= {"tunnel-secret": self.secret, "aud:n8n": self.aud}
        lay(self.name, cloudflared.files(doors, ("wg-quick@wg0.service",)), values)

    def apply(self, *, fails=False):
        return self.run("sh -s", cloudflared.apply(), fails=fails)

    def connections(self):
        return len(self.cloud.emulator.hub.links(self.tunnel))

    def visit(self):
        session = self.cloud.log_in("ada@example.com", HOST)[1]
        return self.cloud.visit(HOST, "/GPL-3", headers={"Cookie": f"CF_Authorization={session}"})[0]
