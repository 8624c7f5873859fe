"""OpenClaw: the gateway of an assistant, with sessions and memory of its own. https://docs.openclaw.ai/gateway.

It reaches models through LiteLLM alone, which has the budget: ``files/openclaw.json`` names no other provider, and no
key of one is there; its key at LiteLLM calls models within a limit of its own, and is no administrator's. Whoever has
the gateway's token is its operator; n8n posts to ``http://openclaw:18789/v1/chat/completions`` with it, and with a
header ``X-Forwarded-For`` of any address, which the gateway asks of everybody on the proxy's network. Its agents and
their sub-agents, which are sessions of the same gateway, have the tools that ``files/openclaw.json`` names: they talk,
remember and start one another, and run programs, but only in ``openclaw-sandbox`` on the network ``sandbox``, by SSH.
No tool of theirs touches a file of the gateway, fetches an address or changes it; where the sandbox is away, or
switched off for a session, a program is refused and not run here. A preset has ``openclaw-sandbox`` and a route named
``openclaw``. The image is the official one with OpenSSH's client (``apps/openclaw``).
"""

from catalog.litellm.service import OPENCLAW_KEY
from catalog.openclaw_sandbox.service import HOST_KEY, HOST_KEY_PUBLIC, KEY
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Build, Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import LINE, TEXT

IMAGE = ImageFacts(
    repository="openclaw",
    source="https://github.com/openclaw/openclaw/blob/main/Dockerfile",
    read="2026-11-29",
    user="node",
    command=("node", "openclaw.mjs", "gateway", "--allow-unconfigured"),
    writable=("/home/node/.openclaw", "/tmp"),
    tools=("sh", "cat", "node", "ssh", "tar"),
    ports=(18789,),
    health="GET /healthz on its port",
)

SERVICE = Service(
    name="openclaw",
    image="openclaw",
    build=Build(folder="apps/openclaw", registry=""),
    purpose="OpenClaw: an assistant's gateway",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    uid=1000,
    networks=("backend", "egress", "sandbox"),
    env={
        "OPENCLAW_CONFIG_PATH": "/etc/homeport/openclaw.json",
        "OPENCLAW_STATE_DIR": "/home/node/.openclaw",
        "OPENCLAW_ORIGIN": "{origin:openclaw}",
        # Where the proxy asks from: else it refuses whatever says on whose behalf it was sent. Who else is there has to
        # say so as well, and needs the token all the same; n8n shares two networks with it, and Docker names either.
        "OPENCLAW_PROXIES": "{subnet:backend}",
        "OPENCLAW_CALLERS": "{subnet:egress}",
        # Else it keeps a copy of it beside it, and anew with each change from its pages: the file is homeport's.
        "OPENCLAW_CONFIG_READONLY": "1",
        # It would announce itself on its networks.
        "OPENCLAW_DISABLE_BONJOUR": "1",
        "HOME": "/home/node",
    },
    files=(
        StaticFile(source="catalog/openclaw/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/openclaw/files/openclaw.json", target="openclaw.json"),
    ),
    secret_files=(
        SecretFile(target="env/OPENCLAW_API_KEY", template="{openclaw-api-key}", syntax=TEXT),
        SecretFile(target="env/OPENCLAW_GATEWAY_TOKEN", template="{openclaw-gateway-token}", syntax=TEXT),
        SecretFile(target="env/LITELLM_API_KEY", template="{litellm-openclaw-key|prefix:sk-}", syntax=TEXT),
        SecretFile(
            target="sandbox/key",
            template="-----BEGIN OPENSSH PRIVATE KEY-----\n{openclaw-sandbox-key}\n-----END OPENSSH PRIVATE KEY-----\n",
            syntax=LINE,
        ),
        # The one host that it believes: nobody else on the network can stand in the sandbox's place.
        SecretFile(
            target="sandbox/known_hosts",
            template="[openclaw-sandbox]:2222 ssh-ed25519 {openclaw-sandbox-host-key-public}\n",
            syntax=LINE,
        ),
    ),
    volumes={"data": Volume(path="/home/node/.openclaw", owner=(1000, 1000))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777",
        "/home/node/.cache": "rw,noexec,nosuid,nodev,size=64m,uid=1000,gid=1000,mode=0700",
    },
    health=Health(
        test=(
            "node",
            "-e",
            "fetch('http://127.0.0.1:18789/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
        ),
        interval=20,
        timeout=10,
        start_period=120,
        gate=300,
    ),
    # A turn with the sandbox took it to 1.8 GB (2026.9.6), and its command line is another 0.3 GB there.
    troubles={
        "a browser with the right token is not let in": (
            "approve it: `docker exec openclaw sh /etc/homeport/start.sh devices list`, then `… devices approve ID`"
        ),
    },
    limits=Limits(memory=2560, cpus="1.0", pids=256, least=2048),
    needs=("litellm",),
    grace=30,
    secrets=(
        SecretSpec(
            name="openclaw-api-key",
            kind="hex64",
            purpose="for OpenClaw's operators and callers, as its gateway's token where no other one is given",
        ),
        SecretSpec(
            name="openclaw-gateway-token",
            kind="token",
            policy="derived",
            made_of="openclaw-api-key",
            purpose="for OpenClaw's operators and callers, as its gateway's token; unless given, the API key",
        ),
        OPENCLAW_KEY,
        KEY,
        HOST_KEY,
        HOST_KEY_PUBLIC,
    ),
)
