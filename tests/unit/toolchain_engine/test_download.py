import hashlib
import io
import platform
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from toolchain.engine import download
from toolchain.engine.choice import ensure_choice
from toolchain.engine.errors import EngineError

pytestmark = pytest.mark.slow


def archive(*members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = 3, 0o755
            tar.addfile(entry, io.BytesIO(b"cli"))
    return raw.getvalue()


@pytest.fixture
def site():
    """A download site on loopback; `files` maps paths to contents, `asked` lists what was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.server.asked.append(("HEAD", self.path))
            self.send_response(403)
            self.end_headers()

        def do_GET(self):
            self.server.asked.append(("GET", self.path))
            body = self.server.files.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.files = [], {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def offers(site, places, monkeypatch):
    """Has the site offer an archive, whose checksum is known from homeport, from the site's list or nowhere."""

    def offer(*members, known="homeport", content=None):
        name, content = download.archive_name(places.version), content or archive(*members)
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setattr(download, "KNOWN", {name: f"sha256:{digest}"} if known == "homeport" else {})
        site.files[f"/sdk/{name}"] = content
        lines = [f"{'0' * 64}  another.tar.gz", *([f"{digest}  {name}"] if known == "list" else [])]
        site.files[f"/sdk/pulumi-{places.version}-checksums.txt"] = "\n".join(lines).encode()

    return offer


@pytest.fixture
def reaching(site, environ, tmp_path):
    """An environment whose download site is the one on loopback, and whose PATH is empty."""
    url = f"http://127.0.0.1:{site.server_port}/sdk"
    return environ | {"PATH": str(tmp_path / "empty"), download.OVERRIDE: url}


@pytest.mark.parametrize("known", ["homeport", "list"])
def test_where_the_site_answers_pulumis_own_cli_is_installed_into_the_cache(places, site, reaching, offers, known):
    offers("pulumi/pulumi", "pulumi/pulumi-language-python", known=known)
    chosen = ensure_choice(places, reaching)
    assert (True, places.official) == (chosen.official, chosen.binary)
    assert b"cli" == places.official.read_bytes()
    assert ("HEAD", "/sdk/") == site.asked[0], "any answer below 500 proves that the site is there"
    assert [places.official.parent.parent.name] == [
        path.name for path in places.official.parents[2].iterdir() if path.is_dir()
    ], "nothing of the way to it is left"


def test_an_archive_that_is_not_there_is_an_error_and_leaves_nothing(places, site, reaching, offers):
    offers("pulumi/pulumi")
    site.files.clear()
    with pytest.raises(EngineError, match="cannot be fetched"):
        download.install(places, reaching)
    assert not places.official.parent.exists()


@pytest.mark.parametrize("known", ["homeport", "list"])
def test_an_archive_that_is_not_what_was_released_is_refused_before_it_is_unpacked(
    places, site, reaching, offers, known
):
    offers("pulumi/pulumi", known=known)
    site.files[f"/sdk/{download.archive_name(places.version)}"] = archive("pulumi/pulumi", "pulumi/more")
    with pytest.raises(EngineError, match=r"is not what Pulumi released: sha256:.* instead of sha256:") as refused:
        download.install(places, reaching)
    assert "\n  fix: HOMEPORT_ENGINE=registries make engine" in str(refused.value), "there is a way without the site"
    assert not list(places.cache.rglob("pulumi")), "it would be given every secret of the stack"


def test_half_an_archive_is_refused(places, site, reaching, offers):
    offers("pulumi/pulumi")
    name = f"/sdk/{download.archive_name(places.version)}"
    site.files[name] = site.files[name][:-20]
    with pytest.raises(EngineError, match="is not what Pulumi released"):
        download.install(places, reaching)


def test_an_archive_that_neither_homeport_nor_the_sites_list_knows_is_refused(places, reaching, offers):
    offers("pulumi/pulumi", known="nowhere")
    with pytest.raises(EngineError, match="has no checksum of"):
        download.install(places, reaching)


def test_what_homeport_knows_is_of_the_version_that_it_asks_for(places, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    asked = []
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        asked.append(download.archive_name(places.version))

    assert {*asked} == {*download.KNOWN}, "with go.mod change these too: pulumi-VERSION-checksums.txt of the release"


def test_an_archive_without_the_cli_is_refused(places, reaching, offers):
    offers("readme")
    with pytest.raises(EngineError, match="holds no pulumi/pulumi"):
        download.install(places, reaching)


def test_a_member_that_would_leave_the_folder_is_refused(places, reaching, offers):
    offers("pulumi/pulumi", "../../../escaped")
    with pytest.raises(EngineError, match="cannot be unpacked"):
        download.install(places, reaching)
    assert not list(places.cache.parent.rglob("escaped"))


def test_what_is_no_archive_is_refused(places, reaching, offers):
    offers(content=b"<html>please sign in</html>")
    with pytest.raises(EngineError, match="cannot be unpacked"):
        download.install(places, reaching)


def test_a_site_out_of_reach_is_no_error_but_a_reason(environ):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    reason = download.obstacle(environ | {download.OVERRIDE: f"http://127.0.0.1:{port}"})
    assert reason is not None
    assert "cannot be reached" in reason


def test_a_silent_site_is_given_up_after_the_stated_patience(environ, monkeypatch):
    import socket

    monkeypatch.setattr(download, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reason = download.obstacle(environ | {download.OVERRIDE: f"http://127.0.0.1:{silent.getsockname()[1]}"})
    assert reason is not None, "it answers nothing, so that only the patience ended this"
