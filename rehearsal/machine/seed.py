"""What a cloud hands a new server: the order for cloud-init, as the files that its NoCloud source reads."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Final

_DISK: Final = Path(__file__).parent / "disk"
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


def disk() -> bytes:
    """What every machine's disk holds on top of the image, as a tar.

    Kept out of the image, which takes a minute to build.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted(_DISK.rglob("*")):
            tar.add(path, str(path.relative_to(_DISK)), recursive=False, filter=_ours)
    return out.getvalue()


def _ours(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Of root, and executable or not, whatever the checkout's owner and umask are."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def packed(files: dict[str, str]) -> bytes:
    """Files that only root may read, as a tar to unpack at the machine's root."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for file, text in files.items():
            entry = tarfile.TarInfo(file)
            entry.mode, entry.size = 0o600, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()
