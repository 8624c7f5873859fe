"""`command:remote:*`: commands and copies on another machine, over SSH."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.base import Archive, Asset, CheckFailed, Props, ProviderError
from toolchain.plugins.command import fields, infer, process, sftp
from toolchain.plugins.command.resource import CommandType, LifeCommand, os_error, previous_output, trimmed, unique
from toolchain.plugins.command.ssh import PATIENCE, Deadline, Link, dial
from toolchain.plugins.context import current
from toolchain.plugins.values import UNKNOWN, Secret, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETENV: Final = """Unable to set '%s'. This only works if your SSH server is configured to accept
	these variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could
	prefix the command itself with the variables in the form 'VAR=value command'"""
_BROKEN: Final = 255  # of OpenSSH's client for a connection that broke, and of a command that ended so
_links: list[Link] = []
_lock = threading.Lock()


def hang_up() -> None:
    """Ends every connection that commands have left open."""
    with _lock:
        # All told first, then waited for together: the engine gives a plugin little time to end.
        for link in _links:
            link.hang_up()
        patience = Deadline(PATIENCE)
        while _links:
            _links.pop().close(patience)


class RemoteCommand(LifeCommand):
    """A command on another machine."""

    struct = "remote.CommandInputs"
    fields: ClassVar[dict[str, infer.Field]] = fields.REMOTE_COMMAND

    def execute(self, command: str, values: Props, previous: Props, timeout: float) -> Props:
        """Runs it in a session of a new connection, which then stays open as it officially does."""
        deadline = Deadline(timeout)
        link = dial(values["connection"], deadline)
        with _lock:
            _links.append(link)
        required, optional = values.get("environment") or {}, previous_output(values, previous)
        accepted = _accepted(link, {**required, **optional}, deadline)
        for name in required:
            if name not in accepted:
                current().log(_SETENV % name, "ERROR")
                raise ProviderError(f'could not set environment variable "{name}": ssh: setenv failed')
        for name in optional:
            if name not in accepted:
                current().log(_SETENV % name, "WARNING")
        done = process.run(
            link.session("--", "host", command, send=tuple(accepted)),
            stdin=values.get("stdin") or "",
            logging=values.get("logging"),
            timeout=deadline.left(),
            env={**os.environ, **accepted},
            release=link.close,
        )
        if done.code != 0:
            deadline.check()
            reason = "wait: remote command exited without exit status or exit signal"
            if done.code > 0 and not (done.code == _BROKEN and link.broken):
                reason = f"Process exited with status {done.code}"
            raise process.failed(reason, command, done.joined)
        return {"stdout": trimmed(done.stdout), "stderr": trimmed(done.stderr)}


def _accepted(link: Link, offered: Mapping[str, str], deadline: Deadline) -> dict[str, str]:
    """Those of the variables that the server lets in.

    OpenSSH's client asks for no answer to a variable, the official one does: so a session looks what has arrived.
    """
    if not offered:
        return {}
    probe = link.session("--", "host", "env", send=tuple(offered))
    seen = "\n" + process.run(probe, logging="none", timeout=deadline.left(), env={**os.environ, **offered}).stdout
    return {name: value for name, value in offered.items() if f"\n{name}={value}\n" in seen}


class CopyFile(CommandType):
    """One local file to a path on another machine; any change copies anew under a new id."""

    struct = "remote.CopyFileInputs"
    fields: ClassVar[dict[str, infer.Field]] = fields.COPY_FILE
    updatable = False

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Writes the file in place."""
        if preview:
            return "", news
        values, deadline = dict(plain(news)), Deadline(timeout)
        try:
            source = Path(values["localPath"]).open("rb")  # noqa: SIM115  (opened before the dial, as officially)
        except OSError as error:
            raise os_error(error) from error
        with source:
            link = dial(values["connection"], deadline)
            try:
                with sftp.session(link, deadline) as remote:
                    remote.write(values["remotePath"], source)
            finally:
                link.close()
        return unique(""), news

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """There is none."""
        raise ProviderError(f"Update is not implemented for resource {urn}", "UNIMPLEMENTED")

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Leaves the file where it is, as officially."""


class CopyToRemote(CommandType):
    """A file, a text or a folder to a path on another machine."""

    struct = "remote.CopyToRemoteInputs"
    fields: ClassVar[dict[str, infer.Field]] = fields.COPY_TO_REMOTE

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """Refuses sources that come from elsewhere than this machine."""
        checked = super().check(urn, olds, news, seed)
        source = plain(checked["source"])
        if isinstance(source, Asset) and source.path is None and source.text is None:
            raise CheckFailed([("asset", "asset must be a path-based file asset or a text asset")], checked)
        if isinstance(source, Archive) and source.path is None:
            raise CheckFailed([("archive", "archive must be a path to a file or directory")], checked)
        return checked

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Copies."""
        if preview:
            return "", news
        _copy(dict(plain(news)), Deadline(timeout))
        return unique(""), news

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Copies again when content or path have changed; another connection alone copies nothing."""
        was, now = dict(plain(old_state)), dict(plain(news))
        moved = was.get("remotePath") != now["remotePath"] or _hash(was.get("source")) != _hash(now["source"])
        if moved and not preview:
            _copy(now, Deadline(timeout))
        return news

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Leaves everything where it is, as officially."""


def _hash(source: Any) -> str:
    bare = source.value if isinstance(source, Secret) else source
    return "" if bare is None or bare is UNKNOWN else str(bare.hash)


def _copy(values: Props, deadline: Deadline) -> None:
    source, target = values["source"], values["remotePath"]
    link = dial(values["connection"], deadline)
    try:
        with sftp.session(link, deadline) as remote:
            if isinstance(source, Asset) and source.text is not None:
                if remote.is_folder(target):
                    raise ProviderError(
                        f"remote path {target} is a directory; when using a text asset, remotePath must be a file path",
                    )
                _parents(remote, target)
                _write(remote, target, io.BytesIO(source.text.encode()))
            else:
                _copy_path(remote, str(source.path), target)
    finally:
        link.close()


def _copy_path(remote: sftp.Sftp, source: str, target: str) -> None:
    try:
        os.stat(source)  # noqa: PTH116  (its error names the path as it was given)
    except OSError as error:
        raise os_error(error) from error
    folder = Path(source).is_dir()
    there = remote.is_folder(target)
    if not folder:
        goal = f"{target.rstrip('/')}/{Path(source).name}" if there else target
        _parents(remote, goal)
        with Path(source).open("rb") as file:
            _write(remote, goal, file)
        return
    _folder(remote, target)
    # A trailing slash means the content of the folder, without one the folder itself goes into the target.
    if not source.endswith("/"):
        target = f"{target.rstrip('/')}/{Path(source).name}"
        _folder(remote, target)
    for root, folders, names in os.walk(source):
        folders.sort()
        here = (Path(target) / Path(root).relative_to(source)).as_posix()
        _folder(remote, here)
        for name in sorted(names):
            with (Path(root) / name).open("rb") as file:
                _write(remote, f"{here}/{name}", file)


def _folder(remote: sftp.Sftp, path: str) -> None:
    there = remote.is_folder(path)
    if there is False:
        raise ProviderError(f"remote path {path} exists but is not a directory")
    if there is None:
        _parents(remote, path)
        try:
            remote.make_folder(path)
        except sftp.StatusError as error:
            raise ProviderError(f"failed to create remote directory {path}: {error}") from error


def _parents(remote: sftp.Sftp, path: str) -> None:
    parent = path.rstrip("/").rpartition("/")[0]
    if parent and remote.is_folder(parent) is not True:
        _folder(remote, parent)


def _write(remote: sftp.Sftp, path: str, data: Any) -> None:
    try:
        remote.write(path, data)
    except sftp.StatusError as error:
        raise ProviderError(f"failed to create remote file {path}: {error}") from error
