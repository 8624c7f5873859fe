"""CouchDB for Obsidian's plugin LiveSync. https://github.com/vrtmrz/obsidian-livesync/blob/main/docs/setup_own_server.md.

Every request but one for its health needs a name and a password. Obsidian's user may use the database
``obsidian_vault`` alone; the administrator may do all. A preset has a route named ``couchdb``, open to the internet,
whose proxy takes bodies of 50 MB.
"""

from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, SignIn, StaticFile, Volume
from homeport.model.template import JSON, TEXT

IMAGE = ImageFacts(
    repository="couchdb",
    source="https://github.com/apache/couchdb-docker/blob/main/3.3.3/Dockerfile",
    read="2026-11-29",
    entrypoint=("tini", "--", "/docker-entrypoint.sh"),
    command=("/opt/couchdb/bin/couchdb",),
    writable=("/opt/couchdb/data", "/opt/couchdb/etc/local.d"),
    tools=("sh", "bash", "cat", "cp", "head", "cut", "sed", "grep", "tr", "base64", "tini"),
    ports=(5984,),
    health="GET /_up on its port, without a password by require_valid_user_except_for_up; there is no client of HTTP",
)

_NAME = r"[A-Za-z][A-Za-z0-9._-]{0,30}"
_SHAPE = "1 to 31 letters, digits, '.', _ and -, a letter first"
OPTIONS = {
    "couchdb-user": Option(default="admin", purpose="the name of CouchDB's administrator", pattern=_NAME, shape=_SHAPE),
    "couchdb-obsidian-user": Option(
        default="obsidian",
        purpose="the name of Obsidian's user at CouchDB, another one than its administrator's",
        pattern=_NAME,
        shape=_SHAPE,
    ),
}
"""What a preset with it lets the settings choose."""

SERVICE = Service(
    name="couchdb",
    # renovate: datasource=docker depName=couchdb
    image="couchdb:3.3.3",
    purpose="CouchDB: the vault that Obsidian synchronises",
    entrypoint=("/bin/bash",),
    command=("/etc/homeport/start.sh",),
    # The image's couchdb.
    uid=5984,
    networks=("relay",),
    env={"COUCHDB_USER": "{couchdb-user}", "OBSIDIAN_USER": "{couchdb-obsidian-user}", "HOME": "/tmp"},
    files=(
        StaticFile(source="catalog/couchdb/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/couchdb/files/provision.sh", target="provision.sh"),
        StaticFile(source="catalog/couchdb/files/livesync.ini", target="livesync.ini"),
    ),
    secret_files=(
        SecretFile(target="admin_password", template="{couchdb-admin-password}", syntax=TEXT),
        SecretFile(target="session_secret", template="{couchdb-session-secret}", syntax=TEXT),
        SecretFile(target="obsidian_password.json", template='"{couchdb-obsidian-password}"', syntax=JSON),
    ),
    volumes={"data": Volume(path="/opt/couchdb/data", owner=(5984, 5984))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=32m,mode=1777",
        "/opt/couchdb/etc/local.d": "rw,noexec,nosuid,nodev,size=1m,uid=5984,gid=5984,mode=0700",
    },
    health=Health(
        test=(
            "bash",
            "-c",
            (
                "exec 3<>/dev/tcp/127.0.0.1/5984 && printf 'GET /_up HTTP/1.0\\r\\n\\r\\n' >&3"
                " && read -r line <&3 && [[ $line == *' 200 '* ]]"
            ),
        ),
        interval=10,
        start_period=60,
        gate=180,
    ),
    limits=Limits(memory=512, cpus="1.0", pids=128, least=192),
    sign_in=SignIn(user="{couchdb-user}", secret="couchdb-admin-password"),
    secrets=(
        SecretSpec(name="couchdb-admin-password", kind="account-password", purpose="for CouchDB's administrator"),
        SecretSpec(name="couchdb-obsidian-password", kind="account-password", purpose="for Obsidian's user at CouchDB"),
        SecretSpec(name="couchdb-session-secret", kind="hex64", purpose="to sign CouchDB's sessions"),
    ),
)
