"""The search for secrets: what it finds, what it does not, and that it says what it could not read."""

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import secrets
import subprocess
import sys
import time
import zipfile
from urllib.parse import quote

import pytest

from rehearsal.probes.canary import Allowed, Canaries, Finding, sampling, unlawful
from rehearsal.probes.inside.needles import NotReadError, needles, search

SECRET = 'CNRY_n8n-key_0f5a"?>~\\9/4c+b1é d2'
WANTED = needles({"n8n-key": SECRET})
RAW = SECRET.encode()


def zipped(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


ENCODED = {
    "raw": RAW,
    "reversed": RAW[::-1],
    "utf-16": SECRET.encode("utf-16-le"),
    "base64": base64.b64encode(RAW),
    "base64 one byte on": base64.b64encode(b"x" + RAW + b"y"),
    "base64 two bytes on": base64.b64encode(b"xy" + RAW + b"yz"),
    "base64 in lines": base64.encodebytes(bytes(50) + RAW + bytes(50)),
    "base64 in lines in json": json.dumps(base64.encodebytes(bytes(50) + RAW + bytes(50)).decode()).encode(),
    "base64url": base64.urlsafe_b64encode(b"x" + RAW),
    "base64 in url": quote(base64.b64encode(RAW), safe="").encode(),
    "hex": RAW.hex().encode(),
    "upper hex": RAW.hex().upper().encode(),
    "url": quote(SECRET, safe="").encode(),
    "url of every byte": "".join(f"%{byte:02x}" for byte in RAW).encode(),
    "url of url": quote(quote(SECRET, safe=""), safe="").encode(),
    "json": json.dumps(SECRET, ensure_ascii=False).encode(),
    "json of every character": "".join(
        f"\\u00{ord(character):02x}" for character in 'CNRY_n8n-key_0f5a"?>~\\9'
    ).encode(),
    "json in json in json": json.dumps(
        json.dumps(json.dumps(SECRET, ensure_ascii=False), ensure_ascii=False), ensure_ascii=False
    ).encode(),
    "python": repr(SECRET).encode(),
    "gzip": gzip.compress(RAW),
    "bzip2": bz2.compress(RAW),
    "xz": lzma.compress(RAW),
    "zip": zipped("a.txt", RAW),
    "name in zip": zipped(SECRET.replace("\\", ""), b""),
    "gzip in zip": zipped("a.gz", gzip.compress(base64.b64encode(RAW))),
    "base64 of gzip": b'{"user_data": "' + base64.b64encode(gzip.compress(b"#cloud-config " + RAW)) + b'"}',
    "base64 of zip in json": json.dumps(base64.encodebytes(zipped("a", RAW)).decode()).encode(),
    "the first half": RAW[:16] + b"****",
    "the last half": b"****" + RAW[-16:],
    "in pieces, turned round": RAW[16:] + b" " + RAW[:16],
    "among a megabyte": os.urandom(1 << 20) + RAW + os.urandom(1 << 20),
}


@pytest.mark.parametrize("how", ENCODED)
def test_a_secret_is_found_however_it_is_written(how):
    findings = search(
        WANTED,
        ENCODED[how]
        if how.startswith(("gzip", "bzip2", "xz", "zip", "name"))
        else b"before " + ENCODED[how] + b" after",
    )
    assert {"n8n-key"} == {name for name, _ in findings}, f"it is there as {how}"


@pytest.mark.parametrize("how", ENCODED)
def test_another_secret_is_not_found_in_its_place(how):
    other = needles({"other": "CNRY_other_77c1d2e3f4a5b697887766554433"})
    assert set() == search(other, ENCODED[how]), "nothing is found that is not there"


def test_a_short_secret_is_refused_instead_of_being_found_everywhere():
    with pytest.raises(ValueError, match="pin has 4 bytes"):
        needles({"pin": "1234"})


def test_a_damaged_archive_is_said_to_be_unread():
    with pytest.raises(NotReadError):
        search(WANTED, gzip.compress(RAW * 100)[:-20])
    canaries = Canaries({"n8n-key": SECRET})
    assert [] == canaries.text("log", "a.gz", gzip.compress(RAW * 100)[:-20]), "nothing was found"
    assert ["a.gz"] == [unread.partition(":")[0] for unread in canaries.unread], "and that means nothing, which is said"


def test_a_finding_never_shows_the_secret():
    canaries = Canaries({"n8n-key": SECRET})
    printed = repr(canaries) + repr(canaries.text("log", "up.log", f"password={SECRET}"))
    assert "n8n-key" in printed, "the name is shown"
    assert SECRET[:12] not in printed, "the value is not"


def test_files_are_searched_with_their_names_modes_and_links(tmp_path):
    secrets = {"n8n-key": "CNRY_a_5d0e6f3c9b1a48279b3c"}
    (tmp_path / "kept").write_text(f"key={secrets['n8n-key']}")
    (tmp_path / "kept").chmod(0o640)
    (tmp_path / "left-out").write_text(secrets["n8n-key"])
    (tmp_path / "clean").write_text("nothing")
    (tmp_path / secrets["n8n-key"]).mkdir()
    (tmp_path / secrets["n8n-key"] / "below").touch()
    (tmp_path / "link").symlink_to(f"nowhere/{secrets['n8n-key']}")
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b\x08 no archive")
    canaries = Canaries(secrets)
    findings = canaries.files([str(tmp_path)], exclude=["*/left-out"])
    assert ["below", "kept", "link"] == sorted(finding.where.rpartition("/")[2] for finding in findings), (
        "content, name, and text of a link"
    )
    assert ["0640"] == [finding.mode for finding in findings if finding.where.endswith("kept")], "the mode is told"
    assert 1 == len(canaries.unread), "the broken archive is told of"
    assert [] == canaries.files([str(tmp_path)], since=time.time() + 60), (
        "files from before the secret are not even read"
    )


@pytest.mark.parametrize(
    ("path", "mode", "owner", "lawful"),
    [
        ("/etc/jett/files/n8n/key", "0400", "root:root", True),
        ("/etc/jett/files/n8n/key", "0600", "root:root", True),
        ("/etc/jett/files/n8n/key", "0640", "root:root", False),
        ("/etc/jett/files/n8n/key", "0600", "deploy:deploy", False),
        ("/var/log/syslog", "0600", "root:root", False),
    ],
)
def test_a_secret_may_be_only_where_the_list_says_so(path, mode, owner, lawful):
    finding = Finding(secret="n8n-key", how="raw", sink="file", where=path, mode=mode, owner=owner)
    rule = Allowed(path="/etc/jett/files/*", owner="root:root", because="bind-mounted into the container")
    assert ([] if lawful else [finding]) == unlawful([finding], [rule]), "path, owner and mode"


def test_no_list_allows_a_secret_in_a_command_line():
    finding = Finding(secret="n8n-key", how="raw", sink="process cmdline", where="/etc/jett/files/x")
    assert [finding] == unlawful([finding], [Allowed(path="*", owner="", because="")]), "it is no file"


def test_processes_are_looked_at_fifty_times_a_second_while_something_runs():
    values = {name: f"CNRY_{name}_{secrets.token_hex(16)}" for name in ("argument", "environment", "late", "never")}
    sleep = "import os,sys,time; time.sleep(0.2); os.execvp('sleep', ['sleep', '1', os.environ.pop('LATE')[:0] or '0'])"
    environ = {**os.environ, "KEY": values["environment"], "LATE": values["late"]}
    there = {("argument", "process cmdline"), ("environment", "process environ"), ("late", "process environ")}
    for _ in range(5):
        sampler = sampling()
        for _ in range(3):
            subprocess.run([sys.executable, "-c", sleep, values["argument"]], env=environ, check=True)
        findings = {(finding.secret, finding.sink) for finding in Canaries(values).processes(sampler)}
        # One that a busy machine did not let look says so, and is no proof of anything.
        if findings == there or sampler.answers[-1]["longest_gap"] < 0.2:
            break
    assert there == findings, "every one that was there, in its own place"
