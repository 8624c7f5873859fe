"""Programs of a host, as files and shell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.model.host_program import HostProgram, HostUser, ProgramFile
from homeport.model.template import UNIT, UnwritableError
from homeport.render import host_programs as render
from tests.support.checkout import ROOT
from tests.unit.model.test_host_program import AGENT

TEXTS = {"home": "/srv/agent", "user": "deploy"}


def test_paths_and_owners_are_filled_in_and_contents_are_left_to_where_the_secrets_are():
    program = replace(AGENT, files=(*AGENT.files, ProgramFile(target="/x", text="x", owner="{user}:{user}")))
    files = {file.path: file for file in render.files(program, TEXTS, ROOT)}

    assert {"/srv/agent/agent.py", "/etc/agent/env", "/x"} == files.keys()
    assert "TOKEN={agent-token}" in files["/etc/agent/env"].content, "no secret is in what is rendered"
    filled = files["/etc/agent/env"].filled({**TEXTS, "agent-token": "C4nary"})
    assert "TOKEN=C4nary\nWHERE=/srv/agent\n" == filled.content
    assert "deploy:deploy" == files["/x"].owner
    assert files["/srv/agent/agent.py"].content == (ROOT / "apps/heartbeat/heartbeat.py").read_text(), "as it is"


def test_a_star_lays_all_that_it_matches_into_a_folder():
    program = HostProgram(name="x", purpose="x", files=(ProgramFile(target="/opt/x", source="apps/heartbeat/*.py"),))

    assert {f"/opt/x/{path.name}" for path in (ROOT / "apps/heartbeat").glob("*.py")} == {
        file.path for file in render.files(program, TEXTS, ROOT)
    }


@pytest.mark.parametrize("value", ["/srv/a b", "/srv/$(id)", "/srv/a;b", "/srv/a\nb", "/srv/'a"])
def test_a_path_that_a_shell_could_read_as_more_is_refused(value):
    with pytest.raises(UnwritableError):
        render.files(AGENT, {**TEXTS, "home": value}, ROOT)


def test_what_the_set_up_names_is_a_word_of_the_shell():
    program = replace(AGENT, setup="sh {home}/deploy.sh", teardown="rm -rf {home}")

    assert "setup='sh /srv/agent/deploy.sh'" in render.apply(program, TEXTS)
    assert "teardown='rm -rf /srv/agent'" in render.remove(program, TEXTS)
    assert """sh '"'"'/srv/a b'"'"'/deploy.sh""" in render.apply(program, {**TEXTS, "home": "/srv/a b"})


def test_users_and_folders_of_several_programs_are_made_once():
    other = replace(AGENT, name="other", users=(HostUser(name="agent"), HostUser(name="{user}", home="/home/{user}")))
    text = render.ground((AGENT, other), TEXTS, "programs-ground")

    assert "users='agent \ndeploy /home/deploy\n'" in text
    assert "folders='755 agent:agent folder /srv/agent\n'" in text
    assert "record=/var/lib/homeport/units/programs-ground/made" in text
    assert text.endswith("apply\n")
    assert "keep=yes" in render.ground_removed((AGENT,), TEXTS, "x", keep=True)


def test_a_unit_s_texts_are_written_as_systemd_reads_them():
    unit = ProgramFile(target="/etc/systemd/system/x.service", text="ExecStart={home}/run\n", syntax=UNIT)
    file = render.files(replace(AGENT, files=(unit,)), TEXTS, ROOT)[0]

    assert "ExecStart=/srv/agent/run\n" == file.filled(TEXTS).content
