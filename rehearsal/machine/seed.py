"""What a cloud hands a new server: the order for cloud-init, as the files that its NoCloud source reads."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Final

_FOLDER: Final = "var/lib/cloud/seed/nocloud"


def archive(instance: str, name: str, user_data: str, ssh_keys: list[str], ipv6: str) -> bytes:
    """The seed as a tar to unpack at the machine's root.

    Args:
        instance: Id of the instance; cloud-init runs its once-per-instance parts again when it changes.
        name: Host name.
        user_data: As the user gave it.
        ssh_keys: Public keys for root.
        ipv6: Address with the length of its network; empty for none.
    """
    # JSON is YAML.
    about = json.dumps({"instance-id": instance, "local-hostname": name, "public-keys": ssh_keys})
    files = {f"{_FOLDER}/meta-data": about, f"{_FOLDER}/user-data": user_data, f"{_FOLDER}/vendor-data": ""}
    files["etc/rehearsal/ipv6"] = ipv6
    return packed(files)


def packed(files: dict[str, str]) -> bytes:
    """Files that only root may read, as a tar to unpack at the machine's root."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for file, text in files.items():
            entry = tarfile.TarInfo(file)
            entry.mode, entry.size = 0o600, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()
