"""The environment that every command starts in: made once, and made anew where it cannot work."""

import json
import os
import subprocess
from concurrent import futures
from pathlib import Path

import grpc
import pytest
import requests.utils

from homeport.cli import bootstrap, cloudflare, hetzner
from homeport.cli.preflight.api import Api
from homeport.model.errors import ToolError


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Instead of minutes with a registry: a list of what would have been made."""
    asked: list[Path] = []

    def run(argv: list[str]) -> None:
        asked.append(Path(argv[-1]))
        (tmp_path / "venv").mkdir(exist_ok=True)

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    return asked


def test_a_whole_environment_is_not_made_twice(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    bootstrap.ensure(folder)
    first = len(made)
    (folder / ".complete").write_text(str(folder))
    bootstrap.ensure(folder)
    assert len(made) == first > 0, "a second run must find the first one's environment"


def test_an_environment_copied_from_elsewhere_is_made_anew(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / ".complete").write_text(str(tmp_path / "another cache" / "venv"))
    bootstrap.ensure(folder)
    assert made, "its scripts start with the path of a Python that may be gone"


def test_an_environment_that_two_caches_share_by_a_link_is_nobodys_to_make_anew(
    tmp_path: Path, made: list[Path]
) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / ".complete").write_text(str(folder))
    (tmp_path / "linked").symlink_to(folder)
    bootstrap.ensure(tmp_path / "linked")
    assert not made, "whoever works in it would lose it in the midst"


def test_an_environment_without_its_mark_is_made_anew(tmp_path: Path, made: list[Path]) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    bootstrap.ensure(folder)
    assert made, "an interrupted installation has no mark"


RUN = bootstrap.ROOT / "homeport" / "cli" / "run.sh"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def plain() -> dict[str, str]:
    """This environment without proxies."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


@pytest.mark.req("NW-20")
@pytest.mark.parametrize("named", ["cache", "./cache", "../cache", "a/b:c"])
def test_a_relative_cache_folder_is_refused(tmp_path: Path, named: str) -> None:
    done = subprocess.run(
        ["sh", str(RUN), "python", "--version"],
        env=os.environ | {"HOMEPORT_CACHE": named},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("homeport: HOMEPORT_CACHE: "), done.stderr
    assert "\n  fix: HOMEPORT_CACHE=$HOME/.cache/homeport" in done.stderr, done.stderr
    assert not [*tmp_path.iterdir()], "another folder for each program that starts elsewhere, one in the checkout"
    assert not (bootstrap.ROOT / "cache").exists(), "the checkout holds nothing that homeport writes"


@pytest.mark.req("NW-20")
def test_programs_find_the_cache_folder_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/jo")
    monkeypatch.setenv("HOMEPORT_CACHE", "~/my cache")
    assert "/srv/jo/my cache" == bootstrap.variables(Path("/venv"))["HOMEPORT_CACHE"], "no program reads ~ but a shell"


@pytest.mark.req("CA-13")
@pytest.mark.parametrize("name", ["with blanks", "100%sure", "it's", "a#b?c&d", "größe", "(x)[y]{z}$HOME"])
def test_a_cache_folder_may_have_any_name_that_ssh_and_path_can_be_told(name: str) -> None:
    assert "" == bootstrap.unusable(Path("/tmp", name)), name


@pytest.mark.req("CA-13")
@pytest.mark.parametrize("name", ["a:b", 'a"b', "a\\b", "a${b}", "a\nb"])
def test_a_cache_folder_that_ssh_or_path_would_read_otherwise_is_refused(name: str) -> None:
    assert "PATH or ssh" in bootstrap.unusable(Path("/tmp", name)), name


@pytest.mark.req("NW-05")
@pytest.mark.parametrize("proxy", [*PROXIES, *(name.upper() for name in PROXIES)])
def test_this_machine_and_dockers_networks_go_through_no_proxy(proxy: str) -> None:
    environ = {proxy: "http://192.0.2.1:3128", "no_proxy": "intern.example.com, .example.org"}
    added = bootstrap.unproxied(environ)

    assert added["no_proxy"] == added["NO_PROXY"], "some programs read one of the two"
    assert added["no_proxy"].startswith("intern.example.com,.example.org,"), "the user's own names stay"
    for url in ("http://127.0.0.1:1", "https://n8n.localhost:8443", "http://localhost", "http://172.17.0.2"):
        assert requests.utils.should_bypass_proxies(url, no_proxy=added["no_proxy"]), url
    assert not requests.utils.should_bypass_proxies("https://api.cloudflare.com", no_proxy=added["no_proxy"]), (
        "what is out there still goes the user's way"
    )


def test_without_a_proxy_nothing_is_added() -> None:
    assert {} == bootstrap.unproxied({"PATH": "/bin", "no_proxy": "x"})


CALL = """
import grpc, sys
with grpc.insecure_channel(sys.argv[1]) as channel:
    grpc.channel_ready_future(channel).result(timeout=120)
"""


@pytest.mark.req("NW-05")
@pytest.mark.parametrize("proxy", PROXIES[:2])
def test_the_engines_own_calls_reach_it_though_a_proxy_is_set(proxy: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        # Nobody listens at port 9: whatever is sent to this proxy is lost.
        environ = plain() | {proxy: "http://127.0.0.1:9"}
        done = subprocess.run(
            ["sh", str(RUN), "python", "-c", CALL, f"127.0.0.1:{port}"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.stop(None)
    assert done.returncode == 0, f"gRPC has asked the proxy for 127.0.0.1: {done.stderr[-400:]}"


@pytest.mark.req("NW-05")
def test_what_env_prints_holds_the_names_without_a_proxy() -> None:
    environ = plain() | {"https_proxy": "http://127.0.0.1:9"}
    code = "import json, os; print(json.dumps({name: os.environ.get(name) for name in ('no_proxy', 'NO_PROXY')}))"
    done = subprocess.run(
        ["sh", str(RUN), "python", "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert "127.0.0.1" in json.loads(done.stdout)["NO_PROXY"], done.stdout


CLIENTS = {
    "Cloudflare": lambda: cloudflare.client("t"),
    "Hetzner Cloud": lambda: hetzner.client("t"),
    "preflight": lambda: Api("a cloud", "https://api.example.com", "t"),
}


@pytest.mark.req("NW-05")
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("proxy", [*PROXIES, "ALL_PROXY"])
def test_a_proxy_that_no_client_can_use_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, client: str, proxy: str
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(proxy, "socks5://jo:canary@192.0.2.1:1080")
    with pytest.raises(ToolError) as refused:
        CLIENTS[client]()
    lines = str(refused.value).splitlines()

    assert f"{proxy}: a proxy of kind 'socks5' cannot be used" in lines[0], lines
    assert lines[1].startswith("  fix: "), lines
    assert "canary" not in str(refused.value), "a proxy's address may hold a password"
