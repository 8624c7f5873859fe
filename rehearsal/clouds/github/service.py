"""The API apart from HTTP: what people and workflows call, what runners call, and Git itself.

Sources: docs.github.com/en/rest (actions/self-hosted-runners, actions/workflow-runs, actions/workflow-jobs,
commits/statuses, repos/contents); actions/runner, src/Runner.Listener/Configuration/ConfigurationManager.cs and
src/Runner.Common/RunnerDotcomServer.cs (registration, below /api/v3 on a server that is not github.com),
src/Sdk/WebApi/WebApi/BrokerHttpClient.cs (session, message), src/Sdk/RSWebApi/RunServiceHttpClient.cs (jobs);
actions/runner#1748 (what an expired token gets: 404, "Not Found").
"""

from __future__ import annotations

import base64
import binascii
import math
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from rehearsal.clouds.github.dispatch import Dispatch
from rehearsal.clouds.github.errors import GitHubError, forbidden, missing, unauthorized, unfit
from rehearsal.clouds.github.issues import Issues
from rehearsal.clouds.github.repository import Repository
from rehearsal.clouds.github.store import Store, stamp
from rehearsal.clouds.github.workflows import WorkflowError
from rehearsal.clouds.kit.api import Answer, Api, Call, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal
from rehearsal.clouds.kit.routing import NoRouteError, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rehearsal.clouds.github.issues import Asked
    from rehearsal.clouds.github.store import Record
    from rehearsal.clouds.kit.faults import Fault

_HOUR: Final = 3600.0
_SILENT: Final = 5.0
"""Seconds without a question after which a runner's session is nobody's any more."""
_API: Final = "/api/v3"
_REPOSITORY: Final = r"/repos/([\w.-]+/[\w.-]+)"
_RANK: Final = {"read": 1, "write": 2}
_STATES: Final = {"error", "failure", "pending", "success"}


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        about: Query and body together.
        names: What the path names, in order.
        authorization: The header of that name.
    """

    about: Mapping[str, Any]
    names: tuple[str, ...]
    authorization: str


class Service(Api):
    """The emulated GitHub.

    Args:
        store: What is there.
        folder: Where the repositories are.
        url: How runners reach it, for the addresses that it gives them.
        lock: Seconds without a word of its runner after which a job has failed.
        patience: Seconds that a runner's question for a job is held.
    """

    def __init__(self, store: Store, folder: Path, *, url: str = "", lock: float = 60.0, patience: float = 2.0) -> None:
        # Bodies hold tokens and logs, which nothing but the answers may tell.
        super().__init__(Faults(), Journal())
        self.url = url
        self._store, self._patience, self._pushing = store, patience, threading.Lock()
        self._dispatch = Dispatch(store, lock)
        self._git = {name: Repository(folder / f"{name}.git") for name in store.all("repositories")}
        self._routes: Routes[Callable[[Request], Answer]] = Routes()
        actions = f"{_API}{_REPOSITORY}/actions"
        for method, pattern, act in (
            ("POST", f"{actions}/runners/(registration|remove)-token", self._runner_token),
            ("GET", f"{actions}/runners", self._list_runners),
            ("DELETE", f"{actions}/runners/(\\d+)", self._remove_runner),
            ("GET", f"{actions}/runs", self._list_runs),
            ("GET", f"{actions}/runs/(\\d+)", self._run),
            ("GET", f"{actions}/runs/(\\d+)/jobs", self._list_jobs),
            ("POST", f"{actions}/runs/(\\d+)/pending_deployments", self._review),
            ("GET", f"{_API}{_REPOSITORY}/environments/([\\w.-]+)", self._environment),
            ("GET", f"{actions}/jobs/(\\d+)/logs", self._log),
            ("POST", f"{actions}/workflows/([\\w.-]+)/dispatches", self._by_hand),
            ("POST", f"{_API}{_REPOSITORY}/statuses/([0-9a-f]{{40}})", self._set_status),
            ("GET", f"{_API}{_REPOSITORY}/commits/([^/]+)/status", self._status),
            ("GET", f"{_API}{_REPOSITORY}/tarball/(.+)", self._archive),
            ("POST", f"{_API}/actions/runner-registration", self._registration),
            ("POST", f"{_API}/actions/runners/register", self._register),
            ("POST", f"{_API}/actions/runners/unregister", self._unregister),
            ("POST", "/_services/oauth/token", self._runner_login),
            ("POST", "/_services/broker/session", self._open_session),
            ("DELETE", "/_services/broker/session", self._close_session),
            ("GET", "/_services/broker/message", self._message),
            ("POST", "/_services/run/acquirejob", self._acquire),
            ("POST", "/_services/run/renewjob", self._renew),
            ("POST", "/_services/run/completejob", self._complete),
        ):
            self._routes.add(method, pattern, act)
        for method, pattern, permission, level, about in Issues(store, self._git).acts():
            self._routes.add(method, f"{_API}{_REPOSITORY}{pattern}", self._of_a_repository(permission, level, about))

    def _of_a_repository(
        self, permission: str, level: str, act: Callable[[Asked], Answer]
    ) -> Callable[[Request], Answer]:
        def answered(request: Request) -> Answer:
            name = self._may(request, permission, level)
            return act((name, self._token(request.authorization), request.about, request.names[1:]))

        return answered

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, and the clock."""
        return super().controls() | {("POST", "/clock"): lambda body: self._store.advance(float(body["advance"]))}

    def error(self, fault: Fault) -> Answer:
        """In GitHub's own shape."""
        return Answer(fault.status, GitHubError(fault.status, fault.message).body())

    def answer(self, call: Call) -> Answer:
        """What the call gets."""
        try:
            if ".git/" in call.path:
                return self._smart_http(call)
            return self._answered(call)
        except GitHubError as problem:
            return Answer(problem.status, problem.body())

    def _answered(self, call: Call) -> Answer:
        content = parsed(call.content) if call.content else {}
        if not isinstance(content, dict):
            raise GitHubError(400, "Problems parsing JSON")
        try:
            act, match = self._routes.find(call.method, call.path)
        except NoRouteError:
            raise missing() from None
        about = {**dict(parse_qsl(call.query, keep_blank_values=True)), **content}
        return act(Request(about, tuple(unquote(name) for name in match.groups()), call.authorization))

    # Who asks.

    def _token(self, authorization: str) -> Record:
        kind, _, text = authorization.partition(" ")
        if kind.lower() == "basic":
            try:
                text = base64.b64decode(text).decode().partition(":")[2]
            except (ValueError, binascii.Error):
                raise unauthorized() from None
        elif kind.lower() not in {"bearer", "token"}:
            raise unauthorized()
        row = self._store.get("tokens", text)
        if row is None or row["kind"] not in {"personal", "job"} or row.get("until", math.inf) < self._store.now():
            raise unauthorized()
        return dict(row)

    def _may(self, request: Request, permission: str, level: str) -> str:
        """The repository, where the caller may do that much in it."""
        name = request.names[0]
        if not request.authorization:
            raise missing()
        self._allowed(self._token(request.authorization), name, permission, level)
        return name

    @staticmethod
    def _allowed(token: Record, name: str, permission: str, level: str) -> None:
        # What nobody may see is not there.
        held = token["repositories"].get(name)
        if held is None:
            raise missing()
        if _RANK.get(held.get(permission, ""), 0) < _RANK[level]:
            who = "integration" if token["kind"] == "job" else "personal access token"
            raise forbidden(f"Resource not accessible by {who}")

    # Git.

    def _smart_http(self, call: Call) -> Answer:
        name, _, path = call.path.removeprefix("/").partition(".git")
        writes = "git-receive-pack" in path or "service=git-receive-pack" in call.query
        if not call.authorization:
            # Git asks without a password first.
            return Answer(401, b"", {"WWW-Authenticate": 'Basic realm="GitHub"'})
        self._allowed(self._token(call.authorization), name, "contents", "write" if writes else "read")
        if name not in self._git:
            raise missing()
        if call.method == "GET":
            return self._served(name, call, path)
        with self._pushing:
            before = self._git[name].refs()
            answer = self._served(name, call, path)
            after = self._git[name].refs()
            for ref, commit in after.items():
                if ref.startswith("refs/heads/") and before.get(ref) != commit:
                    self._dispatch.push(name, self._git[name], ref, before.get(ref, ""), commit)
        return answer

    def _served(self, name: str, call: Call, path: str) -> Answer:
        status, headers, body = self._git[name].serve(call.method, path, call.query, call.content)
        return Answer(status, body, headers)

    # People and workflows.

    def _runner_token(self, request: Request) -> Answer:
        name, kind = self._may(request, "administration", "write"), request.names[1]
        until = self._store.now() + _HOUR
        token = f"A{secrets.token_hex(14).upper()}"
        self._store.put("tokens", token, {"kind": kind, "repository": name, "until": until})
        return Answer(201, {"token": token, "expires_at": stamp(until)})

    def _list_runners(self, request: Request) -> Answer:
        name = self._may(request, "administration", "read")
        rows = [row for row in self._store.all("runners").values() if row["repository"] == name]
        return Answer(200, {"total_count": len(rows), "runners": [self._shown(row) for row in rows]})

    def _shown(self, row: Record) -> Record:
        busy = any(
            job["status"] == "in_progress" and job.get("runner_id") == row["id"]
            for job in self._store.all("jobs").values()
        )
        online = any(
            session["runner"] == row["id"] and self._store.now() - session["heard"] < _SILENT
            for session in self._store.all("sessions").values()
        )
        labels = [{"id": number, "name": label} for number, label in enumerate(row["labels"], 1)]
        status = "online" if online else "offline"
        return {"id": row["id"], "name": row["name"], "os": "Linux", "status": status, "busy": busy, "labels": labels}

    def _remove_runner(self, request: Request) -> Answer:
        name, row = self._may(request, "administration", "write"), self._store.get("runners", request.names[1])
        if row is None or row["repository"] != name:
            raise missing()
        self._store.drop("runners", request.names[1])
        return Answer(204)

    def _list_runs(self, request: Request) -> Answer:
        name = self._may(request, "actions", "read")
        self._dispatch.expire()
        rows = [row for row in self._store.all("runs").values() if row["repository"] == name]
        rows = [row for row in rows if row["head_sha"] == request.about.get("head_sha", row["head_sha"])]
        return Answer(200, {"total_count": len(rows), "workflow_runs": rows[::-1]})

    def _run(self, request: Request) -> Answer:
        name, row = self._may(request, "actions", "read"), self._store.get("runs", request.names[1])
        self._dispatch.expire()
        if row is None or row["repository"] != name:
            raise missing()
        return Answer(200, self._store.get("runs", request.names[1]))

    def _list_jobs(self, request: Request) -> Answer:
        name = self._may(request, "actions", "read")
        self._dispatch.expire()
        hidden = {"definition", "log", "plan", "heard", "permissions"}
        rows = [
            {key: value for key, value in row.items() if key not in hidden}
            for row in self._store.all("jobs").values()
            if row["repository"] == name and str(row["run_id"]) == request.names[1]
        ]
        return Answer(200, {"total_count": len(rows), "jobs": rows})

    def _review(self, request: Request) -> Answer:
        """Approved or not; a job's own token is no reviewer."""
        name, run = self._may(request, "administration", "write"), self._store.get("runs", request.names[1])
        if run is None or run["repository"] != name:
            raise missing()
        if not self._dispatch.review(request.names[1], approved=request.about.get("state") == "approved"):
            raise unfit("environment_ids")
        return Answer(200, [])

    def _environment(self, request: Request) -> Answer:
        name = self._may(request, "actions", "read")
        environments = self._store.get("repositories", name).get("environments", {})
        if request.names[1] not in environments:
            raise missing()
        reviewers = self._dispatch.reviewers(name, request.names[1])
        rules = [{"id": 1, "type": "required_reviewers", "reviewers": reviewers}] if reviewers else []
        return Answer(200, {"name": request.names[1], "protection_rules": rules})

    def _log(self, request: Request) -> Answer:
        name, row = self._may(request, "actions", "read"), self._store.get("jobs", request.names[1])
        if row is None or row["repository"] != name:
            raise missing()
        return Answer(200, row["log"].encode(), {"Content-Type": "text/plain"})

    def _by_hand(self, request: Request) -> Answer:
        name = self._may(request, "actions", "write")
        ref = str(request.about.get("ref", ""))
        commit = self._git[name].commit(ref)
        if not commit:
            raise GitHubError(422, f"No ref found for: {ref}")
        whole = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        chosen = request.about.get("inputs") or {}
        try:
            started = self._dispatch.by_hand(name, self._git[name], request.names[1], whole, commit, chosen=chosen)
        except WorkflowError as problem:
            raise GitHubError(422, str(problem)) from None
        if not started:
            raise GitHubError(422, "Workflow does not have 'workflow_dispatch' trigger")
        return Answer(204)

    def _set_status(self, request: Request) -> Answer:
        name, commit = self._may(request, "statuses", "write"), request.names[1]
        if not self._git[name].commit(commit):
            raise GitHubError(422, f"No commit found for SHA: {commit}")
        if request.about.get("state") not in _STATES:
            raise unfit("state")
        row = {
            "id": self._store.new_id("statuses"),
            "repository": name,
            "sha": commit,
            "state": request.about["state"],
            "context": request.about.get("context", "default"),
            "description": request.about.get("description"),
        }
        self._store.put("statuses", str(row["id"]), row)
        return Answer(201, row)

    def _status(self, request: Request) -> Answer:
        name = self._may(request, "statuses", "read")
        commit = self._git[name].commit(request.names[1])
        if not commit:
            raise GitHubError(422, f"No commit found for SHA: {request.names[1]}")
        rows = [
            row for row in self._store.all("statuses").values() if (row["repository"], row["sha"]) == (name, commit)
        ]
        latest = {row["context"]: row for row in rows}
        states = {row["state"] for row in latest.values()}
        whole = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
        return Answer(200, {"state": whole, "sha": commit, "statuses": [*latest.values()], "total_count": len(latest)})

    def _archive(self, request: Request) -> Answer:
        name = self._may(request, "contents", "read")
        commit = self._git[name].commit(request.names[1])
        if not commit:
            raise missing()
        prefix = f"{name.replace('/', '-')}-{commit[:7]}"
        return Answer(200, self._git[name].archive(commit, prefix), {"Content-Type": "application/x-gzip"})

    # Runners.

    def _admission(self, request: Request, kinds: set[str]) -> str:
        """The repository that a registration token is for; 404 for any other, one that is too old, another kind."""
        kind, _, text = request.authorization.partition(" ")
        row = self._store.get("tokens", text) if kind == "RemoteAuth" else None
        if row is None or row["kind"] not in kinds or row["until"] < self._store.now():
            raise missing()
        asked = str(request.about.get("url", "")).rstrip("/").removeprefix(self.url).strip("/")
        if asked != row["repository"]:
            raise missing()
        return str(row["repository"])

    def _registration(self, request: Request) -> Answer:
        event = request.about.get("runner_event")
        if event not in {"register", "remove"}:
            raise unfit("runner_event")
        # A registration token will do to remove, not the other way round (myoung34/docker-github-actions-runner,
        # entrypoint.sh, deregisters with one).
        self._admission(request, {"registration"} if event == "register" else {"registration", "remove"})
        pipelines = f"{self.url}/_services/pipelines"
        return Answer(200, {"url": pipelines, "token": "", "token_schema": "OAuthAccessToken", "use_v2_flow": True})

    def _register(self, request: Request) -> Answer:
        repository, name = self._admission(request, {"registration"}), str(request.about.get("name", ""))
        if not name:
            raise unfit("name", "missing_field")
        rows = self._store.all("runners")
        same = [key for key, row in rows.items() if (row["repository"], row["name"]) == (repository, name)]
        if same and not request.about.get("replace"):
            raise GitHubError(409, f"Already exists - A runner with the name *** {name} already exists.")
        for key in same:
            self._store.drop("runners", key)
        row = {
            "id": self._store.new_id("runners"),
            "repository": repository,
            "name": name,
            "version": str(request.about.get("version", "")),
            # GitHub adds the first three by itself.
            "labels": list(dict.fromkeys(["self-hosted", "Linux", "X64", *request.about.get("labels", [])])),
            "client_id": str(uuid.uuid4()),
            "secret": str(request.about.get("public_key", "")),
        }
        self._store.put("runners", str(row["id"]), row)
        login = {
            "authorization_url": f"{self.url}/_services/oauth/token",
            "server_url": f"{self.url}/_services/broker/",
        }
        return Answer(201, {"id": row["id"], "name": name, "authorization": {**login, "client_id": row["client_id"]}})

    def _unregister(self, request: Request) -> Answer:
        repository = self._admission(request, {"registration", "remove"})
        row = self._store.get("runners", str(request.about.get("id", "")))
        if row is not None and row["repository"] == repository:
            self._store.drop("runners", str(row["id"]))
        return Answer(204)

    def _runner_login(self, request: Request) -> Answer:
        client, key = str(request.about.get("client_id", "")), str(request.about.get("client_assertion", ""))
        for row in self._store.all("runners").values():
            if row["client_id"] == client and key and secrets.compare_digest(row["secret"], key):
                until = self._store.now() + _HOUR
                token = self._store.token("ghr_", kind="runner", runner=row["id"], until=until)
                return Answer(200, {"access_token": token, "expires_in": int(_HOUR), "token_type": "bearer"})
        message = f"Registration {client} was not found."
        return Answer(400, {"error": "invalid_client", "error_description": message})

    def _runner(self, request: Request) -> Record:
        row = self._store.get("tokens", request.authorization.removeprefix("Bearer "))
        if row is None or row["kind"] != "runner" or row["until"] < self._store.now():
            raise unauthorized()
        runner = self._store.get("runners", str(row["runner"]))
        if runner is None:
            raise forbidden("The runner registration has been deleted from the server, please re-configure.")
        return dict(runner)

    def _open_session(self, request: Request) -> Answer:
        runner, now = self._runner(request), self._store.now()
        for key, session in self._store.all("sessions").items():
            if session["runner"] == runner["id"]:
                if now - session["heard"] < _SILENT:
                    raise GitHubError(409, "A session for this runner already exists.")
                self._store.drop("sessions", key)
        number = str(uuid.uuid4())
        self._store.put("sessions", number, {"runner": runner["id"], "heard": now})
        return Answer(200, {"sessionId": number, "ownerName": request.about.get("ownerName", "")})

    def _close_session(self, request: Request) -> Answer:
        runner = self._runner(request)
        for key, session in self._store.all("sessions").items():
            if session["runner"] == runner["id"]:
                self._store.drop("sessions", key)
        return Answer(204)

    def _message(self, request: Request) -> Answer:
        runner, key = self._runner(request), str(request.about.get("sessionId", ""))
        end = time.monotonic() + self._patience
        while True:
            session = self._store.get("sessions", key)
            if session is None or session["runner"] != runner["id"]:
                raise forbidden("The session is not valid.")
            self._store.put("sessions", key, {**session, "heard": self._store.now()})
            job = self._dispatch.next_job(runner) if request.about.get("status") == "Online" else None
            if job:
                body = {"runner_request_id": job["plan"], "run_service_url": f"{self.url}/_services/run"}
                return Answer(200, {"messageId": job["id"], "messageType": "RunnerJobRequest", "body": body})
            left = end - time.monotonic()
            if left <= 0:
                # Nothing to do: as the real one, without a body.
                return Answer(202)
            with self._store.changed:
                self._store.changed.wait(min(left, 0.2))

    def _own_job(self, request: Request, key: str) -> Record:
        runner = self._runner(request)
        for job in self._store.all("jobs").values():
            if job["plan"] == request.about.get(key) and job.get("runner_id") == runner["id"]:
                if job["status"] != "in_progress":
                    raise GitHubError(409, "The job has ended.")
                return dict(job)
        raise missing()

    def _acquire(self, request: Request) -> Answer:
        return Answer(200, self._dispatch.message(self._own_job(request, "jobMessageId"), self.url))

    def _renew(self, request: Request) -> Answer:
        job = self._own_job(request, "planId")
        self._dispatch.heard({**job, "log": job["log"] + str(request.about.get("log", ""))})
        return Answer(200, {"lockedUntil": stamp(self._store.now())})

    def _complete(self, request: Request) -> Answer:
        job, conclusion = self._own_job(request, "planId"), request.about.get("conclusion")
        if conclusion not in {"success", "failure", "cancelled"}:
            raise unfit("conclusion")
        job["log"] += str(request.about.get("log", ""))
        self._dispatch.complete(job, str(conclusion), list(request.about.get("stepResults", [])))
        return Answer(204)
