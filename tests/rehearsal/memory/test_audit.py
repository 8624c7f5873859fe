"""The audit log on a real PostgreSQL: nobody changes it, and a change made by force is found."""

# ruff: noqa: S608  # statements are put together from the tests' own words

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.docker


@pytest.mark.req("FP-11")
def test_the_log_has_the_columns_of_its_contract(world):
    columns = world.sql(
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = 'public.audit_log'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert columns == "seq at tenant_id actor action target details prev_hash hash"


@pytest.mark.req("S3-35", "S3-37", "FP-11")
def test_the_audit_log_takes_no_change_from_the_application_the_owner_or_a_superuser(world):
    world.sql("SELECT audit_append('t', 'a', 'b')", user="ai_user")
    changes = (
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log WHERE seq = 1",
        "TRUNCATE audit_log",
        "TRUNCATE audit_log CASCADE",
        "UPDATE audit_head SET seq = 1",
        "UPDATE audit_head SET seq = seq + 1",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
    )
    for change in changes:
        assert "permission denied" in world.refusal(change, user="ai_user"), change
        world.refusal(f"SET ROLE ai_owner; {change}")
        for mode in ("origin", "replica"):
            assert "refused" in world.refusal(f"SET session_replication_role = {mode}; {change}"), (
                f"{change} as superuser, {mode}"
            )
    granted = "SET ROLE ai_owner; GRANT UPDATE, DELETE, TRUNCATE ON audit_log TO ai_owner; "
    assert "append-only" in world.refusal(f"BEGIN; {granted} DELETE FROM audit_log WHERE seq = 1"), (
        "the trigger binds the owner, whatever it grants itself"
    )
    assert world.sql("SELECT audit_verify() IS NULL") == "t"


@pytest.mark.req("S3-35")
def test_a_row_that_says_its_own_number_and_hash_is_linked_all_the_same(world):
    world.sql(
        "SET ROLE ai_owner; INSERT INTO audit_log (seq, at, tenant_id, actor, action, prev_hash, hash) "
        "VALUES (999999, '2000-01-01', 't', 'forger', 'x', 'p', 'h')"
    )
    assert world.sql("SELECT max(seq) < 999999, audit_verify() IS NULL FROM audit_log") == "t|t"


TAMPERED = {
    "a field edited": ("UPDATE audit_log SET details = '{\"n\": 0}' WHERE seq = first + 3", 3),
    "a time edited": ("UPDATE audit_log SET at = at - interval '1 microsecond' WHERE seq = first + 3", 3),
    "a row deleted in the middle": ("DELETE FROM audit_log WHERE seq = first + 3", 3),
    "two rows swapped": (
        (
            "UPDATE audit_log SET seq = -seq WHERE seq IN (first + 3, first + 4); "
            "UPDATE audit_log SET seq = CASE seq WHEN -(first + 3) THEN first + 4 ELSE first + 3 END WHERE seq < 0"
        ),
        3,
    ),
    "the tail cut off": ("DELETE FROM audit_log WHERE seq >= first + 5", 5),
    "the last row cut off": ("DELETE FROM audit_log WHERE seq = first + 7", 7),
    "a row with its own hash made right": (
        (
            "UPDATE audit_log SET actor = 'x' WHERE seq = first + 3; "
            "UPDATE audit_log AS a SET hash = audit_hash(a) WHERE seq = first + 3"
        ),
        4,
    ),
    "a row inserted past the end": (
        (
            "INSERT INTO audit_log SELECT seq + 1, at, tenant_id, actor, action, target, details, hash, hash "
            "FROM audit_log WHERE seq = first + 7"
        ),
        8,
    ),
    "the head removed": ("DELETE FROM audit_head", None),
    "the head set back": (
        "UPDATE audit_head SET seq = first + 5, hash = (SELECT hash FROM audit_log WHERE seq = first + 5)",
        6,
    ),
    "the last row edited and its hash made right": (
        (
            "UPDATE audit_log SET actor = 'x' WHERE seq = first + 7; "
            "UPDATE audit_log AS a SET hash = audit_hash(a) WHERE seq = first + 7"
        ),
        7,
    ),
}


@pytest.mark.req("S3-35", "FP-11")
@pytest.mark.parametrize("kind", TAMPERED)
def test_tampering_with_triggers_switched_off_is_found_at_its_row(world, kind):
    world.sql(
        "SELECT audit_append('t', 'a', 'b', NULL, jsonb_build_object('n', n)) FROM generate_series(1, 8) AS n",
        user="ai_user",
    )
    first = int(world.sql("SELECT max(seq) - 7 FROM audit_log"))
    change, offset = TAMPERED[kind]
    found = world.sql(
        "BEGIN; ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_head DISABLE TRIGGER USER; "
        f"{change.replace('first', str(first))}; SELECT audit_verify(); ROLLBACK"
    )
    assert found, f"{kind} was not noticed"
    if offset is not None:
        assert first + offset == int(found), f"{kind}: the first broken row"
    assert world.sql("SELECT audit_verify() IS NULL") == "t", "rolled back, the log is whole"


@pytest.mark.req("S3-35")
def test_a_chain_that_was_computed_anew_is_found_by_an_anchor_kept_elsewhere(world):
    world.sql(
        "SELECT audit_append('t', 'a', 'b', NULL, jsonb_build_object('n', n)) FROM generate_series(1, 5) AS n",
        user="ai_user",
    )
    seq, digest = world.sql("SELECT seq, hash FROM audit_anchor()", user="ai_user").split("|")
    forged = (
        "BEGIN; ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_head DISABLE TRIGGER USER; "
        f"UPDATE audit_log SET actor = 'x' WHERE seq = {int(seq) - 2}; "
        "DO $$ DECLARE r record; p text := repeat('0', 64); BEGIN FOR r IN SELECT seq FROM audit_log ORDER BY seq LOOP "
        "UPDATE audit_log SET prev_hash = p WHERE seq = r.seq; "
        "UPDATE audit_log AS a SET hash = audit_hash(a) WHERE seq = r.seq RETURNING hash INTO p; "
        "END LOOP; UPDATE audit_head SET hash = p; END $$; "
    )
    assert world.sql(f"{forged} SELECT audit_verify() IS NULL; ROLLBACK") == "t", (
        "without an anchor it looks whole: an unkeyed chain cannot know"
    )
    assert seq == world.sql(f"{forged} SELECT audit_verify({seq}, '{digest}'); ROLLBACK"), "the anchor tells"
    assert world.sql(f"SELECT audit_verify({seq}, '{digest}') IS NULL") == "t"


@pytest.mark.req("S3-35")
def test_writers_at_the_same_time_keep_one_chain(world):
    before = int(world.sql("SELECT count(*) FROM audit_log"))
    script = "".join(f"SELECT audit_append('t', 'writer', 'w', NULL, '{{\"n\": {n}}}');\n" for n in range(40))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: world.sql(script, user="ai_user"), range(8)))
    assert f"{before + 320}|{before + 320}|t" == world.sql(
        "SELECT count(*), max(seq), audit_verify() IS NULL FROM audit_log"
    )


@pytest.mark.req("S3-35")
def test_an_append_that_is_rolled_back_leaves_no_gap(world):
    before = world.sql("SELECT seq FROM audit_anchor()")
    world.sql("BEGIN; SELECT audit_append('t', 'a', 'b'); ROLLBACK", user="ai_user")
    after = world.sql("SELECT seq FROM audit_append('t', 'a', 'b')", user="ai_user")
    assert int(before) + 1 == int(after)
    assert world.sql("SELECT audit_verify() IS NULL") == "t"


@pytest.mark.req("S3-36", "FP-11")
def test_every_run_has_two_audit_rows_and_one_outcome(world):
    refused = '{"id": "x", "ok": false, "error": {"code": "not_allowed", "message": "no"}, "exit_code": 2}'
    for answer, status, code in (
        ('{"id": "x", "ok": true, "type": "ping", "result": {}, "duration_ms": 7, "exit_code": 0}', "200", "ok"),
        (refused, "403", "refused"),
        ('{"ok": false, "error": {"code": "invalid_input"}}', "400", "refused"),
        ('{"ok": false, "error": {"code": "too_large"}}', "413", "refused"),
        ('{"ok": false, "error": {"code": "timeout"}}', "504", "timeout"),
        ('{"ok": false, "error": {"code": "internal"}}', "500", "failed"),
        ('{"ok": false}', "500", "failed"),
        (None, "504", "timeout"),
    ):
        run = world.sql(
            """SELECT id FROM executor_begin('schema-run', '{"type": "ping", "message": "test"}')""", user="ai_user"
        )
        literal = "NULL" if answer is None else f"'{answer}'"
        got = world.sql(
            f"SELECT http_status, body ? 'id', body ? 'exit_code' FROM executor_end('{run}', {literal})", user="ai_user"
        )
        assert f"{status}|f|f" == got, f"{answer}"
        assert code == world.sql(f"SELECT status FROM task_runs WHERE id = '{run}'")
        rows = world.sql(f"SELECT action FROM audit_log WHERE target = '{run}' ORDER BY seq").split("\n")
        assert ["executor.begin", f"executor.{code}"] == rows
        assert "ended already" in world.refusal(f"SELECT executor_end('{run}', NULL)", user="ai_user"), "one outcome"
