"""A stub keeps the contract of the image that it stands in for.

Where the software would not start, neither does the stub.
"""

import json
import os
import subprocess
from types import SimpleNamespace

import pytest

from homeport.cli.stand_ins import contracts
from homeport.settings.apps import App
from tests.support.checkout import ROOT
from toolchain.images.recipe import known
from toolchain.images.recipes.stub import recipe as stubs

CONTRACTS = stubs.contracts()
STRICT = {
    "repository": "example/strict",
    "software": "Strict",
    "port": 8080,
    "paths": ["/health"],
    "variables": {"KEY": "[0-9a-f]{8}"},
    "file_options": ["--secret-file"],
}


def start(tmp_path, contract, *argv, **environ):
    """How the stub's own start ends, with a server in busybox's place that only says that it was reached."""
    busybox = tmp_path / "busybox"
    busybox.write_text('#!/bin/sh\n[ "$1" = httpd ] && { echo served; exit 0; }\nexec "$@"\n')
    busybox.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    script = stubs.start_script(contract)
    command = ["sh", "-c", script, "stub", *argv]
    return subprocess.run(command, env={"PATH": path, **environ}, capture_output=True, text=True, check=False)


def test_a_service_of_the_catalog_brings_its_own_contract():
    own = {json.loads(path.read_text())["repository"] for path in (ROOT / "catalog").glob("*/stub.json")}

    assert {"portainer/portainer-ce", "qdrant/qdrant"} <= own <= set(CONTRACTS), "no list elsewhere has to be changed"


@pytest.mark.parametrize("repository", sorted(CONTRACTS))
def test_every_contract_gives_a_labelled_recipe(repository):
    path, contract = CONTRACTS[repository]
    recipe = known(f"{repository}:9.9")

    assert "stub" == recipe.kind, "nobody takes it for the software"
    assert path in recipe.sources, "a changed contract makes a new image"
    assert contract["paths"], "something has to answer"
    assert path.name == "stubs.json" or contract["source"].startswith("https://"), "somebody else can read the same"


def test_a_stub_serves_where_everything_is_there(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    contract = {**STRICT, "writable": [str(tmp_path)]}

    for argv in (["--secret-file", str(secret)], [f"--secret-file={secret}"], []):
        done = start(tmp_path, contract, *argv, KEY="0123abcd")
        assert "served\n" == done.stdout, done.stderr


@pytest.mark.parametrize(
    ("argv", "environ", "words"),
    [
        ((), {}, "variable KEY is missing"),
        ((), {"KEY": "0123abcd0"}, "has another form"),
        (("--secret-file", "/nowhere/secret"), {"KEY": "0123abcd"}, "cannot read /nowhere/secret of --secret-file"),
        (("--secret-file=/nowhere/secret",), {"KEY": "0123abcd"}, "cannot read /nowhere/secret of --secret-file"),
        (("--secret-file",), {"KEY": "0123abcd"}, "names no file"),
    ],
)
def test_a_stub_refuses_what_the_software_refuses(tmp_path, argv, environ, words):
    done = start(tmp_path, STRICT, *argv, **environ)

    assert 1 == done.returncode, "a wrong configuration is seen before the real image is there"
    assert words in done.stderr, done.stderr


def test_a_stub_refuses_a_folder_that_it_cannot_write_to(tmp_path):
    done = start(tmp_path, {**STRICT, "writable": ["/nowhere/data"]}, KEY="0123abcd")

    assert (1, True) == (done.returncode, "cannot write to /nowhere/data" in done.stderr), "a volume is missing"


def test_a_stub_answers_at_the_root_and_its_probes_ask_there(tmp_path):
    kit = SimpleNamespace(root=tmp_path)
    stubs.assemble(
        {**STRICT, "paths": ["/", "/deep/"], "entrypoint": "/app/start", "probes": ["/app/healthcheck"]}, kit
    )

    assert all((tmp_path / "srv/stub" / page).is_file() for page in ("index.html", "deep/index.html")), "a page each"
    assert "http://127.0.0.1:8080/" in (tmp_path / "app/healthcheck").read_text(), "the image's own health check works"
    assert all(os.access(tmp_path / path, os.X_OK) for path in ("stub", "app/start", "app/healthcheck"))


@pytest.mark.req("OS-12")
def test_an_image_of_a_users_own_is_stood_in_for_by_what_its_block_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path / "cache"))
    block = {
        "image": "registry.example.net:5000/team/shop:1.4",
        "entrypoint": ["/usr/bin/shop"],
        "port": 3000,
        "health": {"http": "/deep/health?full=1"},
    }
    worker = {**block, "port": 3001, "health": {"command": ["shop-check", "--now"]}}
    nightly = {"image": block["image"], "command": ["tidy"], "schedule": "@daily"}
    blocks = {"shop": block, "worker": worker, "nightly": nightly}
    (contract,) = contracts({name: App.model_validate_json(json.dumps(app)) for name, app in blocks.items()})
    stubs.hand(json.dumps(contract))
    recipe = stubs.recipe_for(block["image"])
    kit = SimpleNamespace(root=tmp_path / "root")
    recipe.assemble(kit)

    assert ("stub", block["image"]) == (recipe.kind, recipe.image), "nobody takes it for the software"
    assert stubs.recipe_for("registry.example.net:5000/team/shop:1.5") is None, "nothing was said of another tag"
    assert (kit.root / "srv/stub/deep/health").is_file(), "its health check's path answers"
    script = (kit.root / "stub").read_text()
    assert "busybox httpd -p 3001 " in script, "two apps of one image, a port each"
    assert script.endswith("exec busybox httpd -f -p 3000 -h /srv/stub\n")
    programs = ("usr/bin/shop", "usr/local/bin/shop-check", "usr/local/bin/tidy")
    assert all(os.access(kit.root / path, os.X_OK) for path in programs), "what is started and asked is there"
    before = recipe.fingerprint
    stubs.hand(json.dumps({**contract, "port": 3002}))
    assert before != stubs.recipe_for(block["image"]).fingerprint, "another block is another stub"
