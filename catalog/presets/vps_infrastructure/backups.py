"""Backups on the host: n8n's workflows, databases, the registry's storage, and the drill that restores them."""

from catalog.presets.vps_infrastructure.owner import CHECKOUT, OWNER
from homeport.model.host import Package
from homeport.model.host_program import HostCommand, HostFolder, HostProgram, ProgramFile
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, UNIT

BACKUPS = HostProgram(
    name="backups",
    purpose="Daily backups of workflows, databases and the registry, and a weekly drill that restores them",
    users=(OWNER,),
    folders=(
        CHECKOUT,
        HostFolder(path="{checkout}/host-scripts", owner="{user}:{user}", mode=0o755),
        HostFolder(path="{checkout}/host-scripts/host_scripts", owner="{user}:{user}", mode=0o755),
        HostFolder(path="/var/lib/homeport-backup", owner="{user}:{user}", mode=0o700, data=True),
        HostFolder(path="/etc/homeport-backup", owner="{user}:{user}", mode=0o700),
    ),
    packages=(Package(name="git", program="git"),),
    files=(
        ProgramFile(target="{checkout}", source="apps/host_scripts/*.sh", mode=0o755, owner="{user}:{user}"),
        ProgramFile(
            target="{checkout}/host-scripts/README.md", source="apps/host_scripts/README.md", owner="{user}:{user}"
        ),
        ProgramFile(
            target="{checkout}/host-scripts/backup.py", source="apps/host_scripts/backup.py", owner="{user}:{user}"
        ),
        ProgramFile(
            target="{checkout}/host-scripts/host_scripts",
            source="apps/host_scripts/host_scripts/*.py",
            owner="{user}:{user}",
        ),
        ProgramFile(
            target="{checkout}/host-scripts/backup.env",
            # Both of these servers let their superuser in on their socket, which nobody else reaches. A service that is
            # off has no container, which ? allows. A registry's tags and manifests are read before what they refer to.
            text="REPO_DIR={checkout}\n"
            "REPOSITORY={repository}\n"
            "GIT_USER={pushing-user}\n"
            "GIT_TOKEN_FILE=/etc/homeport-backup/git-token\n"
            "N8N_CONTAINER=n8n\n"
            "PG_SERVERS=supabase-db=supabase_admin ?airflow-db=postgres\n"
            "PG_KEEP={backup-keep}\n"
            "COPIES=?registry=/var/lib/registry:docker/registry/v2/repositories,docker/registry/v2/blobs\n",
            syntax=LINE,
            mode=0o644,
            owner="{user}:{user}",
        ),
        # Not in the checkout, where a commit of everything would take it. Empty without the section pushing.
        ProgramFile(
            target="/etc/homeport-backup/git-token",
            text="{git-token}",
            syntax=LINE,
            mode=0o400,
            owner="{user}:{user}",
        ),
        ProgramFile(target="/etc/systemd/system", source="apps/host_scripts/units/*", syntax=UNIT),
    ),
    works="/var/lib/homeport-backup/results",
    backup=HostCommand(path="{checkout}/backup.sh", user="{user}"),
    units=(
        "n8n-backup.timer",
        "pg-backup.timer",
        "registry-backup.timer",
        "state-snapshot.timer",
        "backup-drill.timer",
        "backup-watch.timer",
    ),
    secrets=(
        SecretSpec(
            name="git-token",
            kind="token",
            policy="supplied",
            purpose="for the repository of option repository, behind https: it must be allowed to push there",
            variable="GIT_TOKEN",
            section="pushing",
        ),
    ),
)
