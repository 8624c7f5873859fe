"""The page of the first minutes of production: what was shown, without this machine's folders and without a secret."""

from pathlib import Path

import pytest

from homeport.cli import transcript
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import Stack
from homeport.model.errors import ToolError

SECRETS = {
    "credentials": {"a": "canary/4711", "empty": ""},
    "connections": {"db": "postgresql://x:canary%2F4711@h", "web": "http://10.0.0.2:5678"},
}


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """A checkout whose command prints what a real one might."""
    command = tmp_path / "bin" / "homeport"
    command.parent.mkdir()
    command.write_text(
        'echo "$@"; echo "in $PWD of $HOME"; printf "\\033[1mbold\\033[0m canary/4711 postgresql://x:canary%%2F4711@h http://10.0.0.2:5678\\n"\n'
        '[ "$1" != up ] || { i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done; }\n'
        '[ "$1" != status ] || exit 1\n'
    )
    monkeypatch.setattr(PulumiCli, "outputs", lambda _self, *, secrets=False: SECRETS if secrets else {})
    stack = Stack(name="rehearse-jett-prod", preset="jett", settings={})
    return PulumiCli(stack=stack, environ={"PATH": "/usr/bin:/bin", "HOME": str(Path.home())}, root=tmp_path)


def test_the_page_holds_each_command_and_what_it_showed(pulumi, tmp_path, capsys):
    page = tmp_path / "page.md"

    assert transcript.take(pulumi, "jett", str(page)) == 1, "one command failed, which is said by the exit code too"
    text = page.read_text()
    for words, _ in transcript.COMMANDS:
        assert f"$ homeport {' '.join(words)} --stack prod\n" in text, words
    assert "code 1" in text, "and on the page"
    assert "canary" not in text, "a page is for everybody"
    assert "postgresql://x:[secret]@h" in text, "what was there is marked, in whatever syntax it stood"
    assert "http://10.0.0.2:5678" in text, "an address in the VPN is where the reader goes, and no secret"
    assert str(tmp_path) not in text, "no folder of this machine"
    assert "rehearse-jett-prod" not in text, "a reader has no rehearsal"
    assert "\x1b" not in text, "plain text"
    assert "lines like these" in text, "what is long is shortened"
    assert "line 0\n" in text, "its beginning stays"
    assert "line 299\n" in text, "and its end"
    assert len(capsys.readouterr().err.splitlines()) == len(transcript.COMMANDS), "progress, a line each"


def test_a_page_that_cannot_be_written_is_an_answer_and_no_traceback(pulumi, tmp_path):
    with pytest.raises(ToolError, match=r"cannot be written \(No such file or directory\)\n  fix: name another file"):
        transcript.take(pulumi, "jett", str(tmp_path / "gone" / "page.md"))
