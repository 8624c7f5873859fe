"""What a person sees while images are built: live lines on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import re
import time

import pytest

from homeport.cli.progress import Progress
from tests.support.terminal import in_terminal, plain

LINES = [
    "redis:7.4.11-alpine: present (real)",
    "[   0.0 s] n8nio/n8n:2.38.7: installing from npm",
    "[   9.1 s] n8nio/n8n:2.38.7: packing",
    "[  60.3 s] n8nio/n8n:2.38.7: building the image from 642 MB",
    "warning: something that belongs to no piece",
    "[  69.3 s] n8nio/n8n:2.38.7: ready: n8n 2.38.7 (real)",
    "engine: building Pulumi 3.255.0 from Go modules",
    "engine: ready: /cache/engine/bin/pulumi, 113 MB (there is no pulumi on PATH)",
]
PROGRAM = """
import sys, time
from homeport.cli.progress import Progress
with Progress() as progress:
    for line in {lines!r}:
        progress.line(line)
        time.sleep(0.4)
"""


def in_pipe(lines, silence=60.0, pause=0.0):
    stream = io.StringIO()
    with Progress(stream, silence) as progress:
        for line in lines:
            progress.line(line)
            time.sleep(pause)
    return stream.getvalue()


def test_a_pipe_gets_one_line_at_the_start_and_one_at_the_end_of_each_piece():
    shown = in_pipe(LINES).splitlines()

    assert [
        "    redis:7.4.11-alpine: present (real)",
        "    n8nio/n8n:2.38.7: installing from npm",
        "warning: something that belongs to no piece",
        "    n8nio/n8n:2.38.7: ready: n8n 2.38.7 (real), 0.0 s, 642 MB",
        "    engine: building Pulumi 3.255.0 from Go modules",
        "    engine: ready: /cache/engine/bin/pulumi, 113 MB (there is no pulumi on PATH), 0.0 s",
    ] == shown, "the steps in between are in the log"


def test_a_long_silence_in_a_pipe_is_broken_by_a_sign_of_life():
    shown = in_pipe(LINES[1:3], silence=0.1, pause=0.3)

    assert re.search(r"still at work: n8nio/n8n:2\.38\.7 \((installing from npm|packing), \d+\.\d s\)", shown), shown


def test_a_pipe_gets_no_sign_of_life_while_nothing_is_at_work():
    assert "still at work" not in in_pipe(LINES[:1], silence=0.05, pause=0.3), "nobody would know of what"


def test_a_terminal_shows_one_live_line_with_step_time_and_size_and_leaves_only_the_ends():
    shown = in_terminal(PROGRAM.format(lines=LINES[:6]), columns=100)
    text = plain(shown)

    assert re.search(r"n8nio/n8n:2\.38\.7 +packing +0\.\d s", text), text
    assert re.search(r"n8nio/n8n:2\.38\.7 +building the image from 642 MB +1\.\d s +642 MB", text), text
    assert "ready: n8n 2.38.7 (real), 1." in text, "the end stays"
    assert "warning: something that belongs to no piece" in text, "what nobody expected is shown as it is"
    assert "1 image is here already" in text, text
    assert "\x1b[" in shown, "the live line is drawn over itself"


@pytest.mark.parametrize("columns", [40, 24])
def test_a_narrow_terminal_gets_lines_that_fit(columns):
    text = plain(in_terminal(PROGRAM.format(lines=LINES[1:4]), columns=columns))
    live = [line for line in text.splitlines() if "n8n" in line]

    assert live, text
    assert max(len(line) for line in live) <= columns, "a line that is broken in two could not be drawn over"
    assert "642 MB" in text, "name, time and size say more than the step"


def test_no_color_takes_the_colours_away():
    shown = in_terminal(PROGRAM.format(lines=LINES[1:4]), columns=80, NO_COLOR="1")

    assert not re.search(r"\x1b\[(3|4|9)\d", shown), repr(shown)


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines():
    shown = in_terminal(PROGRAM.format(lines=LINES[1:4]), columns=80, TERM="dumb")

    assert "\x1b" not in shown, repr(shown)
