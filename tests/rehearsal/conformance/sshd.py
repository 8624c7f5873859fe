"""An OpenSSH server on a free port of the loopback address, with keys of its own."""

from __future__ import annotations

import functools
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.support.scratch import free_port
from tests.support.waits import until


@functools.cache
def _binary() -> str | None:
    installed = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}")
    return os.environ.get("HOMEPORT_SSHD") or installed or _unpacked()


def _unpacked() -> str | None:
    """Debian's server out of its packages, in the cache: installing them would start a server that nobody asked for."""
    cache = Path(os.environ.get("HOMEPORT_CACHE", Path.home() / ".cache" / "homeport")) / "conformance" / "openssh"
    program = cache / "usr" / "sbin" / "sshd"
    if not program.is_file() and shutil.which("dpkg-deb"):
        cache.parent.mkdir(parents=True, exist_ok=True)
        fetch = (
            "apt-get download openssh-server openssh-sftp-server libwrap0 && "
            "for package in *.deb; do dpkg-deb -x $package whole || exit 1; done"
        )
        # Others may do the same at this moment: all of it is there, or nothing.
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            argv = ["/bin/sh", "-c", fetch]
            done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                return None
            with suppress(OSError):  # another one was first
                (Path(folder) / "whole").rename(cache)
    return str(program) if program.is_file() else None


def _environment() -> dict[str, str]:
    """With the libraries beside an unpacked server: the machine need not have them."""
    root = Path(_binary() or "/usr/sbin/sshd").parents[2]
    beside = (
        sorted({str(library.parent) for library in root.glob("usr/lib/*/libwrap.so.0")}) if root != Path("/") else []
    )
    return {**os.environ, **({"LD_LIBRARY_PATH": ":".join(beside)} if beside else {})}


def _sftp_server() -> str | None:
    near = Path(_binary() or "/").parents[1] / "lib" / "openssh" / "sftp-server" if _binary() else None
    places = (near, Path("/usr/lib/openssh/sftp-server"), Path("/usr/libexec/sftp-server"))
    return next((str(place) for place in places if place and place.is_file()), None)


def absence() -> str:
    """Why no server can be run here; empty when one can."""
    if _binary() is None:
        return "no sshd on this machine: install openssh-server or name one in HOMEPORT_SSHD"
    if _sftp_server() is None:
        return "no sftp-server beside sshd: install openssh-sftp-server"
    return ""


class SshServer:
    """A running server that lets in this user by two keys, one of them with a passphrase.

    Args:
        folder: Where its keys, settings and log go.
    """

    PASSPHRASE = "sesame"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = getpass.getuser()
        for name, passphrase in (("host", ""), ("user", ""), ("locked", self.PASSPHRASE)):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        (folder / "keys").write_text(self._text("user.pub") + self._text("locked.pub"))
        self.port = free_port()
        (folder / "config").write_text(self._config())
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(self._command(), stderr=log, start_new_session=True, env=_environment())
        self._await()

    def _config(self) -> str:
        return f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
PidFile none
AuthorizedKeysFile {self.folder}/keys
StrictModes no
PasswordAuthentication no
UsePAM no
AcceptEnv ACCEPTED PULUMI_COMMAND_STDOUT
Subsystem sftp {_sftp_server()}
"""

    def _command(self) -> list[str]:
        # sshd wants its own whole path, and as root a user and a folder that only its package makes.
        direct = [str(_binary()), "-D", "-e", "-f", f"{self.folder}/config"]
        if os.geteuid() != 0 or any(entry.pw_name == "sshd" for entry in pwd.getpwall()):
            return direct
        users = self.folder / "passwd"
        users.write_text(Path("/etc/passwd").read_text() + "sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n")
        script = f'mount --bind {users} /etc/passwd && mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"'
        return ["unshare", "-m", "/bin/sh", "-c", script, "sh", *direct]

    def _await(self) -> None:
        until(lambda: self._process.poll() is not None or self._listens(), "sshd does not listen")
        assert self._process.poll() is None, f"sshd did not start: {self._text('log')}"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def connection(self, **changes) -> dict:
        """Inputs of a connection to it."""
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "privateKey": self._text("user"),
            "hostKey": self._text("host.pub"),
            "dialErrorLimit": 2,
            "perDialTimeout": 5,
            **changes,
        }
        return {name: value for name, value in settings.items() if value is not None}

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(180)
