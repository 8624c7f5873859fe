"""Fuzzed settings, read back by the programs that the artefacts are for.

A sample in make test; the whole, 10,000 configurations, in make test-long, or alone:

    HOMEPORT_CAMPAIGN=whole sh homeport/cli/run.sh python -m pytest -s tests/rehearsal/fuzz
"""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.support.campaign import size
from tests.support.fuzz import campaign
from tests.support.readers import Readers, Refused

pytestmark = pytest.mark.docker


def psql(readers: Readers, texts):
    """Psql's variables, as it reads them itself: one session for all."""
    script = "".join(
        f"\\echo ={number}\n{text}"
        + "".join(
            f"SELECT '{name} ' || encode(convert_to(:'{name}', 'UTF8'), 'hex');\n"
            for name in re.findall(r"^\\set ([a-z_]+) ", text, re.MULTILINE)
        )
        for number, text in enumerate(texts)
    )
    answer = readers.sql(script)
    if isinstance(answer, Refused):
        return [answer] * len(texts)
    rows = [[line.split(" ") for line in part.split("\n")[1:] if line] for part in answer.split("=")[1:]]
    return [{name: bytes.fromhex(value).decode() for name, value in row} for row in rows]


@pytest.mark.campaign
@pytest.mark.req("CF-01")
def test_no_program_reads_a_fuzzed_setting_as_anything_but_its_value():
    findings = campaign.run("1", range(size("fuzzed configurations")))
    with Readers() as readers:
        programs = {
            "caddy": partial(readers.caddy, validate=True),
            "compose": readers.compose,
            "psql": partial(psql, readers),
            "sshd": readers.sshd,
            "iptables4": readers.iptables,
            "iptables6": partial(readers.iptables, version=6),
            "wireguard": readers.wireguard,
            "fail2ban": readers.fail2ban,
            "cloud_init": readers.cloud_init,
            "yaml": readers.yaml,
        }
        holes = campaign.read_back(findings, programs)
    print(findings.figures())
    print(", ".join(f"{kind} {len(texts)}" for kind, texts in sorted(findings.texts.items())))

    assert [] == findings.holes + holes, findings.figures()
