"""The executor: runs tasks of an allowlist with no network at all. Our own program, ``apps/executor``.

A preset has a shared volume ``exchange`` for it and whoever sends it tasks.
"""

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.service import Health, Limits, Service, StaticFile, Volume

IMAGE = ImageFacts(
    repository="python",
    source="https://github.com/docker-library/python/blob/master/3.11/slim-bookworm/Dockerfile",
    read="2026-11-28",
    command=("python3",),
    tools=("sh", "bash", "python", "python3"),
    digests={"3.11.16-slim-bookworm": "sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="executor",
    # renovate: datasource=docker depName=python
    image="python:3.11.16-slim-bookworm",
    purpose="Runs allowed tasks, cut off from every network",
    entrypoint=("python",),
    command=("-B", "/workspace/worker.py"),
    uid=10001,
    groups=(10002,),
    networks=(),
    files_at="/workspace",
    files=(StaticFile(source="apps/executor/*.py", target="."),),
    volumes={"exchange": Volume(path="/exchange", shared="exchange")},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(test=("python", "-I", "-S", "-B", "/workspace/healthcheck.py"), interval=10, start_period=10),
    troubles={
        "exit status 2, 3 or 4 of a task": "refused, out of time, or anything else: its answer says which",
    },
    limits=Limits(memory=384, least=320, cpus="0.5", pids=64, nofile=1024),
    grace=35,
)
