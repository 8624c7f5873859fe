"""Production, rehearsed: changes that would lock the program out.

`up` says so, the host undoes its own, and the repaired settings converge.
"""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.support.edits import EDITS
from tests.support.production import ASKED

# Each waits for a host's timer: minutes. What a timer does is tried in host/test_host.py, in seconds.
pytestmark = [pytest.mark.docker, pytest.mark.long]
GUARD = 12
"""Seconds of the revert timers here; an hour of waiting for the true ones (90 and 120) would prove nothing more."""


def only_other_addresses(rehearsed):
    rehearsed.settle(lambda settings: settings.update(ssh={"sources": ["203.0.113.0/24"]}))


def edited(name):
    """The program with a line changed."""
    return lambda rehearsed: EDITS[name].apply(ASKED.checkout, operator=rehearsed.world["network"]["gateway"])


UNDONE = "would have cut homeport off from"
BACK = re.escape("It is back as it was. Fix the settings, then run the update again.")
# By what notices first: no new connection after the change, or (where no shared one is open any more) none for it.
AWAY = (
    re.escape("could not be reached over SSH, see above. Once it answers, run the update again.")
    + f"|{UNDONE}(?s:.*)If the cloud's firewall was changed as well"
)
# Patterns, all of which the update's output has.
KINDS = {
    "sshd lets another user in": (edited("sshd lets another user in"), (UNDONE, BACK)),
    "the host's firewall has no rule for SSH": (edited("the firewall has no rule for SSH"), (UNDONE, BACK)),
    "the VPN's route swallows the operator's": (edited("the VPN's route swallows the operator's"), (UNDONE, BACK)),
    # The cloud's firewall is changed by its API, which answers whatever it says: the next update opens it again.
    "both firewalls let only others in": (only_other_addresses, (AWAY,)),
    "sshd listens on another address": (edited("sshd listens on another address"), (UNDONE, BACK)),
}


@pytest.fixture(scope="module")
def quick(rehearsed):
    """The same system with short timers."""
    with rehearsed.as_it_was():
        _short()
        rehearsed.updated()
        yield rehearsed


def _short():
    for layer in ("ssh", "firewall", "wireguard"):
        path = ASKED.checkout / "components" / f"{layer}.py"
        path.write_text(re.sub(r"(?m)^GUARD = \d+$", f"GUARD = {GUARD}", path.read_text()))


@pytest.mark.req("A-06", "S1-81")
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_locks_the_program_out_is_undone_and_reported(quick, kind):
    paths = {f"Pulumi.{ASKED.name}.yaml", *(edit.path for edit in EDITS.values())}
    before = {path: (ASKED.checkout / path).read_text() for path in paths}
    began = time.monotonic()
    spoil, words = KINDS[kind]
    spoil(quick)
    try:
        done = quick.up()
        failed = time.monotonic() - began
    finally:
        for path, text in before.items():
            (ASKED.checkout / path).write_text(text)
    again = quick.updated()
    print(json.dumps({"kind": kind, "failed after": round(failed, 1), "repaired in": round(again, 1)}))

    assert done.returncode != 0, "a lock-out passed"
    assert [] == [word for word in words if not re.search(word, done.stdout)], done.stdout[-3000:]
    with quick.seen() as view:
        assert 1 == view.run("sshd", "-T").count("port 22\n"), "sshd is where it was"
    assert 0 == quick.pulumi("preview", "--expect-no-changes", "--non-interactive").returncode, "all is as declared"
