"""Apps in a stack's file: they come to stand in it, and not a byte of the rest changes."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.cli.stack_file import shown, with_apps
from homeport.model.errors import ToolError

BLOCK = {
    "web": {"image": "a/b:1", "command": ["a", "b c"], "env": {"A": "0x1", "B": "yes", "C": "two\nlines", "D": "{x}"}}
}
HEAD = "# a stack\nconfig:\n  homeport:preset: jett\n  homeport:settings:\n    environment: dev  # not prod\n"
FILES = {
    "without apps": HEAD,
    "without a last line break": HEAD.rstrip("\n"),
    "with Windows' line breaks": HEAD.replace("\n", "\r\n"),
    "with an app and comments": f"{HEAD}    apps:\n      # mine\n      old: {{image: 'x:1'}}  # kept\n      # end\n",
    "with no app": f"{HEAD}    apps: {{}}  # none yet\n    domain: localhost\n",
    "with an empty key": f"{HEAD}    apps:\n    domain: localhost\n",
    "with apps on one line": f"{HEAD}    apps: {{old: {{image: 'x:1'}}}}\n",
    "with settings on one line": "config: {'homeport:settings': {environment: dev}}\n",
    "with more behind it": f"{HEAD}\n# about the salt\nencryptionsalt: v1:abc\n",
    "with deeper steps": HEAD.replace("  ", "     "),
    "with a secret": f"{HEAD}  homeport:token:\n    secure: v1:abc=\n",
    "with a text of many lines": f"{HEAD}    hosts:\n      main:\n        note: |\n          a\n          b\n\n",
}  # fmt: skip


def apps(text):
    return yaml.safe_load(text)["config"]["homeport:settings"]["apps"]


@pytest.mark.req("OS-24")
@pytest.mark.parametrize("name", FILES)
def test_apps_come_to_stand_in_a_file_and_the_rest_of_it_stays(name):
    before = FILES[name]

    after = with_apps(before, BLOCK, "Pulumi.dev.yaml")

    assert BLOCK["web"] == apps(after)["web"]
    if "one line" not in name and name != "with no app":
        lines = after.splitlines(keepends=True)
        assert [] == [line for line in before.splitlines() if line not in [text.rstrip("\r\n") for text in lines]]
        assert ("\r\n" in before) == all(line.endswith("\r\n") for line in lines), "one kind of line break"


@pytest.mark.req("OS-24")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("config: {}\n", "has no homeport:settings"),
        (f"{HEAD}    apps: {{web: {{image: 'x:1'}}}}\n", "web: there already"),
        (f"{HEAD}    apps: [a]\n", "there already"),
        (f"{HEAD}    apps: {{a: {{image: 'x:1'}},}}\n", "nothing can be put into"),
    ],
)
def test_a_file_that_cannot_take_them_is_left_alone(text, words):
    with pytest.raises(ToolError, match=words) as refused:
        with_apps(text, BLOCK, "Pulumi.dev.yaml")

    assert "fix: " in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=20), max_size=4))
def test_every_text_is_read_back_as_it_was(env):
    block = {"app": {"image": "a:1", "env": env}}

    assert block == yaml.safe_load(shown(block))
