"""SSH keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


def fingerprint(key: str) -> str:
    """MD5 of the key's blob in pairs of digits, as the API shows it; raises `ApiError` for what is no public key."""
    parts = key.split()
    try:
        blob = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), validate=True)
    except (IndexError, binascii.Error) as problem:
        raise errors.invalid({"public_key": "SSH key format is invalid"}) from problem
    if not parts[0].startswith(_KINDS) or parts[0].encode() not in blob[: 4 + len(parts[0])]:
        raise errors.invalid({"public_key": "SSH key format is invalid"})
    digits = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


TABLE: Final = Table("ssh_keys", filters=("name", "fingerprint"))


def create(project: Project, call: Call) -> Answer:
    """Stores a key; name and key must be new."""
    body = checked(call.body, "name:str! public_key:str! labels:dict")
    project.free_name("ssh_keys", body["name"])
    print_ = fingerprint(body["public_key"])
    if any(row["fingerprint"] == print_ for row in project.table("ssh_keys").values()):
        raise errors.taken("ssh_key", "fingerprint")
    return 201, {"ssh_key": public(project.add("ssh_keys", {**body, "fingerprint": print_}))}


def delete(project: Project, call: Call) -> Answer:
    """Forgets a key; servers that were made with it keep it."""
    del project.table("ssh_keys")[project.get("ssh_keys", call.id)["id"]]
    return 204, None
