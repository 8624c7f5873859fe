"""What a preset needs for copies of its data elsewhere: the programs of apps/host_scripts, their timers, their options.

A preset says what its stores are, in ``backup.env``; docs/backup.md has the rest.
"""

from homeport.model.host import Package
from homeport.model.host_program import HostCommand, HostFolder, HostProgram, HostUser, ProgramFile
from homeport.model.preset import Option, OptionGroup
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, TEXT, UNIT

RESTIC = "restic"
"""The tool that copies; BSD 2-Clause."""

USERS = (
    HostUser(
        name="homeport-backup",
        groups={"docker": "it has stores dump themselves, and reads volumes, by Docker's client"},
    ),
)

FOLDERS = (
    HostFolder(path="/usr/local/lib/homeport"),
    HostFolder(path="/usr/local/lib/homeport/backup"),
    HostFolder(path="/usr/local/lib/homeport/backup/host-scripts"),
    HostFolder(path="/usr/local/lib/homeport/backup/host-scripts/host_scripts"),
    HostFolder(path="/var/lib/homeport-backup", owner="homeport-backup:homeport-backup", mode=0o700, data=True),
    HostFolder(path="/etc/homeport-backup", owner="homeport-backup:homeport-backup", mode=0o700),
)

PACKAGES = (Package(name="git", program="git"),)

PROGRAMS = (
    ProgramFile(target="/usr/local/lib/homeport/backup", source="apps/host_scripts/*.sh", mode=0o755),
    ProgramFile(target="/usr/local/lib/homeport/backup/host-scripts/README.md", source="apps/host_scripts/README.md"),
    ProgramFile(target="/usr/local/lib/homeport/backup/host-scripts/backup.py", source="apps/host_scripts/backup.py"),
    ProgramFile(
        target="/usr/local/lib/homeport/backup/host-scripts/host_scripts",
        source="apps/host_scripts/host_scripts/*.py",
    ),
)

TIMERS = (ProgramFile(target="/etc/systemd/system", source="apps/host_scripts/offsite/*", syntax=UNIT),)

UNITS = ("offsite-backup.timer", "offsite-drill.timer", "offsite-watch.timer")

WORKS = "/var/lib/homeport-backup/results"

COMMAND = HostCommand(path="/usr/local/lib/homeport/backup/backup.sh", user="homeport-backup")

ENVIRONMENT = "/usr/local/lib/homeport/backup/host-scripts/backup.env"
"""What the stores are, and where they are copied to."""

OPTIONS = {
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
}

SECTION = "offsite"

GROUPS = {
    SECTION: OptionGroup(
        purpose="Where each day's copies of all data go, encrypted: a bucket of an S3 store.",
        without="Left out: there are no backups.",
        default="no backups",
        options=(
            (
                "endpoint",
                Option(
                    default="",
                    purpose="The store.",
                    kind="url",
                    shape="a URL such as https://s3.example.com",
                    example="https://s3.example.com",
                ),
            ),
            (
                "region",
                Option(
                    default="",
                    purpose="Its region, as its provider calls it.",
                    pattern=r"[a-z0-9][a-z0-9-]{0,31}",
                    shape="1 to 32 lower-case letters, digits and -",
                    example="fsn1",
                ),
            ),
            (
                "bucket",
                Option(
                    default="",
                    purpose="The bucket, which is made where it is missing.",
                    pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
                    shape="a bucket's name of 3 to 63 lower-case letters, digits, '.' and -",
                    example="platform-backups",
                ),
            ),
        ),
    ),
}
"""Of a preset whose backups are off unless somebody asks for them."""

WHERE = (
    "S3_ENDPOINT={offsite-endpoint}\n"
    "S3_REGION={offsite-region}\n"
    "S3_BUCKET={offsite-bucket}\n"
    "RESTIC_IMAGE={image:restic}\n"
    "KEEP_DAILY={backup-keep-daily}\n"
    "KEEP_WEEKLY={backup-keep-weekly}\n"
    "KEEP_MONTHLY={backup-keep-monthly}\n"
)
"""The end of such a preset's ``backup.env``."""

KEYS = (
    ProgramFile(
        target="/etc/homeport-backup/s3",
        text="[default]\naws_access_key_id = {offsite-access-key}\naws_secret_access_key = {offsite-secret-key}\n",
        syntax=LINE,
        mode=0o400,
        owner="homeport-backup:homeport-backup",
    ),
    ProgramFile(
        target="/etc/homeport-backup/repository-password",
        text="{offsite-repository-password}",
        syntax=TEXT,
        mode=0o400,
        owner="homeport-backup:homeport-backup",
    ),
)

SECRETS = (
    SecretSpec(
        name="offsite-access-key",
        kind="token",
        policy="supplied",
        purpose="for the S3 store of backups",
        section=SECTION,
    ),
    SecretSpec(
        name="offsite-secret-key",
        kind="token",
        policy="supplied",
        purpose="for the S3 store of backups",
        section=SECTION,
    ),
    SecretSpec(
        name="offsite-repository-password",
        kind="hex64",
        encrypts=True,
        purpose="to encrypt the copies in the bucket; lost, they are unreadable for ever: keep it apart too",
        section=SECTION,
    ),
)

BACKUPS = HostProgram(
    name="backups",
    purpose="Daily copies of every store, encrypted, in the bucket; a weekly drill that tries the newest",
    section=SECTION,
    users=USERS,
    folders=FOLDERS,
    packages=PACKAGES,
    tools=(RESTIC,),
    files=(*PROGRAMS, *KEYS, *TIMERS),
    works=WORKS,
    units=UNITS,
    secrets=SECRETS,
    backup=COMMAND,
)
"""Of such a preset, which adds its ``backup.env``: its stores and `WHERE`."""
