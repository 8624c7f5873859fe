"""What a syntax writes is what the program reads, for values that mean something else in one syntax or another."""

import base64
import hashlib

import pytest

from homeport.model import template
from homeport.model.template import UnwritableError
from homeport.render.export import compose
from homeport.render.sql import literal
from tests.support.hostile import VALUES
from tests.support.readers import Refused

pytestmark = pytest.mark.docker
TEXTS = [value for value in VALUES if "\0" not in value]


def fit(syntax, text, values=VALUES, least=5):
    """The values that the syntax takes, each with the text that it stands in."""
    pairs = []
    for value in values:
        try:
            pairs.append((value, template.fill(text, {"a": value}, syntax)))
        except UnwritableError:
            continue
    assert len(pairs) >= least, "a syntax that takes nothing proves nothing"
    return pairs


def openssl(number):
    """Values as ``openssl rand -base64 32`` prints them."""
    return [base64.b64encode(hashlib.sha256(bytes([one])).digest()).decode() for one in range(number)]


@pytest.mark.req("CA-01")
def test_psql_signs_in_by_the_url_whatever_the_password_is(readers):
    passwords = [*openssl(5), "a:b@c/d?e#f", "100%sure", "a'b", 'a"b', "a\\b", "with space", "line\nbreak", "{x}", "é"]
    pairs = fit(template.URL, "postgresql://reader:{a}@127.0.0.1:5432/postgres", passwords)

    assert [passwords, ["reader"] * len(passwords)] == [
        [value for value, _ in pairs],
        readers.postgres_urls([url for _, url in pairs], passwords),
    ]
    (raw,) = readers.postgres_urls([f"postgresql://reader:{VALUES[1]}@127.0.0.1:5432/postgres"], [VALUES[1]])
    assert isinstance(raw, Refused), "as it was before, unencoded"


def test_a_literal_is_the_value_to_postgresql(readers):
    assert TEXTS == readers.sql_literals([literal(value) for value in TEXTS])


def test_the_proxy_compares_with_the_value_itself(readers):
    pairs = fit(template.PROXY, ':80 {\n\t@allowed header X-API-Key "{a}"\n\trespond @allowed ok\n}\n')
    read = readers.caddy([{"Caddyfile": text} for _, text in pairs])
    routes = [one["apps"]["http"]["servers"]["srv0"]["routes"] for one in read]

    assert [[value] for value, _ in pairs] == [one[0]["match"][0]["header"]["X-Api-Key"] for one in routes]


def test_systemd_sets_a_variable_to_the_value_itself(readers):
    pairs = fit(template.UNIT, "[Service]\nExecStart=/bin/true\nEnvironment=A={a}\n")
    read = readers.units([{"a.service": text} for _, text in pairs])

    assert [[f"A={value}"] for value, _ in pairs] == [one["a.service"]["Environment"] for one in read]


def test_redis_lets_in_whoever_knows_the_value(readers):
    pairs = fit(template.WORD, "user app on >{a} ~* +ping +auth\n")
    values = [value for value, _ in pairs]
    read = readers.redis_acl([text for _, text in pairs], [("app", value) for value in values])
    digests = [hashlib.sha256(value.encode()).hexdigest() for value in values]

    assert [True] * len(values) == [f"#{digest} " in users[0] for digest, users in zip(digests, read, strict=True)]


def test_fail2ban_reads_the_value_itself(readers):
    pairs = fit(template.SETTING, "[sshd]\nignoreip = {a}\n")
    read = readers.fail2ban([text for _, text in pairs])

    assert [value for value, _ in pairs] == [one["sshd"]["ignoreip"] for one in read]


def test_cloudflareds_yaml_holds_the_value_itself(readers):
    for text, least in (('a: "{a}"\n', 40), ("a: {a}\n", 2)):
        pairs = fit(template.YAML, text, least=least)

        assert [value for value, _ in pairs] == [one["a"] for one in readers.yaml([text for _, text in pairs])]


def test_compose_gives_a_container_the_value_itself(readers):
    model = {"services": {"a": {"image": "x", "environment": {f"V{at}": value for at, value in enumerate(TEXTS)}}}}
    (read,) = readers.compose([compose.text(model)])

    assert model["services"]["a"]["environment"] == read["services"]["a"]["environment"]


def test_compose_reads_the_value_itself_out_of_an_env_file(readers):
    pairs = fit(template.ENV, "{a}")
    lines = "".join(f"V{at}={text}\n" for at, (_, text) in enumerate(pairs))
    wanted = {f"V{at}": f"${{V{at}}}" for at in range(len(pairs))}
    text = compose.text({"services": {"a": {"image": "x", "environment": wanted}}}).replace("$$", "$")
    (read,) = readers.compose([text], lines)

    assert {f"V{at}": value for at, (value, _) in enumerate(pairs)} == read["services"]["a"]["environment"]
