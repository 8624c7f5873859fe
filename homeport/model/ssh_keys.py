"""SSH keys of type ed25519 as one line, which every file of variables takes. Source: PROTOCOL.key of OpenSSH."""

from __future__ import annotations

import base64
import binascii
import re

_HEAD = b"openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1\0\0\0\x33"
"""What a private key without a passphrase begins with."""
_PUBLIC = 51
"""Bytes of its public half, which follows in plain."""
_TYPE = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def body(file: str) -> str:
    """What a private key's file has between its first line and its last; nothing where it is none."""
    match = re.fullmatch(
        r"-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END OPENSSH PRIVATE KEY-----\n?", file
    )
    return match[1].replace("\n", "") if match else ""


def is_body(text: str) -> bool:
    """Whether it is the whole body of a private key of type ed25519 without a passphrase."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    rest = raw[len(_HEAD) + _PUBLIC :]
    return raw.startswith(_HEAD + _TYPE) and int.from_bytes(rest[:4]) == len(rest) - 4


def is_public(text: str) -> bool:
    """Whether it is a public key, without its type in front."""
    return bool(re.fullmatch(r"AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}", text))


def public_half(private: str) -> str:
    """The public half of the body of a private key, without its type in front."""
    return base64.b64encode(base64.b64decode(private)[len(_HEAD) : len(_HEAD) + _PUBLIC]).decode()
