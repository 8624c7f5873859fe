"""Migrations as one psql script; what the script does to a database is in tests/rehearsal/memory/test_schema.py."""

from __future__ import annotations

import hashlib

import pytest

from homeport.model.errors import BlueprintError
from homeport.render.migrations import script

ONCE = {"0002_b.sql": "SELECT 2;", "0001_a.sql": "SELECT 1;"}


@pytest.mark.req("S3-34")
def test_files_run_in_the_order_of_their_numbers_and_those_for_always_last():
    text = script("owner", {"always_z.sql": "SELECT 'z';", **ONCE})
    assert text.index("SELECT 1;") < text.index("SELECT 2;") < text.index("SELECT 'z';")


def test_each_file_is_recorded_with_the_hash_of_its_content_in_its_own_transaction():
    text = script("owner", {"0001_a.sql": "SELECT 1;"})
    digest = hashlib.sha256(b"SELECT 1;").hexdigest()
    assert (
        "BEGIN;\nSELECT 1;\n"
        f"INSERT INTO public.schema_migrations (file, sha256) VALUES ('0001_a.sql', '{digest}');\nCOMMIT;" in text
    )


def test_the_first_statement_is_to_become_the_owner():
    assert script("owner", ONCE, (("a", "b"),)).startswith("\\set a 'b'\n\\set ON_ERROR_STOP on\nSET ROLE owner;\n")


@pytest.mark.parametrize(
    ("value", "expected"), [("it's", "'it''s'"), ("a\\b", "'a\\\\b'"), ("", "''"), (":x {y}", "':x {y}'")]
)
def test_a_variable_arrives_as_it_is(value, expected):
    assert f"\\set name {expected}\n" in script("owner", ONCE, (("name", value),))


@pytest.mark.parametrize(
    ("owner", "files", "variables", "said"),
    [
        ("owner", {"1_a.sql": ""}, (), "1_a.sql"),
        ("owner", {"0001_A.sql": ""}, (), "0001_A.sql"),
        ("owner", {"0001_a.sql": "", "0001_b.sql": ""}, (), "has the number of 0001_a.sql"),
        ("own;er", ONCE, (), "own;er"),
        ("owner", ONCE, (("a b", ""),), "a b"),
        ("owner", ONCE, (("a", "b\n\\! id"),), "line break"),
    ],
)
def test_what_has_no_place_is_refused_by_name(owner, files, variables, said):
    with pytest.raises(BlueprintError, match="migrations") as caught:
        script(owner, files, variables)
    assert said in str(caught.value)


def test_a_database_without_numbered_files_still_checks_its_record():
    assert "(VALUES (NULL, NULL))" in script("owner", {"always_a.sql": "SELECT 1;"})
