"""Deployments on the host: programs that put images live, the runner's scripts, the AI Dev Server's workflow."""

from catalog.presets.vps_infrastructure.owner import CHECKOUT, OWNER
from homeport.model.host_program import HostFolder, HostProgram, ProgramFile
from homeport.model.template import LINE, TEXT, UNIT

DEPLOYMENTS = HostProgram(
    name="deployments",
    purpose="Puts images live by their tags, takes that back, cleans the registry, reports; the runner's scripts",
    users=(OWNER,),
    folders=(
        # Where the runner's jobs see them: homes are hidden from them.
        HostFolder(path="/usr/local/lib/homeport"),
        HostFolder(path="/usr/local/lib/homeport/deployments"),
        HostFolder(path="/usr/local/lib/homeport/deployments/workflows"),
        CHECKOUT,
        HostFolder(path="{checkout}/github-runner", owner="{user}:{user}"),
        HostFolder(path="{checkout}/.github", owner="{user}:{user}"),
        HostFolder(path="{checkout}/.github/workflows", owner="{user}:{user}"),
    ),
    files=(
        ProgramFile(target="/usr/local/lib/homeport/deployments", source="apps/deployments/*.py", mode=0o755),
        ProgramFile(target="/usr/local/lib/homeport/deployments", source="apps/deployments/*.sh", mode=0o755),
        ProgramFile(
            target="/usr/local/lib/homeport/deployments/workflows/deploy-service.yml.template",
            source="apps/deployments/workflows/deploy-service.yml.template",
        ),
        ProgramFile(
            target="{checkout}/deploy-service.sh",
            text='#!/bin/sh\nexec /usr/local/lib/homeport/deployments/deploy-service.sh "$@"\n',
            mode=0o755,
            owner="{user}:{user}",
        ),
        ProgramFile(
            target="{checkout}/rollback-service.sh",
            text='#!/bin/sh\nexec /usr/local/lib/homeport/deployments/rollback-service.sh "$@"\n',
            mode=0o755,
            owner="{user}:{user}",
        ),
        ProgramFile(
            target="{checkout}/verify.sh",
            text='#!/bin/sh\nexec /usr/local/lib/homeport/deployments/verify.sh "$@"\n',
            mode=0o755,
            owner="{user}:{user}",
        ),
        ProgramFile(
            target="{checkout}/github-runner", source="apps/github_runner/*.sh", mode=0o755, owner="{user}:{user}"
        ),
        ProgramFile(
            target="{checkout}/github-runner/runner.service",
            source="apps/github_runner/runner.service",
            owner="{user}:{user}",
        ),
        ProgramFile(
            target="{checkout}/github-runner/README.md", source="apps/github_runner/README.md", owner="{user}:{user}"
        ),
        ProgramFile(
            target="{checkout}/.github/workflows/deploy-ai-dev-server.yml",
            source="apps/deployments/workflows/deploy-ai-dev-server.yml",
            owner="{user}:{user}",
        ),
    ),
)

REGISTRY_GC = HostProgram(
    name="registry-gc",
    purpose="Daily: takes old images out of the registry and frees their space; what runs stays",
    users=(OWNER,),
    folders=(
        HostFolder(path="/etc/homeport/registry"),
        HostFolder(path="/var/lib/homeport-backup", owner="{user}:{user}", mode=0o700, data=True),
    ),
    files=(
        ProgramFile(
            target="/etc/homeport/registry/registry.env",
            text="REGISTRY_URL=http://127.0.0.1:{port:registry}\n"
            "REGISTRY_USER=registry\n"
            "REGISTRY_PASSWORD_FILE=/etc/homeport/registry/password\n"
            "REGISTRY_CONTAINER=registry\n",
            syntax=LINE,
        ),
        ProgramFile(
            target="/etc/homeport/registry/password",
            text="{registry-password}\n",
            syntax=TEXT,
            mode=0o400,
            owner="{user}:{user}",
        ),
        ProgramFile(target="/etc/systemd/system", source="apps/deployments/units/*", syntax=UNIT),
    ),
    units=("registry-mend.service", "registry-gc.timer"),
    needs=("registry",),
)
"""By itself, for it goes where the registry is switched off. Its programs are those of ``DEPLOYMENTS``."""
