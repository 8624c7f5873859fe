"""What runs on the operator's machine runs on macOS too: nothing of GNU's or Linux's alone, and bash 3.2 at most.

Nothing here proves that it does (docs/first-day.md says what was not tried); it keeps out what is known not to.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = [
    ROOT / "bin" / "homeport",
    ROOT / "homeport" / "cli" / "run.sh",
    # Those are sent to hosts.
    *sorted(
        path
        for path in (ROOT / "components" / "scripts").glob("*.sh")
        if path.name not in {"unit.sh", "foreign.sh", "look.sh"}
    ),
    ROOT / "Makefile",
]
ELSEWHERE = re.compile(
    r"""'[^']*'|\bas_root\s+"(?:[^"\\]|\\.)*"|\bforget="(?:[^"\\]|\\.)*"|<<'?(?P<end>\w+)'?.*?^(?P=end)$""",
    re.DOTALL | re.MULTILINE,
)
"""What is sent to a host or handed to another program."""
GNU = {
    r"\breadlink\s+-f": "readlink -f (macOS before 12.3)",
    r"\bdate\s+(?:-d|--date|-I)": "date -d: BSD has -v and -j -f",
    r"\bdate\s+[^|;)]*%N": "nanoseconds of date",
    r"\bsed\s+(?:-[a-zA-Z]*i|-r|--)": "sed -i, -r: BSD's -i takes an argument",
    r"\bstat\s+-c": "stat -c: BSD has -f",
    r"\bxargs\s+[^|;]*-r\b": "xargs -r",
    r"\bgrep\s+-[a-zA-Z]*P": "grep -P",
    r"\b(?:flock|setsid|timeout|tac|shuf|nproc|numfmt|ss|ip|systemctl)\s": "a program that macOS does not have",
    r"\bhead\s+-n\s*-": "head -n -N",
    r"\bsort\s+[^|;]*-V": "sort -V (macOS before 10.15)",
    r"\bpaste\s+-s[^|;-]*\|": "paste -s without a file: BSD's wants -",
    r"\bmktemp\s+--": "long options of mktemp",
    r"\bcp\s+-[a-zA-Z]*[ad]\b": "cp -a, -d",
    r"/proc/|/sys/": "Linux's own file systems",
    r"(?:^|\s)(?:declare|local)\s+-A|\bmapfile\b|\breadarray\b|\$\{\w+[,^]{1,2}\}|&>>|\|&": "bash newer than 3.2",
    r"\bbase64\s+(?:-w|--)": "base64 -w",
}
"""What only GNU's programs, Linux or a newer bash have, and why."""


def here(path):
    """A script without comments and without what another machine or program reads."""
    # Prose has apostrophes, which are no quotes.
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith(("#", "echo "))]
    return ELSEWHERE.sub("''", "\n".join(lines))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_needs_what_macos_lacks(path):
    text = here(path)
    matches = [(why, match[0]) for pattern, why in GNU.items() for match in re.finditer(pattern, text, re.MULTILINE)]
    found = [f"{why}: {word.strip()}" for why, word in matches]
    assert [] == found, f"{path.name} runs on the operator's machine"


@pytest.mark.parametrize("path", [path for path in SCRIPTS if path.name != "Makefile"], ids=lambda path: path.name)
def test_every_script_is_for_a_plain_shell(path):
    first = path.read_text().splitlines()[0]
    assert first == "#!/bin/sh" or first.startswith("#"), first
    assert "bash" not in first, "macOS has bash 3.2, and zsh"


def test_python_of_the_command_asks_linux_nothing_without_another_way():
    """Each of these few has one beside it."""
    wanted = {
        "homeport/cli/lock.py": "/proc",
        "homeport/cli/daemon.py": "/run/systemd",
        "homeport/cli/ahead.py": "/proc",
    }
    found = {
        path.relative_to(ROOT).as_posix(): word
        for folder in ("homeport/cli", "components", "homeport/stack", "homeport/model")
        for path in (ROOT / folder).rglob("*.py")
        for word in ("/proc", "/sys/", "/run/systemd", "prctl", "pidfd", "os.sched_", "/dev/shm")
        if f'"{word}' in path.read_text() or f"({word}" in path.read_text() or f'f"{word}' in path.read_text()
    }
    assert found.items() <= wanted.items(), "macOS has none of these"


def test_the_command_is_found_through_links_of_links(tmp_path):
    links = tmp_path / "my links"
    links.mkdir()
    (links / "one").symlink_to(ROOT / "bin" / "homeport")
    (links / "two").symlink_to("one")
    done = subprocess.run([links / "two", "--help"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Stands up a private platform" in done.stdout, "the checkout is where the last link leads"
