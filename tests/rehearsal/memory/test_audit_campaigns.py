"""The audit log tampered with everywhere, and killed while it is written: on a real PostgreSQL."""

# ruff: noqa: S608  # statements are put together from the tests' own words

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.support import campaign
from tests.support.memory import docker
from tests.support.waits import until

pytestmark = [pytest.mark.docker, pytest.mark.campaign]
ROWS = 120
"""Of the log that is tampered with."""
ROOM = """
UPDATE audit_log SET seq = -seq - 1 WHERE seq > %1$s;
UPDATE audit_log SET seq = -seq WHERE seq < 0;
"""
COPY = (
    "INSERT INTO audit_log SELECT {seq}, at, tenant_id, {actor}, action, target, details, prev_hash, hash FROM {rows}"
)
BEHIND = {"seq": "%1$s + 1", "rows": "audit_log WHERE seq = %1$s"}
CUT = "DELETE FROM audit_log WHERE seq > %1$s;"
TAMPERED = {
    # By somebody who can switch triggers off, at the row %1$s.
    "a field edited": "UPDATE audit_log SET actor = 'x' WHERE seq = %1$s",
    "a row deleted": "DELETE FROM audit_log WHERE seq = %1$s",
    "a row put in": ROOM + COPY.format(actor="'x'", **BEHIND),
    "a row doubled": ROOM + COPY.format(actor="actor", **BEHIND),
    "two rows swapped": (
        "UPDATE audit_log SET seq = -seq WHERE seq IN (%1$s, %1$s + 1);"
        "UPDATE audit_log SET seq = 2 * %1$s + 1 + seq WHERE seq < 0"
    ),
    "the tail cut off": CUT,
}
FORGED = {
    # By the same, who computes the hashes anew and sets the head: the chain by itself is whole then.
    "all from a row on computed anew": "UPDATE audit_log SET actor = 'x' WHERE seq = %1$s; SELECT pg_temp.link(%1$s)",
    "the tail replaced by one as long": (
        f"CREATE TEMP TABLE tail ON COMMIT DROP AS SELECT * FROM audit_log WHERE seq > %1$s; {CUT}"
        + COPY.format(seq="seq", actor="'x'", rows="tail")
        + "; SELECT pg_temp.link(%1$s + 1)"
    ),
    "the whole log replaced": "UPDATE audit_log SET actor = 'x%1$s'; SELECT pg_temp.link(1)",
    "an older copy put back": (
        f"{CUT} UPDATE audit_head SET seq = last.seq, hash = last.hash FROM audit_log AS last WHERE last.seq = %1$s"
    ),
}
BEFORE = f"""
BEGIN;
ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_head DISABLE TRIGGER USER;
DELETE FROM audit_log; UPDATE audit_head SET seq = 0, hash = repeat('0', 64);
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER link; ALTER TABLE audit_head ENABLE ALWAYS TRIGGER step;
DO $$ BEGIN
    PERFORM audit_append('t', 'a', 'b', NULL, jsonb_build_object('n', n)) FROM generate_series(1, {ROWS}) AS n;
END $$;
ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_head DISABLE TRIGGER USER;
CREATE FUNCTION pg_temp.link(since bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    entry public.audit_log;
    before text := coalesce((SELECT hash FROM audit_log WHERE seq = since - 1), repeat('0', 64));
BEGIN
    FOR entry IN SELECT * FROM audit_log WHERE seq >= since ORDER BY seq LOOP
        entry.prev_hash := before;
        before := audit_hash(entry);
        UPDATE audit_log SET prev_hash = entry.prev_hash, hash = before WHERE seq = entry.seq;
    END LOOP;
    UPDATE audit_head SET seq = entry.seq, hash = before;
END $$;
CREATE FUNCTION pg_temp.found(change text, OUT alone bigint, OUT anchored bigint) LANGUAGE plpgsql AS $$
DECLARE
    anchor record;
BEGIN
    SELECT * INTO anchor FROM audit_anchor();
    BEGIN
        EXECUTE change;
        alone := audit_verify();
        anchored := audit_verify(anchor.seq, anchor.hash);
        RAISE EXCEPTION 'as it was';
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
END $$;
"""


@pytest.mark.req("S3-35")
def test_whatever_is_tampered_with_is_found_by_whoever_kept_where_the_chain_ended(world):
    """A thousand in the whole campaign: ten kinds, each at as many rows. All of it is taken back again."""
    places = campaign.chance("tamperings of the audit log").sample(
        range(2, ROWS), campaign.size("tamperings of the audit log")
    )
    asked = "".join(
        f"SELECT '{kind}', count(*), count(alone), count(anchored) FROM unnest(ARRAY{places}) AS at, "
        f"pg_temp.found(format($change${change}$change$, at));\n"
        for kind, change in (TAMPERED | FORGED).items()
    )
    whole = "SELECT 'nothing', 1, count(alone), count(anchored) FROM pg_temp.found('SELECT 1');\n"
    found = {
        kind: tuple(map(int, figures))
        for kind, *figures in (
            line.split("|") for line in world.sql(f"{BEFORE}{asked}{whole}ROLLBACK").splitlines() if line
        )
    }

    print(found)
    every = len(places)
    assert (1, 0, 0) == found.pop("nothing"), "and of a log that is whole it says so"
    assert dict.fromkeys(TAMPERED | FORGED, (every, every)) == {
        kind: (tried, anchored) for kind, (tried, _, anchored) in found.items()
    }, "each one"
    assert dict.fromkeys(TAMPERED, every) | dict.fromkeys(FORGED, 0) == {
        kind: alone for kind, (_, alone, _) in found.items()
    }, "without an anchor a chain that has no key says nothing of one that was computed anew"
    assert world.sql("SELECT audit_verify() IS NULL") == "t", "it is as it was"


WRITERS = 2
APPENDS = 5_000
"""Of one writer: more than it comes to."""


def writer(world, script):
    """Somebody who appends one row after the other, and says of each what it was told."""
    client = ("psql", "-XAtq", "-U", "ai_user", "-d", "ai_memory", "-v", "ON_ERROR_STOP=1")
    with script.open() as rows:
        return subprocess.Popen(
            ("docker", "exec", "-i", world.name(world.server), *client),
            stdin=rows,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def backends(world):
    """The processes that serve writers, as this machine numbers them."""
    lines = docker("top", world.name(world.server), "-eo", "pid,args").splitlines()[1:]
    return [int(line.split()[0]) for line in lines if "postgres: " in line and "ai_user ai_memory" in line]


@pytest.mark.req("S3-35")
def test_killed_while_it_is_appended_to_the_chain_holds_and_has_every_row_that_was_acknowledged(world, tmp_path):
    """SIGKILL for those who append: PostgreSQL ends all its sessions then, and recovers from its log."""
    kills, chance = campaign.size("kills of the audit log"), campaign.chance("kills of the audit log")
    acknowledged = 0
    script = tmp_path / "script"
    script.write_text("SELECT * FROM audit_append('t', 'a', 'w');\n" * APPENDS)
    for number in range(kills):
        before = world.sql("SELECT seq FROM audit_anchor()")
        writers = [writer(world, script) for _ in range(WRITERS)]
        until(lambda: world.sql("SELECT seq FROM audit_anchor()") != before, "they append")  # noqa: B023
        time.sleep(chance.uniform(0, 0.2))
        at_work = backends(world)
        for process in at_work:
            # Once one is killed, PostgreSQL ends the others itself.
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        told = "".join(each.communicate(timeout=300)[0] for each in writers).split()
        ends = [each.returncode for each in writers]
        until(lambda: world.sql("SELECT 1") == "1", "PostgreSQL has recovered")
        last = max(told, key=lambda row: int(row.partition("|")[0]))
        rows = ", ".join(f"({seq}, '{digest}')" for seq, _, digest in (row.partition("|") for row in told))
        lost = world.sql(
            f"SELECT count(*) FROM (VALUES {rows}) AS told (seq, hash) "
            "WHERE NOT EXISTS (SELECT FROM audit_log AS kept WHERE (kept.seq, kept.hash) = (told.seq, told.hash))"
        )
        seq, _, digest = last.partition("|")
        acknowledged += len(told)

        assert at_work and all(ends), f"kill {number}: they were at work, and were cut off: {ends}"
        assert lost == "0", f"kill {number}: {lost} of {len(told)} rows that were acknowledged are not there"
        assert world.sql(f"SELECT audit_verify({seq}, '{digest}') IS NULL") == "t", f"kill {number}: the chain is torn"
    print(f"{kills} kills, {acknowledged} rows acknowledged to {WRITERS} writers at once")
