"""HostAgent on the host, as its own deploy.sh installs it from the checkout."""

from catalog.presets.vps_infrastructure.owner import CHECKOUT, OWNER
from homeport.model.host import Package
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile, ProgramPort
from homeport.model.secret import SecretSpec
from homeport.model.template import ENV

HOST_AGENT = HostProgram(
    name="host-agent",
    purpose="Operations on the host for programs in containers: backups, Git, tasks of an allow-list",
    users=(
        OWNER,
        HostUser(name="host-agent"),
    ),
    folders=(
        CHECKOUT,
        HostFolder(path="{checkout}/host-agent", owner="{user}:{user}", mode=0o755),
        HostFolder(path="{checkout}/host-agent/units", owner="{user}:{user}", mode=0o755),
    ),
    packages=(Package(name="git", program="git"),),
    files=(
        ProgramFile(
            target="{checkout}/deploy.sh", source="apps/host_agent/deploy.sh", mode=0o755, owner="{user}:{user}"
        ),
        ProgramFile(target="{checkout}/host-agent", source="apps/host_agent/*.py", owner="{user}:{user}"),
        ProgramFile(target="{checkout}/host-agent", source="apps/host_agent/*.json", owner="{user}:{user}"),
        ProgramFile(
            target="{checkout}/host-agent/README.md", source="apps/host_agent/README.md", owner="{user}:{user}"
        ),
        ProgramFile(
            target="{checkout}/host-agent/.env.example", source="apps/host_agent/.env.example", owner="{user}:{user}"
        ),
        ProgramFile(target="{checkout}/host-agent/units", source="apps/host_agent/units/*", owner="{user}:{user}"),
        ProgramFile(
            target="{checkout}/host-agent/.env",
            text="HOST=0.0.0.0\n"
            "PORT=9000\n"
            "HOST_AGENT_BEARER_TOKEN={host-agent-bearer-token}\n"
            "REPO_DIR={checkout}\n"
            "BACKUP_SCRIPT={checkout}/backup-n8n-workflows.sh\n"
            "TASK_TIMEOUT=300\n"
            "TASKS_FILE={checkout}/host-agent/tasks.json\n",
            syntax=ENV,
            mode=0o600,
            owner="{user}:{user}",
        ),
    ),
    setup="sh {checkout}/deploy.sh",
    teardown="[ ! -e /opt/host-agent/deploy.sh ] || sh /opt/host-agent/deploy.sh remove",
    also=(
        "/etc/systemd/system/host-agent.service",
        "/etc/systemd/system/host-agent-task@.socket",
        "/etc/systemd/system/host-agent-task@.service",
    ),
    health="http://127.0.0.1:9000/health",
    ports=(ProgramPort(number=9000, reachable=("agent_default",)),),
    secrets=(
        SecretSpec(
            name="host-agent-bearer-token",
            kind="hex64",
            purpose="for the AI Dev Server at HostAgent, as Authorization: Bearer",
            variable="HOST_AGENT_BEARER_TOKEN",
        ),
    ),
)
