"""Small pure functions, each with what it is wrong about when it breaks."""

from __future__ import annotations

import base64
import io
import tarfile

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.model import names, template
from homeport.model.database import Database, Role
from homeport.render.bundle import Entry, bundle, fingerprint, roots
from homeport.render.hashed import hashed
from homeport.render.sql import identifier, literal, roles


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5s"), (60, "1m0s"), (90, "1m30s"), (3600, "1h0m0s"), (3661, "1h1m1s")]
)
def test_a_duration_is_written_as_go_writes_it(seconds, text):
    assert text == names.duration(seconds), "any other form is an update for ever"


def test_a_template_fills_names_and_leaves_other_braces_alone():
    text = '{"key": "{api-key}", "other": {nothing: {}}}'

    assert ("api-key",) == template.names(text), "JSON's own braces are no names"
    filled = template.fill(text, {"api-key": "x"}, template.JSON)
    assert '{"key": "x", "other": {nothing: {}}}' == filled, "only the name is replaced"


def test_basic_credentials_are_http_s_own_form():
    filled = template.fill("{a|basic:admin}", {"a": "secret"}, template.TEXT)

    assert base64.b64encode(b"admin:secret").decode() == filled, "RFC 7617"


@pytest.mark.req("AT-10")
def test_a_hash_stays_as_long_as_the_password_and_the_key_do():
    password = "Example0door+password/for=tests"

    def filled(value, key):
        return template.fill("{a|bcrypt}", {"a": value}, template.TEXT, hashed(key))

    assert bcrypt.checkpw(password.encode(), filled(password, "key").encode()), "a sign-in page takes the password"
    assert filled(password, "key") == filled(password, "key"), "a second preview is empty"
    assert filled(password, "other") != filled(password, "key"), "two stacks with one password do not show it"
    assert not bcrypt.checkpw(b"Another0", filled(password, "key").encode()), "and no other one"
    longest = "A1" + "x" * 100
    assert bcrypt.checkpw(longest.encode()[:72], filled(longest, "key").encode()), "bcrypt reads 72 bytes"
    assert "{a|bcrypt}" == template.fill("{a|bcrypt}", {"a": password}, template.TEXT), (
        "the password never stands there"
    )


@given(st.text(alphabet=st.characters(exclude_characters="\0"), max_size=40))
def test_an_sql_literal_never_ends_early(value):
    quoted = literal(value)
    inner = quoted[2:-1] if quoted.startswith("E") else quoted[1:-1]

    assert "'" not in inner.replace("''", ""), "a quote that ends the literal would let the rest run as SQL"


def test_an_sql_identifier_is_quoted():
    assert '"a""b"' == identifier('a"b'), "a name is never SQL"


def test_a_role_without_a_password_cannot_log_in():
    sql = roles(Database(name="d", server="s", owner="o", roles=(Role(name="o"),)), {})

    assert "NOLOGIN" in sql, "the owner of the tables is nobody's login"


def _unpacked(text: str) -> dict[str, tuple[int, int, int, bytes | None]]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
        return {
            member.name: (
                member.mode,
                member.uid,
                member.gid,
                tar.extractfile(member).read() if member.isfile() else None,
            )
            for member in tar
        }


def test_a_bundle_keeps_owner_mode_and_content_and_makes_the_folders_between():
    unpacked = _unpacked(bundle((Entry(path="a/b/c", mode=0o400, uid=7, gid=8, content=b"x"),)))

    assert (0o400, 7, 8, b"x") == unpacked["bundle/a/b/c"], "a secret is readable for its service alone"
    assert (0o550, 7, 8, None) == unpacked["bundle/a"], "its folders are the service's as well"


def test_equal_content_gives_equal_bundles_in_any_order():
    entries = (
        Entry(path="a", mode=0o444, uid=1, gid=1, content=b"1"),
        Entry(path="b", mode=0o444, uid=1, gid=1, content=b"2"),
    )

    assert bundle(entries) == bundle(tuple(reversed(entries))), "otherwise every preview would replace containers"


def test_a_prepared_volume_is_not_empty():
    unpacked = _unpacked(bundle(roots((0, 10002), 0o2770, ("requests",))))

    assert (0o2770, 0, 10002) == unpacked["bundle"][:3], "the root gets owner and mode"
    assert "bundle/.homeport" in unpacked, "Docker would give an empty volume the image's owner at the first mount"


def test_a_fingerprint_needs_its_key():
    assert fingerprint("text", "one") != fingerprint("text", "two"), "a volume's name must not betray a short secret"


@pytest.mark.parametrize("host", ["main", "ai", "docker", "ai-docker"])
def test_a_name_of_a_hosts_part_is_read_back_as_it_was_made(host):
    assert host == names.part_host(names.host_part(host, "docker"), "docker"), "the host that a provider is for"
    assert host == names.server_host(names.server(host)), "the host that a rented server is"


@pytest.mark.parametrize("name", ["reach", "ai-reach", "ai-docker2", ""])
def test_a_name_of_something_else_belongs_to_no_host(name):
    assert "" == names.part_host(name, "docker"), "another's part would be taken for a Docker that is gone"
