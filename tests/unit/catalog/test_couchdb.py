"""CouchDB for LiveSync: its settings, and how its user is made, against a server that keeps documents as it does."""

import base64
import configparser
import json
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from catalog.couchdb.service import SERVICE
from homeport.render.files import service_files
from tests.support.catalog_containers import ALONE
from tests.support.checkout import ROOT

VALUES = {
    "couchdb-admin-password": "Canary1-of-the-administrator",
    "couchdb-obsidian-password": 'Canary1 "of" \\ the user',
    "couchdb-session-secret": "d4" * 32,
}

ADMINISTRATOR = "alice"


class Couch(BaseHTTPRequestHandler):
    """A document is replaced by whoever names its revision; a database is made once."""

    def do_GET(self):
        revision = self.server.revisions.get(self.path)
        code = 200 if self.path == "/_up" or revision else 404
        self.answer(code, revision)

    def do_PUT(self):
        path, _, asked = self.path.partition("?rev=")
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        expected = base64.b64encode(f"{ADMINISTRATOR}:{VALUES['couchdb-admin-password']}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {expected}":
            self.answer(401)
        elif path.endswith("/_security"):
            self.server.documents[path] = json.loads(body)
            self.answer(200)
        elif not body:
            known = path in self.server.documents
            self.server.documents[path] = {}
            self.answer(412 if known else 201)
        elif self.server.revisions.get(path, "") != asked:
            self.answer(409)
        else:
            self.server.documents[path] = json.loads(body)
            self.server.revisions[path] = f"{len(self.server.revisions) + int(asked[:1] or 0) + 1}-abc"
            self.answer(201)

    def answer(self, code, revision=None):
        self.send_response(code)
        if revision:
            self.send_header("ETag", f'"{revision}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def couch():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Couch)
    server.documents, server.revisions = {}, {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def provision(server, folder, user="obsidian"):
    names = {"COUCHDB_USER": ADMINISTRATOR, "OBSIDIAN_USER": user}
    env = {**os.environ, **names, "HOMEPORT_FILES": str(folder), "COUCHDB_PORT": str(server.server_address[1])}
    script = ROOT / "catalog/couchdb/files/provision.sh"
    return subprocess.run(["bash", script], env=env, capture_output=True, text=True, check=False, timeout=120)


def laid(folder, values):
    for entry in service_files(ALONE, SERVICE, ROOT).entries(values, "a" * 32):
        if entry.content is not None:
            path = folder / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.content)


def test_the_vault_and_a_user_for_it_alone_are_made_and_a_second_run_takes_a_new_password(tmp_path):
    laid(tmp_path, VALUES)
    with couch() as server:
        done = provision(server, tmp_path)
        assert done.returncode == 0, done.stderr
        members = server.documents["/obsidian_vault/_security"]["members"]
        assert {"names": ["obsidian"], "roles": []} == members, "nobody else uses the database"
        user = server.documents["/_users/org.couchdb.user:obsidian"]
        assert (VALUES["couchdb-obsidian-password"], []) == (user["password"], user["roles"]), "and it has no role"
        laid(tmp_path, VALUES | {"couchdb-obsidian-password": "another-one"})
        assert 0 == provision(server, tmp_path).returncode, "what is there is replaced"
        assert "another-one" == server.documents["/_users/org.couchdb.user:obsidian"]["password"], "by its revision"


def test_the_vault_s_user_has_the_name_that_is_chosen_and_the_one_before_loses_the_vault(tmp_path):
    laid(tmp_path, VALUES)
    with couch() as server:
        assert [0, 0] == [provision(server, tmp_path, user).returncode for user in ("obsidian", "bob.notes")]
        members = server.documents["/obsidian_vault/_security"]["members"]
        assert {"names": ["bob.notes"], "roles": []} == members, "a new name is the only one"
        assert "bob.notes" == server.documents["/_users/org.couchdb.user:bob.notes"]["name"], "as the user's own says"


def test_an_answer_that_is_none_of_the_expected_is_said_and_no_secret_with_it(tmp_path):
    laid(tmp_path, VALUES)
    (tmp_path / "admin_password").chmod(0o600)
    (tmp_path / "admin_password").write_text("wrong")
    with couch() as server:
        done = provision(server, tmp_path)

    assert done.returncode == 1 and "was answered with 401" in done.stderr, "a wrong password is a failure"
    assert not [word for word in VALUES.values() if word in done.stderr + done.stdout], "and stays where it is"


def test_its_settings_are_those_that_livesync_asks_for_and_nobody_is_let_in_without_a_password():
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string((ROOT / "catalog/couchdb/files/livesync.ini").read_text())
    origins = settings["cors"]["origins"].split(",")

    assert ["app://obsidian.md", "capacitor://localhost", "http://localhost"] == origins, "Windows, iOS, Android"
    assert ("true", "true") == (settings["chttpd"]["enable_cors"], settings["cors"]["credentials"]), "with a password"
    assert {"authorization", "content-type"} <= set(settings["cors"]["headers"].split(",")), "it is sent by a header"
    assert 50_000_000 <= int(settings["couchdb"]["max_document_size"]), "a note with a picture"
    assert 2**32 <= int(settings["chttpd"]["max_http_request_size"]), "many of them at once"
    assert "true" == settings["chttpd_auth"]["require_valid_user"], "every request signs in"
    assert "true" == settings["chttpd"]["require_valid_user_except_for_up"], "but the health check"
    assert not re.search(r"\*", settings["cors"]["origins"]), "no other page reads the vault"
