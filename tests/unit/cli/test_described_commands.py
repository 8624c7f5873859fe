"""The operator's commands that the description calls `vpsctl …`, and what has each of them here."""

from __future__ import annotations

import re
import subprocess

import pytest

from homeport.cli import app
from tests.support.checkout import ROOT

VERBS = {
    "verify": ("verify",),
    "verify --from-outside": ("verify",),
    "promote": ("promote",),
    "status": ("status",),
    "runbook": ("status",),
    "wg-client-config": ("wireguard",),
    # Its seven items are claims of a rehearsal (S2-55).
    "harden-check": ("verify", "rehearse"),
    "preprod up": ("once", "up"),
    "preprod down": ("once", "down"),
    # Hosts join by themselves.
    "mesh enroll": ("up",),
    "backup run": ("backup",),
    "backup list": ("backup",),
    "backup restore": ("restore",),
}
"""Command of the description to the verbs that have it."""
PAGES = {
    "rotate": ("docs/colleagues.md", "homeport:settings.rotate.<secret>"),
    "logs": ("README.md", "docker logs -f"),
    "restart": ("docs/backup.md", "docker restart NAME"),
    "budget show": ("docs/budget.md", "budget_guard.py --dry-run"),
    # A mode that a person wrote would last until the guard's next look, a minute: the amounts are what he sets.
    "budget set-mode": ("docs/budget.md", "a lower limit is how a person ends a day early"),
    # A device of a person's.
    "mesh enroll": ("docs/vpai.md", "headscale preauthkeys create"),
    "buckets ensure": ("docs/backup.md", "they are made where they are missing"),
}
"""Command of the description to the page, and its words, that say what has it, which is no verb."""


@pytest.mark.req("FP-24")
def test_each_command_of_the_description_is_a_verb_of_the_help_or_a_page_says_what_has_it():
    argv = [ROOT / "bin" / "homeport", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    listed = {*re.findall(r"^│ ([a-z][a-z-]*)  ", done.stdout, re.MULTILINE)}

    assert {*app.VERBS} == listed, "the help lists the verbs, and nothing else"
    assert [] == [(command, verb) for command, verbs in VERBS.items() for verb in verbs if verb not in listed]
    lost = {command: page for command, (page, words) in PAGES.items() if words not in (ROOT / page).read_text()}
    assert {} == lost, "pages that no longer say it"
    assert "next_steps" in app.document_keys("status"), "what is left to a person, as the runbook had it"
