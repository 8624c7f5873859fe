"""What hosts get is under review, whether a preset has the layer yet or not."""

from __future__ import annotations

from tests.unit.render.rendered import GOLDEN, lines


def test_what_hosts_get_is_as_reviewed():
    assert GOLDEN.read_text().splitlines() == lines(), (
        "every host would run this again; if that is meant: sh homeport/cli/run.sh python -m tests.unit.render.rendered"
    )
