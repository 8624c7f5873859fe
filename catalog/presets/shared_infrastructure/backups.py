"""shared-infrastructure's backups, where the settings have the section `offsite`: Infisical's database, both caches."""

from dataclasses import replace

from catalog.backups import offsite
from homeport.model.host_program import ProgramFile
from homeport.model.template import LINE

STORES = (
    # One that another stack runs on this host is that stack's.
    "N8N_CONTAINER=\n"
    "PG_SERVERS=?infisical-db=postgres\n"
    "PG_KEEP=3\n"
    # Jobs wait in both (catalog/valkey/files/valkey.conf), and nobody may have them write a snapshot: the log of writes
    # of each, while it stands still for a moment.
    "COPIES=?!infisical-redis=/data:appendonlydir ?!redis=/data:appendonlydir\n"
    "COPIES_KEEP=3\n"
    "CLIENTS=?infisical-backend\n"
    "OFFSITE_NAME={environment}-shared-infrastructure\n"
)
"""What there is to copy, and how each is of one moment."""

BACKUPS = replace(
    offsite.BACKUPS,
    files=(
        *offsite.BACKUPS.files,
        ProgramFile(target=offsite.ENVIRONMENT, text=STORES + offsite.WHERE, syntax=LINE),
    ),
)
