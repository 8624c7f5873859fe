"""Where OpenClaw's agents and their sub-agents run programs: OpenClaw's own sandbox by SSH, in a container of its own.

https://docs.openclaw.ai/gateway/sandboxing/ssh-backend. Our own image (``apps/openclaw_sandbox``): OpenSSH's server,
Python and a shell. It is on the network ``sandbox`` alone, where nobody else is but the gateway, which asks for its
token there too. Whoever runs a program here has the rights of sshd, and so reads the host key: it opens nothing but a
place where he is already. What agents leave is in memory, within the container's limit, and gone with its next start.
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Build, Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import LINE

KEY = SecretSpec(
    name="openclaw-sandbox-key",
    kind="ed25519",
    purpose="by OpenClaw's gateway, to run its agents' programs in the sandbox",
)

KEY_PUBLIC = SecretSpec(
    name="openclaw-sandbox-key-public",
    kind="ed25519-public",
    policy="derived",
    made_of="openclaw-sandbox-key",
    purpose="by OpenClaw's sandbox, to know the gateway",
)

HOST_KEY = SecretSpec(
    name="openclaw-sandbox-host-key", kind="ed25519", purpose="by OpenClaw's sandbox, to show the gateway who it is"
)

HOST_KEY_PUBLIC = SecretSpec(
    name="openclaw-sandbox-host-key-public",
    kind="ed25519-public",
    policy="derived",
    made_of="openclaw-sandbox-host-key",
    purpose="by OpenClaw's gateway, to know the sandbox",
)

IMAGE = ImageFacts(
    repository="openclaw-sandbox",
    source="https://github.com/docker-library/python/blob/master/3.11/slim-bookworm/Dockerfile",
    read="2026-11-29",
    user="10003:10003",
    entrypoint=("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/homeport/sshd_config"),
    writable=("/workspace", "/tmp"),
    tools=("sh", "bash", "python3", "tar"),
    ports=(2222,),
    health="none of its own; its port answers with the protocol's name",
)

SERVICE = Service(
    name="openclaw-sandbox",
    image="openclaw-sandbox",
    build=Build(folder="apps/openclaw_sandbox", registry=""),
    purpose="OpenClaw's sandbox: where its agents run programs",
    uid=10003,
    networks=("sandbox",),
    files=(StaticFile(source="catalog/openclaw_sandbox/files/sshd_config", target="sshd_config"),),
    secret_files=(
        SecretFile(
            target="host_key",
            template=(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{openclaw-sandbox-host-key}\n-----END OPENSSH PRIVATE KEY-----\n"
            ),
            syntax=LINE,
        ),
        SecretFile(
            target="authorized_keys", template="restrict,pty ssh-ed25519 {openclaw-sandbox-key-public}\n", syntax=LINE
        ),
    ),
    # Programs that an agent writes are run from there; an interpreter would run them in any case.
    tmpfs={
        "/workspace": "rw,exec,nosuid,nodev,size=256m,uid=10003,gid=10003,mode=0700",
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
    },
    health=Health(
        test=(
            "python3",
            "-c",
            "import socket; assert socket.create_connection(('127.0.0.1', 2222), 5).recv(4) == b'SSH-'",
        ),
        interval=30,
        timeout=10,
        start_period=20,
    ),
    troubles={
        "what a program left is gone": "its folder is in memory: the gateway lays the session's anew at the next start",
    },
    limits=Limits(memory=512, cpus="1.0", pids=128, least=320, nofile=1024),
    grace=10,
    secrets=(HOST_KEY, KEY, KEY_PUBLIC),
)
