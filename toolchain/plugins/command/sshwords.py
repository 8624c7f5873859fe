"""What the official plugin's SSH client says where OpenSSH says it in other words."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_HANDSHAKE: Final = "ssh: handshake failed: "


def refusal(endpoint: Mapping[str, Any], heard: str) -> str:
    """Go's words for what OpenSSH wrote when a connection did not come about."""
    host, port = endpoint["host"], int(endpoint.get("port", 22))
    address = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    words = {
        "Connection refused": f"dial tcp {address}: connect: connection refused",
        "Could not resolve hostname": f"dial tcp: lookup {host}: no such host",
        "No route to host": f"dial tcp {address}: connect: no route to host",
        "Network is unreachable": f"dial tcp {address}: connect: network is unreachable",
        "timed out": f"dial tcp {address}: i/o timeout",
        "Permission denied": f"{_HANDSHAKE}ssh: unable to authenticate, attempted methods {_methods(endpoint)}, "
        "no supported methods remain",
        "Host key verification failed": f"{_HANDSHAKE}ssh: host key mismatch",
        "administratively prohibited": "ssh: rejected: administratively prohibited (open failed)",
    }
    for sign, text in words.items():
        if sign in heard:
            return text
    said = [line for line in heard.strip().splitlines() if line]
    return _HANDSHAKE + (re.sub(r"^(ssh|kex_exchange_identification): ", "", said[-1]) if said else "EOF")


def _methods(endpoint: Mapping[str, Any]) -> str:
    tried = ["none"]
    if endpoint.get("privateKey") or endpoint.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK"):
        tried.append("publickey")
    if endpoint.get("password"):
        tried.append("password")
    return f"[{' '.join(tried)}]"


def key_problem(endpoint: Mapping[str, Any]) -> str:
    """What is wrong with the private key or the host key itself; empty when nothing is."""
    host_key = endpoint.get("hostKey")
    if host_key and _fails("-l", host_key + "\n"):
        return "failed to parse host key: ssh: no key found"
    key = endpoint.get("privateKey")
    if not key:
        return ""
    text = key.rstrip("\n") + "\n"
    password = endpoint.get("privateKeyPassword") or ""
    if not _fails("-y", text, password):
        return ""
    if "PRIVATE KEY-----" not in text:
        return "ssh: no key found"
    return "x509: decryption password incorrect" if password else "ssh: this private key is passphrase protected"


def _fails(mode: str, text: str, password: str = "") -> bool:
    with tempfile.TemporaryDirectory(prefix="homeport-key-") as folder:
        path = Path(folder) / "key"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        # The password goes by SSH_ASKPASS: an argument could be read in the process list.
        askpass = Path(folder) / "askpass"
        with os.fdopen(os.open(askpass, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w") as file:
            file.write("#!/bin/sh\nprintf '%s\\n' \"$HOMEPORT_SSH_PASSPHRASE\"\n")
        env = {
            "PATH": os.environ.get("PATH", ""),
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "HOMEPORT_SSH_PASSPHRASE": password,
        }
        done = subprocess.run(
            ["ssh-keygen", mode, "-f", str(path)],
            check=False,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return done.returncode != 0
