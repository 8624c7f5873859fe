"""A receiver on a free port, and GitHub's side of a delivery."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import sys
import threading
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(APP))

import auto_fix_settings  # noqa: E402  # found by the path above
from auto_fix_receiver import PATH, Server  # noqa: E402

SIGNS = "It's a Secret to Everybody"


def event(**change):
    """An issue that a maintainer has labelled."""
    issue = {
        "number": 7,
        "title": "It breaks",
        "body": "Always",
        "state": "open",
        "labels": [{"name": "bug"}, {"name": "auto-fix"}],
        "user": {"login": "reporter"},
        "author_association": "NONE",
    }
    whole = {
        "action": "labeled",
        "label": {"name": "auto-fix"},
        "issue": issue | change.pop("issue", {}),
        "repository": {"full_name": "Owner/Platform", "default_branch": "main", "archived": False}
        | change.pop("repository", {}),
        "sender": {"login": "owner"},
    }
    return whole | change


class Receiver:
    """It serves until `close`; `begin` serves again, on another port, as after a restart."""

    def __init__(self, folder: Path) -> None:
        (folder / "secret").write_text(SIGNS)
        self.env = {
            "PORT": "0",
            "WEBHOOK_SECRET_FILE": str(folder / "secret"),
            "QUEUE": str(folder / "queue.db"),
            "REPOSITORIES": "Owner/Platform, owner/second",
        }
        self.numbers = itertools.count(1)
        self.begin()

    def begin(self):
        self.server = Server(auto_fix_settings.receiver(self.env), "1.0+test")
        self.queue = self.server.queue
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self):
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def call(self, method, path, body=b"", headers=()):
        line = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=120)
        try:
            line.request(method, path, body, dict(headers))
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()

    def deliver(self, payload, *, delivery="", kind="issues", body=None, **headers):
        """A delivery as GitHub makes it; `headers` with `_` for `-` change it, None takes one away."""
        content = json.dumps(payload).encode() if body is None else body
        usual = {
            "Content-Type": "application/json",
            "X-GitHub-Delivery": delivery or f"delivery-{next(self.numbers)}",
            "X-GitHub-Event": kind,
            "X-Hub-Signature-256": sign(content),
        }
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", PATH, content, {name: value for name, value in usual.items() if value is not None})


def sign(body, secret=SIGNS):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def receiver(tmp_path):
    serving = Receiver(tmp_path)
    yield serving
    serving.close()
