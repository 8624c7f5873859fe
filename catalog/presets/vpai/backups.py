"""Backups of the hosts with data: every store dumped, then an encrypted, incremental copy to the bucket, and its drill.

The same program on the AI host and the VPN host: what is not on a host is left out there (``?``). Each has a repository
of its own in the bucket, named after what is on it.
"""

from homeport.model.host import Package
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, TEXT, UNIT

RESTIC = "restic"
"""The tool that copies; BSD 2-Clause."""

BACKUPS = HostProgram(
    name="backups",
    purpose="Daily copies of every store, encrypted, in the bucket; a weekly drill that tries the newest",
    roles=("ai", "vpn"),
    users=(
        HostUser(
            name="homeport-backup",
            groups={"docker": "it has stores dump themselves, and reads volumes, by Docker's client"},
        ),
    ),
    folders=(
        HostFolder(path="/usr/local/lib/homeport"),
        HostFolder(path="/usr/local/lib/homeport/backup"),
        HostFolder(path="/usr/local/lib/homeport/backup/host-scripts"),
        HostFolder(path="/usr/local/lib/homeport/backup/host-scripts/host_scripts"),
        HostFolder(path="/var/lib/homeport-backup", owner="homeport-backup:homeport-backup", mode=0o700, data=True),
        HostFolder(path="/etc/homeport-backup", owner="homeport-backup:homeport-backup", mode=0o700),
    ),
    packages=(Package(name="git", program="git"),),
    tools=(RESTIC,),
    files=(
        ProgramFile(target="/usr/local/lib/homeport/backup", source="apps/host_scripts/*.sh", mode=0o755),
        ProgramFile(
            target="/usr/local/lib/homeport/backup/host-scripts/README.md", source="apps/host_scripts/README.md"
        ),
        ProgramFile(
            target="/usr/local/lib/homeport/backup/host-scripts/backup.py", source="apps/host_scripts/backup.py"
        ),
        ProgramFile(
            target="/usr/local/lib/homeport/backup/host-scripts/host_scripts",
            source="apps/host_scripts/host_scripts/*.py",
        ),
        ProgramFile(
            target="/usr/local/lib/homeport/backup/host-scripts/backup.env",
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
                " ?!uptime-kuma=/app/data:kuma.db,kuma.db-wal"
                " ?!headscale=/var/lib/headscale:noise_private.key,db.sqlite,db.sqlite-wal\n"
                "COPIES_KEEP=3\n"
                # CouchDB's files are only ever appended to, so they may be copied while it runs (docs.couchdb.org,
                # "Backing up CouchDB").
                "FILES=?n8n=/home/node/.n8n ?openclaw=/home/node/.openclaw ?sure=/rails/storage"
                " ?couchdb=/opt/couchdb/data\n"
                "CLIENTS=?sure-worker ?sure ?openclaw ?nocodb ?litellm ?n8n ?budget-guard\n"
                "S3_ENDPOINT={s3-endpoint}\n"
                "S3_REGION={s3-region}\n"
                "S3_BUCKET={s3-bucket-backups}\n"
                "S3_BUCKETS={s3-bucket-shared}\n"
                "OFFSITE_NAME=?postgresql=ai ?couchdb=vpn\n"
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
        ProgramFile(target="/etc/systemd/system", source="apps/host_scripts/offsite/*", syntax=UNIT),
    ),
    works="/var/lib/homeport-backup/results",
    units=("offsite-backup.timer", "offsite-drill.timer", "offsite-watch.timer"),
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
    "backup-time": Option(
        default="03:17",
        purpose="when backups begin each day, by the host's clock",
        pattern=r"(?:[01][0-9]|2[0-3]):[0-5][0-9]",
        shape="a time such as 03:17",
    ),
    "backup-keep-daily": Option(
        default="7",
        purpose="of how many days the last copy is kept",
        kind="number",
        low=1,
        high=365,
        shape="a whole number from 1 to 365",
    ),
    "backup-keep-weekly": Option(
        default="4",
        purpose="of how many weeks the last copy is kept",
        kind="number",
        low=1,
        high=520,
        shape="a whole number from 1 to 520",
    ),
    "backup-keep-monthly": Option(
        default="12",
        purpose="of how many months the last copy is kept",
        kind="number",
        low=1,
        high=120,
        shape="a whole number from 1 to 120",
    ),
    "backup-telegram": Option(
        default="https://api.telegram.org",
        purpose="where the bot that tells of failed backups is",
        kind="url",
        shape="a URL such as https://api.telegram.org",
    ),
}
