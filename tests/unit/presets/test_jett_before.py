"""The question that jett's n8n is asked before an update, beside an HTTP server that answers as Qdrant does."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "catalog/presets/jett/n8n/before.cjs"


@pytest.fixture
def qdrant():
    """Its address; `vectors` is what its collection has."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/collections/cache" and self.headers["api-key"] == "key"
            self.send_response(200 if known else 404)
            self.end_headers()
            vectors = {"size": 768, "distance": "Cosine"}
            self.wfile.write(json.dumps({"result": {"config": {"params": {"vectors": vectors}}}}).encode())

        def log_message(self, *_):
            """Nothing is said."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _asked(folder, base, *, collection="cache", size="768"):
    (folder / "qdrant_api_key").write_text("key\n")
    environ = {
        **os.environ,
        "HOMEPORT_FILES": str(folder),
        "HOMEPORT_QDRANT": base,
        "HOMEPORT_QDRANT_COLLECTION": collection,
        "HOMEPORT_QDRANT_SIZE": size,
        "HOMEPORT_QDRANT_DISTANCE": "Cosine",
    }
    done = subprocess.run(
        ["node", "-"], input=SCRIPT.read_text(), env=environ, capture_output=True, text=True, check=True
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.req("NW-03")
def test_another_size_than_that_of_the_collection_is_a_problem_with_its_way_out(tmp_path, qdrant):
    ((where, what, fix),) = _asked(tmp_path, qdrant, size="1536")

    assert "homeport:settings.options.qdrant-size" == where
    assert "has vectors of size 768, the settings say 1536" in what
    assert fix.endswith(
        "bin/homeport pulumi config set --stack {stack} --path homeport:settings.options.qdrant-size 768"
    )


@pytest.mark.parametrize(("collection", "size"), [("cache", "768"), ("another", "1536")])
def test_what_fits_or_is_not_there_is_no_problem(tmp_path, qdrant, collection, size):
    assert [] == _asked(tmp_path, qdrant, collection=collection, size=size)


def test_a_qdrant_that_is_not_there_objects_to_nothing(tmp_path):
    assert [] == _asked(tmp_path, "http://127.0.0.1:9", size="1536")
