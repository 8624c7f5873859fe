"""Browserless: Chromium for other programs, over HTTP and WebSockets. https://docs.browserless.io/enterprise/open-source.

Licence: SSPL-1.0, or a commercial one. Whoever offers it to others as a service needs the second.

It takes its token from the environment alone (src/config.ts), so ``start.sh`` reads it from a file of mode 0400:
``docker inspect`` shows none. A preset names it ``browserless-chromium``; its networks are what a page may reach.
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="ghcr.io/browserless/chromium",
    source="https://github.com/browserless/browserless/blob/main/docker/chromium/Dockerfile",
    read="2026-11-29",
    user="blessuser",
    command=("./scripts/start.sh",),
    writable=("/home/blessuser", "/tmp"),
    tools=("sh", "bash", "node", "curl", "cat"),
    ports=(3000,),
    health="GET /active: 204; like every path but the pages of its documentation it wants the token",
)

SERVICE = Service(
    name="browserless",
    # renovate: datasource=docker depName=ghcr.io/browserless/chromium
    image="ghcr.io/browserless/chromium:v2.42.0",
    purpose="Headless Chromium",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    # The image's blessuser (docker/base/Dockerfile).
    uid=999,
    env={
        "HOST": "0.0.0.0",
        "PORT": "3000",
        "HOME": "/home/blessuser",
        "TZ": "UTC",
        # Without it every address that a page asks for would be logged, tokens in it too.
        "DEBUG": "browserless*,-**:verbose,-**:trace,-**:debug,-**:info",
        # Sessions at once, callers that wait for one, milliseconds until one ends: beyond it a caller gets 429 or 408.
        "CONCURRENT": "4",
        "QUEUED": "8",
        "TIMEOUT": "60000",
        "MAX_PAYLOAD_SIZE": "5242880",
        # Files of the container, the token's among them, are no pages.
        "ALLOW_FILE_PROTOCOL": "false",
        # A call with the token in its address would stand in other programs' logs.
        "ALLOW_GET": "false",
        "CORS": "false",
        "ENABLE_DEBUGGER": "false",
    },
    files=(
        StaticFile(source="catalog/browserless/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/browserless/files/health.cjs", target="health.cjs"),
    ),
    secret_files=(SecretFile(target="token", template="{browserless-token}", syntax=TEXT),),
    tmpfs={
        # Profiles and downloads of sessions; gone with the container.
        "/tmp": "rw,noexec,nosuid,nodev,size=512m,mode=1777",
        "/home/blessuser": "rw,noexec,nosuid,nodev,size=64m,uid=999,gid=999,mode=0700",
    },
    health=Health(test=("node", "/etc/homeport/health.cjs"), interval=15, timeout=10, start_period=60),
    troubles={
        "429": "four sessions are under way and eight wait: ask again later",
        "408": "a session has lasted longer than 60 s",
    },
    limits=Limits(memory=2048, cpus="2.0", pids=1024, nofile=8192, least=1024),
    # Chromium keeps what it paints in shared memory: with Docker's 64 MB larger pages crash.
    dev_shm=1024,
    grace=35,
    secrets=(
        SecretSpec(
            name="browserless-token",
            kind="hex64",
            purpose="for callers of the headless browser: Authorization: Bearer, or ?token= of a WebSocket",
            variable="BROWSERLESS_TOKEN",
        ),
    ),
)
