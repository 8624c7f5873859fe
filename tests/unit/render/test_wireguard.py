"""WireGuard's configuration case by case, and what is a key."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from homeport.model import template
from homeport.model.vpn import Peer, Vpn
from homeport.render import host_text, wireguard

CASES = sorted((Path(__file__).parents[2] / "cases" / "wireguard").glob("*.json"))


def vpn(case):
    return Vpn(**{**case["vpn"], "peers": tuple(Peer(**peer) for peer in case["vpn"]["peers"])})


@pytest.mark.req("S2-08", "S2-10", "S2-43")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_configuration(path):
    case = json.loads(path.read_text())
    network = vpn(case)
    for wanted, text in (
        (case["has"], wireguard.server(network, tuple(case.get("rotating", ())))),
        (case["client"], wireguard.client(network, network.peers[0])),
    ):
        rest = iter(text.splitlines())
        assert [] == [line for line in wanted if line not in rest], f"{case['because']}\n{text}"


def test_there_are_cases():
    assert len(CASES) >= 3, "an empty folder would pass for ever"


@pytest.mark.req("S2-07")
def test_what_holds_a_key_is_readable_by_root_alone():
    modes = {file.path: file.mode for file in wireguard.files(vpn(json.loads(CASES[0].read_text())))}

    assert {
        "/etc/wireguard/private.key": 0o600,
        "/etc/wireguard/public.key": 0o644,
        "/etc/wireguard/wg0.conf": 0o600,
    } == modes, "a private key with another mode is a private key of every program on the host"


@pytest.mark.req("FP-23")
def test_any_32_bytes_become_a_key_as_wg_genkey_makes_one():
    for byte in (0, 1, 255):
        key = wireguard.clamp(base64.b64encode(bytes([byte]) * 32).decode())
        raw = base64.b64decode(key)
        assert (0, 64) == (raw[0] & 7, raw[31] & 192), "clamped as RFC 7748 asks"
        assert key == wireguard.clamp(key), "clamping twice changes nothing"
        assert wireguard.valid_private(key), "and it is one"


@pytest.mark.req("FP-23")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        ("A" * 43, "base64 without its padding"),
        (base64.b64encode(b"a" * 31).decode(), "31 bytes"),
        (base64.b64encode(b"a" * 33).decode(), "33 bytes"),
        (base64.b64encode(b"\xff" * 32).decode(), "not clamped"),
        (base64.b64encode(b"\x00" * 31 + b"\x40").decode()[:-2] + "B=", "bits behind the last byte that are not zero"),
        ("ä" * 44, "no ASCII"),
    ],
)
def test_what_is_no_private_key_is_refused(text, why):
    assert not wireguard.valid_private(text), why


@pytest.mark.req("FP-23")
def test_zero_and_one_are_no_public_keys():
    for number in (0, 1):
        assert not wireguard.valid_public(base64.b64encode(number.to_bytes(32, "little")).decode()), (
            "every secret is the same with it"
        )
    assert wireguard.valid_public(base64.b64encode((9).to_bytes(32, "little")).decode()), "the base point is a point"


def test_a_template_names_only_what_the_layer_has():
    network = vpn(json.loads((CASES[0].parent / "rotating.json").read_text()))
    known = {
        "private-key",
        "public-key",
        *(f"{part}:{name}" for part in ("public", "psk", "next-public", "next-psk") for name in ("local", "phone")),
    }
    for file in wireguard.files(network, ("local",)):
        named = set(template.names(file.content)) if file.template else set()
        assert named <= known, f"{file.path} would be refused with a KeyError"


RUNNING = """[Interface]
ListenPort = 51820
PrivateKey = host=

[Peer]
PublicKey = A=
PresharedKey = a=
AllowedIPs = 10.0.0.1/32
Endpoint = 192.0.2.7:40000

[Peer]
PublicKey = B=
PresharedKey = b=
AllowedIPs = 10.0.0.7/32
"""
NEXT = """
[Peer]
PublicKey = A2=
PresharedKey = a2=
"""


@pytest.mark.req("S2-09")
@pytest.mark.parametrize(
    ("running", "wanted", "told", "why"),
    [
        (RUNNING, RUNNING.replace("Endpoint = 192.0.2.7:40000\n", ""), ("", ""), "nothing changed, nothing is touched"),
        (RUNNING, RUNNING.split("[Peer]\nPublicKey = B=", maxsplit=1)[0], ("", "B="), "one went"),
        (
            RUNNING.split("[Peer]\nPublicKey = B=", maxsplit=1)[0],
            RUNNING,
            ("[Peer]\nPublicKey = B=\nPresharedKey = b=\nAllowedIPs = 10.0.0.7/32\n", ""),
            "one came, and the other is not mentioned",
        ),
        (
            RUNNING,
            RUNNING.replace("b=", "c="),
            ("[Peer]\nPublicKey = B=\nPresharedKey = c=\nAllowedIPs = 10.0.0.7/32\n", ""),
            "its shared key changed",
        ),
        (
            RUNNING,
            RUNNING.replace("10.0.0.7", "10.0.0.8"),
            ("[Peer]\nPublicKey = B=\nPresharedKey = b=\nAllowedIPs = 10.0.0.8/32\n", ""),
            "its address changed",
        ),
        (RUNNING, RUNNING.replace("host=", "new="), ("[Interface]\nPrivateKey = new=\n", ""), "the host's own key"),
        (RUNNING, RUNNING.replace("51820", "51821"), ("[Interface]\nListenPort = 51821\n", ""), "the port"),
        (RUNNING, RUNNING + NEXT, (NEXT[1:], ""), "a next key has no address yet"),
        (
            RUNNING.replace("AllowedIPs = 10.0.0.1/32\n", "") + NEXT + "AllowedIPs = 10.0.0.1/32\n",
            RUNNING + NEXT,
            ("", ""),
            "the address was handed over to the next key and stays there",
        ),
        (
            RUNNING.replace("AllowedIPs = 10.0.0.1/32\n", "") + NEXT + "AllowedIPs = 10.0.0.1/32\n",
            RUNNING.replace("A=", "A2=").replace("a=", "a2="),
            ("", "A="),
            "the next key is the key now: it has the address already, and the old one goes",
        ),
        (
            RUNNING + NEXT,
            RUNNING.replace("A=", "A2=").replace("a=", "a2="),
            ("[Peer]\nPublicKey = A2=\nPresharedKey = a2=\nAllowedIPs = 10.0.0.1/32\n", "A="),
            "the next key had not come in yet: it is given the address",
        ),
    ],
)
def test_what_reaches_a_running_interface_is_what_changed(tmp_path, running, wanted, told, why):
    draft = tmp_path / "draft"
    draft.write_text(wanted)
    Path(f"{draft}.now").write_text(running)
    shell = f'set -eu; draft={draft}\n{host_text.text("wireguard/changes.sh")}cat "$draft.more"; echo "gone: $gone"'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert (f"{told[0]}gone: {told[1]}\n", "") == (done.stdout, done.stderr), why
