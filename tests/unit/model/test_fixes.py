"""Fix lines: what is pasted comes first."""

from homeport.model import fixes
from homeport.model.errors import Problem


def test_what_is_pasted_stands_first_and_what_it_asks_for_below():
    fix = fixes.put("homeport:settings.acme_email", "<your own: a mail address>")
    lines = str(Problem("homeport:settings.acme_email", "is missing", fix)).splitlines()

    assert "      fix: bin/homeport pulumi config set --path homeport:settings.acme_email" == lines[1]
    assert "(It asks for your own: a mail address.)" == lines[2].strip()


def test_what_has_brackets_of_its_own_is_asked_for_whole():
    fix = fixes.put("homeport:settings.apps.a.image", "<image>:<tag>")
    assert "It asks for <image>:<tag>. " in fix, fix


def test_a_verb_is_named_in_both_forms_in_which_it_may_have_been_called():
    command = fixes.both("up", "prod", "--yes")
    assert "bin/homeport up --stack prod --yes  (or: make up STACK=prod ARGS=--yes)" == command
