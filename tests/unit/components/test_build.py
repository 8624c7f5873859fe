"""An image of our own on a Docker: built where it is missing, with what it stands on, and never twice."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "components/scripts/build.sh"
RUNTIME = "homeport/program-runtime:1"
DOCKER = """#!/bin/sh
case "$1 $2" in
  "image inspect") grep -qxF "$3" "$HERE" ;;
  "build --file")
    echo "Sending build context"
    echo "$3 $5" >>"$BUILT"
    case "$3" in *"$FAILING") echo "no such host" >&2; exit 1 ;; esac
    echo "$5" >>"$HERE" ;;
  *) exit 9 ;;
esac
"""


@pytest.fixture
def build(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"ARG RUNTIME={RUNTIME}\nFROM ${{RUNTIME}}\n")

    def run(*here, failing="nothing"):
        (tmp_path / "here").write_text("".join(f"{image}\n" for image in here))
        (tmp_path / "built").write_text("")
        environ = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "HERE": str(tmp_path / "here"),
            "BUILT": str(tmp_path / "built"),
            "FAILING": failing,
        }
        argv = ["sh", str(SCRIPT), "registry.example.com/program:abc", str(folder)]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        built = [line.rpartition("/program/")[2] for line in (tmp_path / "built").read_text().splitlines()]
        return done, built

    return run


def test_what_is_missing_is_built_and_what_is_there_is_left(build):
    image, own = "registry.example.com/program:abc", "Dockerfile registry.example.com/program:abc"
    assert [f"runtime.Dockerfile {RUNTIME}", own] == build()[1]
    assert [own] == build(RUNTIME)[1], "its packages are not fetched again"
    assert [] == build(image)[1], "nor where a deployment has built it"


@pytest.mark.parametrize(("failing", "who"), [("runtime.Dockerfile", RUNTIME), ("/Dockerfile", "/program:abc")])
def test_a_build_that_fails_says_which_and_what_helps(build, failing, who):
    done, _ = build(*([RUNTIME] if "runtime" not in failing else []), failing=failing)
    first, *rest = done.stderr.splitlines()

    assert done.returncode == 1
    assert first.startswith("image ") and who in first and "failed" in first
    assert "  | no such host" in rest and rest[-1].startswith("  fix: ")
