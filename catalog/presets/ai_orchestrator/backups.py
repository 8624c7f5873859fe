"""ai-orchestrator's backups, where the settings have the section `offsite`: memory, audit log, cache, n8n."""

from dataclasses import replace

from catalog.backups import offsite
from homeport.model.host_program import ProgramFile
from homeport.model.template import LINE

STORES = (
    "REPO_DIR=/var/lib/homeport-backup/workflows\n"
    "N8N_CONTAINER=?ai-n8n\n"
    "PG_SERVERS=?ai-postgres=postgres\n"
    "PG_KEEP=3\n"
    # The audit log's chain of hashes, before a database with it takes the place of another, and in the drill.
    "PG_CHECKS=ai_memory=audit_verify\n"
    # Nobody may have it write a snapshot: its log of writes, while it stands still for a moment.
    "COPIES=?!ai-redis=/data:appendonlydir\n"
    "COPIES_KEEP=3\n"
    "FILES=?ai-n8n=/home/node/.n8n\n"
    "CLIENTS=?ai-n8n\n"
    "OFFSITE_NAME={environment}-ai-orchestrator\n"
)
"""What there is to copy, and how each is of one moment."""

BACKUPS = replace(
    offsite.BACKUPS,
    files=(
        *offsite.BACKUPS.files,
        ProgramFile(target=offsite.ENVIRONMENT, text=STORES + offsite.WHERE, syntax=LINE),
    ),
)
