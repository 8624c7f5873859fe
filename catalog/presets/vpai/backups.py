"""Backups of the hosts with data: every store dumped, then an encrypted, incremental copy to the bucket, and its drill.

The same program on the AI host and the VPN host: what is not on a host is left out there (``?``). Each has a repository
of its own in the bucket, named after its environment and what is on it: environments may share a bucket.
"""

from catalog.backups import offsite
from catalog.backups.offsite import (
    COMMAND,
    ENVIRONMENT,
    FOLDERS,
    PACKAGES,
    PROGRAMS,
    RESTIC,
    TIMERS,
    UNITS,
    USERS,
    WORKS,
)
from homeport.model.host_program import HostProgram, ProgramFile
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, TEXT

BACKUPS = HostProgram(
    name="backups",
    purpose="Daily copies of every store, encrypted, in the bucket; a weekly drill that tries the newest",
    roles=("ai", "vpn"),
    users=USERS,
    folders=FOLDERS,
    packages=PACKAGES,
    tools=(RESTIC,),
    files=(
        *PROGRAMS,
        ProgramFile(
            target=ENVIRONMENT,
            text=(
                # Workflows as files, with their history; not pushed: the repository goes to the bucket with the rest.
                "REPO_DIR=/var/lib/homeport-backup/workflows\n"
                "N8N_CONTAINER=?n8n\n"
                "PG_SERVERS=?postgresql=postgres\n"
                "PG_KEEP=3\n"
                "REDIS_SERVERS=?redis=/data/dump.rdb@/etc/homeport/password\n"
                "QDRANT_SERVERS=?qdrant=6333@/etc/homeport/api_key\n"
                # Databases of SQLite, and what belongs to them: their containers stand still for the moment of a copy.
                "COPIES=?!grafana=/var/lib/grafana:grafana.db,grafana.db-wal"
                " ?!zerobyte=/var/lib/zerobyte/data:zerobyte.db,zerobyte.db-wal"
                " ?!uptime-kuma=/app/data:kuma.db,kuma.db-wal,upload"
                " ?!headscale=/var/lib/headscale:noise_private.key,db.sqlite,db.sqlite-wal"
                # Several, one for each of its agents.
                " ?!openclaw=/home/node/.openclaw\n"
                "COPIES_KEEP=3\n"
                # CouchDB's files are only ever appended to, so they may be copied while it runs (docs.couchdb.org,
                # "Backing up CouchDB").
                "FILES=?n8n=/home/node/.n8n ?sure=/rails/storage"
                " ?couchdb=/opt/couchdb/data\n"
                "CLIENTS=?sure-worker ?sure ?openclaw ?nocodb ?litellm ?n8n ?budget-guard\n"
                "S3_ENDPOINT={s3-endpoint}\n"
                "S3_REGION={s3-region}\n"
                "S3_BUCKET={s3-bucket-backups}\n"
                "S3_BUCKETS={s3-bucket-shared}\n"
                "OFFSITE_NAME=?postgresql={environment}-ai ?couchdb={environment}-vpn\n"
                "RESTIC_IMAGE={image:restic}\n"
                "KEEP_DAILY={backup-keep-daily}\n"
                "KEEP_WEEKLY={backup-keep-weekly}\n"
                "KEEP_MONTHLY={backup-keep-monthly}\n"
                "TELEGRAM_URL={backup-telegram}\n"
            ),
            syntax=LINE,
        ),
        ProgramFile(
            target="/etc/homeport-backup/s3",
            text="[default]\naws_access_key_id = {s3-access-key}\naws_secret_access_key = {s3-secret-key}\n",
            syntax=LINE,
            mode=0o400,
            owner="homeport-backup:homeport-backup",
        ),
        ProgramFile(
            target="/etc/homeport-backup/repository-password",
            text="{backup-repository-password}",
            syntax=TEXT,
            mode=0o400,
            owner="homeport-backup:homeport-backup",
        ),
        ProgramFile(
            target="/etc/homeport-backup/heartbeat-url",
            text="{backup-heartbeat-url}",
            syntax=LINE,
            mode=0o400,
            owner="homeport-backup:homeport-backup",
        ),
        ProgramFile(
            target="/etc/homeport-backup/telegram-token",
            text="{telegram-monitoring-token}",
            syntax=LINE,
            mode=0o400,
            owner="homeport-backup:homeport-backup",
        ),
        ProgramFile(
            target="/etc/homeport-backup/telegram-chat",
            text="{telegram-monitoring-chat}",
            syntax=LINE,
            mode=0o400,
            owner="homeport-backup:homeport-backup",
        ),
        *TIMERS,
    ),
    works=WORKS,
    units=UNITS,
    backup=COMMAND,
    secrets=(
        SecretSpec(
            name="backup-repository-password",
            kind="hex64",
            encrypts=True,
            purpose="to encrypt the copies in the bucket; lost, they are unreadable for ever: keep it apart too",
            variable="BACKUP_REPOSITORY_PASSWORD",
        ),
        SecretSpec(
            name="backup-heartbeat-url",
            kind="text",
            policy="supplied",
            purpose="for backups: the address of Uptime Kuma's push monitor that is called after each good one",
            variable="BACKUP_HEARTBEAT_URL",
        ),
    ),
)

OPTIONS = {
    "s3-bucket-backups": Option(
        default="platform-backups",
        purpose="the bucket for backups",
        pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        shape="a bucket's name of 3 to 63 lower-case letters, digits, '.' and -",
    ),
    **offsite.OPTIONS,
    "backup-telegram": Option(
        default="https://api.telegram.org",
        purpose="where the bot that tells of failed backups is",
        kind="url",
        shape="a URL such as https://api.telegram.org",
    ),
}
