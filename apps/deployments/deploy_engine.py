"""Docker's own API, through the docker command: wherever that reaches, by a socket or over SSH.

``docker system dial-stdio`` hands on bytes between its standard streams and the daemon (docker/cli,
cli/command/system/dial_stdio.go). The command line alone would not do: it cannot write a health check in exec form, and
a container that is copied by flags is another one.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from typing import Any, Final
from urllib.parse import quote, urlencode

Record = dict[str, Any]
_MISSING: Final = 404
_REFUSED: Final = 400
_TAIL: Final = "15"


class DeployError(Exception):
    """What cannot be done, in words for the operator.

    Args:
        message: Where and what; a second line says how to mend it.
        code: The program's exit code.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _Streams:
    """What ``http.client`` needs of a socket, on the standard streams of a program."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program

    def makefile(self, _mode: str) -> Any:
        """What the program prints."""
        return self._program.stdout

    def sendall(self, content: bytes) -> None:
        """Writes to the program."""
        if self._program.stdin is None:
            raise DeployError("docker system dial-stdio takes no input")
        self._program.stdin.write(content)
        self._program.stdin.flush()

    def close(self) -> None:
        """Nothing: the program is ended by whoever started it."""


class Engine:
    """A Docker daemon: the one that the docker command asks."""

    def call(self, method: str, path: str, body: Record | None = None, **query: Any) -> Any:
        """What the daemon answers.

        Raises:
            DeployError: It refuses, or does not answer.
        """
        argv = ["docker", "system", "dial-stdio"]
        target = path + (f"?{urlencode(query)}" if query else "")
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
            connection = http.client.HTTPConnection("docker")
            connection.sock = _Streams(program)  # as much of a socket as it needs
            try:
                headers = {"Content-Type": "application/json", "Connection": "close"}
                connection.request(method, target, json.dumps(body) if body is not None else None, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                program.terminate()
                reason = program.stderr.read().decode(errors="replace").strip() if program.stderr else ""
                raise DeployError(f"docker does not answer: {reason}\nfix: docker info") from None
            finally:
                program.terminate()
        if answer.status == _MISSING:
            return None
        if answer.status >= _REFUSED:
            raise DeployError(f"docker: {method} {path}: {_message(content)}")
        return json.loads(content) if content[:1] in (b"{", b"[") else {}

    def container(self, name: str) -> Record | None:
        """What Docker says of a container; None: there is none."""
        seen: Record | None = self.call("GET", f"/containers/{quote(name)}/json")
        return seen

    def image(self, reference: str) -> Record | None:
        """What Docker says of an image that is here; None: it is not."""
        seen: Record | None = self.call("GET", f"/images/{quote(reference, safe='')}/json")
        return seen

    def create(self, name: str, body: Record, further: Record) -> str:
        """A container that does not run yet, on all of its networks; its id."""
        made: Record | None = self.call("POST", "/containers/create", body, name=name)
        if made is None:
            raise DeployError(f"container {name}: its image is gone\nfix: docker image ls")
        number = str(made["Id"])
        for network, endpoint in further.items():
            self.call("POST", f"/networks/{quote(network)}/connect", {"Container": number, "EndpointConfig": endpoint})
        return number

    def start(self, name: str) -> None:
        """Starts a container."""
        self.call("POST", f"/containers/{quote(name)}/start")

    def stop(self, name: str) -> None:
        """Ends a container with its own signal and within its own time."""
        self.call("POST", f"/containers/{quote(name)}/stop")

    def rename(self, name: str, new: str) -> None:
        """Gives a container another name, running or not."""
        self.call("POST", f"/containers/{quote(name)}/rename", name=new)

    def remove(self, name: str) -> None:
        """Takes a container away, running or not, and what volumes it made for itself; named ones stay."""
        self.call("DELETE", f"/containers/{quote(name)}", force="true", v="true")

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Gives an image a name on this host."""
        self.call("POST", f"/images/{quote(image, safe='')}/tag", repo=repository, tag=tag)

    def untag(self, reference: str) -> None:
        """Takes a name off an image; the image itself stays where something else holds it."""
        self.call("DELETE", f"/images/{quote(reference, safe='')}", noprune="true")

    def healthy(self, name: str, seconds: int) -> str:
        """Waits until a container is healthy; empty then, else what is wrong with it."""
        end = time.monotonic() + seconds
        while True:
            seen = self.container(name)
            if seen is None:
                return "it is gone"
            state = seen["State"]
            if not state["Running"] or state.get("Restarting"):
                return f"it ended with exit code {state['ExitCode']}"
            health = (state.get("Health") or {}).get("Status", "none")
            if health == "none":
                return "it has no health check"
            if health == "healthy":
                return ""
            # Docker says so only after all retries; starting is what it is before.
            if health == "unhealthy":
                return "it is unhealthy"
            if time.monotonic() >= end:
                return f"it is not healthy within {seconds} s"
            time.sleep(0.3)

    def last_words(self, name: str) -> str:
        """The end of a container's log, indented."""
        done = subprocess.run(
            ["docker", "logs", "--tail", _TAIL, name], capture_output=True, text=True, check=False, errors="replace"
        )
        return "".join(f"    {line}\n" for line in (done.stdout + done.stderr).splitlines())


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
