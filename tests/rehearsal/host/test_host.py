"""A rented server from birth to a hardened sshd, and changes of it.

Changes that fail, are killed, or would lock the program out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from homeport.model.host import HostFile
from homeport.model.template import TEXT
from homeport.render import packages
from tests.support import campaign
from tests.support.checkout import ROOT
from tests.support.host import Server
from tests.support.waits import until

pytestmark = pytest.mark.docker
SECRET = "C4nary-of-a-file-on-a-host"
HOSTILE = "iptables -I INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j DROP"
FREE = "iptables -D INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j DROP || true"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("host"))
    try:
        made.known()
        done = made.sshd()
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.remove()


@pytest.mark.req("C-07", "P-12")
def test_the_key_that_user_data_held_is_gone_from_the_server_and_nobody_is_believed_for_it(server):
    line = server.born[0].splitlines()[2]
    left = server.inside(f"grep -rlF {line} /etc /var /run /root /home /tmp /opt /srv 2>/dev/null", check=False)

    assert "" == left, "the private half of the bootstrap key still lies on the server"
    assert 255 == server.login(pin=server.born[1]).returncode, "the bootstrap key is still what sshd shows"
    again = server.ready("key", "120", pin=server.born[1], PULUMI_COMMAND_STDOUT=server.pin)
    assert server.pin == again.stdout.strip(), (
        f"an update of the first step asks a host that has its own key: {again.stderr}"
    )
    assert 0 == server.ready("switch", pin=server.born[1], HOMEPORT_SSH_OPTS_NEXT=server.options()).returncode


@pytest.mark.req("E-05")
def test_another_host_key_is_a_hard_stop_that_names_host_and_port(server):
    began = time.monotonic()
    done = server.ready("wait", "300", pin=server.born[1])

    assert 1 == done.returncode, "a machine with another key was accepted"
    assert f"deploy@{server.address} port 22: another machine answers there" in done.stderr, done.stderr
    assert time.monotonic() - began < 240, "a wrong key was tried again and again"


@pytest.mark.req("P-12")
def test_a_host_that_does_not_answer_is_named_with_port_and_user(server):
    done = server.ready("wait", "2", port=2)

    assert 1 == done.returncode
    assert f"deploy@{server.address} port 2: SSH did not answer within 2 s" in done.stderr, done.stderr


@pytest.mark.req("P-13", "C-10")
def test_files_come_with_owner_and_mode_stay_untouched_and_go_with_the_unit(server):
    files = (
        HostFile(path="/etc/one/two/a.conf", content="key={secret}\n", mode=0o600, owner="root:daemon", template=TEXT),
        HostFile(path="/etc/one/b with space", content="b\n"),
    )
    first = server.unit("files", files, secret=SECRET)
    seen = server.inside("stat -c '%a %U:%G %n %Y %i' /etc/one/two/a.conf '/etc/one/b with space'")
    again = server.unit("files", files, secret=SECRET)

    assert (0, 0) == (first.returncode, again.returncode), first.stderr + again.stderr
    assert "600 root:daemon /etc/one/two/a.conf" in seen, seen
    assert "644 root:root /etc/one/b with space" in seen, seen
    assert seen == server.inside("stat -c '%a %U:%G %n %Y %i' /etc/one/two/a.conf '/etc/one/b with space'"), "rewritten"
    assert f"key={SECRET}\n" == server.inside("cat /etc/one/two/a.conf")

    server.unit("files", files[:1], secret=SECRET)
    assert "" == server.inside("ls -A /etc/one | grep -v two", check=False), "what left the unit is still there"
    server.drop("files")
    assert "" == server.inside("ls -d /etc/one; ls /var/lib/homeport/units | grep files", check=False), "left over"


@pytest.mark.req("P-13")
def test_a_folder_that_was_made_for_files_goes_with_the_last_of_them_and_never_with_what_others_put_there(server):
    for number in (1, 2):
        path = f"/etc/shelf/{number}/a.conf"
        assert 0 == server.unit(f"shelf-{number}", (HostFile(path=path, content="x"),)).returncode
    server.inside("mkdir /etc/empty; echo theirs >/etc/shelf/2/b.conf")
    assert 0 == server.unit("shelf-3", (HostFile(path="/etc/empty/a.conf", content="x"),)).returncode
    failed = server.unit("shelf-4", (HostFile(path="/etc/half/a.conf", content="x"),), "exit 3")
    assert 1 == failed.returncode, "a failing change passed"
    for number in (1, 2, 3):
        server.drop(f"shelf-{number}")

    left = server.inside("find /etc/shelf /etc/empty /etc/half 2>/dev/null | sort", check=False).split()
    assert ["/etc/empty", "/etc/shelf", "/etc/shelf/2", "/etc/shelf/2/b.conf"] == left, "their file, and their folder"
    server.inside("rm -r /etc/shelf /etc/empty")


@pytest.mark.req("D-13", "C-10")
def test_a_failing_change_puts_everything_back_and_shows_no_secret(server):
    old = (
        HostFile(path="/etc/three/a", content="old {secret}\n", mode=0o600, template=TEXT),
        HostFile(path="/etc/three/gone", content="x"),
    )
    new = (
        HostFile(path="/etc/three/a", content="new {secret}\n", mode=0o600, template=TEXT),
        HostFile(path="/etc/three/c", content="c"),
    )
    assert 0 == server.unit("failing", old, "cat /etc/three/a >/etc/three/seen", secret=SECRET).returncode
    before = server.inside("cd /etc/three; for one in a gone seen; do stat -c '%a %n' $one; cat $one; done; ls -A")
    done = server.unit("failing", new, "cat /etc/three/a; exit 3", secret=SECRET)

    assert 1 == done.returncode, "a failing change passed"
    assert "exit code 3" in done.stderr and "new [secret]" in done.stderr, done.stderr
    assert SECRET not in done.stdout + done.stderr, "the secret was printed"
    after = server.inside("cd /etc/three; for one in a gone seen; do stat -c '%a %n' $one; cat $one; done; ls -A")
    assert before == after, "not as it was"
    unwritable = server.unit("failing", (*old, HostFile(path="/proc/none", content="x")), secret=SECRET)
    assert "its files could not be written" in unwritable.stderr, unwritable.stderr
    assert before == server.inside(
        "cd /etc/three; for one in a gone seen; do stat -c '%a %n' $one; cat $one; done; ls -A"
    )
    server.drop("failing")


@pytest.mark.campaign
@pytest.mark.req("D-13")
def test_killed_at_any_moment_the_next_run_makes_it_whole_and_no_file_is_ever_half(server):
    """The processes on the host are killed, and ssh with them; a reader looks at each file all the time."""
    size, chance = 200_000, campaign.chance("kills of a host's unit")

    def files(letter):
        return tuple(HostFile(path=f"/etc/four/{number}", content=letter * size) for number in range(6))

    assert 0 == server.unit("killed", files("a")).returncode
    kill = (
        "for one in /proc/[0-9]*; do tr '\\0' ' ' <$one/cmdline 2>/dev/null | grep -q 'unit[.]sh.*killed' "
        "&& kill -9 ${one#/proc/}; done; true"
    )
    for step in range(campaign.size("kills of a host's unit")):
        letter = "bc"[step % 2]
        argv = ["sh", "components/scripts/host.sh", "apply", "killed", "0"]
        with subprocess.Popen(
            argv,
            cwd=ROOT,
            env=server.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as run:
            run.stdin.write(server.bundle(files(letter)))
            run.stdin.close()
            time.sleep(chance.uniform(0.05, 0.5))
            os.killpg(run.pid, signal.SIGKILL)
            server.inside(kill)
        kinds = server.inside(
            "cd /etc/four; for one in [0-5]; do echo $(wc -c <$one) $(fold -w1 $one | sort -u | wc -l); done"
        )
        assert {f"{size} 1"} == set(kinds.splitlines()), f"kill {step}: a file is neither old nor new: {kinds}"
    done = server.unit("killed", files("d"))
    assert 0 == done.returncode, done.stderr
    assert "d" == server.inside("cat /etc/four/[0-5] | fold -w1 | sort -u").strip()
    assert "0 1 2 3 4 5" == " ".join(server.inside("ls -A /etc/four").split()), "drafts are left"
    server.drop("killed")


@pytest.mark.req("E-06", "O-07")
def test_sixty_four_logins_at_once_all_pass(server):
    with ThreadPoolExecutor(64) as pool:
        codes = [done.returncode for done in pool.map(lambda _: server.login(), range(64))]

    assert [0] * 64 == codes, "sshd dropped logins"
    effective = server.inside("sshd -T").splitlines()
    for line in ("permitrootlogin no", "passwordauthentication no", "allowusers deploy", "maxauthtries 3", "port 22"):
        assert line in effective, f"sshd does not have: {line}"


@pytest.mark.req("S2-29")
def test_the_port_moves_there_and_back_and_the_old_one_closes(server):
    for ports, known in (((2222, 22), "22"), ((2222,), ""), ((22, 2222), "2222"), ((22,), "")):
        done = server.sshd(*ports, HOMEPORT_SSH_PORT_PREVIOUS=known)
        assert 0 == done.returncode, f"{ports}: {done.stderr}"
        assert 0 == server.login(ports[0]).returncode, f"{ports}: no login"
        listening = set(server.inside("ss -Hltn | awk '{ print $4 }' | grep -oE '(22|2222)$'").split())
        assert {str(port) for port in ports} == listening, "sshd listens elsewhere than declared"


LOCKOUTS = {
    "another user": {"users": ("nobody",)},
    "another address": {"addresses": ("127.0.0.1",)},
}


@pytest.mark.req("A-06")
@pytest.mark.parametrize("kind", LOCKOUTS)
def test_a_change_of_sshd_that_locks_the_program_out_is_undone_and_reported(server, kind):
    before = server.inside("cat /etc/ssh/sshd_config.d/00-homeport.conf")
    done = server.sshd(guard=6, **LOCKOUTS[kind])

    assert 1 == done.returncode, "a lock-out passed"
    assert "would have cut homeport off" in done.stderr and "It is back as it was" in done.stderr, done.stderr
    assert before == server.inside("cat /etc/ssh/sshd_config.d/00-homeport.conf")
    assert 0 == server.login().returncode, "locked out"
    assert server.inside("cat /var/lib/homeport/reverted/ssh"), "nothing on the host tells of it"


@pytest.mark.req("A-06")
def test_a_port_that_is_blocked_is_free_again_though_the_program_was_killed(server):
    bundle = server.bundle((HostFile(path="/etc/wall", content="x"),), HOSTILE, FREE)
    with subprocess.Popen(
        ["sh", "components/scripts/host.sh", "apply", "wall", "6"],
        cwd=ROOT,
        env=server.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as run:
        run.stdin.write(bundle)
        run.stdin.close()
        until(lambda: "dport 22" in server.inside("iptables -S INPUT"), "the wall never came")
        os.killpg(run.pid, signal.SIGKILL)

    until(lambda: "dport 22" not in server.inside("iptables -S INPUT"), "the host did not free itself")
    assert "" == server.inside("cat /etc/wall 2>/dev/null", check=False), "the file stayed"
    assert 0 == server.login().returncode, "locked out"


@pytest.mark.req("A-06", "D-13")
def test_what_nobody_confirmed_before_a_reboot_is_undone_after_it_and_the_rest_stays(server):
    bundle = server.bundle((HostFile(path="/etc/unconfirmed", content="x"),))
    elsewhere = server.script(
        "components/scripts/host.sh",
        "apply",
        "rebooted",
        "0",
        stdin=server.bundle((HostFile(path="/etc/kept", content="x"),)),
    )
    assert 0 == elsewhere.returncode, elsewhere.stderr
    unpack = (
        "d=$(mktemp -d /run/homeport.XXXXXX); base64 -d | tar -xC $d -f -; "
        "sh $d/bundle/unit.sh $d/bundle apply unconfirmed 600"
    )
    argv = ["docker", "exec", "-i", server.container, "sh", "-c", unpack]
    assert 7 == subprocess.run(argv, input=bundle, text=True, check=False).returncode, "no timer was set"
    server.power("reset")

    gone = "test -e /etc/unconfirmed || echo gone"
    until(lambda: "gone" in server.inside(gone), "the change stayed without its timer")
    assert "x" == server.inside("cat /etc/kept"), "a confirmed change went"
    until(lambda: server.login().returncode == 0, "no login after the reboot")
    assert server.pin in server.ready("key", "120", PULUMI_COMMAND_STDOUT=server.pin).stdout, (
        "another host key after a reboot"
    )


@pytest.mark.req("CA-16")
def test_what_somebody_made_stops_a_unit_before_it_changes_anything_and_comes_back_when_it_goes(server):
    """A tunnel of the host's owner: its configuration, its program, its unit."""
    paths = ("/etc/shop/config.yml", "/etc/systemd/system/shop.service", "/usr/local/bin/shop")
    listing = f"stat -c '%a %U:%G %s %n' {' '.join(paths)}; cat {' '.join(paths)}; systemctl is-active shop"
    server.inside(
        "mkdir -p /etc/shop; echo theirs >/etc/shop/config.yml; chmod 640 /etc/shop/config.yml;"
        "printf '#!/bin/sh\\nexec sleep infinity\\n' >/usr/local/bin/shop; chmod 755 /usr/local/bin/shop;"
        "printf '[Service]\\nExecStart=/usr/local/bin/shop\\n[Install]\\nWantedBy=multi-user.target\\n'"
        " >/etc/systemd/system/shop.service;"
        "systemctl daemon-reload; systemctl enable -q --now shop"
    )
    before = server.inside(listing)
    files = (
        HostFile(path=paths[0], content="ours\n"),
        HostFile(path=paths[1], content="[Service]\nExecStart=/usr/local/bin/shop\n"),
        HostFile(path="/etc/shop/new", content="ours\n"),
    )
    apply = "printf '#!/bin/sh\\nexec sleep 1000000\\n' >/usr/local/bin/shop; systemctl daemon-reload"
    apply += "; systemctl restart shop"
    remove = "systemctl stop shop; rm -f /usr/local/bin/shop; systemctl daemon-reload"
    more = {"also": (paths[2],), "units": ("shop.service",), "take_over": ()}
    refused = server.unit("shop", files, apply, remove=remove, more=more)

    assert 1 == refused.returncode, "what somebody made was replaced"
    assert all(path in refused.stderr for path in paths), refused.stderr
    assert before == server.inside(listing), "a refusal changes nothing"
    assert "" == server.inside("ls /etc/shop/new 2>/dev/null", check=False), "a refusal changes nothing"

    taken = server.unit("shop", files, apply, remove=remove, more=more | {"take_over": paths})
    assert 0 == taken.returncode, taken.stderr
    assert "ours\n" == server.inside("cat /etc/shop/config.yml")
    failed = server.unit("shop", files, "exit 3", remove=remove, more=more | {"take_over": paths})
    assert 1 == failed.returncode, "a failing change passed"
    assert "ours\n" == server.inside("cat /etc/shop/config.yml"), "what failed is as it was"
    server.drop("shop")
    assert before == server.inside(listing), "theirs again: content, mode, owner, and it runs"
    assert "" == server.inside("ls /etc/shop/new /var/lib/homeport/units/shop 2>/dev/null", check=False), "left over"


@pytest.mark.req("CA-14")
@pytest.mark.parametrize("kind", ["snap", "podman"])
def test_a_docker_that_the_distributions_would_break_is_refused_by_name_before_anything_is_installed(server, kind):
    mark = {"snap": "/snap/docker", "podman": "/usr/share/podman-docker"}[kind]
    server.inside(f"mkdir -p {mark}")
    log = server.inside("wc -c </var/log/dpkg.log 2>/dev/null || echo none")
    try:
        done = server.unit("packages", (), packages.apply())
    finally:
        server.inside(f"rmdir {mark}")

    assert 1 == done.returncode, done.stderr
    assert {"snap": "Docker as a snap", "podman": "podman under the name of docker"}[kind] in done.stderr, done.stderr
    assert log == server.inside("wc -c </var/log/dpkg.log 2>/dev/null || echo none"), "nothing was installed"
