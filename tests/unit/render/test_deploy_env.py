"""How the exported deploy.sh reads `.env`, and what it takes for a host name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeport.cli.export import of
from homeport.cli.stack import Stack
from homeport.model import template
from homeport.render.caddy import caddyfile

SCRIPT = Path(__file__).parents[3] / "homeport" / "render" / "export" / "deploy.sh"


def functions():
    """Those that read, judge and fill in; nothing of the script runs."""
    text = SCRIPT.read_text(encoding="utf-8")
    parts = (
        ("listed() {", "\n\n"),
        ("read_env() {", "check_env() {"),
        ("with_hosts() {", "# A bcrypt hash"),
        ("filled() {", "permissions() {"),
    )
    return "\n".join(text[text.index(first) : text.index(last, text.index(first))] for first, last in parts)


def bash(script, *argv):
    whole = f"set -Eeuo pipefail\ndeclare -A value=()\n{functions()}\n{script}"
    done = subprocess.run(["bash", "-c", whole, "bash", *argv], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.req("CF-13")
@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("A_B=x", "x"),
        ("\ufeffA_B=x", "x"),
        ("export A_B=x", "x"),
        ("  export   A_B = x  ", "x"),
        ("A_B= x\r", "x"),
        ("A_B='x y' # said", "x y"),
        ('A_B="x#y"  # said', "x#y"),
        ("A_B=x # said # twice", "x"),
        ("A_B=x#y", "x#y"),
        ("A_B=$(id)", "$(id)"),
        ("A_B=", ""),
        ('A_B="', '"'),
        ("# A_B=x", None),
        ("a_b=x", None),
    ],
)
def test_a_line_of_env_means_what_dotenv_makes_of_it(tmp_path, line, meant):
    env = tmp_path / ".env"
    env.write_bytes(line.encode())

    expected = "unset" if meant is None else f"<{meant}>"
    assert (
        expected
        == bash('read_env "$1"; printf %s "${value[A_B]+<${value[A_B]}>}${value[A_B]-unset}"', str(env))[
            : len(expected)
        ]
    ), "no part of it is lost, and nothing runs"


@pytest.mark.req("CF-13")
@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("n8n.example.com", True),
        ("N8N.Example.com", True),
        ("localhost", True),
        ("a" * 63 + ".example.com", True),
        ("n8n..example.com", False),
        (".example.com", False),
        ("n8n.example.com.", False),
        ("n8n-.example.com", False),
        ("n8n", False),
        ("a" * 64 + ".example.com", False),
        (".".join(["a" * 62] * 5), False),
        ("192.0.2.7", False),
        ("127.0x1", False),
        ("n8n.example.com/x", False),
    ],
)
def test_a_host_name_is_one_that_dns_takes(name, good):
    assert good == (not bash('fault host "$1"', name)), name


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("sk-key", "sk-" + "A1b2-c3d4_e5f6" * 2, True),
        ("sk-key", "0123456789abcdef" * 4, True),
        ("sk-key", "sk-1234", False),
        ("sk-key", "sk-$(id)0123456789abcdef", False),
        ("sk-key", "0123456789abcdef" * 3, False),
        ("long-hex", "0123456789abcdef" * 4, True),
        ("long-hex", "0123456789abcdef" * 8, True),
        ("long-hex", "0123456789abcdef" * 3, False),
        ("long-hex", "0123456789abcdef" * 9, False),
    ],
)
def test_a_key_of_before_is_taken_as_its_software_wrote_it(kind, text, good):
    assert good == (not bash('fault "$1" "$2"', kind, text)), "as the stack's own configuration takes it"


@pytest.mark.parametrize("secret", ["0123abcd", "sk-0123abcd", "{a}", "a&b%c*"])
def test_a_template_is_filled_in_as_the_stack_does_it(tmp_path, secret):
    text = "key={a|prefix:sk-};\n{a|basic:bob} {a}\n"
    (tmp_path / "template").write_text(text)
    filled = bash('declare -A variable=([a]=A); value[A]=$2; filled "$1"', str(tmp_path / "template"), secret)

    assert template.fill(text, {"a": secret}, template.TEXT) == filled, "byte for byte"


@pytest.mark.req("CA-05", "S3-47")
@pytest.mark.parametrize(
    ("hostnames", "name", "below"),
    [
        ({}, "n8n.localhost", True),
        ({}, "localhost", False),
        ({}, "example.com", False),
        ({"n8n": "n8n.localhost"}, "n8n.localhost", False),
        ({"n8n": "example.com"}, "example.com", False),
        ({"n8n": "example.com"}, "n8n.localhost", False),
    ],
)
def test_the_proxys_file_is_that_of_the_stack_and_below_another_name_https_is_nobodys_duty(
    tmp_path, hostnames, name, below
):
    whole = of(Stack(name="dev", preset="ai-orchestrator", settings={"hostnames": hostnames}))
    for path, content in whole.tree().items():
        if path in {"Caddyfile", "manifest"}:
            (tmp_path / path).write_bytes(content)
    filled = bash('here=$1; value[N8N_HOST]=$2; with_hosts "$1/Caddyfile"', str(tmp_path), name)

    assert below == ("includeSubDomains" in filled), "only below a name that the program made"
    assert "{$" not in filled, "nothing is left for Caddy to look up"
    if name == whole.blueprint.host(whole.blueprint.routes[0]):
        assert caddyfile(whole.blueprint) == filled, "byte for byte what the stack has"
