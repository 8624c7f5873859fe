"""What the claims on reboots and secrets make of what they see; the looking itself is proved on machines."""

import math
import subprocess

import pytest

from homeport.model import ssh_keys
from rehearsal.claims.expected import expected
from rehearsal.claims.leaks import NO_LEAK, known, leaks
from rehearsal.claims.network import open_ports
from rehearsal.claims.outages import ALL_WITHIN_BARS, within_bars
from rehearsal.probes.canary import Finding
from rehearsal.probes.inside.needles import needles
from tests.unit.rehearsal_claims.described import Host

ALLOWED = expected("jett").allowed_files()
REBOOT = {
    "accepted": [],
    "seconds": {"booted": 2.0, "vpn": 6.0, "services": 40.0},
    "longest_gap": 0.1,
    "went down": True,
    "clean": True,
    "lost": [],
    "slowness": 1.0,
}


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"accepted": [5432]}, False),
        ({"longest_gap": 0.8}, False),
        ({"went down": False}, False),
        ({"clean": False}, False),
        ({"lost": ["redis"]}, False),
        # What never came is nowhere near a bar, also where both ends of the time are missing.
        ({"seconds": {"booted": 2.0, "vpn": math.inf - math.inf, "services": 40.0}}, False),
        ({"seconds": {"booted": 2.0, "vpn": 6.0, "services": math.inf}}, False),
        ({"seconds": {"booted": 2.0, "vpn": 15.5, "services": 40.0}}, False),
        ({"seconds": {"booted": 2.0, "vpn": 6.0, "services": 121.0}}, False),
        # A computer that does three other things takes as many times longer.
        ({"seconds": {"booted": 2.0, "vpn": 20.0, "services": 350.0}, "slowness": 2.6}, True),
        ({"seconds": {"booted": 2.0, "vpn": 20.0, "services": 361.0}, "slowness": 2.6}, False),
    ],
)
def test_a_reboot_is_good_only_with_every_figure_in_its_bar(change, good):
    verdict = within_bars({**REBOOT, **change})
    assert good == (verdict == ALL_WITHIN_BARS), "ports, the watch itself, what is kept, VPN and services"


def finding(**about):
    return Finding(
        **{
            "secret": "n8n-key",
            "how": "raw",
            "sink": "file",
            "where": "/etc/wireguard/wg0.conf",
            "mode": "0600",
            "owner": "root:root",
            **about,
        }
    )


@pytest.mark.parametrize(
    ("about", "lawful"),
    [
        ({}, True),
        ({"mode": "0644"}, False),
        ({"where": "/etc/wireguard.old"}, False),
        ({"where": "/opt/jett/.env"}, True),
        ({"where": "/var/lib/cloud/instance/user-data.txt"}, False),
        ({"where": "/tmp/x"}, False),
        ({"sink": "process cmdline", "mode": "", "owner": ""}, False),
        ({"sink": "docker inspect container", "mode": "", "owner": ""}, False),
        ({"sink": "journal", "mode": "", "owner": ""}, False),
    ],
)
def test_a_secret_is_lawful_only_in_its_declared_files(about, lawful):
    search = {"findings": [finding(**about)], "allowed": ALLOWED, "planted": True, "unread": []}
    assert lawful == (leaks(search)["leaks"] == []), "path, mode, owner, and files alone"


@pytest.mark.parametrize("broken", [{"planted": False}, {"unread": ["/var/log/x.gz: damaged"]}])
def test_a_search_that_missed_the_planted_one_or_left_something_unread_has_not_passed(broken):
    search = {"findings": [], "allowed": ALLOWED, "planted": True, "unread": [], **broken}
    assert leaks(search) != NO_LEAK, "no finding is not enough"


def test_the_secrets_looked_for_are_the_stacks_the_peers_and_the_token():
    view = Host()
    view.peer_config = (
        "[Interface]\nPrivateKey = aaaaaaaaaaaaaaaa=\n"
        "[Peer]\nPresharedKey = bbbbbbbbbbbbbbbb=\nPublicKey = cccccccccccccccc=\n"
    )
    view.tokens = {"n8n": {"CF-Access-Client-Id": "dddddddd.access", "CF-Access-Client-Secret": "eeeeeeeeee"}}
    view.secrets = {"n8n-key": "ffffffffff", "pin": "1234"}
    names = {"n8n-key", "peer PrivateKey", "peer PresharedKey", "service token of n8n CF-Access-Client-Secret"}
    assert names == set(known(view)), "no public key, no id, and nothing too short to be told from chance"


def test_of_a_generated_ssh_key_its_seed_is_looked_for_and_its_public_half_is_no_secret(tmp_path):
    view, bodies = Host(), []
    for name in ("first", "second"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "homeport", "-f", tmp_path / name]
        subprocess.run(argv, check=True)
        bodies.append(ssh_keys.body((tmp_path / name).read_text()))
    first, second = bodies
    view.peer_config, view.tokens = "", {}
    view.secrets = {"key": first, "key-public": ssh_keys.public_half(first)}
    (sought,) = needles(known(view))[:1]
    assert sought.text in first.encode(), "it is found in the key's file"
    assert not any(needle.text in second.encode() for needle in needles(known(view))), "and in no other key's"
    assert {"key"} == known(view).keys()


def test_a_scan_is_summed_up_by_address():
    scans = [{"address": "198.18.0.10", "open": [22], "counts": {"closed": 0, "rejected": 3}}]
    assert {"198.18.0.10": {"open": [22], "closed": 0, "refused": 3}} == open_ports(scans), "what is not silent is told"
