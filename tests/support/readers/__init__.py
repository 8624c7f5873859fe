"""Rendered artefacts read back by the programs that they are for.

``Readers`` is one container with sshd, iptables, nft, wg, systemd, cloud-init, fail2ban and Caddy in it, and more that
start when they are first asked: PostgreSQL, Redis, docker compose. Each method takes many artefacts at once and answers
in their order what the program made of each, or a ``Refused`` with the program's own words. Nothing in it reaches a
network, this machine's firewall or its units.

    with Readers() as readers:
        (settings,) = readers.sshd([text])
        settings["port"]
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from homeport.render.sql import literal
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeport.model.host import HostFile

IMAGE = "homeport/readers:bookworm"
_INSIDE = Path(__file__).with_name("inside.py")
_LABEL = ("--label", "homeport.test=readers")


@dataclass(frozen=True)
class Refused:
    """The program does not take the artefact; ``words`` are its own."""

    words: str


class Readers:
    """The programs, for as long as the block lasts."""

    def __init__(self) -> None:
        self._name = f"homeport-test-{uuid.uuid4().hex[:8]}"
        self._inside: subprocess.Popen[str] | None = None
        self._others: dict[str, str] = {}

    def __enter__(self) -> Self:
        from catalog.caddy.service import SERVICE as CADDY  # where its image is named

        have(IMAGE, CADDY.image)
        flags = ("--network", "none", "--cap-add", "NET_ADMIN", "--device", "/dev/net/tun", "--tmpfs", "/tmp:exec")
        argv = [
            "docker",
            "run",
            "--detach",
            "--init",
            "--name",
            self._name,
            *_LABEL,
            *flags,
            IMAGE,
            "sleep",
            "infinity",
        ]
        try:
            _docker(*argv[1:])
            caddy = _docker("create", *_LABEL, "--network", "none", CADDY.image).strip()
            try:
                packed = subprocess.run(
                    ["docker", "cp", f"{caddy}:/usr/bin/caddy", "-"], capture_output=True, check=True
                )
                _docker("cp", "-", f"{self._name}:/usr/local/bin", data=packed.stdout)
            finally:
                _docker("rm", "--force", "--volumes", caddy)
            self._inside = subprocess.Popen(
                ["docker", "exec", "-i", self._name, "python3", "-c", _INSIDE.read_text(encoding="utf-8")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._inside is not None:
            self._inside.communicate()
        for name in (self._name, *self._others.values()):
            subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)

    def _ask(self, kind: str, items: Sequence[Any]) -> list[Any]:
        process = self._inside
        assert process is not None, "readers are used in a with block"
        assert process.stdin is not None, "its ends are pipes"
        assert process.stdout is not None, "its ends are pipes"
        process.stdin.write(json.dumps({"kind": kind, "items": list(items)}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"the reader of {kind} ended; its last words stand above"
        return [Refused(one["refused"]) if "refused" in one else one["value"] for one in json.loads(answer)]

    def sshd(self, texts: Sequence[str]) -> list[dict[str, list[str]] | Refused]:
        """``sshd -T``: lower-case keyword to its values, defaults filled in."""
        return self._ask("sshd", texts)

    def iptables(self, texts: Sequence[str], version: int = 4) -> list[list[str] | Refused]:
        """``iptables-restore`` into a network of its own, and what ``iptables-save`` then prints, without counters."""
        return self._ask("iptables" if version == 4 else "ip6tables", texts)

    def nft(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | Refused]:
        """``nft -c``, then the rules as the kernel lists them."""
        return self._ask("nft", texts)

    def wireguard(self, texts: Sequence[str]) -> list[dict[str, Any] | Refused]:
        """What ``wg-quick`` reads (``quick``: ADDRESSES, PRE_UP, …), and what ``wg show`` says of a device with it."""
        return self._ask("wireguard", texts)

    def units(self, items: Sequence[Mapping[str, str]]) -> list[dict[str, dict[str, list[str]]] | Refused]:
        """``systemd-analyze verify``, all in one process: names of units to their properties as systemd dumps them.

        Args:
            items: Each maps a unit's name (``a.service``, or a drop-in ``a.service.d/b.conf``) to its text.
        """
        return self._ask("units", [dict(item) for item in items])

    def cloud_init(self, texts: Sequence[str]) -> list[dict[str, Any] | Refused]:
        """cloud-init's own schema, strictly, all in one process; the values as its YAML reader has them."""
        return self._ask("cloud_init", texts)

    def fail2ban(self, texts: Sequence[str]) -> list[dict[str, dict[str, str]] | Refused]:
        """Sections and options as fail2ban's parser reads them."""
        return self._ask("fail2ban", texts)

    def yaml(self, texts: Sequence[str]) -> list[Any | Refused]:
        """Values of a YAML text (cloudflared's configuration)."""
        return self._ask("yaml", texts)

    def shell(self, items: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, str] | Refused]:
        """Runs each text by ``sh -eu`` and answers the variables of these names."""
        return self._ask("shell", [{"text": text, "names": list(names)} for text, names in items])

    def caddy(self, items: Sequence[Mapping[str, str]], *, validate: bool = False) -> list[dict[str, Any] | Refused]:
        """``caddy adapt``: the configuration in Caddy's own JSON.

        Args:
            items: Each maps ``Caddyfile`` and the files that it imports to their texts.
            validate: Also run ``caddy validate``, which sets every module up (0.1 s each).
        """
        return self._ask("caddy", [{"files": dict(item), "validate": validate} for item in items])

    def compose(self, texts: Sequence[str], dotenv: str = "") -> list[dict[str, Any] | Refused]:
        """``docker compose config``: the whole model; ``dotenv`` is the text of ``.env`` beside it.

        No network, no daemon; about 60 ms each, and 2 minutes for the first on a machine that has not built it yet.
        """
        import tempfile  # rarely needed

        from bench.tools import compose  # rarely needed

        program, results = compose(), list[dict[str, Any] | Refused]()
        with tempfile.TemporaryDirectory() as folder:
            for text in texts:
                Path(folder, "docker-compose.yml").write_text(text, encoding="utf-8")
                Path(folder, ".env").write_text(dotenv, encoding="utf-8")
                argv = [str(program), "-p", "readers", "config", "--format", "json"]
                env = {"PATH": "/usr/bin:/bin", "HOME": folder}
                done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, env=env)
                results.append(Refused(done.stderr) if done.returncode else _undoubled(json.loads(done.stdout)))
        return results

    def _other(self, kind: str, image: str, *argv: str, command: tuple[str, ...] = ()) -> str:
        if kind not in self._others:
            have(image)
            name = f"{self._name}-{kind}"
            _docker("run", "--detach", "--name", name, *_LABEL, "--network", "none", *argv, image, *command)
            self._others[kind] = name
        return self._others[kind]

    def _postgres(self, sql: str) -> subprocess.CompletedProcess[str]:
        """One session of psql as superuser, over a real server."""
        from catalog.postgres.service import SERVICE  # where its image is named

        fresh = "postgres" not in self._others
        env = ("--env", "POSTGRES_HOST_AUTH_METHOD=scram-sha-256", "--env", "POSTGRES_PASSWORD=readers")
        # Over TCP even the machine itself is asked for a password.
        env += ("--env", "POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256", "--tmpfs", "/var/lib/postgresql/data")
        name = self._other("postgres", SERVICE.image, *env)
        if fresh:
            # By TCP: while the first start runs its set-up, the server answers on the socket already.
            wait = "for _ in $(seq 1800); do pg_isready -q -h 127.0.0.1 && exit; sleep 0.1; done; exit 1"
            _docker("exec", name, "sh", "-c", wait)
        argv = ["docker", "exec", "-i", name, "psql", "-XAtq", "-U", "postgres", "-v", "ON_ERROR_STOP=0", "-f", "-"]
        return subprocess.run(argv, input=sql, capture_output=True, text=True, check=False)

    def sql_literals(self, literals: Sequence[str]) -> list[str | Refused]:
        """SQL literals to the text that PostgreSQL takes them for, one session for all."""
        marks = "".join(
            f"\\echo ={number}\nSELECT encode(convert_to({literal}, 'UTF8'), 'hex');\n"
            for number, literal in enumerate(literals)
        )
        done = self._postgres(marks)
        parts = done.stdout.split("=")[1:]
        if len(parts) != len(literals):
            return [Refused(done.stderr)] * len(literals)
        rows = [part.split("\n")[1:-1] for part in parts]
        return [bytes.fromhex(row[0]).decode() if len(row) == 1 else Refused(done.stderr) for row in rows]

    def postgres_urls(self, urls: Sequence[str], passwords: Sequence[str]) -> list[str | Refused]:
        """Signs in by each URL, which names the user ``reader`` and host 127.0.0.1, after he got the password.

        The answer is the name that the server knows who came by.
        """
        results: list[str | Refused] = []
        for url, password in zip(urls, passwords, strict=True):
            user = f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD {literal(password)};\n"
            done = self._postgres(user)
            argv = ["docker", "exec", "-i", self._others["postgres"], "psql", "-XAtq", "-f", "-", "-d", url]
            done = subprocess.run(argv, input="SELECT current_user;", capture_output=True, text=True, check=False)
            results.append(Refused(done.stderr) if done.returncode else done.stdout.strip())
        return results

    def sql(self, script: str) -> str | Refused:
        """Runs a whole psql script; what it prints, or what went wrong."""
        done = self._postgres(f"\\set ON_ERROR_STOP on\n{script}")
        return Refused(done.stderr) if done.returncode or "ERROR" in done.stderr else done.stdout

    def postgresql_conf(self, texts: Sequence[str]) -> list[dict[str, str] | Refused]:
        """``pg_file_settings``: a name to its value in the server's units, as the running server reads the file."""
        return self._pg_files(
            texts,
            "postgresql.auto.conf",
            "SELECT name, setting, coalesce(error, '') FROM pg_file_settings WHERE sourcefile ~ 'auto.conf$'",
            lambda rows: {name: value for name, value, _ in rows},
        )

    def pg_hba(self, texts: Sequence[str]) -> list[list[list[str]] | Refused]:
        """``pg_hba_file_rules``: type, databases, users, address, method and options of each line."""
        return self._pg_files(
            texts,
            "pg_hba.conf",
            "SELECT type, database::text, user_name::text, coalesce(address, ''), auth_method, "
            "coalesce(options::text, ''), coalesce(error, '') FROM pg_hba_file_rules",
            lambda rows: [row[:-1] for row in rows],
        )

    def _pg_files(self, texts: Sequence[str], file: str, query: str, shaped: Any) -> list[Any]:
        script = "SELECT current_setting('data_directory') AS data \\gset\n\\pset fieldsep '\\x1f'\n"
        for number, text in enumerate(texts):
            content = text.encode().hex()
            script += (
                f"SELECT lo_from_bytea(0, decode('{content}', 'hex')) AS lo \\gset\n"
                f"SELECT :'data' || '/{file}' AS path \\gset\n"
                "SELECT lo_export(:lo, :'path') AS n \\gset\nSELECT lo_unlink(:lo) AS n \\gset\n"
                f"\\echo ={number}\n{query};\n"
            )
        done = self._postgres(script)
        results: list[Any] = []
        for part in done.stdout.split("=")[1:] if "FATAL" not in done.stderr else ():
            rows = [line.split("\x1f") for line in part.split("\n")[1:] if line]
            wrong = [
                row[-1]
                for row in rows
                if row[-1] and "restart" not in row[-1] and "could not be applied" not in row[-1]
            ]
            results.append(Refused("; ".join(wrong)) if wrong else shaped(rows))
        return results if len(results) == len(texts) else [Refused(done.stderr)] * len(texts)

    def redis_acl(self, texts: Sequence[str], passwords: Sequence[tuple[str, str]]) -> list[list[str] | Refused]:
        """``ACL LOAD`` of each text: its users as ``ACL LIST`` prints them, passwords as SHA-256.

        Args:
            texts: ``users.acl`` of each.
            passwords: For each, a user and the password that must be let in; a wrong one is a refusal.
        """
        name = self._redis()
        results: list[list[str] | Refused] = []
        for text, (user, password) in zip(texts, passwords, strict=True):
            # The file may leave nobody who could ask: one more user can.
            whole = f"{text.rstrip()}\nuser reader on nopass ~* &* +@all\n"
            _docker("exec", "-i", name, "sh", "-c", "cat >/tmp/users.acl", data=whole.encode())
            loaded = self._redis_cli("ACL", "LOAD")
            listed = self._redis_cli("ACL", "LIST").splitlines()
            let_in = self._redis_cli("AUTH", user, password)
            if loaded != "OK" or let_in != "OK":
                results.append(Refused(f"{loaded} {let_in}"))
            else:
                results.append([line for line in listed if not line.startswith("user reader ")])
        return results

    def redis_conf(self, texts: Sequence[str]) -> list[dict[str, str] | Refused]:
        """A server with each configuration: ``CONFIG GET *``."""
        name = self._redis()
        results: list[dict[str, str] | Refused] = []
        for text in texts:
            _docker("exec", "-i", name, "sh", "-c", "cat >/tmp/redis.conf", data=text.encode())
            script = (
                "cd /tmp; redis-server /tmp/redis.conf --port 0 --unixsocket /tmp/other.sock --dir /tmp "
                "--aclfile '' --daemonize yes --pidfile /tmp/other.pid --save '' --appendonly no >/tmp/log 2>&1 "
                "|| { cat /tmp/log; exit 1; }\n"
                "for _ in $(seq 2000); do redis-cli -s /tmp/other.sock CONFIG GET '*' 2>/dev/null && break; "
                "sleep 0.05; done\n"
                "redis-cli -s /tmp/other.sock SHUTDOWN NOSAVE >/dev/null 2>&1"
            )
            argv = ["docker", "exec", name, "sh", "-c", script]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            lines = done.stdout.split("\n")
            read = dict(zip(lines[::2], lines[1::2], strict=False))
            results.append(read if "maxmemory" in read else Refused(done.stdout + done.stderr))
        return results

    def _redis(self) -> str:
        from catalog.redis.service import SERVICE  # where its image is named

        fresh = "redis" not in self._others
        script = (
            "echo 'user reader on nopass ~* &* +@all' >/tmp/users.acl; "
            "exec redis-server --aclfile /tmp/users.acl --save ''"
        )
        name = self._other("redis", SERVICE.image, "--tmpfs", "/tmp", "--entrypoint", "sh", command=("-c", script))
        if fresh:
            _docker(
                "exec", name, "sh", "-c", "for _ in $(seq 2000); do redis-cli ping && exit; sleep 0.05; done; exit 1"
            )
        return name

    def _redis_cli(self, *argv: str) -> str:
        # By stdin, one line as redis-cli splits it; no `--pass`, which AUTH would be sent beside.
        lines = ["AUTH reader x", " ".join(_for_redis_cli(part) for part in argv)]
        argv_ = ["docker", "exec", "-i", self._others["redis"], "redis-cli"]
        done = subprocess.run(argv_, input="\n".join(lines), capture_output=True, text=True, check=False)
        return done.stdout.removeprefix("OK\n").strip()


def texts(files: Sequence[HostFile], values: Mapping[str, str]) -> dict[str, str]:
    """Host files by path, templates filled in."""
    return {file.path: file.content for file in (one.filled(values) for one in files)}


def _undoubled(value: Any) -> Any:
    """Values as containers get them: ``config`` prints a text that could be read again, each ``$`` doubled."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_undoubled(inner) for inner in value]
    return {key: _undoubled(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _for_redis_cli(word: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'


def have(*images: str) -> None:
    """The images, built where they are not there yet."""
    argv = [sys.executable, "-m", "toolchain.images", "ensure", *images]
    subprocess.run(argv, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def _docker(*argv: str, data: bytes | None = None) -> str:
    done = subprocess.run(["docker", *argv], input=data, capture_output=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode()
