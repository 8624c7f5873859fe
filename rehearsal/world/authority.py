"""Pebble on a world's network, in the place of Let's Encrypt, and the certificates that make it trusted."""

from __future__ import annotations

import datetime as dt
import io
import ipaddress
import json
import ssl
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import WORLD, docker, inspect
from toolchain.images.recipes.pebble.recipe import RECIPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.machine.ground import Ground

IMAGE: Final = RECIPE.image
_ACME, _MANAGEMENT = 14000, 15000
_NUMBER: Final = 5
"""Its address on the world's network; machines begin above."""
_LIFETIME: Final = 86_400
_PATIENCE: Final = 60.0
_MONTH: Final = dt.timedelta(days=30)


def signed(address: str, valid: dt.timedelta = _MONTH) -> tuple[str, bytes, bytes]:
    """A root, and the key and certificate that it signs for an address: PEM each."""
    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    root_name, name = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("root", "acme"))
    made = []
    extensions: tuple[x509.ExtensionType, ...] = (
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
    )
    for subject, key, extension in zip((root_name, name), keys, extensions, strict=True):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        builder = builder.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + valid)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made[0].decode(), private, made[1]


def config(lifetime: int) -> bytes:
    """Pebble's own file; certificates are valid for so many seconds."""
    pebble = {
        "listenAddress": f"0.0.0.0:{_ACME}",
        "managementListenAddress": f"0.0.0.0:{_MANAGEMENT}",
        "certificate": "/certificate.pem",
        "privateKey": "/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
        "keyAlgorithm": "ecdsa",
        "profiles": {"default": {"description": "short", "validityPeriod": lifetime}},
    }
    return json.dumps({"pebble": pebble}).encode()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar of files that everybody may read, for ``docker cp -``."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o444
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def authority(ground: Ground, name_server: tuple[str, int]) -> dict[str, str]:
    """Starts it, or finds it: ``directory``, and the ``roots`` (PEM) by which it and what it issues are trusted.

    Args:
        ground: What it stands on.
        name_server: Who is asked for a name's challenge, over TCP.

    Raises:
        MachineError: It does not answer.
    """
    name, address = f"homeport-{ground.name}-authority", str(ground.ipv4[_NUMBER])
    row = inspect("container", name)
    if row is None or not row["State"]["Running"]:
        # Its roots are in its memory alone, so one that ended is nobody's authority any more.
        docker("rm", "--force", name, refused=("No such",))
        root, key, certificate = signed(address)
        at = ("--label", f"{WORLD}={ground.name}", "--network", ground.network, "--ip", address)
        asked = "{}:{}".format(*name_server)
        flags = ("--dns", ground.gateway, "--env", "PEBBLE_VA_NOSLEEP=1", "--env", "PEBBLE_WFE_NONCEREJECT=0")
        docker("create", "--name", name, *at, *flags, IMAGE, "-config", "/pebble.json", "-dnsserver", asked)
        files = {"pebble.json": config(_LIFETIME), "key.pem": key, "certificate.pem": certificate}
        docker("cp", "-", f"{name}:/", stdin=archive({**files, "root.pem": root.encode()}))
        docker("start", name)
    copied = subprocess.run(["docker", "cp", f"{name}:/root.pem", "-"], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(copied)) as tar:
        root = (tar.extractfile("root.pem") or io.BytesIO()).read().decode()
    return {"directory": f"https://{address}:{_ACME}/dir", "roots": root + _issued_by(address, root)}


def _issued_by(address: str, root: str) -> str:
    """The root that Pebble's certificates are signed by."""
    context = ssl.create_default_context(cadata=root)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            url = f"https://{address}:{_MANAGEMENT}/roots/0"
            with urllib.request.urlopen(url, context=context, timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, OSError) as problem:
            if time.monotonic() > end:
                raise MachineError(
                    f"the world's certificate authority at {address} does not answer: {problem}"
                ) from None
            time.sleep(0.2)
