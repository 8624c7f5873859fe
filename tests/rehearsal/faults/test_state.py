"""A state that is not whole, is another stack's, or cannot be written: it is said before a cloud is asked for anything.

The engine is real, the cloud emulated, and nothing of it needs Docker.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from homeport.cli import lifecycle
from homeport.cli.lock import Run
from homeport.model.errors import ToolError
from tests.support import campaign
from tests.support.faults.stack import created
from tests.support.other_forms import with_more

pytestmark = pytest.mark.world
PARTS = 9
"""Into as many parts a state is cut; after each but the last it may have been cut off."""
OF_ANOTHER_FORM = {
    "empty": "",
    "blank": "\n",
    "null": "null",
    "an empty object": "{}",
    "a list": "[]",
    "without a checkpoint": '{"version": 3, "checkpoint": null}',
    "a page": "<html><body>404 Not Found</body></html>",
}
CHANGED = ("another stack's", "another magic word", "by another version", "of a form that comes", "with a loose end")
COVERED = {
    "full": (
        'cp -a "$0" "$0.copy"; mount -t tmpfs -o size=32m none "$0"; cp -a "$0.copy/." "$0"; '
        'dd if=/dev/zero of="$0/rest" bs=1k status=none 2>/dev/null || true'
    ),
    "to be read alone": 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"',
}
"""What is done to the folder of the state, in a view of the file systems that nobody else has."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with created(tmp_path_factory.mktemp("state"), {"hetzner": ["zq001"]}) as running:
        yield running


def changed(text, how):
    whole = json.loads(text)
    latest = whole["checkpoint"]["latest"]
    if how == "another stack's":
        return text.replace("urn:pulumi:t::", "urn:pulumi:prod::")
    if how == "another magic word":
        latest["manifest"]["magic"] = "0" * 64
    elif how == "by another version":
        latest["manifest"]["version"] += ".1"
    elif how == "of a form that comes":
        whole["version"] = 99
    else:
        latest["resources"] = [row for row in latest["resources"] if not row["type"].endswith(":Firewall")]
    return json.dumps(whole)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "how", campaign.sample("corruptions of a state", [*range(1, PARTS), *OF_ANOTHER_FORM, *CHANGED])
)
def test_a_broken_state_is_refused_before_a_cloud_is_asked_and_one_command_puts_it_back(stack, how):
    file = stack.folder.parent / "state/.pulumi/stacks/homeport/t.json"
    text = file.read_text()
    broken = text[: len(text) * how // PARTS] if isinstance(how, int) else OF_ANOTHER_FORM.get(how)
    file.write_text(changed(text, how) if broken is None else broken)
    stack.hetzner.service.journal.clear()
    with pytest.raises(ToolError) as refused:
        lifecycle.recover(stack.engine, Run(stack="t"))
    asked = stack.hetzner.service.journal.rows()
    command = str(refused.value).partition("fix: ")[2].partition(",")[0]
    put_back = subprocess.run(["sh", "-c", command], check=False)

    assert [] == asked, "by what it does not know things would be removed"
    assert command.startswith("cp ") and 0 == put_back.returncode, refused.value
    assert json.loads(text) == json.loads(file.read_text()), "as the last update left it"
    lifecycle.recover(stack.engine, Run(stack="t"))


@pytest.mark.req("D-10")
@pytest.mark.parametrize("how", COVERED)
def test_where_the_state_cannot_be_written_an_update_ends_before_it_changes_anything(stack, how):
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("who runs this may mount nothing, so no disk can be full or read alone")
    covered = ("unshare", "-m", "sh", "-ec", f'{COVERED[how]}; exec "$@"', str(stack.folder.parent / "state"))
    stack.later = True
    stack.hetzner.service.journal.clear()
    done = stack.pulumi("up", "--yes", "--skip-preview", before=covered)
    stack.later = False

    said = done.stdout + done.stderr
    assert done.returncode and ("no space left" in said or "read-only file system" in said), said
    assert [] == [row for row in stack.hetzner.service.journal.rows() if row["method"] != "GET"]
    assert stack.unchanged() == "", "all is as it was"


@pytest.mark.req("E-08")
def test_what_the_answers_have_besides_is_no_change_for_pulumi(stack, monkeypatch):
    service = stack.hetzner.service
    answer = service.answer
    monkeypatch.setattr(service, "answer", lambda call: with_more(answer(call)))

    assert "" == stack.unchanged(), "its provider reads what it knows"
