"""What differs from run to run in the answers of the hcloud plugin."""

from __future__ import annotations

import re

from tests.rehearsal.conformance.normalise import Rules


def really_applied(recorded, actual):
    """The fake of the recording forgot what a firewall applies to; the emulator, like the cloud, does not."""
    return [] == recorded and all({"server", "labelSelector"} == set(entry) for entry in actual)


def mac(recorded, actual):
    """Made from the ids; one that a preview did not know must be unknown again."""
    return recorded == actual or (":" in recorded and re.fullmatch("86:00(:[0-9a-f]{2}){4}", actual) is not None)


RULES = Rules(
    volatile={
        "pulumi:providers:hcloud": {"endpoint": r"http://127\.0\.0\.1:\d+/v1"},
        # The recording has a placeholder; the emulator has the key's MD5, as the cloud.
        "hcloud:index/sshKey:SshKey": {"fingerprint": "([0-9a-f]{2}:){15}[0-9a-f]{2}"},
        "hcloud:index/serverNetwork:ServerNetwork": {"macAddress": mac},
        "hcloud:index/firewall:Firewall": {"applyTos": really_applied},
    },
)
