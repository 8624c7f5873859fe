"""Issues, their comments, pull requests, and the webhooks that tell of issues.

Sources: docs.github.com/en/rest (issues/issues, issues/labels, issues/comments, pulls/pulls, repos/webhooks), and
docs.github.com/en/webhooks ("Webhook events and payloads", "Validating webhook deliveries").
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.github.errors import GitHubError, missing, unfit
from rehearsal.clouds.github.store import stamp
from rehearsal.clouds.kit.api import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rehearsal.clouds.github.repository import Repository
    from rehearsal.clouds.github.store import Record, Store

Asked = tuple[str, "Record", "Mapping[str, Any]", tuple[str, ...]]
"""Repository, who asks, what for, and what the path names behind the repository."""
Act = tuple[str, str, str, str, "Callable[[Asked], Answer]"]
"""Method, path behind the repository, permission, level, what is done."""
_PATIENCE: Final = 10.0
"""Seconds that GitHub waits for a webhook's answer."""


class Issues:
    """What people and their programs do with issues.

    Args:
        store: What is there.
        git: The repositories by name.
    """

    def __init__(self, store: Store, git: Mapping[str, Repository]) -> None:
        self._store, self._git = store, git

    def acts(self) -> Iterator[Act]:
        """The calls."""
        yield from (
            ("POST", "/issues", "issues", "read", self._open),
            ("GET", r"/issues/(\d+)", "issues", "read", self._issue),
            ("PATCH", r"/issues/(\d+)", "issues", "write", self._change),
            ("POST", r"/issues/(\d+)/labels", "issues", "write", self._label),
            ("GET", r"/issues/(\d+)/comments", "issues", "read", self._comments),
            ("POST", r"/issues/(\d+)/comments", "issues", "write", self._comment),
            ("POST", "/pulls", "pull_requests", "write", self._pull),
            ("GET", "/pulls", "pull_requests", "read", self._pulls),
            ("PATCH", r"/pulls/(\d+)", "pull_requests", "write", self._change_pull),
            ("POST", "/hooks", "administration", "write", self._hook),
            ("GET", r"/hooks/(\d+)/deliveries", "administration", "read", self._deliveries),
            ("POST", r"/hooks/(\d+)/deliveries/(\d+)/attempts", "administration", "write", self._again),
        )

    def _open(self, asked: Asked) -> Answer:
        name, who, about, _ = asked
        if not about.get("title"):
            raise unfit("title", "missing_field")
        # Whoever has no rights may open one; its labels are dropped without a word.
        trusted = who.get("association", "OWNER") != "NONE"
        number = self._number(name)
        issue = {
            "number": number,
            "repository": name,
            "title": about["title"],
            "body": about.get("body"),
            "state": "open",
            "labels": [{"name": label} for label in about.get("labels", ())] if trusted else [],
            "user": {"login": who.get("login", "owner")},
            "author_association": who.get("association", "OWNER"),
            "created_at": stamp(self._store.now()),
        }
        self._store.put("issues", f"{name}#{number}", issue)
        self._tell(issue, "opened", who)
        for label in issue["labels"]:
            self._tell(issue, "labeled", who, label=label)
        return Answer(201, issue)

    def _issue(self, asked: Asked) -> Answer:
        return Answer(200, self._of(asked))

    def _change(self, asked: Asked) -> Answer:
        name, who, about, (number,) = asked
        issue = self._of(asked) | {key: about[key] for key in ("title", "body", "state") if key in about}
        if "labels" in about:
            issue["labels"] = [{"name": label} for label in about["labels"]]
        self._store.put("issues", f"{name}#{number}", issue)
        self._tell(issue, "closed" if about.get("state") == "closed" else "edited", who)
        return Answer(200, issue)

    def _label(self, asked: Asked) -> Answer:
        name, who, about, (number,) = asked
        issue = self._of(asked)
        new = [{"name": label} for label in about["labels"] if {"name": label} not in issue["labels"]]
        issue["labels"] += new
        self._store.put("issues", f"{name}#{number}", issue)
        for label in new:
            self._tell(issue, "labeled", who, label=label)
        return Answer(200, issue["labels"])

    def _comments(self, asked: Asked) -> Answer:
        issue = self._of(asked)
        rows = [row for row in self._store.all("comments").values() if row["issue"] == _key(issue)]
        return Answer(200, _page(rows, asked[2]))

    def _comment(self, asked: Asked) -> Answer:
        issue, number = self._of(asked), self._store.new_id("comments")
        if not asked[2].get("body"):
            raise unfit("body", "missing_field")
        row = {"id": number, "issue": _key(issue), "body": asked[2]["body"]}
        self._store.put("comments", str(number), row)
        return Answer(201, row)

    def _pull(self, asked: Asked) -> Answer:
        name, _, about, _ = asked
        head, base = str(about.get("head", "")), str(about.get("base", ""))
        commits = {field: self._git[name].commit(branch) for field, branch in (("head", head), ("base", base))}
        for field, commit in commits.items():
            if not commit:
                raise unfit(field)
        if commits["head"] == commits["base"]:
            raise _unfit(f"No commits between {base} and {head}")
        label = f"{name.partition('/')[0]}:{head}"
        # The number is given away and the row is there at once: of two calls at a time one is refused.
        with self._store.lock:
            if any(
                row["repository"] == name and row["head"]["label"] == label and row["state"] == "open"
                for row in self._store.all("pulls").values()
            ):
                raise _unfit(f"A pull request already exists for {label}.")
            number = self._number(name)
            pull = {
                "number": number,
                "repository": name,
                "title": about["title"],
                "body": about.get("body"),
                "state": "open",
                "head": {"ref": head, "sha": commits["head"], "label": label},
                "base": {"ref": base, "sha": commits["base"]},
            }
            self._store.put("pulls", f"{name}#{number}", pull)
        return Answer(201, pull)

    def _pulls(self, asked: Asked) -> Answer:
        name, _, about, _ = asked
        state, head = about.get("state", "open"), about.get("head", "")
        rows = [
            row
            for row in self._store.all("pulls").values()
            if row["repository"] == name
            and state in {"all", row["state"]}
            # Without an owner before its colon GitHub does not filter by it.
            and (":" not in head or row["head"]["label"] == head)
        ]
        return Answer(200, _page(rows[::-1], about))

    def _change_pull(self, asked: Asked) -> Answer:
        name, _, about, (number,) = asked
        row = self._store.get("pulls", f"{name}#{number}")
        if row is None:
            raise missing()
        self._store.put("pulls", f"{name}#{number}", row | {"state": about.get("state", row["state"])})
        return Answer(200, self._store.get("pulls", f"{name}#{number}"))

    def _of(self, asked: Asked) -> Record:
        issue = self._store.get("issues", f"{asked[0]}#{asked[3][0]}")
        if issue is None:
            raise missing()
        return dict(issue)

    def _number(self, name: str) -> int:
        """Issues and pull requests of a repository are counted together."""
        tables = ("issues", "pulls")
        rows = (row for table in tables for row in self._store.all(table).values() if row["repository"] == name)
        return max((row["number"] for row in rows), default=0) + 1

    # Webhooks.

    def _hook(self, asked: Asked) -> Answer:
        name, _, about, _ = asked
        config = about.get("config") or {}
        if not config.get("url"):
            raise unfit("url", "missing_field")
        number = self._store.new_id("hooks")
        row = {"id": number, "repository": name, "events": list(about.get("events", ["push"])), "config": config}
        self._store.put("hooks", str(number), row)
        # Nobody is shown a secret again.
        return Answer(201, row | {"config": config | {"secret": "*" * 8}})

    def _deliveries(self, asked: Asked) -> Answer:
        hook = self._of_hook(asked)
        rows = [row for row in self._store.all("deliveries").values() if row["hook"] == hook["id"]]
        return Answer(200, [{key: value for key, value in row.items() if key != "body"} for row in rows[::-1]])

    def _again(self, asked: Asked) -> Answer:
        hook, row = self._of_hook(asked), self._store.get("deliveries", asked[3][1])
        if row is None or row["hook"] != hook["id"]:
            raise missing()
        self._send(hook, row["guid"], row["event"], row["body"], again=True)
        return Answer(202, {})

    def _of_hook(self, asked: Asked) -> Record:
        hook = self._store.get("hooks", asked[3][0])
        if hook is None or hook["repository"] != asked[0]:
            raise missing()
        return dict(hook)

    def _tell(self, issue: Record, action: str, who: Record, **more: Any) -> None:
        name = issue["repository"]
        repository = {
            "full_name": name,
            "default_branch": "main",
            "archived": bool(self._store.get("repositories", name).get("archived")),
        }
        shown = {key: value for key, value in issue.items() if key != "repository"}
        shown["updated_at"] = stamp(self._store.now())
        sender = {"login": who.get("login", "owner")}
        payload = {"action": action, "issue": shown, "repository": repository, "sender": sender, **more}
        for hook in self._store.all("hooks").values():
            if hook["repository"] == name and {"issues", "*"} & {*hook["events"]}:
                self._send(hook, str(uuid.uuid4()), "issues", json.dumps(payload))

    def _send(self, hook: Record, guid: str, event: str, body: str, *, again: bool = False) -> None:
        number = self._store.new_id("deliveries")
        row = {"id": number, "hook": hook["id"], "guid": guid, "event": event, "body": body, "redelivery": again}
        self._store.put("deliveries", str(number), row | {"status_code": None})

        def send() -> None:
            self._store.put("deliveries", str(number), row | {"status_code": _post(hook, guid, event, body.encode())})

        threading.Thread(target=send, daemon=True).start()


def _post(hook: Record, guid: str, event: str, body: bytes) -> int:
    """The status of the answer; 0: there was none."""
    secret = str(hook["config"].get("secret", ""))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/emulated",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook["id"]),
    }
    if secret:
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(hook["config"]["url"], body, headers, method="POST")  # noqa: S310  # the seed's
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310  # the same
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        problem.close()
        return problem.code
    except OSError:
        return 0


def _key(issue: Record) -> str:
    return f"{issue['repository']}#{issue['number']}"


def _page(rows: list[Record], about: Mapping[str, Any]) -> list[Record]:
    size, page = min(int(about.get("per_page", 30)), 100), int(about.get("page", 1))
    return rows[(page - 1) * size : page * size]


def _unfit(message: str) -> GitHubError:
    errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
    return GitHubError(422, "Validation Failed", errors=errors)
