"""What runs on hosts, judged by its own tools.

Shellcheck reads every script, systemd every unit, as files and as hosts get them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from components import docker_engine
from components.host_unit import ON_HOST
from homeport.model.firewall import FirewallRule
from homeport.model.host import HostFile, Opening
from homeport.model.runner import Runner
from homeport.model.template import TEXT
from homeport.model.vpn import Peer, Vpn
from homeport.render import (
    cloudflared,
    daemon_json,
    fail2ban,
    host_text,
    netfilter,
    packages,
    runner,
    shutdown,
    sshd,
    sysctl,
    systemd,
    tailscale,
    ufw,
    wireguard,
)
from tests.support.checkout import FILES as OURS
from tests.support.checkout import ROOT

IMAGES = "toolchain/images/recipes/"
ELSEWHERE = {
    # Bash's $BASH_SOURCE without an index is its first element, the script's own path: what upstream's entrypoint means
    # by it.
    f"{IMAGES}pgvector/docker-entrypoint.sh": "SC2128",
    f"{IMAGES}postgres15/docker-entrypoint.sh": "SC2128",
}
"""Files whose text is an image's content, so that a remark in them would be another image.

What shellcheck is not asked there, and why.
"""
VPN_UNIT = wireguard.UNIT
VPN = Vpn(subnet="10.66.0.0/24", peers=(Peer(name="laptop", slot=7),))
RUNNER = Runner(
    name="vps",
    url="https://git.example.com/owner/platform",
    archive="https://git.example.com/a b.tar.gz",
    docker="it builds images",
)
FILES: tuple[HostFile, ...] = (
    *cloudflared.files((), (VPN_UNIT,)),
    *daemon_json.files(),
    *fail2ban.files(ports=(2222, 22), trusted=(VPN.subnet,)),
    *packages.files(),
    *runner.files(RUNNER),
    *shutdown.files((("web",), ("db",)), (VPN_UNIT,)),
    *sshd.files(ports=(2222, 22), users=("root", "deploy"), host_key=sshd.HOST_KEY, addresses=("10.66.0.1",)),
    *sysctl.files(),
    systemd.docker_after((VPN_UNIT,)),
    *tailscale.files(41641, "-----BEGIN CERTIFICATE-----\n"),
    *ufw.files((FirewallRule(opening=Opening(purpose="SSH", port=22)),), ("f2b-sshd",)),
    *wireguard.files(VPN, ("laptop",)),
)
SCRIPTS = {
    **{file.path: file.content for file in FILES if file.content.startswith("#!")},
    "unit.sh": host_text.whole(ON_HOST),
    "cloudflared apply": cloudflared.apply(),
    "cloudflared remove": cloudflared.remove(),
    "docker apply": docker_engine._apply("deploy"),
    "docker apply for root": docker_engine._apply("root"),
    "docker remove": host_text.text("docker/remove.sh"),
    "fail2ban apply": fail2ban.apply(),
    "fail2ban remove": fail2ban.remove(),
    "firewall apply": ufw.apply(),
    "firewall remove": ufw.remove(),
    "packages": packages.apply(),
    "packages with a VPN": packages.apply(wireguard.PACKAGES),
    "packages with fail2ban": packages.apply(fail2ban.PACKAGES),
    "runner remove": runner.remove(RUNNER),
    "sshd apply": sshd.apply((2222, 22)),
    "sshd remove": sshd.remove((2222, 22)),
    "sshd remove on the usual port": sshd.remove((22,)),
    "tailscale install": tailscale.install(),
    "tailscale remove": tailscale.remove(),
    "wireguard apply": wireguard.apply(VPN),
    "wireguard remove": wireguard.remove(),
}
UNITS = {Path(file.path).name: file.content for file in FILES if file.path.endswith(".service")}
OWN_PROGRAMS = {"/usr/local/bin", "/usr/local/lib/homeport", "/usr/local/lib/homeport/tailscale", runner.STATE}
"""Folders of programs that the host has by the time a unit starts, and this machine has not."""


def shellcheck(*argv: str) -> str:
    done = subprocess.run(
        ["shellcheck", "--format=gcc", "--external-sources", "--source-path=SCRIPTDIR", *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode in {0, 1}, f"shellcheck itself failed: {done.stderr}"
    return done.stdout


def shell_files() -> list[str]:
    """Every file of the project that a shell reads."""
    shebang = re.compile(rb"#!.*\b(ba)?sh\n")
    return sorted(
        str(path.relative_to(ROOT)) for path in OURS if path.suffix == ".sh" or shebang.match(path.read_bytes()[:40])
    )


def test_shellcheck_has_nothing_to_say_about_any_shell_file():
    files = shell_files()

    assert {"components/scripts/unit.sh", "homeport/render/host/sshd/apply.sh", ".ci/run"} <= set(files), (
        "all are found"
    )
    assert "" == shellcheck("--shell=sh", *[path for path in files if path not in ELSEWHERE and not bash(path)])
    assert "" == shellcheck("--shell=bash", *[path for path in files if path not in ELSEWHERE and bash(path)])
    for path, code in ELSEWHERE.items():
        assert "" == shellcheck(f"--exclude={code}", path), path


def bash(path: str) -> bool:
    return b"bash" in (ROOT / path).read_bytes().split(b"\n", 1)[0]


def test_shellcheck_has_nothing_to_say_about_what_hosts_get(tmp_path):
    for name, text in SCRIPTS.items():
        (tmp_path / f"{re.sub(r'[^a-z]', '-', name)}.sh").write_text(text)
    # Their remarks are left out on the way to a host: what a file may do with a reason, its rendered text may too.
    sources = "".join(path.read_text() for path in host_text.ROOT.rglob("*.sh"))
    allowed = {code for codes in re.findall(r"# shellcheck .*disable=([\w,]+) #", sources) for code in codes.split(",")}

    assert "" == shellcheck("--shell=sh", f"--exclude={','.join(sorted(allowed))}", *map(str, tmp_path.iterdir()))


def test_every_exception_for_shellcheck_has_a_reason():
    ours = [path for path in shell_files() if not path.startswith(IMAGES)]
    lines = [line for path in ours for line in (ROOT / path).read_text().splitlines() if "shellcheck " in line]

    assert [] == [line for line in lines if "disable=" in line and not re.search(r"disable=[\w,]+ # \S", line)]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_knows_every_line_of_every_unit(tmp_path):
    boots = re.search(r"<<END\n(\[Unit\].*?)\nEND\n", host_text.whole(ON_HOST), re.DOTALL)[1]
    units = UNITS | {"homeport-revert.service": boots.replace("\\$", "$")}
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    # A drop-in for a unit that is not ours counts as one with it.
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    drop_in = tmp_path / "docker.service.d" / "homeport.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(systemd.docker_after((VPN_UNIT,)).content)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in (*units, "docker.service"))],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    program = re.compile(
        rf".*: Command ({'|'.join(OWN_PROGRAMS)})/[\w./-]+ is not executable: No such file or directory"
    )

    assert 6 <= len(units), f"units are missing: {sorted(units)}"
    assert [] == [line for line in done.stderr.splitlines() if not program.fullmatch(line)], "systemd would ignore it"


def test_a_value_in_the_header_is_one_word_whatever_is_in_it():
    hostile = 'a\'b $(id) `id` "c" \\ \n d'
    script = runner.script(replace(RUNNER, url=hostile)).split("\n# Generated")[0]
    done = subprocess.run(["sh", "-c", f'{script}\nprintf %s "$url"'], capture_output=True, text=True, check=False)

    assert (0, hostile, "") == (done.returncode, done.stdout, done.stderr), "quoted for the shell"


def test_a_text_names_exactly_the_values_that_it_gets():
    assert "Port 22" in host_text.filled("sshd/apply.sh", ports="Port 22"), "in its place"
    for values in ({}, {"ports": "1", "more": "2"}):
        with pytest.raises(ValueError, match=r"host/sshd/apply.sh names \['ports'\]"):
            host_text.filled("sshd/apply.sh", **values)


def test_a_line_that_is_a_name_alone_goes_without_a_value():
    without, with_it = (systemd.docker_after(units).content for units in ((), (VPN_UNIT,)))

    assert "[Unit]\n[Service]\n" in without, "no empty line, no After= of nothing"
    assert f"[Unit]\nAfter={VPN_UNIT}\nWants={VPN_UNIT}\n[Service]\n" in with_it, "both lines"


def test_remarks_stay_here_and_parts_come_whole():
    rendered = "".join([*SCRIPTS.values(), *(file.content for file in FILES)])

    assert not re.search(r"^ *#(:| shellcheck)", rendered, re.MULTILINE), "a remark reached a host"
    assert not re.search(r"^ *\. [\w./-]+$", rendered, re.MULTILINE), "a part is missing on the host"
    assert not re.search(r"@[a-z_]+@", rendered), "a value is missing"


def test_a_defaults_file_that_the_removal_writes_is_the_one_that_was_there():
    (defaults,) = [file.content for file in ufw.files(()) if file.path == "/etc/default/ufw"]

    assert f"<<'DEFAULTS'\n{defaults}DEFAULTS\n" in ufw.remove(), "UFW would start with other policies"


def test_the_masks_of_the_gate_are_those_of_the_unit(tmp_path):
    (tmp_path / "docker").write_text(
        '#!/bin/sh\ncase "$*" in "inspect -f {{.State.Status}}"*) echo running unhealthy 5 ;; '
        'logs*) echo "a s3cret-1 b s3cret-1" ;; esac\n'
    )
    (tmp_path / "docker").chmod(0o755)
    done = subprocess.run(
        ["sh", "components/scripts/gate.sh", "web", "100", "1"],
        input="s3cret-1\nabc\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )

    assert "    a [secret] b [secret]\n" in done.stderr, done.stderr
    assert ["docker"] == [path.name for path in tmp_path.iterdir()], "something is left"


@pytest.mark.parametrize("text", ["${home}", "{name}", "$(date) {a:b} %h"])
def test_a_file_that_is_no_template_arrives_as_it_is(text):
    plain = HostFile(path="/etc/${x}", content=text)

    assert plain == plain.filled({}), "shell's braces are shell's"
    assert "1 /etc/a" == "{0.content} {0.path}".format(
        HostFile(path="/etc/{x}", content="{y}", template=TEXT).filled({"x": "a", "y": "1"})
    ), "and a template's are its values"


def test_only_files_with_a_value_are_templates():
    names = {file.path for file in FILES if file.template}

    assert not [path for path in names if path.endswith((".service", ".sh")) or "/lib/" in path], "shell has braces too"
    assert netfilter.SCRIPT not in names
