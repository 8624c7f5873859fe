"""Zerobyte: restic with pages, for encrypted incremental copies to S3 and elsewhere. https://zerobyte.app/docs.

Its repositories and folders can be given to it as a file, its schedules cannot (apps/docs, guides/provisioning), and
the file needs a number that is known after the first sign-in: both are made in its pages. A preset has a route named
``zerobyte``, and mounts what is copied, read-only.

Under the AGPL: it is run as its authors publish it, nothing of it is built or linked here (docs/catalog.md, its stub).
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="ghcr.io/nicotsx/zerobyte",
    source="https://github.com/nicotsx/zerobyte/blob/main/Dockerfile",
    read="2026-11-29",
    entrypoint=("/sbin/tini", "-s", "--"),
    command=("bun", ".output/server/index.mjs"),
    writable=("/var/lib/zerobyte", "/tmp"),
    # Alpine's, and restic itself.
    tools=("sh", "wget", "bun", "restic", "rclone"),
    ports=(4096,),
    health="GET /api/healthcheck",
)

RESTIC = ImageFacts(
    repository="restic/restic",
    source="https://github.com/restic/restic/blob/master/docker/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/bin/restic",),
    tools=("sh", "restic"),
)
"""The tool that the host's own backups use, under the BSD licence: Zerobyte's pages can open what it writes."""

SERVICE = Service(
    name="zerobyte",
    # renovate: datasource=docker depName=ghcr.io/nicotsx/zerobyte
    image="ghcr.io/nicotsx/zerobyte:v0.43",
    purpose="Encrypted copies to S3",
    networks=("backend", "egress"),
    uid=0,
    capabilities={
        "CAP_DAC_OVERRIDE": "it reads data of every owner; what is mounted for that is read-only",
    },
    env={
        "APP_SECRET_FILE": "/etc/homeport/app_secret",
        "BASE_URL": "{origin:zerobyte}",
        "HOME": "/tmp",
        "RCLONE_CONFIG_DIR": "/var/lib/zerobyte/rclone",
        "RESTIC_HOSTNAME": "zerobyte",
    },
    secret_files=(SecretFile(target="app_secret", template="{zerobyte-app-secret}", syntax=TEXT),),
    volumes={"data": Volume(path="/var/lib/zerobyte", owner=(0, 0))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777"},
    health=Health(
        test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:4096/api/healthcheck"),
        interval=15,
        # The first start makes its tables.
        start_period=90,
        gate=240,
    ),
    limits=Limits(memory=768, cpus="1.0", pids=256, least=384),
    waivers={"root": "files keep owner and mode in a copy only if who reads and restores them is root"},
    secrets=(
        SecretSpec(
            name="zerobyte-app-secret",
            kind="hex64",
            encrypts=True,
            purpose="to encrypt the passwords and keys that Zerobyte stores; lost, they are to be entered anew",
            variable="APP_SECRET",
        ),
    ),
)
