"""Uptime Kuma: watches services and sends alerts. https://github.com/louislam/uptime-kuma/wiki/Environment-Variables."""

from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, Port, Service, Volume

IMAGE = ImageFacts(
    repository="louislam/uptime-kuma",
    source="https://github.com/louislam/uptime-kuma/blob/master/docker/dockerfile",
    read="2026-11-29",
    # Of the variants called rootless (louislam/uptime-kuma#4052); the plain ones run as root.
    user="node",
    entrypoint=("/usr/bin/dumb-init", "--"),
    command=("node", "server/server.js"),
    writable=("/app/data",),
    tools=("/app/extra/healthcheck", "node", "curl", "sh"),
    ports=(3001,),
    health="/app/extra/healthcheck asks http://127.0.0.1:3001/",
)

SERVICE = Service(
    name="uptime-kuma",
    # renovate: datasource=docker depName=louislam/uptime-kuma
    image="louislam/uptime-kuma:2.5.4-rootless",
    # Its first visitor makes the administrator's account: nobody but members of the VPN may be that.
    purpose="Uptime Kuma: watches services and sends alerts",
    uid=1000,
    # Unless it is told which database to use, it shows a page that asks for one before it does anything else.
    env={"UPTIME_KUMA_DB_TYPE": "sqlite"},
    volumes={"data": Volume(path="/app/data", owner=(1000, 1000), name="uptime_kuma_data")},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    ports=(Port(name="uptime-kuma", inside=3001, at="vpn", outside=3001),),
    health=Health(test=("/app/extra/healthcheck",), interval=30, timeout=30, start_period=180, gate=240),
    troubles={
        "its page wants an administrator to be made": "its first visitor is one: be that, before somebody else is",
    },
    limits=Limits(memory=512, cpus="0.5", pids=128),
)
