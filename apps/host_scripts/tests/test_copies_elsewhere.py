"""Copies elsewhere without restic: which is the newest when clocks are wrong, and what a hostile one may lead to.

What restic itself does is tried in tests/rehearsal/backup/test_offsite.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile

import pytest
from host_scripts import buckets, common, main, offsite

HOUR, DAY = 3600, 86400


class Repository:
    """What restic answers of a repository: it knows when a copy was made by that moment's clock, and nothing else.

    Attributes:
        clock: The host's, in seconds.
        archive: What a copy is when it is read.
        laid: Where files were restored to.
    """

    location = "https://s3.example.com/backups/ai"

    def __init__(self, folder):
        self.clock, self.archive, self.laid = 0, folder / "copy.tar", []
        self._rows, self._texts = [], {}

    def alone(self):
        """Nothing is left of killed runs."""

    def failed(self, word, program):
        """Reading a copy went well."""

    def snapshots(self, *tags):
        rows = sorted(self._rows, key=lambda row: row["time"])
        return [[row for row in rows if tag in row["tags"]] for tag in tags]

    def stream(self, *_words):
        return common.Stream(["cat", str(self.archive)])

    def call(self, word, *words, text=b"", mounts=(), writes=False):
        if writes:
            self.laid += [source for source, _ in mounts]
        asked = {"backup": self._backup, "forget": self._forget, "dump": lambda words, _: self._texts[words[1]]}
        return asked[word](words, text) if word in asked else b""

    def _backup(self, words, text):
        name = hashlib.sha256(str(len(self._texts)).encode()).hexdigest()
        self._texts[name] = text
        self._rows.append({"id": name, "time": self.clock, "tags": [words[words.index("--tag") + 1]]})
        done = {"snapshot_id": name, "total_files_processed": 0, "total_bytes_processed": 0, "data_added_packed": 0}
        return json.dumps(done).encode()

    def _forget(self, words, _):
        if "--dry-run" not in words:
            self._rows = [row for row in self._rows if row["id"] not in words]
            return b""
        (copies,) = self.snapshots("homeport")
        last_of_days = {row["time"] // DAY: row for row in copies}
        gone = [row for row in copies if row not in last_of_days.values()]
        return json.dumps([{"keep": [*reversed(last_of_days.values())], "remove": gone}]).encode()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made = Repository(tmp_path)
    monkeypatch.setattr(offsite, "Restic", lambda *_: made)
    return made


@pytest.fixture
def settings(tmp_path, monkeypatch):
    where = {"S3_ENDPOINT": "https://s3.example.com", "S3_BUCKET": "backups", "OFFSITE_NAME": "ai"}
    more = {"RESTIC_IMAGE": "restic:1", "BACKUP_DIR": str(tmp_path / "backups"), "FILES": "files=/data"}
    for name, value in (where | more).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(offsite, "_source", lambda container, root: f"/volumes/{container}{root}")
    monkeypatch.setattr(offsite, "still", lambda *_: contextlib.nullcontext())
    return common.settings(tmp_path)


def test_the_copy_that_was_made_last_is_kept_and_is_the_newest_whatever_the_clock_says(settings, repository, tmp_path):
    # A run each day; ten seconds more, so that a clock of yesterday is before yesterday's own run.
    for day, wrong in enumerate((0, DAY, 0, 0, -DAY - 10, 0, HOUR, -HOUR, 0, 365 * DAY, 0, 0), start=1000):
        repository.clock = day * DAY + 4 * HOUR + wrong
        made = offsite.backup(settings)["snapshot"]
        back = offsite.to_folder(settings, "", tmp_path / str(day))["snapshot"]

        assert made == back, f"day {day}, clock wrong by {wrong} s: none is missing, and the last one comes back"


WRONG_PASSWORD = """#!/bin/sh
# Docker's client, by which restic is asked: the repository is there, and opens with another password.
echo "$*" >>"$CALLS"
case "$*" in run*) echo "Fatal: wrong password or no key found" >&2; exit 12 ;; esac
"""


@pytest.mark.usefixtures("settings")
def test_a_password_that_does_not_open_the_repository_is_said_before_anything_is_dumped_made_or_laid(
    tmp_path, monkeypatch
):
    for name, content in (("docker", WRONG_PASSWORD), ("repository-password", "another"), ("s3", "keys")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SECRETS", str(tmp_path))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(buckets, "ensure", lambda *_: [])
    chosen = common.settings(tmp_path)
    for work in (main._offsite, offsite.verify, lambda each: offsite.restore(each, "", replace=True)):
        with pytest.raises(common.BackupError, match="wrong password or no key found"):
            work(chosen)

    runs = [line for line in (tmp_path / "calls").read_text().splitlines() if not line.startswith("ps ")]
    assert ["list", "check", "check"] == [line.partition("path ")[2].split()[0] for line in runs], "asked, and no more"


def copied(repository, sets, files, *members):
    """What the next copy holds: members as (name, kind, where a link leads), and the manifest."""
    manifest = json.dumps({"sets": sets, "files": files}).encode()
    with tarfile.open(repository.archive, "w") as archive:
        for name, kind, to in (*members, ("manifest.json", tarfile.REGTYPE, "")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, to, 0o6755
            content = manifest if name == "manifest.json" else b"evil" if kind == tarfile.REGTYPE else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def there(folder):
    """Everything outside of the program's own folder."""
    return {str(path) for path in folder.rglob("*") if not path.is_relative_to(folder / "backups")}


@pytest.mark.req("F-12")
@pytest.mark.parametrize(
    ("members", "refused"),
    [
        ([("../../../evil", tarfile.REGTYPE, "")], True),
        ([("databases/../../../../evil", tarfile.REGTYPE, "")], True),
        ([("{tmp_path}/evil", tarfile.REGTYPE, "")], True),
        ([("a", tarfile.SYMTYPE, "{tmp_path}"), ("a/evil", tarfile.REGTYPE, "")], False),
        ([("a", tarfile.SYMTYPE, "{tmp_path}/evil"), ("a", tarfile.REGTYPE, "")], False),
        ([("a", tarfile.LNKTYPE, "{tmp_path}/good"), ("a", tarfile.REGTYPE, "")], False),
        ([("a", tarfile.CHRTYPE, ""), ("b", tarfile.BLKTYPE, ""), ("c", tarfile.FIFOTYPE, "")], False),
        ([("A", tarfile.REGTYPE, ""), ("a", tarfile.REGTYPE, "")], False),
    ],
    ids=[
        "above",
        "from below to above",
        "absolute",
        "through a link",
        "in the place of a link",
        "over a file by a hard link",
        "devices",
        "names that differ in case",
    ],
)
def test_a_hostile_copy_writes_nothing_outside_of_its_stage(settings, repository, tmp_path, members, refused):
    offsite.backup(settings)
    (tmp_path / "good").write_text("good")
    where = [(name.format(tmp_path=tmp_path), kind, to.format(tmp_path=tmp_path)) for name, kind, to in members]
    copied(repository, {}, {}, *where)
    before = there(tmp_path)
    with pytest.raises(common.BackupError, match="no place") if refused else contextlib.nullcontext():
        offsite.restore(settings, "", replace=True)

    assert before == there(tmp_path), "nothing is written anywhere else"
    assert "good" == (tmp_path / "good").read_text()
    assert not [*(tmp_path / "backups").rglob("copy-*")], "and the stage is gone"


@pytest.mark.req("F-12")
def test_a_restore_writes_to_the_volumes_of_the_settings_and_to_none_that_a_copy_names(settings, repository, capsys):
    offsite.backup(settings)
    copied(repository, {}, {"files": "/data", "watch": "/rootfs/etc", "n8n": "/"})

    line = offsite.restore(settings, "", replace=True)

    assert (1, ["/volumes/files/data"]) == (line["volumes"], repository.laid), "what the host says, no folder of it"
    said = capsys.readouterr().err
    assert "watch: /rootfs/etc of the copy is none of FILES" in said and "n8n: / " in said, "what is left out is said"


@pytest.mark.req("F-12")
@pytest.mark.parametrize("name", ["..", ".", "../../../results", "/etc", "000001-20260101T000000Z/.."])
def test_what_is_no_name_of_a_set_takes_no_place_among_them(settings, repository, name):
    offsite.backup(settings)
    copied(repository, {"databases": {"postgres": name}}, {})

    with pytest.raises(common.BackupError, match="is no set of postgres"):
        offsite.restore(settings, "", replace=True)
