"""The search for secrets in all places where none may be, and the list of those where one must be."""

from __future__ import annotations

import fnmatch
import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.probes.box import Running, run, start
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.inside.needles import Needle, NotReadError, needles, search

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RATE = 50
"""Looks at the processes a second (requirement C-08)."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A secret where it was found. It never holds the secret itself.

    Attributes:
        secret: Its name.
        how: Encoding, and what it was packed in.
        sink: Kind of place: `file`, `docker inspect`, `process cmdline` …
        where: Which one.
        mode: For a file: its mode, four octal digits.
        owner: For a file: user and group.
    """

    secret: str
    how: str
    sink: str
    where: str
    mode: str = ""
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A file that may hold secrets.

    Attributes:
        path: Glob pattern of its path.
        owner: Glob pattern of user and group.
        mode: The widest mode that it may have.
        because: What needs it there.
    """

    path: str
    owner: str
    because: str
    mode: int = 0o600


def unlawful(findings: Iterable[Finding], allowed: Iterable[Allowed]) -> list[Finding]:
    """Findings that no entry of the list allows: at that path, of that owner, with no bit more than that mode."""
    rules = list(allowed)

    def fits(finding: Finding, rule: Allowed) -> bool:
        return (
            finding.sink == "file"
            and fnmatch.fnmatch(finding.where, rule.path)
            and fnmatch.fnmatch(finding.owner, rule.owner)
            and not int(finding.mode, 8) & ~rule.mode
        )

    return [finding for finding in findings if not any(fits(finding, rule) for rule in rules)]


@dataclass
class Canaries:
    """The secrets to look for, and what was looked at so far.

    Attributes:
        secrets: Name to value.
        looked_at: Kind of place to how many of it were searched; 0 findings means 0 of these.
        unread: What could not be searched.
    """

    secrets: Mapping[str, str] = field(repr=False)
    looked_at: dict[str, int] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @property
    def _needles(self) -> list[Needle]:
        return needles(self.secrets)

    def text(self, sink: str, where: str, text: str | bytes) -> list[Finding]:
        """Searches a text, or a file's bytes, by itself."""
        self.looked_at[sink] = self.looked_at.get(sink, 0) + 1
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        try:
            hits = search(self._needles, data)
        except NotReadError as error:
            self.unread.append(f"{where}: {error}")
            return []
        return [Finding(secret=name, how=how, sink=sink, where=where) for name, how in sorted(hits)]

    def files(
        self, paths: Iterable[str], prefix: list[str] | None = None, *, exclude: Iterable[str] = (), since: float = 0
    ) -> list[Finding]:
        """Searches files and folders here, or where the prefix leads (see `box.start`).

        The secrets go there by standard input.

        Args:
            paths: Where to look; what does not exist is no error.
            prefix: None for this machine.
            exclude: Glob patterns of paths to leave out.
            since: Only files changed later than this, in seconds since 1970; in a host, by the host's clock.
        """
        about = {"secrets": dict(self.secrets), "paths": list(paths), "exclude": list(exclude), "since": since}
        *lines, end = run(prefix or [], "search", about, 1800)
        self.looked_at["file"] = self.looked_at.get("file", 0) + end["files"]
        self.unread += end["unread"]
        return [
            Finding(secret=name, how=how, sink="file", where=line["path"], mode=line["mode"], owner=line["owner"])
            for line in lines
            for name, how in line["found"]
        ]

    def records(self, sink: str, where: str, records: Iterable[Any]) -> list[Finding]:
        """Searches what can be written as JSON: a journal of HTTP calls, events, resources of a state."""
        findings = []
        for number, record in enumerate(records):
            findings += self.text(sink, f"{where} #{number}", json.dumps(record))
        return findings

    def docker(self, command: tuple[str, ...] = ("docker",), *, only: str = "") -> list[Finding]:
        """Searches all that a daemon tells of its objects.

        Inspect of everything, history of images, logs of containers.

        Args:
            command: What leads to the daemon: `docker -H ssh://…`, for one.
            only: A filter such as `label=homeport.stack=prod`; empty for all objects.
        """
        filters = ("--filter", only) if only else ()
        findings = []
        for kind, listing in (
            ("container", ("ps", "--all")),
            ("image", ("image", "ls")),
            ("volume", ("volume", "ls")),
            ("network", ("network", "ls")),
        ):
            for name in _said(command, *listing, "--quiet", *filters).split():
                findings += self.text(f"docker inspect {kind}", name, _said(command, "inspect", "--type", kind, name))
                if kind == "image":
                    findings += self.text("docker history", name, _said(command, "history", "--no-trunc", name))
                if kind == "container":
                    findings += self.text("docker logs", name, _said(command, "logs", name))
        return findings

    def processes(self, running: Running) -> list[Finding]:
        """Ends a sampler (see `sampling`) and searches what it saw.

        Raises:
            ProbeError: it failed, or looked too seldom to have seen anything.
        """
        _, *lines, end = running.stop()
        if end["looks"] < 1 or not lines:
            raise ProbeError("sampling of processes", "nothing was seen")
        findings = []
        for line in lines:
            where = f"pid {line['pid']} of uid {line['uid']}, for {line['seconds']} s"
            findings += self.text(f"process {line['kind']}", where, line["text"])
        return findings


def sampling(prefix: list[str] | None = None, rate: float = RATE) -> Running:
    """Starts looking at the processes here, or where the prefix leads; hand the result to `Canaries.processes`."""
    running = start(prefix or [], "sample", {"rate": rate})
    running.wait_for(0)
    return running


def _said(command: tuple[str, ...], *argv: str) -> str:
    """Both streams of a Docker command, as `docker logs` uses both; an object that has gone says nothing."""
    done = subprocess.run([*command, *argv], capture_output=True, check=False, timeout=300, stdin=subprocess.DEVNULL)
    text = (done.stdout + done.stderr).decode("utf-8", "surrogateescape")
    if done.returncode and "No such" not in text:
        raise ProbeError(" ".join((*command, *argv[:2])), text.strip(), "docker info")
    return text
