"""The command `homeport` as a person types it, with the exit codes and the output that scripts rely on."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.cli import app
from homeport.cli.reference import reference
from homeport.model import fixes
from homeport.model.errors import ToolError
from tests.support.terminal import in_terminal, plain

ROOT = Path(__file__).resolve().parents[3]
COMMAND = ROOT / "bin" / "homeport"
HEAVY = {"yaml", "pydantic", "pulumi", "docker", "hcloud", "cloudflare", "xml.etree.ElementTree"}
"""What only some verbs need; `cloudflare` and `pulumi` alone cost more than the whole help."""
OF_A_STACK = ("config", "up", "preview", "refresh", "destroy")
COMPLETIONS = {
    "bash": ({"COMP_WORDS": "homeport st", "COMP_CWORD": "1"}, "status"),
    "zsh": ({"_TYPER_COMPLETE_ARGS": "homeport status --stack pre"}, "preprod"),
    "fish": (
        {"_TYPER_COMPLETE_ARGS": "homeport rehearse --pre", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "--preset",
    ),
}


def run(*argv, command=COMMAND, **options):
    return subprocess.run(
        [command, *argv], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )


def test_the_help_lists_every_verb_by_its_purpose():
    done = run("--help")

    assert 0 == done.returncode, done.stderr
    assert [] == [verb for verb in app.VERBS if f" {verb} " not in done.stdout], "each verb has its line"


def test_every_file_of_a_verb_is_a_verb():
    names = {path.stem.replace("_", "-") for path in (ROOT / "homeport/cli/verbs").glob("*.py")} - {"--init--"}
    files = {name.removesuffix("-") for name in names}

    assert set(app.VERBS) == files, "a verb that no heading names could not be called"


@pytest.mark.parametrize("verb", app.VERBS)
def test_every_verb_has_help_with_examples(verb):
    command = app.load(verb)

    assert command.help, "what it does"
    assert f"homeport {verb}" in command.epilog, "and how it is called"


@pytest.mark.parametrize("verb", [verb for verb in app.VERBS if verb != "preview"])
def test_the_shape_of_a_document_is_said_where_there_is_one(verb):
    has_option = any("--json" in parameter.opts for parameter in app.load(verb).params)

    assert has_option == bool(app.document_keys(verb)), (
        "docs/reference.md names the keys; those of preview are Pulumi's"
    )


def test_the_reference_names_every_argument():
    page = reference()

    assert "`None`" not in page
    assert "| `bash\\|zsh\\|fish` |" in page, "or the words that may stand there, in one cell"


def test_the_help_loads_nothing_that_only_some_verbs_need():
    code = "import sys\nfrom homeport.cli.app import main\nmain(['--help'])\nprint(*sys.modules, file=sys.stderr)"
    done = run("-c", code, command=sys.executable, cwd=ROOT)

    assert set() == HEAVY & set(done.stderr.split()), "the start stays quick"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("nope",), "No such command 'nope'"),
        (("sttus",), "Did you mean 'status'"),
        (("up", "--nope"), "No such option"),
        (("completion", "tcsh"), "tcsh"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(argv, words):
    done = run(*argv)

    assert (2, "") == (done.returncode, done.stdout), done.stderr
    assert words in done.stderr, done.stderr


def test_a_refusal_ends_with_1_and_keeps_standard_output_empty():
    done = run("images", "--json", "--stack", "nope")

    assert (1, "") == (done.returncode, done.stdout), "no half document"
    assert "there is no such stack" in done.stderr, done.stderr


def test_the_command_runs_from_any_folder_through_a_link_and_with_spaces_in_its_path(tmp_path):
    checkout = tmp_path / "my own checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".git", "tests", "docs"))
    link = tmp_path / "a folder" / "homeport"
    link.parent.mkdir()
    link.symlink_to(checkout / "bin" / "homeport")

    done = run("images", "--json", command=link, cwd="/")

    assert 0 == done.returncode, done.stderr
    assert "redis:7.4.11-alpine" in json.loads(done.stdout)["images"], "the checkout's own stack"


def test_a_path_that_is_typed_is_seen_from_where_the_person_is(tmp_path, monkeypatch):
    from homeport.cli.places import from_here

    monkeypatch.setenv("HOMEPORT_CALLED_FROM", str(tmp_path))

    assert [str(tmp_path / "out"), "/else", ""] == [from_here("out"), from_here("/else"), from_here("")]


@pytest.mark.parametrize("verb", app.VERBS)
def test_every_option_that_is_a_path_is_seen_from_there_too(tmp_path, monkeypatch, verb):
    monkeypatch.setenv("HOMEPORT_CALLED_FROM", str(tmp_path))
    command = app.load(verb)
    parameters = inspect.signature(app._module(verb).command).parameters
    paths = [name for name, parameter in parameters.items() if "pathlib" in str(parameter.annotation)]
    for name in paths:
        with command.make_context(verb, [f"--{name}", "out.json"]) as context:
            assert tmp_path / "out.json" == context.params[name], f"--{name}: not in the checkout"

    assert bool(paths) is (verb in {"smoke", "verify"}), "those that this test is known to see"


def test_images_as_json_are_one_document_without_colours():
    done = run("images", "--json", env=os.environ | {"FORCE_COLOR": "1"})

    assert list(app.document_keys("images")) == list(json.loads(done.stdout)), "programs rely on these names"


@pytest.mark.req("NW-17")
@pytest.mark.parametrize("verb", [("--help",), ("up", "--help"), ("images",)])
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(verb):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, *verb], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert "" == done.stderr, "no traceback, no complaint of the interpreter"
    assert 141 == done.returncode, "as of a command that the closed pipe has ended, and make knows it"


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_a_shell_gets_a_script_and_completes_verbs_stacks_and_options(shell):
    environ, expected = COMPLETIONS[shell]
    script = run("completion", shell)
    answer = run(env=os.environ | environ | {app.COMPLETE: f"complete_{shell}"})

    assert app.COMPLETE in script.stdout, script.stderr
    assert expected in answer.stdout, answer.stderr


def test_the_script_for_bash_is_one_that_bash_takes():
    script = run("completion", "bash").stdout
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)

    assert (0, "") == (done.returncode, done.stderr), script


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_takes_the_colours_of_a_table_away(environ, coloured):
    code = "from homeport.cli.output import print_table\nprint_table(('service', 'health'), [('redis', 'healthy')])\n"
    shown = in_terminal(code, columns=80, **environ)

    assert coloured == ("\x1b[32m" in shown), repr(shown)


def test_a_table_of_many_columns_is_a_list_on_a_narrow_terminal():
    code = (
        "from homeport.cli.output import print_table\nprint_table(('service', *'abcd'), [('redis', *['cell' * 2] * 4)])"
    )
    shown = plain(in_terminal(code, columns=40, NO_COLOR="1"))

    assert ["redis", *[f"  {letter}: cellcell" for letter in "abcd"]] == [
        line for line in shown.splitlines() if line
    ], "columns of three letters could not be read"


def test_a_table_fits_a_narrow_terminal():
    code = "from homeport.cli.output import print_table\nprint_table(('a', 'b'), [('x' * 30, 'y ' * 30)])"
    shown = in_terminal(code, columns=40, NO_COLOR="1")

    assert max(len(line) for line in plain(shown).splitlines()) <= 40, shown
    assert 30 == shown.count("x"), "folded, and nothing is lost"


@pytest.mark.req("NW-11")
@pytest.mark.parametrize("argv", [["preview", "--stack", "wrong"], ["images", "--stack=wrong"]])
def test_the_commands_of_a_refusal_name_the_stack(tmp_path, argv):
    (tmp_path / "Pulumi.wrong.yaml").write_text("config: {homeport:preset: jett, homeport:settings: {domian: x}}\n")
    done = run(*argv, env={**os.environ, "HOMEPORT_STACK_FILES": str(tmp_path)})

    commands = [line for line in done.stderr.splitlines() if "pulumi config" in line]
    assert commands, done.stderr
    assert [] == [line for line in commands if "--stack wrong" not in line], "no verb selects a stack"


@pytest.mark.req("NW-11")
@pytest.mark.parametrize(("verb", "stack"), [("up", "dev"), ("once", "preprod"), ("promote", "prod")])
def test_the_commands_of_a_refusal_name_the_stack_that_a_verb_is_for_by_itself(monkeypatch, capsys, verb, stack):
    def refused(**_):
        raise ToolError(f"it keeps its data\n  fix: {fixes.put_command('homeport:settings.protect_data', value=False)}")

    monkeypatch.setattr(app, "group", lambda: refused)

    assert 1 == app.main([verb])
    assert f"pulumi config set --stack {stack} --path" in capsys.readouterr().err


@pytest.mark.req("NW-11")
def test_a_page_names_the_stack_in_every_example():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "runbooks").glob("*.md")]
    wrong = [
        f"{page.name}: {line}"
        for page in pages
        for line in page.read_text().splitlines()
        if line.removeprefix("bin/homeport ").startswith(tuple(f"pulumi {word}" for word in OF_A_STACK))
        and "--stack" not in line
    ]
    assert [] == wrong, "no stack is selected"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["up"], "homeport: interrupted\n  fix: make up (it takes up where this ended)\n"),
        (
            ["down", "--stack", "prod"],
            "homeport: interrupted\n  fix: make down STACK=prod (it takes up where this ended)\n",
        ),
        (["status"], "homeport: interrupted\n"),
    ],
)
def test_after_an_interrupt_it_says_what_goes_on_where_it_ended(words, told, monkeypatch, capsys):
    def interrupted(**_):
        raise SystemExit(130)  # as typer ends a command after Ctrl-C

    monkeypatch.setattr(app, "group", lambda: interrupted)

    assert 130 == app.main(words)
    assert told == capsys.readouterr().err, "of a verb that does not go on it would be no help"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/var/x"), "/var/x: Permission denied\n  fix: ls -ld /var/x; "),
        (OSError(28, "No space left on device", "/var/x"), "/var/x: No space left on device\n  fix: df -h\n"),
        (OSError(30, "Read-only file system", "/var/x"), "/var/x: Read-only file system\n  fix: df -h\n"),
        (OSError(28, "No space left on device"), "this machine: No space left on device\n  fix: df -h\n"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(error, told, monkeypatch, capsys):
    def refused(**_):
        raise error

    monkeypatch.setattr(app, "group", lambda: refused)

    assert 1 == app.main(["status"])
    assert f"homeport: {told}" in capsys.readouterr().err


def test_what_nobody_has_thought_of_is_no_sentence(monkeypatch):
    def refused(**_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(app, "group", lambda: refused)
    with pytest.raises(OSError, match="Input/output"):
        app.main(["status"])
