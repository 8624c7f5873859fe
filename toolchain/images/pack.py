"""From a kit's root folder to an image."""

import os
import tarfile
from pathlib import Path

from toolchain.images import daemon
from toolchain.images.kit import Kit


def build(kit: Kit, dockerfile: Path, labels: dict[str, str]) -> None:
    """Pack the kit's root folder and build the image from it; its name is given last of all.

    The tree travels as one archive: BuildKit and the classic builder (all that Docker 20.10 has without buildx)
    both unpack it once, straight into a layer. The build itself needs no network.

    Raises:
        ImageError: the build failed.
    """
    context = kit.work / "context"
    context.mkdir()
    (context / "Dockerfile").write_bytes(dockerfile.read_bytes())
    owner = [] if os.geteuid() == 0 else ["--owner=0", "--group=0"]
    archive = context / "rootfs.tar"
    kit.run(["tar", "--numeric-owner", *owner, "-C", kit.root, "-cf", archive, "."])
    _set_capabilities(archive, kit)
    kit.phase(f"building the image from {archive.stat().st_size / 1e6:.0f} MB")
    flags = [part for key, value in sorted(labels.items()) for part in ("--label", f"{daemon.LABEL}{key}={value}")]
    kit.run(["docker", "build", "--network", "none", "--rm", "--force-rm", *flags, "--tag", kit.image, context])


def _set_capabilities(archive: Path, kit: Kit) -> None:
    """Append the files that hold capabilities once more, with them: an unprivileged build can't set them on disk."""
    with tarfile.open(archive, "a", format=tarfile.PAX_FORMAT) as tar:
        for path, value in kit.capabilities.items():
            member = tar.gettarinfo(kit.root / path, arcname=f"./{path}")
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            member.pax_headers = {"SCHILY.xattr.security.capability": value}
            with (kit.root / path).open("rb") as content:
                tar.addfile(member, content)
