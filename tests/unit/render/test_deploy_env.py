"""How the exported deploy.sh reads `.env`, and what it takes for a host name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "homeport" / "render" / "export" / "deploy.sh"


def functions():
    """Those that read and judge; nothing of the script runs."""
    text = SCRIPT.read_text(encoding="utf-8")
    return text[text.index("read_env() {") : text.index("check_env() {")]


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
