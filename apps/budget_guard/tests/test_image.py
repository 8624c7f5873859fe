"""What the guard's image is made of: pinned by hashes, without root; another content is another name."""

import hashlib
import re
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]


@pytest.mark.req("FP-17")
def test_the_name_of_what_it_stands_on_has_the_hash_of_what_that_is_made_of():
    made_of = b"".join((APP / name).read_bytes() for name in ("requirements.txt", "runtime.Dockerfile"))
    wanted = f"homeport/budget-guard-runtime:{hashlib.sha256(made_of).hexdigest()[:12]}"
    named = re.search(r"^ARG RUNTIME=(\S+)$", (APP / "Dockerfile").read_text(), re.MULTILINE)

    assert wanted == named[1], f"Dockerfile: ARG RUNTIME={wanted}"


def test_its_own_build_fetches_nothing_and_its_user_has_no_rights():
    program, runtime = (APP / "Dockerfile").read_text(), (APP / "runtime.Dockerfile").read_text()

    assert "USER 65532:65532" in program, "not root"
    assert "--require-hashes --only-binary :all:" in runtime
    assert not re.search(r"apt-get|pip|curl|wget", program.partition("FROM")[2]), "its packages are there already"
