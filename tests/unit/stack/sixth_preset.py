"""A preset that is none of homeport's: one service, one database for it, one public name.

Data alone, as a user would add it.
"""

from catalog.presets.ai_orchestrator.services import POSTGRES
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Port, SecretFile, Service, Volume
from homeport.model.template import TEXT

NOTES = Service(
    name="notes",
    image="registry.example.com/notes:1.4.2",
    purpose="Notes of a small team",
    uid=1000,
    networks=("ai-data",),
    env={"NOTES_DATABASE": "postgresql://notes@ai-postgres:5432/notes"},
    secret_files=(SecretFile(target="database-password", template="{notes-database-password}", syntax=TEXT),),
    ports=(Port(name="notes", inside=8080, at="vpn", outside=8080),),
    volumes={"notes": Volume(path="/data", owner=(1000, 1000))},
    health=Health(test=("wget", "-qO-", "http://127.0.0.1:8080/healthz"), interval=5, start_period=10),
    limits=Limits(memory=256, cpus="0.5", pids=64),
    needs=("ai-postgres",),
    secrets=(SecretSpec(name="notes-database-password", purpose="for the role of the notes in PostgreSQL"),),
)
PRESET = Preset(
    name="notes",
    purpose="Notes of a small team",
    services=(POSTGRES, NOTES),
    networks=(Network(name="ai-data", subnet="172.30.11.0/24", internal=False),),
    databases=(
        Database(
            name="notes",
            server="ai-postgres",
            owner="notes",
            roles=(Role(name="notes", secret="notes-database-password"),),
        ),
    ),
    routes=(Route(name="notes", service="notes", port=8080, guards=(Guard(kind="login", because="for people"),)),),
    tools={"cloudflared": "cloudflare/cloudflared:2026.8.2"},
    defaults={"exposure": "tunnel"},
)
