"""GitHub: issues, comments and pull requests of one repository, with a token that may do that and no more.

Source: docs.github.com/en/rest (issues/issues, issues/comments, pulls/pulls).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auto_fix_http import RefusedError, call

if TYPE_CHECKING:
    from auto_fix_queue import Job

_UNFIT = 422
_PAGES = 20


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """The API.

    Attributes:
        api: Its address.
        token: The token.
    """

    api: str
    token: str

    def wanted(self, job: Job, label: str) -> bool:
        """Whether the issue is still open, and still has the label."""
        issue = self._ask("GET", f"{_place(job)}/issues/{job.issue}")
        return issue["state"] == "open" and label in {row["name"] for row in issue["labels"]}

    def pull(self, job: Job) -> int:
        """Number of the job's pull request: an open one of its branch, or one that this job made; 0: there is none."""
        head = quote(f"{job.repository.partition('/')[0]}:{job.head}", safe="")
        rows = self._ask("GET", f"{_place(job)}/pulls?state=all&per_page=100&head={head}")
        mine = (row["number"] for row in rows if row["state"] == "open" or mark(job) in (row["body"] or ""))
        return int(next(mine, 0))

    def open_pull(self, job: Job, title: str, body: str) -> int:
        """Opens the job's pull request, unless it is there; its number."""
        try:
            row = self._ask(
                "POST",
                f"{_place(job)}/pulls",
                {"title": title, "body": f"{body}\n\n{mark(job)}", "head": job.head, "base": job.branch},
            )
        except RefusedError as error:
            # A call whose answer was lost has made it.
            if error.status == _UNFIT and (number := self.pull(job)):
                return number
            raise
        return int(row["number"])

    def comment(self, job: Job, text: str) -> None:
        """Writes below the issue, unless this job did."""
        place = f"{_place(job)}/issues/{job.issue}/comments"
        for page in range(1, _PAGES + 1):
            rows = self._ask("GET", f"{place}?per_page=100&page={page}")
            if any(mark(job) in (row["body"] or "") for row in rows):
                return
            if not rows:
                break
        self._ask("POST", place, {"body": f"{text}\n\n{mark(job)}"})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": "homeport-auto-fix",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return call(method, self.api + path, headers, body)


def mark(job: Job) -> str:
    """By which what a job has written is known again."""
    return f"<!-- auto-fix {job.repository}#{job.issue} job {job.id} -->"


def _place(job: Job) -> str:
    return f"/repos/{job.repository}"
