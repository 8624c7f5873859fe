"""A copy elsewhere: dumps of every store, restic's repository in a bucket, a new host out of it, damage found."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import re
import shutil
import subprocess
import time
import zlib

import pytest

from rehearsal.probes.canary import Canaries
from tests.support import campaign
from tests.support.containers import docker
from tests.support.offsite import PASSWORD, SECRET, TOKEN, Unreliable, quickly_opened, read, restic, written
from tests.support.waits import one_day, until

pytestmark = pytest.mark.docker

TABLES = """
CREATE ROLE app LOGIN PASSWORD 'c4nary-of-app'; CREATE DATABASE litellm OWNER app; CREATE DATABASE "we'ird=x";
CREATE TABLE notes AS SELECT n, md5(n::text) AS text FROM generate_series(1, 500) n;
CREATE SEQUENCE numbers START 1000; SELECT nextval('numbers');
SELECT lo_from_bytea(0, 'a large object');
"""
CANARIES = ("c4nary-of-app", "c4nary-of-a-key", "c4nary-of-a-file", PASSWORD, SECRET, TOKEN)


@pytest.fixture
def filled(stores, tmp_path):
    stores.server.sql(TABLES)
    stores.server.sql("CREATE TABLE spend AS SELECT n, n * 0.01 AS dollars FROM generate_series(1, 100) n", "litellm")
    stores.redis.fill()
    stores.qdrant.fill(50)
    stores.files.sh(
        "cd /data && mkdir deep && echo c4nary-of-a-file > deep/file && dd if=/dev/urandom of=blob bs=1k count=700"
        " && chown -R 1000:1000 deep && chmod 600 deep/file && ln -s deep/file link && touch ./-odd"
    )
    written(stores.files.container, "/app/data/app.db", tmp_path)
    return stores


@pytest.mark.req("C-12", "S5-69", "S5-73", "FP-21")
def test_what_every_store_held_is_on_a_new_host_after_one_command(host, s3, told, filled, tmp_path):
    quickly_opened(host)
    # More than twice restic's largest chunk, 8 MiB, so that whichever chunk the changed row is in is less than half.
    filled.server.sql("CREATE TABLE large AS SELECT n, md5(n::text) FROM generate_series(1, 900000) n")
    host.run("offsite")
    assert 1 == len(told.beats), "the watch hears of a good run"
    assert [] == told.messages, "and nobody else does"
    canaries = Canaries({f"secret {number}": word for number, word in enumerate(CANARIES)})
    assert [] == canaries.files([str(s3.folder / "backups")]), "nothing in the bucket can be read, in no encoding"
    assert ([], True) == (canaries.unread, canaries.looked_at["file"] >= len(s3.objects())), "all was looked at"
    everything = b"".join(path.read_bytes() for path in s3.objects())
    assert len(zlib.compress(everything)) > 0.999 * len(everything), "what is encrypted has nothing left to pack"
    first = len(everything)
    filled.server.sql("DELETE FROM large WHERE n = 5000")
    before = filled.all()
    line = host.run("offsite")
    assert (2, True) == (line["copies"], line["heartbeat"]), "copies are kept beside each other"
    assert line["added"] < 0.5 * first, (
        f"a row less at the beginning of a dump changes the file there alone: {line['added']} of {first}"
    )

    line = host.run("verify")
    assert 200 + 4 == line["stores"][filled.redis.container]["keys"], "Redis itself was asked in a drill"
    assert {"content index é": 50, "semantic_cache": 50} == line["stores"][filled.qdrant.container]["collections"]
    contents = line["servers"][filled.server.container]["contents"]
    assert (900499, 100) == (contents["postgres"]["rows"], contents["litellm"]["rows"]), "and PostgreSQL"
    assert 100 == line["copies"][filled.files.container]["sqlite"], "and SQLite, the rows of its log too"

    # A new host: the same stack, and nothing of the old one but its secrets.
    filled.new()
    subprocess.run(["rm", "-rf", str(host.backups)], check=True)
    folder = tmp_path / "to a folder"
    assert line["snapshot"] == host.run("restore", "offsite", "--to", str(folder))["snapshot"]
    assert "c4nary-of-a-file" in (folder / "files" / filled.files.container / "data/deep/file").read_text()
    info = (folder / "files" / filled.files.container / "data/deep/file").stat()
    assert (1000, 0o600) == (info.st_uid, info.st_mode & 0o777), "with owners and modes"
    errors = host.run("restore", "offsite", code=1)
    assert "--replace" in errors, "nothing is overwritten unasked"
    line = host.run("restore", "offsite", "--replace")
    assert before == filled.all(), "everything that every store held"
    assert list(range(100)) == read(filled.files.container, "/app/data/app.db", folder), "and a database in files"
    assert 2 == len(host.run("list")["copies"]), "both copies are still there"


@pytest.mark.req("FP-21")
def test_a_run_that_fails_is_told_and_never_counts_as_good(host, s3, told, filled):
    assert ["backups", "shared"] == host.run("offsite")["buckets_made"], "both buckets are made"
    beats = len(told.beats)
    docker("stop", "--time", "1", filled.redis.container)
    errors = host.run("offsite", code=1)
    assert "not dumped: stores" in errors, "it says what is missing"
    assert beats == len(told.beats), "no heartbeat"
    assert 1 == len(told.messages) and "offsite ended with 1" in told.messages[0], "but a message"
    result = json.loads((host.backups / "results" / "offsite.json").read_text())
    assert "error" == result["status"] and result["snapshot"], "what could be dumped was copied all the same"
    docker("start", filled.redis.container)
    host.settings["S3_ENDPOINT"] = f"http://{s3.address}:7071"
    errors = host.run("offsite", code=1)
    assert "does not answer" in errors and "fix: " in errors, "no server"
    host.settings |= {"S3_ENDPOINT": s3.url, "S3_REGION": "elsewhere"}
    assert "HTTP 4" in host.run("offsite", code=1), (
        "a signature that the server does not take is no bucket that is missing"
    )
    said = "".join(told.messages)
    assert not [word for word in CANARIES if word in said], "no secret is told"


@pytest.mark.usefixtures("bucket", "files")
def test_copies_go_as_the_settings_say_and_one_that_somebody_took_away_is_missed(host, s3):
    quickly_opened(host)
    one_day(300)
    host.settings["KEEP_DAILY"] = "1"
    snapshots = [host.run("offsite")["snapshot"] for _ in range(3)]
    copies = host.run("list")["copies"]
    # restic keeps the oldest one too while weeks and months have room (internal/restic/snapshot_policy.go, v0.18.1).
    assert [snapshots[2], snapshots[0]] == [row["snapshot"] for row in copies], (
        "of a day the last one, and the first of all"
    )
    (snapshot,) = [
        path for path in s3.objects() if "snapshots" in path.parts and path.name.startswith(copies[0]["snapshot"])
    ]
    snapshot.unlink()
    assert f"1 copies are missing, {snapshots[2]} among them" in host.run("verify", code=1)


@pytest.mark.campaign
@pytest.mark.req("F-08", "S5-73")
def test_a_damaged_copy_is_found_each_time_and_before_anything_is_overwritten(host, s3, filled):
    quickly_opened(host)
    host.run("offsite")
    filled.server.sql("INSERT INTO notes VALUES (0, 'a row more')")
    host.run("offsite")
    before = filled.all()
    chance = campaign.chance("damages of a repository")
    objects = s3.objects()
    kinds = {kind(path) for path in objects}
    assert {"config", "data", "index", "keys", "snapshots"} == kinds, "all that a repository is made of"
    found = 0
    for turn in range(campaign.size("damages of a repository")):
        path = chance.choice([path for path in objects if turn % 5 == sorted(kinds).index(kind(path))])
        whole = path.read_bytes()
        place = chance.randrange(len(whole))
        way = ("flip", "cut off", "gone")[turn % 3]
        if way == "gone":
            path.rename(host.folder / "kept")
        else:
            flipped = whole[:place] + bytes([whole[place] ^ chance.randint(1, 255)]) + whole[place + 1 :]
            overwrite(path, flipped if way == "flip" else whole[:place])
        errors = host.run("restore", "offsite", "--replace", code=1)
        assert "fix: " in errors and SECRET not in errors, f"{way} in {path}: {errors}"
        found += 1
        if way == "gone":
            (host.folder / "kept").rename(path)
        else:
            overwrite(path, whole)
    assert campaign.size("damages of a repository") == found, "each of them"
    assert before == filled.all(), "and nothing was overwritten"
    host.run("verify")


class Copies:
    """Copies of one volume, each run of which may be killed or meet errors.

    Attributes:
        turn: What the volume holds now.
        newest: The newest copy, and what it holds.
        earlier: Copies of earlier days to what they hold, which stay whatever happens.
    """

    def __init__(self, host, s3, files, folder):
        self.host, self.s3, self.files, self.folder = host, s3, files, folder
        self.turn, self.newest, self.earlier, self._held = 0, ("", 0), {}, {}

    def more(self):
        """Something that no copy has yet."""
        self.turn += 1
        blob = f"dd if=/dev/urandom of=blob-{self.turn % 5} bs=1k count=300 2>/dev/null"
        self._held[self.turn] = self.files.sh(f"cd /data && {blob} && echo {self.turn} > turn && sha256sum *")

    def good(self):
        """A run that goes through; how long it takes."""
        started = time.monotonic()
        self.newest = self.host.run("offsite")["snapshot"], self.turn
        return time.monotonic() - started

    def older(self):
        """Lets a day pass: the newest copy becomes one of an earlier day, and is kept; the next run lists it so."""
        day = dt.datetime.now(dt.UTC) - dt.timedelta(days=1 + len(self.earlier))
        name, turn = self.newest
        done = restic(self.host, "rewrite", "--forget", f"--new-time={day:%Y-%m-%d %H:%M:%S}", name)
        self.earlier[re.search(r"saved new snapshot (\w+)", done)[1]] = turn

    def last_good(self):
        return json.loads((self.host.backups / "results" / "offsite.json").read_text())["last_good"]

    def whole(self):
        """All of the repository is as it was written, copies of earlier days among it, and the newest comes back."""
        self.host.settings["S3_ENDPOINT"] = self.s3.url
        until(lambda: not self.host.left(), "what a killed run has left in Docker comes to its end")
        self.newest = self._back()
        assert self.turn - 1 <= self.newest[1] <= self.turn, "of the last run that went well, or of this one"
        there = {path.name[:8] for path in self.s3.objects() if "snapshots" in path.parts}
        assert {*self.earlier} <= there, "each copy of an earlier day is kept"

    def each(self):
        """Every copy comes back with what it held when it was made."""
        self.whole()
        assert self.earlier == dict(self._back("--snapshot", name) for name in self.earlier), "each its own"

    def _back(self, *words):
        """Reads a copy back, each byte of it: which one it is, and what it holds."""
        place = self.folder / "back"
        name = self.host.run("restore", "offsite", "--to", str(place), *words)["snapshot"]
        data = place / "files" / self.files.container / "data"
        turn = int((data / "turn").read_text())
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(data.iterdir())]
        assert self._held[turn].splitlines() == lines, "all that the volume held then"
        shutil.rmtree(place)
        return name, turn

    def left_locked(self):
        """The lock of a run that was alone in the repository when its host lost power."""
        name = f"{self.host.name}-check"
        restic(self.host, "--limit-download=1", "check", "--read-data", flags=("--detach", "--name", name))
        until(self.locks, "it has its lock")
        docker("kill", name)
        assert self.locks(), "which stays"

    def locks(self):
        """Locks of the repository, which the next run lets go of and nobody else."""
        return [*self.s3.folder.glob("backups/ai/locks/*")]


@pytest.fixture
def copying(host, bucket, files, tmp_path):
    quickly_opened(host)
    # Of each day the last one, as many days as a campaign lets pass.
    host.settings["KEEP_DAILY"] = "100"
    copies = Copies(host, bucket, files, tmp_path)
    copies.more()
    copies.good()
    copies.older()
    copies.more()
    copies.good()
    return copies


@pytest.mark.campaign
@pytest.mark.req("F-09")
def test_a_kill_of_a_copy_elsewhere_leaves_earlier_copies_whole_and_the_next_run_goes_through(host, told, copying):
    chance = campaign.chance("kills of a copy elsewhere")
    copying.left_locked()
    hits, locked, lasts = 0, 0, copying.good()
    assert lasts < 300, "a lock of its own is not waited for"
    for number in itertools.count():
        # A moment by chance may come after the end; a sample goes on until one was in time.
        if number >= campaign.size("kills of a copy elsewhere") and (hits or number >= 20):
            break
        good, beats = copying.last_good(), len(told.beats)
        copying.more()
        hit = host.killed(chance.uniform(0.1, 1.0) * lasts, "offsite", power=number % 2 == 1)
        hits += hit
        if hit and good == copying.last_good():
            assert beats == len(told.beats), "nobody is told that it went well"
        copying.whole()
        locked += bool(copying.locks())
        if chance.random() < 0.5 and not copying.locks():
            copying.older()
        copying.more()
        lasts = copying.good()
        print(f"kill {number + 1}: {hits} under way, {locked} locks left, {len(copying.earlier)} of earlier days")
    assert hits, "some were under way"
    copying.each()


@pytest.mark.campaign
@pytest.mark.req("F-09")
def test_errors_of_the_server_at_random_leave_earlier_copies_whole_and_no_bad_run_counts(
    host, s3, told, copying, request
):
    chance = campaign.chance("errors of the S3 server")
    way = Unreliable(host, s3, chance)
    request.addfinalizer(way.close)
    host.settings["S3_ENDPOINT"] = way.url
    copying.good()
    requests, failed, bad = way.asked, 0, 0
    for number in range(campaign.size("errors of the S3 server")):
        good, beats = copying.last_good(), len(told.beats)
        copying.more()
        host.settings["S3_ENDPOINT"] = way.url
        way.fail(chance.randint(1, requests), chance.randint(1, 12))
        process = host.popen("offsite")
        output, errors = process.communicate(timeout=900)
        failed += way.failed
        result = json.loads((host.backups / "results" / "offsite.json").read_text())
        assert (process.returncode == 0) == (result["status"] == "ok"), output + errors
        if process.returncode:
            bad += 1
            assert "fix: " in errors and "Traceback" not in errors, errors
            assert (good, beats) == (copying.last_good(), len(told.beats)), "it does not count, and nobody is told so"
        way.fail(0, 0)
        copying.whole()
        if not process.returncode:
            assert (result["snapshot"], copying.turn) == copying.newest, "what counts is there"
        if chance.random() < 0.5 and not copying.locks():
            copying.older()
        copying.more()
        copying.good()
        print(f"burst {number + 1}: {failed} requests failed, {bad} runs, {len(copying.earlier)} of earlier days")
    assert failed, "some requests failed"
    copying.each()


def kind(path):
    """What of a repository a file is: the folder below that of the host."""
    return path.parts[path.parts.index("ai") + 1]


def overwrite(path, content):
    """In place: the server keeps what it knows of an object beside it."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)
