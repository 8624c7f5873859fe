"""From a push to jobs, from jobs to runners, and how a run ends."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.github.store import stamp
from rehearsal.clouds.github.workflows import Job, Workflow, WorkflowError, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.clouds.github.repository import Repository
    from rehearsal.clouds.github.store import Record, Store

_FOLDER: Final = ".github/workflows"
_LOST: Final = "The self-hosted runner lost communication with the server."
DONE: Final = {"completed"}
_NOTHING: Final[Mapping[str, object]] = {}


class Dispatch:
    """Runs and jobs.

    Args:
        store: What is there.
        lock: Seconds without a word of its runner after which a job has failed. GitHub waits ten minutes.
    """

    def __init__(self, store: Store, lock: float) -> None:
        self._store, self._lock = store, lock

    def push(self, name: str, repository: Repository, ref: str, before: str, after: str) -> None:
        """Starts what a push of a branch starts."""
        paths = repository.changed(before, after)
        for workflow in self._workflows(name, repository, after):
            if workflow.wants(ref, paths):
                self._start(name, workflow, "push", ref, after)

    def by_hand(
        self, name: str, repository: Repository, file: str, ref: str, commit: str, *, chosen: Mapping[str, object]
    ) -> bool:
        """Starts one workflow by its file's name; False where it does not offer that.

        Raises:
            WorkflowError: It has no such inputs.
        """
        for workflow in self._workflows(name, repository, commit):
            if workflow.path == f"{_FOLDER}/{file}" and "workflow_dispatch" in workflow.on:
                self._start(name, workflow, "workflow_dispatch", ref, commit, inputs=workflow.inputs(chosen))
                return True
        return False

    def next_job(self, runner: Record) -> Record | None:
        """The first job that this runner may take, which is its own from now on."""
        self.expire()
        with self._store.change() as data:
            running = {job["group"] for job in data["jobs"].values() if job["status"] == "in_progress"} - {""}
            for job in data["jobs"].values():
                fits = {label.lower() for label in job["labels"]} <= {label.lower() for label in runner["labels"]}
                mine = job["repository"] == runner["repository"] and job["status"] == "queued"
                if mine and fits and job["group"] not in running:
                    job.update(status="in_progress", runner_id=runner["id"], runner_name=runner["name"])
                    job.update(started_at=stamp(self._store.now()), heard=self._store.now())
                    data["runs"][str(job["run_id"])]["status"] = "in_progress"
                    return dict(job)
        return None

    def reviewers(self, name: str, environment: str) -> list[str]:
        """Who may let a job of an environment begin; nobody: it begins by itself."""
        environments = self._store.get("repositories", name).get("environments", {})
        return list(environments.get(environment, {}).get("reviewers", ()))

    def review(self, run: str, *, approved: bool) -> int:
        """Lets the waiting jobs of a run begin, or ends them; how many there were."""
        waiting = [
            job for job in self._store.all("jobs").values() if str(job["run_id"]) == run and job["status"] == "waiting"
        ]
        for job in waiting:
            if approved:
                self._store.put("jobs", str(job["id"]), {**job, "status": "queued"})
            else:
                self.complete(job, "failure", [], "rejected by a reviewer")
        return len(waiting)

    def heard(self, job: Record) -> None:
        """Its runner works on it."""
        self._store.put("jobs", str(job["id"]), {**job, "heard": self._store.now()})

    def complete(self, job: Record, conclusion: str, steps: list[Record], note: str = "") -> None:
        """A job has ended, and with the last one its run."""
        ended = {"status": "completed", "conclusion": conclusion, "completed_at": stamp(self._store.now())}
        self._store.put("jobs", str(job["id"]), {**job, **ended, "steps": steps, "note": note})
        for token, row in self._store.all("tokens").items():
            if row.get("job") == job["id"]:
                self._store.drop("tokens", token)
        run = self._store.get("runs", str(job["run_id"]))
        of_run = [row for row in self._store.all("jobs").values() if row["run_id"] == job["run_id"]]
        if all(row["status"] in DONE for row in of_run):
            whole = "success" if all(row["conclusion"] == "success" for row in of_run) else "failure"
            self._store.put("runs", str(run["id"]), {**run, "status": "completed", "conclusion": whole})

    def expire(self) -> None:
        """Jobs whose runners are silent have failed."""
        for job in self._store.all("jobs").values():
            if job["status"] == "in_progress" and self._store.now() - job["heard"] > self._lock:
                self.complete(job, "failure", job["steps"], _LOST)

    def message(self, job: Record, url: str) -> Record:
        """All that a runner has to know of a job; its token is good until the job ends."""
        token = self._store.token(
            "ghs_",
            kind="job",
            job=job["id"],
            repositories={job["repository"]: {"metadata": "read", **job["permissions"]}},
        )
        repository = self._store.get("repositories", job["repository"])
        own = repository.get("environments", {}).get(job["environment"], {})
        run = self._store.get("runs", str(job["run_id"]))
        return {
            "jobId": job["id"],
            "planId": job["plan"],
            "jobDisplayName": job["name"],
            "steps": job["definition"]["steps"],
            "environment": job["definition"]["env"],
            "shell": job["definition"]["shell"],
            "minutes": job["definition"]["minutes"],
            "secrets": {**repository.get("secrets", {}), **own.get("secrets", {}), "GITHUB_TOKEN": token},
            "vars": repository.get("variables", {}),
            "inputs": run.get("inputs", {}),
            "github": {
                "api_url": f"{url}/api/v3",
                "repository": job["repository"],
                "sha": run["head_sha"],
                "ref": run["ref"],
                "ref_name": run["head_branch"],
                "event_name": run["event"],
                "run_id": str(run["id"]),
                "workflow": run["name"],
                "job": job["name"],
                "token": token,
                "actor": "pusher",
            },
        }

    def _workflows(self, name: str, repository: Repository, commit: str) -> Iterator[Workflow]:
        for path, text in repository.files(commit, _FOLDER).items():
            if path.endswith((".yml", ".yaml")):
                try:
                    yield read(path, text)
                except WorkflowError as problem:
                    self._refused(name, path, commit, str(problem))

    def _refused(self, name: str, path: str, commit: str, reason: str) -> None:
        """As on GitHub: a run that has failed before it began."""
        number = self._store.new_id("runs")
        row = {**self._run(number, name, path, event="push", ref="refs/heads/?", commit=commit), "status": "completed"}
        self._store.put("runs", str(number), {**row, "conclusion": "startup_failure", "note": reason})

    def _run(self, number: int, repository: str, path: str, *, event: str, ref: str, commit: str) -> Record:
        return {
            "id": number,
            "name": path,
            "path": path,
            "repository": repository,
            "event": event,
            "ref": ref,
            "head_branch": ref.removeprefix("refs/heads/"),
            "head_sha": commit,
            "status": "queued",
            "conclusion": None,
            "created_at": stamp(self._store.now()),
        }

    def _start(
        self,
        name: str,
        workflow: Workflow,
        event: str,
        ref: str,
        commit: str,
        *,
        inputs: Mapping[str, object] = _NOTHING,
    ) -> None:
        number = self._store.new_id("runs")
        run = self._run(number, name, workflow.path, event=event, ref=ref, commit=commit)
        run |= {"name": workflow.name, "inputs": dict(inputs)}
        self._store.put("runs", str(number), run)
        for job in workflow.jobs():
            row = self._job(run, job, self._store.new_id("jobs"))
            if self.reviewers(name, job.environment):
                row["status"] = "waiting"
            self._supersede(row)
            self._store.put("jobs", str(row["id"]), row)

    def _supersede(self, row: Record) -> None:
        """Of a group one waits: an older one that waits gives way (concurrency, `cancel-in-progress` being false)."""
        for job in self._store.all("jobs").values():
            if row["group"] and job["group"] == row["group"] and job["status"] == "queued":
                self.complete(job, "cancelled", [])

    @staticmethod
    def _job(run: Record, job: Job, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "run_id": run["id"],
            "repository": run["repository"],
            "name": job.key,
            "labels": job.labels,
            "group": job.group,
            "permissions": dict(job.permissions),
            "plan": secrets.token_hex(16),
            "environment": job.environment,
            "status": "queued",
            "conclusion": None,
            "steps": [],
            "log": "",
            "definition": {"steps": job.steps, "env": dict(job.env), "shell": job.shell, "minutes": job.minutes},
        }
