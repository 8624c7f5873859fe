"""Qdrant: vector search. https://qdrant.tech/documentation/guides/configuration/."""

from dataclasses import replace

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import JSON, TEXT

IMAGE = ImageFacts(
    repository="qdrant/qdrant",
    source="https://github.com/qdrant/qdrant/blob/master/Dockerfile",
    read="2026-11-28",
    command=("./entrypoint.sh",),
    writable=("/qdrant/storage", "/qdrant/snapshots"),
    tools=("bash", "sh"),
    ports=(6333, 6334),
    health="GET /healthz, /livez, /readyz on 6333; neither curl nor wget is in it (qdrant/qdrant#4250)",
    digests={
        "v1.16.3": "sha256:0425e3e03e7fd9b3dc95c4214546afe19de2eb2e28ca621441a56663ac6e1f46",
        "v1.19.1": "sha256:12364fe851b9f17356fc88189fc06d1b521262e04659ec7345975b00c9246a10",
    },
    digests_from=PUBLIC_PINS,
)

API_KEY = SecretSpec(name="qdrant-api-key", kind="hex64", purpose="for the clients of Qdrant, in the header api-key")

SERVICE = Service(
    name="qdrant",
    # renovate: datasource=docker depName=qdrant/qdrant
    image="qdrant/qdrant:v1.19.1",
    purpose="Qdrant: vector search",
    # Its own entry point's argument. Qdrant has no variable that names a file with the key; a configuration file can
    # hold it (src/settings.rs), and JSON is YAML.
    command=("./entrypoint.sh", "--config-path", "/etc/homeport/config.yaml"),
    uid=1000,
    env={
        # By default both lie in the working folder, which is read-only here (docs/requirements.md, R-24).
        "QDRANT__STORAGE__SNAPSHOTS_PATH": "/qdrant/storage/snapshots",
        "QDRANT_INIT_FILE_PATH": "/qdrant/storage/.qdrant-initialized",
        "QDRANT__TELEMETRY_DISABLED": "true",
    },
    secret_files=(
        SecretFile(target="config.yaml", template='{"service": {"api_key": "{qdrant-api-key}"}}\n', syntax=JSON),
    ),
    volumes={"data": Volume(path="/qdrant/storage", owner=(1000, 1000))},
    health=Health(
        # The image has bash, and neither curl nor wget (qdrant/qdrant#4250).
        test=(
            "bash",
            "-c",
            (
                "exec 3<>/dev/tcp/127.0.0.1/6333 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3"
                " && read -r line <&3 && [[ $line == *' 200 '* ]]"
            ),
        ),
        interval=10,
        start_period=30,
    ),
    limits=Limits(memory=1024, cpus="1.0", pids=256),
    secrets=(API_KEY,),
)

V1_16 = replace(
    SERVICE,
    # renovate: datasource=docker depName=qdrant/qdrant
    image="qdrant/qdrant:v1.16.3",
    purpose="Qdrant: semantic cache and vectors of documents",
    networks=("backend",),
    entrypoint=("/bin/bash", "/etc/homeport/start.sh"),
    files=(
        StaticFile(source="catalog/qdrant/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/qdrant/files/provision.sh", target="provision.sh"),
        StaticFile(source="catalog/qdrant/files/collections", target="collections"),
    ),
    secret_files=(*SERVICE.secret_files, SecretFile(target="api_key", template="{qdrant-api-key}", syntax=TEXT)),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=1m,mode=1777"},
    health=Health(
        test=("bash", "-c", "[ -e /tmp/collections-ready ] && exec 3<>/dev/tcp/127.0.0.1/6333"),
        interval=10,
        start_period=30,
    ),
)
"""The version that the description of the AI platform names, with its collections (``files/collections``)."""
