"""The three programs between `.env` and Infisical, as processes, against the emulated API."""

from __future__ import annotations

import os
import random
import stat
import sys

import pytest

from tests.support.infra_tools import SCRIPTS, SECRET

sys.path.insert(0, str(SCRIPTS))

from infra_tools.dotenv import EnvFile
from infra_tools.infisical import kept

SYNC, BACK, CHECK = "sync-env-to-infisical.py", "sync-infisical-to-env.py", "check-env-sync-status.py"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("env", "infisical")]
CANARY = "canary-value-4711"
FILE = f"""\
# The stack's own, do not sort
DB_PASSWORD='{CANARY}'   # rotated in May

export API_KEY="{CANARY}-key"
UNKNOWN={CANARY}-unknown
"""


@pytest.fixture
def env(programs):
    path = programs.folder / ".env"
    path.write_text(FILE)
    programs.words.append(CANARY)
    return path


@pytest.mark.req("S4-41", "S4-58", "FP-12")
def test_a_dry_run_lists_names_and_changes_nothing(programs, infisical):
    infisical.put(API_KEY="other")
    result = programs.run(SYNC, "--dry-run")

    assert (0, "") == (result.code, result.err)
    assert ["would create DB_PASSWORD", "would create UNKNOWN", "would change API_KEY", "3 to push, 0 equal"] == (
        result.out.splitlines()
    )
    assert [] == infisical.writes(), "the API's own log shows no change"


@pytest.mark.req("S4-41", "S4-48")
def test_a_push_makes_both_sides_equal_and_a_second_one_does_nothing(programs, infisical):
    infisical.put(API_KEY="other", THEIRS="stays")
    assert 0 == programs.run(SYNC).code
    there = {"DB_PASSWORD": CANARY, "API_KEY": f"{CANARY}-key", "UNKNOWN": f"{CANARY}-unknown", "THEIRS": "stays"}
    assert there == infisical.values(), "what the file lacks is not taken away"

    before = len(infisical.writes())
    assert "0 pushed, 3 equal" in programs.run(SYNC).out
    assert before == len(infisical.writes()), "nothing is written twice"


def test_another_env_file_is_read(programs, infisical):
    (programs.folder / "more").mkdir()
    (programs.folder / "more" / "prod.env").write_text("ONLY=here\n")
    assert 0 == programs.run(SYNC, "--env-file", "more/prod.env").code
    assert {"ONLY": "here"} == infisical.values()


@pytest.mark.req("S4-43", "FP-12")
def test_the_check_names_each_kind_and_ends_with_1_until_both_are_equal(programs, infisical):
    infisical.put(API_KEY="other", DB_PASSWORD=CANARY, THEIRS=f"{CANARY}-theirs")
    result = programs.run(CHECK)

    assert 1 == result.code
    wanted = [
        "only in .env: 1",
        "  UNKNOWN",
        "only in Infisical: 1",
        "  THEIRS",
        "different: 1",
        "  API_KEY",
        "equal: 1",
    ]
    assert wanted == result.out.splitlines()[:7]
    assert "  DB_PASSWORD" in programs.run(CHECK, "--verbose").out, "equal ones too, when asked for"

    assert 0 == programs.run(BACK).code
    assert 0 == programs.run(SYNC).code
    done = programs.run(CHECK, "--env-file", ".env")
    assert (0, "different: 0") == (done.code, done.out.splitlines()[2]), "in sync, and said by the exit code"
    assert [] == [call for call in infisical.writes() if call[0] == "DELETE"], "a check and a sync delete nothing"


@pytest.mark.req("S4-42")
def test_secrets_are_written_into_the_file_and_all_else_stays(programs, infisical, env):
    programs.words += ["it's", "two\nlines"]
    infisical.put(API_KEY="it's $new", DB_PASSWORD=CANARY, THEIRS="two\nlines")
    env.chmod(0o644)
    result = programs.run(BACK)

    assert (0, ["change API_KEY", "add THEIRS", "2 written, 1 equal"]) == (result.code, result.out.splitlines())
    wanted = FILE.replace(f'"{CANARY}-key"', '"it\'s \\$new"') + "THEIRS='two\nlines'\n"
    assert wanted == env.read_text(), "comments, order, export, quoting and unknown names are as they were"
    assert 0o600 == stat.S_IMODE(env.stat().st_mode), "nobody else may read it"
    assert [".env"] == [path.name for path in programs.folder.iterdir()], "nothing is left beside it"


@pytest.mark.req("S4-42")
def test_a_dry_run_writes_no_file(programs, infisical, env):
    infisical.put(THEIRS=CANARY)
    before = env.stat()
    result = programs.run(BACK, "--dry-run")

    assert (0, ["would add THEIRS", "1 to write, 0 equal"]) == (result.code, result.out.splitlines())
    assert (before.st_mtime_ns, before.st_ino, FILE) == (env.stat().st_mtime_ns, env.stat().st_ino, env.read_text())
    (programs.folder / ".env").unlink()
    assert 0 == programs.run(BACK, "--dry-run").code
    assert not env.exists(), "nor is one made"


def test_a_missing_file_is_made_with_mode_600_and_is_an_error_where_it_is_the_source(programs, infisical, env):
    env.unlink()
    infisical.put(A="b")
    for program in (SYNC, CHECK):
        result = programs.run(program)
        assert (2, True) == (result.code, "no such file" in result.err and "fix: " in result.err), program
    assert 0 == programs.run(BACK, env={"PYTHONWARNINGS": "error"}).code
    assert ("A=b\n", 0o600) == (env.read_text(), stat.S_IMODE(env.stat().st_mode))


def test_a_link_stays_a_link(programs, infisical, env):
    real = programs.folder / "real.env"
    env.unlink()
    real.write_text("A=old\n")
    env.symlink_to("real.env")
    infisical.put(A="new")

    assert 0 == programs.run(BACK).code
    assert env.is_symlink(), "whoever chose that file has it still"
    assert "A=new\n" == real.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_owner_stays(programs, infisical, env):
    os.chown(env, 10001, 10002)
    infisical.put(A="new")
    assert 0 == programs.run(BACK).code
    assert (10001, 10002) == (env.stat().st_uid, env.stat().st_gid)


def test_imported_secrets_count_and_the_environments_own_win(programs, infisical, env):
    infisical.put("shared", DB_PASSWORD=CANARY, API_KEY="shared")
    infisical.put(API_KEY=f"{CANARY}-key")
    assert "equal: 2" in programs.run(CHECK).out
    env.write_text("DB_PASSWORD=mine\n")
    assert 0 == programs.run(SYNC).code
    assert "mine" == infisical.values()["DB_PASSWORD"], "over the imported one comes one of its own"
    assert CANARY == infisical.values("shared")["DB_PASSWORD"], "which stays as it was"


@pytest.mark.req("S4-58")
def test_how_infisical_is_reached_never_goes_into_it_nor_comes_out_of_it(programs, infisical, env):
    env.write_text("".join(f"{name}={value}\n" for name, value in infisical.env().items()) + "A=b\n")
    infisical.put(INFISICAL_CLIENT_SECRET="from-inside")
    programs.env = {}

    assert 0 == programs.run(SYNC).code, "and the file itself can say how Infisical is reached"
    assert 0 == programs.run(BACK).code
    assert {"A": "b", "INFISICAL_CLIENT_SECRET": "from-inside"} == infisical.values()
    assert SECRET in env.read_text()


def test_multi_line_values_are_kept_from_being_flattened_by_export(programs, infisical, env):
    env.write_text("KEY='-----BEGIN-----\nabc\n-----END-----\n'\nPLAIN=x\n")
    assert 0 == programs.run(SYNC).code
    flags = {row["secretKey"]: row["skipMultilineEncoding"] for row in infisical.store.all("secrets").values()}
    assert {"KEY": True, "PLAIN": False} == flags, "infisical export writes newlines of others as backslash and n"
    assert 0 == programs.run(CHECK).code


@pytest.mark.req("S4-42", "S4-58")
def test_a_hundred_odd_values_go_there_and_back(programs, infisical, env):
    odd = random.Random(4711)  # noqa: S311  # the same values always
    letters = "aZ09 #'\"\\$={};&|`~!*?[]()<>\n\t\u00e9\u65e5\U0001f511:@,"
    texts = ["".join(odd.choices(letters, k=odd.randint(0, 20))) for _ in range(100)]
    values = {f"K{number}": kept(text).replace("${", "$ {") for number, text in enumerate(texts)}
    file = EnvFile()
    for name, value in values.items():
        file.set(name, value)
    programs.words += [value for value in values.values() if len(value) > 9 and "\n" not in value]
    env.write_text("\ufeff" + file.text(), encoding="utf-8")

    assert 0 == programs.run(SYNC).code
    assert values == infisical.values()
    assert 0 == programs.run(CHECK, "--verbose").code
    env.write_text("# empty\n")
    assert 0 == programs.run(BACK).code
    assert values == EnvFile.parse(env.read_text(encoding="utf-8")).values()


def test_spaces_around_a_value_are_no_difference_as_infisical_keeps_none(programs, env):
    env.write_text("A=' x '\n")
    result = programs.run(SYNC)
    assert (0, True) == (result.code, "A: Infisical keeps no spaces" in result.err)
    assert 0 == programs.run(CHECK).code, "or it would be out of sync for ever"
    assert "0 written" in programs.run(BACK).out
    assert "A=' x '\n" == env.read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A='x${B}y'\n", "reference to another secret"),
        ("A=$NOWHERE\n", "refers, by a dollar sign"),
        ("A='x\n", "never closed"),
        ("A='x' y\n", "goes on after its closing quote"),
        ("just words\n", "no NAME=value"),
        ("A='\0'\n", "no environment variable can hold"),
    ],
)
def test_what_cannot_be_pushed_is_refused_before_anything_is_and_its_text_is_not_shown(
    programs, infisical, env, text, says
):
    env.write_text(f"GOOD=1\nOTHER='{CANARY}'\n{text}")
    result = programs.run(SYNC)

    assert (1, True, True) == (result.code, says in result.err, "fix: " in result.err), result.err
    assert [] == infisical.writes()


@pytest.mark.parametrize(
    "case",
    [
        ("client-of-names", "prod", BACK, "but not their values: DB_PASSWORD"),
        ("client-of-names", "prod", CHECK, "but not their values: DB_PASSWORD"),
        ("client-that-reads", "prod", SYNC, "refuses to write"),
        ("client-of-nothing", "prod", CHECK, "403"),
        ("nobody", "prod", CHECK, "Invalid credentials"),
        ("client-of-prod", "nowhere", CHECK, "404"),
        ("client-of-prod", "guarded", SYNC, "asks for approval"),
    ],
)
def test_a_refusal_is_told_with_what_to_do(programs, infisical, env, case):
    client, environment, program, says = case
    infisical.put(DB_PASSWORD=f"{CANARY}-there")
    result = programs.run(program, env=infisical.env(environment, client))

    assert (1, True, True) == (result.code, says in result.err, "fix: " in result.err), result.err
    assert FILE == env.read_text(), "a value that is hidden never takes the place of one that is known"


@pytest.mark.req("S4-48")
@pytest.mark.parametrize("program", [SYNC, BACK, CHECK])
def test_all_missing_variables_are_named_at_once(programs, infisical, program):
    left = {"INFISICAL_API_URL": "", "INFISICAL_CLIENT_SECRET": None, "INFISICAL_PROJECT_ID": "  "}
    result = programs.run(program, env=left)

    assert (2, "not set: INFISICAL_API_URL, INFISICAL_CLIENT_SECRET, INFISICAL_PROJECT_ID") == (
        result.code,
        result.err.splitlines()[0],
    )
    assert result.err.splitlines()[-1].startswith("fix: export INFISICAL_API_URL=")
    assert [] == infisical.control("GET", "/journal"), "nobody was asked"


@pytest.mark.parametrize("url", ["infisical.example.com", "ftp://x", "https://u:p@x", "https://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(programs, url):
    result = programs.run(CHECK, env={"INFISICAL_API_URL": url})
    assert (2, "INFISICAL_API_URL is no URL") == (result.code, result.err.splitlines()[0])


def test_the_address_may_end_as_the_command_line_of_infisical_wants_it(programs, infisical):
    for end in ("/api", "/", "/api/"):
        assert 1 == programs.run(CHECK, env={"INFISICAL_API_URL": infisical.server.url + end}).code, end


@pytest.mark.parametrize("fault", ["status", "html", "reset", "truncated"])
def test_an_infisical_that_is_ill_is_an_error_in_words(programs, infisical, fault):
    fields = {"kind": fault, "times": 50, "path": "/api/v3", "message": f"row {CANARY} is broken"}
    infisical.control("POST", "/faults", fields | ({"status": 500} if fault in ("status", "html") else {}))
    result = programs.run(CHECK)
    assert (1, True) == (result.code, "fix: " in result.err), result.err


def test_too_many_calls_are_waited_for(programs, infisical):
    infisical.control(
        "POST", "/faults", {"kind": "status", "status": 429, "times": 2, "retry_after": 0, "method": "POST"}
    )
    assert 0 == programs.run(SYNC).code
    assert 3 == len(infisical.values()), "none is left out"


def test_a_lost_answer_is_no_second_secret(programs, infisical):
    infisical.control("POST", "/faults", {"kind": "lost", "path": "/raw/", "method": "POST"})
    assert 1 == programs.run(SYNC).code, "one was not confirmed"
    assert 0 == programs.run(SYNC).code
    assert 3 == len(infisical.values())


def test_nobody_who_answers_is_an_error_in_words(programs, infisical):
    infisical.server.stop()
    result = programs.run(CHECK)
    assert (1, True) == (result.code, "does not answer" in result.err and "fix: curl" in result.err)


@pytest.mark.parametrize("program", [SYNC, BACK, CHECK])
@pytest.mark.parametrize("argv", [["--nothing"], ["--env-file"], ["--dry"], ["words"]])
def test_a_wrong_command_line_ends_with_2(programs, program, argv):
    result = programs.run(program, *argv)
    assert (2, "", True) == (result.code, result.out, "usage: " in result.err)
    assert 0 == programs.run(program, "--help").code


def test_names_that_no_env_file_can_have_are_left_out_and_told(programs, infisical, env):
    infisical.put(**{"my-name": "x", "1ST": "y", "GOOD": "z"})
    result = programs.run(BACK)
    assert (1, True) == (result.code, "'1ST' cannot be the name" in result.err)
    assert "GOOD=z\n" in env.read_text(), "the others are written"
