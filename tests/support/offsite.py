"""What the copy elsewhere meets in its tests: an S3 server, stores with something in them, who is told of it."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import socket
import sqlite3
import struct
import threading

import redis

from catalog.backups.offsite import ENVIRONMENT
from catalog.presets import registry
from homeport.model import template
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.telegram.service import Service
from rehearsal.clouds.telegram.store import Store
from tests.support.containers import docker
from tests.support.waits import until

KEY, SECRET, PASSWORD = "KEYOFTHETESTS0000001", "c4nary-of-s3/+secret", "c4nary-of-the-repository"
REGION = "fsn1"
TOKEN, CHAT = "900100:AAc4nary-of-telegram-0123456789abcdef", "700100"
LOG = ("--appendonly", "yes", "--appendfsync", "always")
SEED = {
    "bots": {TOKEN: {"username": "backup_bot"}},
    "chats": {CHAT: {"type": "private", "title": "Operators", "bots": {"backup_bot": "member"}}},
}


class S3:
    """A server that checks every signature, on a folder of this machine.

    Args:
        host: Where it runs.
        image: Its image.
    """

    def __init__(self, host, image):
        self.folder = host.folder / "s3"
        self.folder.mkdir()
        flags = ("-e", f"ROOT_ACCESS_KEY={KEY}", "-e", f"ROOT_SECRET_KEY={SECRET}", "-v", f"{self.folder}:/data")
        words = ("--port", ":7070", "--region", REGION, "posix", "/data")
        self._host, self.container = host, host.start("s3", image, *flags, command=words)
        self.found()

    def found(self):
        """Its address, which is another one after a start, once it answers."""
        self.address = address(self.container)
        until(self._answers, "the S3 server answers")

    @property
    def url(self):
        return f"http://{self.address}:7070"

    def _answers(self):
        return ask(self.address, 7070, "GET", "/")[0] == 403

    def objects(self, bucket="backups"):
        """The files of a repository, but locks; the sidecar of each is the server's own business."""
        root = self.folder / bucket
        return sorted(path for path in root.rglob("*") if path.is_file() and "locks" not in path.parts)


def ask(where, port, method, path, document=None, **headers):
    """Status and body of a request; (0, b"") where nobody answers."""
    connection = http.client.HTTPConnection(where, port, timeout=120)
    try:
        body = None if document is None else json.dumps(document)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


class Redis:
    """A Redis of a host with the catalog's rights: one password, no command of an administrator but a snapshot's.

    Args:
        host: The host.
        image: Its image, or Valkey's.
        part: What it is called there.
    """

    password = "c4nary-of-redis"

    def __init__(self, host, image, part="redis"):
        self.host, self.image, self.part, self.container = host, image, part, f"{host.name}-{part}"
        self.rights = host.folder / "users.acl"
        allowed = "~* &* +@all -@admin -@dangerous +info +keys +flushdb +bgsave +lastsave"
        self.rights.write_text(f"user default on >{self.password} {allowed}\n")
        self.rights.chmod(0o644)
        self.key = host.folder / "redis-password"
        self.key.write_text(self.password)
        self.new()

    def new(self):
        config = ("redis-server", "--aclfile", "/users.acl", "--save", "60 1000", "--dir", "/data", *LOG)
        files = ("-v", f"{self.rights}:/users.acl:ro", "-v", f"{self.key}:/etc/homeport/password:ro")
        flags = ("--read-only", "--cap-drop=ALL", "--user=999:999", *files)
        self.host.start(self.part, self.image, *flags, command=config)
        self.address = address(self.container)
        until(self._answers, "Redis answers")

    def client(self, database=0):
        return redis.Redis(host=self.address, password=self.password, db=database, socket_timeout=30)

    def _answers(self):
        try:
            return self.client().ping()
        except redis.RedisError:
            return False

    def fill(self):
        client = self.client()
        client.mset({f"key:{number}": f"c4nary-of-a-key-{number}" for number in range(200)})
        client.rpush("queue", "a", "b", b"\x00\xff")
        client.set("gone", "soon", pxat=4102444800000)
        client.hset("hash", "field", "value")
        self.client(3).set("other", 1)

    def all(self):
        self.address = address(self.container)
        until(self._answers, "Redis answers")
        clients = [self.client(database) for database in (0, 3)]
        return [
            (database, key, client.dump(key), client.pexpiretime(key))
            for database, client in enumerate(clients)
            for key in sorted(client.keys("*"))
        ]


def address(container):
    """A container's address on its one network, which is another after a start."""
    return docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)


class Qdrant:
    """A Qdrant of a host."""

    key = "c4nary-of-qdrant"

    def __init__(self, host, image):
        self.host, self.image, self.container = host, image, f"{host.name}-qdrant"
        self.new()

    def new(self):
        key = self.host.folder / "qdrant-key"
        key.write_text(self.key)
        flags = ("-e", f"QDRANT__SERVICE__API_KEY={self.key}", "-v", f"{key}:/etc/homeport/api_key:ro")
        self.host.start("qdrant", self.image, *flags)
        self.address = address(self.container)
        until(lambda: self.ask("GET", "/collections")[0] == 200, "Qdrant answers")

    def ask(self, method, path, document=None):
        return ask(self.address, 6333, method, path, document, **{"api-key": self.key})

    def fill(self, points):
        for name, size in (("semantic_cache", 4), ("content index é", 3)):
            path = f"/collections/{name.replace(' ', '%20').replace('é', '%C3%A9')}"
            self.ask("PUT", path, {"vectors": {"size": size, "distance": "Cosine"}})
            rows = [{"id": n, "vector": [n / 7, *[0.5] * (size - 1)], "payload": {"n": n}} for n in range(points)]
            status, answer = self.ask("PUT", f"{path}/points?wait=true", {"points": rows})
            assert 200 == status, answer
        alias = {"create_alias": {"alias_name": "cache", "collection_name": "semantic_cache"}}
        self.ask("POST", "/collections/aliases", {"actions": [alias]})

    def all(self):
        names = sorted(row["name"] for row in json.loads(self.ask("GET", "/collections")[1])["result"]["collections"])
        held = {}
        for name in names:
            path = f"/collections/{name.replace(' ', '%20').replace('é', '%C3%A9')}"
            config = json.loads(self.ask("GET", path)[1])["result"]["config"]["params"]
            scroll = self.ask("POST", f"{path}/points/scroll", {"limit": 10000, "with_vector": True})
            held[name] = (config, json.loads(scroll[1])["result"]["points"])
        return held, json.loads(self.ask("GET", "/aliases")[1])["result"]


class Volume:
    """A container of a host that may write to its volumes alone, as those of a preset: one for each of its folders."""

    def __init__(self, host, image, part="files", folders=("/data", "/app/data")):
        self.host, self.image, self.part, self.container = host, image, part, f"{host.name}-{part}"
        self.folders = folders
        self.new()

    def new(self):
        volumes = [word for folder in self.folders for word in ("-v", folder)]
        flags = ("--read-only", *volumes, "--network-alias", self.part)
        self.host.start(
            self.part, self.image, *flags, command=("sh", "-c", "trap exit TERM; while :; do sleep 1; done")
        )

    def sh(self, script):
        return docker("exec", "--user=0", self.container, "sh", "-c", script)

    def all(self):
        every = "find . -exec stat -c '%n %a %u:%g %F' {} + | sort && find . -type f | sort | xargs -r sha256sum"
        return [self.sh(f"cd {folder} && {every}") for folder in self.folders]


def written(container, path, folder):
    """Puts a database of SQLite into a container that was not closed: its newest rows are in its log alone."""
    file = folder / path.rpartition("/")[2]
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("CREATE TABLE monitors (n int)")
    database.executemany("INSERT INTO monitors VALUES (?)", [(n,) for n in range(100)])
    for end in ("", "-wal"):
        docker("cp", f"{file}{end}", f"{container}:{path}{end}")
    database.close()
    file.unlink()


def read(container, path, folder):
    """Rows of such a database in a container."""
    file = folder / path.rpartition("/")[2]
    for end in ("", "-wal"):
        docker("cp", f"{container}:{path}{end}", f"{file}{end}", check=False)
    with sqlite3.connect(file) as database:
        return [n for (n,) in database.execute("SELECT n FROM monitors ORDER BY n")]


class Told:
    """Who hears of runs: a push monitor, and Telegram's chat."""

    def __init__(self):
        self.beats = beats = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                beats.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/push/c4nary-of-kuma?status=up"
        self._store = Store(None, SEED)
        self.telegram = ApiServer(Service(self._store)).start()

    @property
    def messages(self):
        return [row["text"] for row in self._store.all("messages").values()]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.telegram.stop()


class Unreliable:
    """A way to an S3 server on which requests fail when they are to: with a status, or cut in the middle.

    restic asks again after all of them but 403, which may end its run. Nobody is forbidden to remove: for a lock that
    stays a run waits ten minutes.

    Args:
        host: Where who asks is.
        s3: The server.
        chance: Chooses how.
    """

    ways = (403, 429, 500, 503, "cut before", "cut after")

    def __init__(self, host, s3, chance):
        self.s3, self._chance, self._lock = s3, chance, threading.Lock()
        self.fail(0, 0)
        self._server = http.server.ThreadingHTTPServer((f"{host.block}.1", 0), _Relay)
        self._server.way = self
        self._server.handle_error = lambda *_: None
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://{host.block}.1:{self._server.server_port}"

    def fail(self, first, count):
        """So many requests from the given one on, counted from now, fail; the others go through."""
        self.asked, self.failed, self._bad = 0, 0, range(first, first + count)

    def next(self, method):
        """How the request that has come fails; empty: it does not."""
        with self._lock:
            self.asked += 1
            bad = self.asked in self._bad
            self.failed += bad
            return self._chance.choice(self.ways[method == "DELETE" :]) if bad else ""

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _pass(self):
        way = self.server.way.next(self.command)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if way == "cut before":
            self._cut()
        elif way and way != "cut after":
            self.send_response(way)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(body, cut=bool(way))

    def _answer(self, body, *, cut):
        connection = http.client.HTTPConnection(self.server.way.s3.address, 7070, timeout=120)
        # What was signed stays as it is, the name of the host too.
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._cut()

    def _cut(self):
        """A reset: nothing that is still on its way comes."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_):
        pass


def elsewhere(host, s3, told, restic):
    """The settings of a host whose copies go to a bucket; the name stays when the host is made anew."""
    folder = host.folder / "secrets"
    folder.mkdir(exist_ok=True)
    files = {
        "s3": f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n",
        "repository-password": f"{PASSWORD}\n",
        "heartbeat-url": told.url,
        "telegram-token": TOKEN,
        "telegram-chat": CHAT,
    }
    for name, text in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(text)
        path.chmod(0o400)
    host.settings |= {
        "SECRETS": str(folder),
        "S3_ENDPOINT": s3.url,
        "S3_REGION": REGION,
        "S3_BUCKET": "backups",
        "S3_BUCKETS": "shared",
        "OFFSITE_NAME": "ai",
        "RESTIC_IMAGE": restic,
        "RESTIC_NETWORK": host.name,
        "TELEGRAM_URL": told.telegram.url,
        "N8N_CONTAINER": "",
    }


def declared(host, preset, names=()):
    """Gives a host, whose bucket is known already, the very text in which a preset says what is copied.

    n8n's workflows have tests of their own.

    Args:
        host: The host.
        preset: The preset's name.
        names: Containers of the text to those of the test, where these are not called ``<host>-<container>``. So one
            that the test does not have is nobody's, whatever else runs in this Docker.
    """
    files = (file for program in registry.preset(preset).programs for file in program.files)
    (text,) = (file.text for file in files if file.target == ENVIRONMENT)
    where = {"endpoint": "S3_ENDPOINT", "region": "S3_REGION", "bucket": "S3_BUCKET", "bucket-backups": "S3_BUCKET"}
    values = {
        **{f"{of}-{name}": host.settings[key] for of in ("s3", "offsite") for name, key in where.items()},
        **{f"backup-keep-{name}": "7" for name in ("daily", "weekly", "monthly")},
        "s3-bucket-shared": host.settings["S3_BUCKETS"],
        "backup-telegram": host.settings["TELEGRAM_URL"],
        "image:restic": host.settings["RESTIC_IMAGE"],
        "environment": "prod",
        "postgres-user": "postgres",
    }
    known = dict(names)
    text = re.sub(r"(\?!?)([a-z0-9-]+)", lambda word: word[1] + known.get(word[2], f"{host.name}-{word[2]}"), text)
    lines = (line.split("=", 1) for line in template.fill(text, values, template.LINE).splitlines())
    host.settings |= {**dict(lines), "N8N_CONTAINER": "", "REPO_DIR": str(host.checkout)}


def restic(host, *words, flags=()):
    """A run of restic on the host's repository, under the name that the host's own have there."""
    settings = host.settings
    repository = f"{settings['S3_ENDPOINT']}/{settings['S3_BUCKET']}/{settings['OFFSITE_NAME']}"
    names = (f"--network={host.name}", f"--hostname=homeport-backup-{settings['OFFSITE_NAME']}")
    files = ("--user=0:0", f"--volume={settings['SECRETS']}:/run/restic:ro")
    values = {
        "RESTIC_PASSWORD_FILE": "/run/restic/repository-password",
        "AWS_SHARED_CREDENTIALS_FILE": "/run/restic/s3",
        "AWS_DEFAULT_REGION": settings["S3_REGION"],
        "RESTIC_REPOSITORY": f"s3:{repository}",
    }
    env = [f"--env={name}={value}" for name, value in values.items()]
    program = ("--entrypoint=restic", settings["RESTIC_IMAGE"], "--no-cache", "-o", "s3.bucket-lookup=path")
    return docker("run", "--rm", *names, *files, *env, *flags, *program, *words)


def quickly_opened(host):
    """Makes the host's repository with a key that is derived in a moment.

    restic measures how much work half a second is, and every run does that work again: half of what one takes. Here it
    is measured on a tenth of a processor. Nothing but the time differs.
    """
    restic(host, "init", flags=("--cpus=0.1",))
