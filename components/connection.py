"""How ssh gets to a host: its options, and keys in the forms that it takes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
from pathlib import Path

import pulumi

_KEYS = "keys"
_FORM = "OPENSSH PRIVATE KEY"
_PLAIN = re.compile(r"[\w./%+@~-]+", re.ASCII)
"""A path that ssh reads as it stands."""
_LONGEST = 104 - 1 - 1 - 9 - 40 - 17
"""Characters of the folder of sockets.

A socket's path has 104 at most with the NUL that ends it (macOS, unix(4)); behind the folder are a slash and 9 for
the key, and ssh takes 40 for %C and 17 for its draft.
"""


def ssh_options(host: str, pin: str, identity: str, through: str = "") -> list[str]:
    """Options of ssh under which only the machine with this public key is spoken to; no file has to be written for it.

    One connection carries many commands (``HOMEPORT_SSH_MULTIPLEX=0``: each has its own). Its socket is named after the
    pinned key, so that a machine made anew at the same address is never spoken to through what is left of the former.
    Sources: ssh_config(5), KnownHostsCommand (OpenSSH 8.5) and HostKeyAlias.
    """
    options = [
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "LogLevel=ERROR",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=none",
        "GlobalKnownHostsFile=none",
        f"HostKeyAlias=homeport-{host}",
        f"KnownHostsCommand=/bin/echo homeport-{host} {pin}",
    ]
    if identity:
        options += [f"IdentityFile={identity}", "IdentitiesOnly=yes"]
    if through:
        options.append(f"ProxyCommand={through}")
    folder = cache() / "ssh"
    if os.environ.get("HOMEPORT_SSH_MULTIPLEX", "1") != "0" and len(str(folder)) <= _LONGEST:
        private(folder)
        socket = spelled(folder, f"/{hashlib.sha256(pin.encode()).hexdigest()[:8]}-%C")
        options += ["ControlMaster=auto", f"ControlPath={socket}", "ControlPersist=30"]
    return options


def cache() -> Path:
    """The folder that holds everything homeport writes: ``$HOMEPORT_CACHE``, or ``~/.cache/homeport``."""
    named = os.environ.get("HOMEPORT_CACHE")
    return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "homeport"


def spelled(path: Path, rest: str = "") -> str:
    """A path as ssh's options take it, and what follows as it stands there.

    Below the home folder by ``%d``, so that it is the same text for all of a team. A percent sign stands for itself as
    two, and blanks need quotes (ssh_config(5), TOKENS and the format of its lines).
    """
    home, text = str(Path.home()), str(path)
    below = text.startswith(home + "/")
    escaped = (text[len(home) :] if below else text).replace("%", "%%")
    whole = ("%d" if below else "") + escaped + rest
    return whole if _PLAIN.fullmatch(whole) else f'"{whole}"'


def private(folder: Path) -> Path:
    """The folder, made if need be, for nobody else to read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def identity_file(key: pulumi.Output[str], stack: str, host: str) -> pulumi.Output[str]:
    """Where ssh finds a private key: a file 0600 in the cache.

    ssh takes a key from a file or an agent only. It is written at every run rather than by a resource, so that it is
    there on every machine that has the state. The path is no secret.
    """

    def written(key: str) -> str:
        # `pulumi config set` takes the last line's end away, and without it ssh reads no key.
        text = f"{key.rstrip()}\n"
        path = private(cache() / _KEYS) / f"{stack}-{host}"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
            draft.rename(path)
        return spelled(path)

    return pulumi.Output.unsecret(key.apply(written))


def _text(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _public(seed: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415  # only stacks with hosts of their own pay for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)


def private_key(seed: str) -> str:
    """The ed25519 key of 32 bytes in base64, as OpenSSH keeps it in a file.

    Written here and not by ``cryptography``, whose text is another one each time (its check number is random): a file
    would be written anew at every run. Source: PROTOCOL.key of OpenSSH.
    """
    secret = base64.b64decode(seed)
    public = _public(secret)
    check = hashlib.sha256(secret).digest()[:4]
    inner = check * 2 + _text(b"ssh-ed25519", public, secret + public, b"homeport")
    inner += bytes(range(1, 1 + -len(inner) % 8))
    blob = b"openssh-key-v1\0" + _text(b"none", b"none", b"") + struct.pack(">I", 1)
    body = base64.b64encode(blob + _text(_text(b"ssh-ed25519", public), inner)).decode()
    lines = [body[start : start + 70] for start in range(0, len(body), 70)]
    return "\n".join([f"-----BEGIN {_FORM}-----", *lines, f"-----END {_FORM}-----", ""])


def public_key(seed: str) -> str:
    """Its public half, as it stands in ``authorized_keys``."""
    return "ssh-ed25519 " + base64.b64encode(_text(b"ssh-ed25519", _public(base64.b64decode(seed)))).decode()
