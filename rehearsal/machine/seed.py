"""What a cloud hands a new server: the order for cloud-init, as the files that its NoCloud source reads."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Final

_FOLDER: Final = "var/lib/cloud/seed/nocloud"


def archive(instance: str, name: str, user_data: str, ssh_keys: list[str]) -> bytes:
    """The seed as a tar to unpack at the machine's root.

    Args:
        instance: Id of the instance; cloud-init runs its once-per-instance parts again when it changes.
        name: Host name.
        user_data: As the user gave it.
        ssh_keys: Public keys for root.
    """
    # JSON is YAML.
    about = json.dumps({"instance-id": instance, "local-hostname": name, "public-keys": ssh_keys})
    files = {"meta-data": about, "user-data": user_data, "vendor-data": ""}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{_FOLDER}/{file}")
            entry.mode, entry.size = 0o600, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
