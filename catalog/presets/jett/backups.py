"""jett's backups, where the settings have the section `offsite`: its databases, vectors, and the other volumes."""

from dataclasses import replace

from catalog.backups import offsite
from homeport.model.host_program import ProgramFile
from homeport.model.template import LINE

STORES = (
    "REPO_DIR=/var/lib/homeport-backup/workflows\n"
    "N8N_CONTAINER=?n8n\n"
    "PG_SERVERS=?postgres={postgres-user}\n"
    "PG_KEEP=3\n"
    "QDRANT_SERVERS=?qdrant=6333@/etc/homeport/api_key\n"
    # Databases in files: their containers stand still for the moment of a copy.
    "COPIES=?!portainer=/data:portainer.db,portainer.key,portainer.pub,certs,chisel,compose,docker_config,tls"
    " ?!uptime-kuma=/app/data:kuma.db,kuma.db-wal,upload\n"
    "COPIES_KEEP=3\n"
    "FILES=?n8n=/home/node/.n8n\n"
    "CLIENTS=?n8n\n"
    "OFFSITE_NAME={environment}-jett\n"
)
"""What there is to copy, and how each is of one moment."""

BACKUPS = replace(
    offsite.BACKUPS,
    files=(
        *offsite.BACKUPS.files,
        ProgramFile(target=offsite.ENVIRONMENT, text=STORES + offsite.WHERE, syntax=LINE),
    ),
)
