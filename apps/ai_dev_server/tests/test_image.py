"""What the image is made of: pinned by hashes, without root, with curl; another content is another name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]


@pytest.mark.req("FP-02")
def test_the_name_of_what_it_stands_on_has_the_hash_of_what_that_is_made_of():
    made_of = b"".join((APP / name).read_bytes() for name in ("requirements.txt", "runtime.Dockerfile"))
    wanted = f"homeport/ai-dev-server-runtime:{hashlib.sha256(made_of).hexdigest()[:12]}"
    named = re.search(r"^ARG RUNTIME=(\S+)$", (APP / "Dockerfile").read_text(), re.MULTILINE)

    assert wanted == named[1], f"Dockerfile: ARG RUNTIME={wanted}"


@pytest.mark.req("FP-02", "S1-58")
def test_the_dockerfiles_are_as_the_contract_has_them():
    program, runtime = (APP / "Dockerfile").read_text(), (APP / "runtime.Dockerfile").read_text()

    assert "USER 10001:10001" in program, "not root"
    assert 'CMD ["curl", "-fsS", "http://127.0.0.1:8080/health"]' in program
    assert re.search(r"apt-get install [^\n]*curl", runtime)
    assert "--require-hashes --only-binary :all:" in runtime
    assert not re.search(r"apt-get|pip|curl (?!-fsS)|wget", program.partition("FROM")[2].replace('"curl", ', "")), (
        "the program's own build fetches nothing"
    )


@pytest.mark.req("FP-02")
def test_every_package_is_pinned_by_its_hash_and_the_sdk_is_one_that_checks_hosts():
    text = (APP / "requirements.txt").read_text()
    pins = re.findall(r"^([a-z0-9-]+)==([\d.]+[^ ]*)", text, re.MULTILINE)
    bare = [block for block in re.split(r"\n(?=[a-z])", text)[1:] if "--hash=sha256:" not in block]

    assert [] == bare
    assert tuple(map(int, dict(pins)["mcp"].split(".")[:2])) >= (1, 23), "CVE-2025-66416"
    assert not re.search(r"--(extra-)?index-url", text)
