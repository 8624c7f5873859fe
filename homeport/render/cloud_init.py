"""What a new server is told at birth: who may come in, by which key it is known. All that changes later goes over SSH.

``user_data`` stays readable at the metadata service for every process on the server and cannot be changed without
replacing it (docs/traps.md, H1 and H2), so it holds one secret only, and that of no worth after the first connection:
the bootstrap host key (docs/adr/0004).
"""

from __future__ import annotations

import json

from homeport.render import host_text

LIMIT = 32 * 1024
"""Bytes that Hetzner takes. Source: docs.hetzner.cloud, POST /servers."""


def cloud_init(*, user: str, authorized: str, host_private: str, host_public: str, port: int) -> str:
    """The ``user_data`` of a server.

    Args:
        user: The program's user: sudo without a password, group docker where there is one.
        authorized: Its public key.
        host_private: The bootstrap host key, OpenSSH's format.
        host_public: Its public half.
        port: Of sshd.
    """
    config = {
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        # With keys of our own it makes none (cloud-init 22.4, config/cc_ssh.py, handle); an empty list of types to make
        # is no valid one.
        "ssh_keys": {"ed25519_private": host_private, "ed25519_public": host_public},
        "users": [
            {
                "name": user,
                "gecos": "homeport",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [authorized],
            }
        ],
        "write_files": [
            {
                "path": "/etc/ssh/sshd_config.d/00-homeport.conf",
                "content": f"Port {port}\n" + host_text.text("sshd/first.conf"),
                "permissions": "0644",
            }
        ],
        "runcmd": [["sh", "-c", host_text.text("sshd/first.sh")]],
    }
    # JSON is YAML, and needs no quoting of ours.
    return "#cloud-config\n" + json.dumps(config, indent=1, sort_keys=True) + "\n"
