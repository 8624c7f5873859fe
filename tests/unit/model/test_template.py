"""A value gets into a text as the text's syntax writes it, or not at all."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import subprocess
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from homeport.model import template
from homeport.model.errors import SettingsError
from homeport.model.template import Syntax, UnwritableError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.hostile import VALUES

SYNTAXES = [value for value in vars(template).values() if isinstance(value, Syntax)]
URL = "postgresql://app:{a}@{host}:5432/db"


def random_passwords(number):
    """As ``openssl rand -base64 32`` prints them, the same ones in each run."""
    return [base64.b64encode(hashlib.sha256(bytes([one])).digest()).decode() for one in range(number)]


def written(syntax, text, value):
    """The text with the value in it; None: the syntax refuses it."""
    try:
        return template.fill(text, {"a": value, "host": "10.0.0.2"}, syntax)
    except UnwritableError as refusal:
        assert value not in str(refusal) or not value.strip() or len(value) < 8, "a value may be a secret"
        return None


@pytest.mark.req("CA-01")
def test_the_connections_of_a_stack_are_urls_whatever_openssl_prints():
    for password in random_passwords(200):
        url = urlsplit(written(template.URL, URL, password))

        assert ("app", password, "10.0.0.2", 5432) == (url.username, unquote(url.password), url.hostname, url.port)


@pytest.mark.req("CA-01")
@given(st.text(max_size=60))
def test_a_url_keeps_its_parts_whatever_stands_in_one(value):
    text = written(template.URL, f"{URL}?a={{a}}", value)

    if text is None:
        assert "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value), "all other text has a way"
    else:
        url = urlsplit(text)
        assert (value, "10.0.0.2", "/db", value) == (
            unquote(url.password),
            url.hostname,
            url.path,
            unquote(url.query.removeprefix("a=")),
        )


@pytest.mark.parametrize(("value", "written"), [("a5a5", "sk-a5a5"), ("sk-a5", "sk-a5"), ("ask-a5", "sk-ask-a5")])
def test_a_prefix_is_put_before_what_does_not_begin_with_it(value, written):
    assert f"key={written};" == template.fill("key={a|prefix:sk-};", {"a": value}, template.TEXT)
    assert ("a",) == template.names("{a|prefix:sk-}"), "a filter is no part of the name"


def test_an_address_of_ipv6_stands_in_brackets_in_a_url_and_nowhere_else():
    values = {"host": "2001:db8::10", "origin": "https://n8n.example.com:8443"}

    assert "http://[2001:db8::10]:80/" == template.fill("http://{host}:80/", values, template.URL)
    assert "https://n8n.example.com:8443/" == template.fill("{origin}/", values, template.URL), "a URL at the start"
    assert "http://u:2001%3Adb8%3A%3A10@h/" == template.fill("http://u:{host}@h/", values, template.URL)


@given(st.text(max_size=60))
def test_json_gives_back_what_was_put_in(value):
    text = written(template.JSON, '{"a":"{a}"}', value)

    assert (
        value == json.loads(text)["a"] if text else "\0" in value or any("\ud800" <= one <= "\udfff" for one in value)
    )


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("text", ['x: "{a}"\n', "x: {a}\n", 'x:\n  - "{a}"\n'])
def test_yaml_gives_back_what_was_put_in(value, text):
    whole = written(template.YAML, text, value)

    if whole is None:
        assert "\0" in value or '"' not in text, "between quotes everything but NUL has a way"
    else:
        read = yaml.safe_load(whole)["x"]
        assert value == (read if isinstance(read, str) else read[0])


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("text", ["printf %s {a}", "printf %s '{a}'", 'printf %s "{a}"'])
def test_a_shell_gives_back_what_was_put_in(value, text):
    command = written(template.SHELL, text, value)

    if command is None:
        assert "\0" in value or '"' in text, "as one word everything but NUL has a way"
    else:
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        assert (0, value, b"") == (done.returncode, done.stdout.decode(), done.stderr)


def test_what_a_value_looks_like_is_not_filled_again():
    assert "{b} x" == template.fill("{a} {b}", {"a": "{b}", "b": "x"}, template.TEXT)


def test_there_is_no_way_to_fill_a_text_without_its_syntax():
    assert inspect.signature(template.fill).parameters["syntax"].default is inspect.Parameter.empty
    assert 12 <= len(SYNTAXES), "each with a name for messages"
    assert len(SYNTAXES) == len({syntax.name for syntax in SYNTAXES})


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_no_syntax_takes_what_no_file_can_hold_and_every_one_takes_plain_words(syntax):
    quoted = '"{a}"' if syntax is template.JSON else "{a}"

    assert written(syntax, quoted, "nul\0byte") is None, "a C program would read half of it"
    assert quoted.replace("{a}", "plain0") == written(syntax, quoted, "plain0"), "what needs no quoting gets none"


@pytest.mark.parametrize("syntax", [template.LINE, template.WORD, template.SETTING, template.PROXY, template.UNIT])
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x85b", "a\u2028b", "\ufeffa"])
def test_where_a_line_is_a_setting_no_value_begins_another(syntax, value):
    assert written(syntax, '"{a}"', value) is None
    assert written(syntax, "{a}", value) is None


@pytest.mark.req("CA-01")
def test_a_secret_that_one_of_its_places_cannot_hold_is_refused_before_anything_is_made():
    key, password = "homeport:jett-app-password", "=Zt2mVx9Kc4Ld8Rf1Wn5Bh3Jp6Ys0GuT"
    with pytest.raises(SettingsError) as refusal:
        resolve(Configuration("dev", {"homeport:preset": "jett", key: password}, frozenset({key})))

    (problem,) = refusal.value.problems
    assert key == problem.path
    assert "app_password of n8n" in problem.what and "formula" in problem.what, "where, and why"
    assert problem.fix.startswith(f"Run: bin/homeport pulumi config set --secret {key}")
    assert password not in str(refusal.value), "never its value"
