"""The preset vps-infrastructure with one service more, as its documents tell to add one."""

from dataclasses import replace

from catalog.presets.vps_infrastructure.preset import PRESET as WITHOUT
from homeport.model.route import Guard, Route
from homeport.model.service import Build, Health, Limits, Port, Service

NOTES = Service(
    name="notes",
    image="notes",
    build=Build(folder="apps/ai_dev_server", registry="registry"),
    deployed=True,
    purpose="Notes of a small team",
    networks=("supabase_default",),
    host_gateway=True,
    ports=(Port(name="notes", inside=8080, at="here", outside=8085),),
    health=Health(test=("wget", "-qO-", "http://127.0.0.1:8080/health"), interval=5, start_period=10),
    limits=Limits(memory=256, cpus="0.5", pids=64),
)
PRESET = replace(
    WITHOUT,
    name="one-more",
    services=(*WITHOUT.services, NOTES),
    routes=(
        *WITHOUT.routes,
        Route(name="notes", service="notes", port=8080, guards=(Guard(kind="open", because="it asks itself"),)),
    ),
)
