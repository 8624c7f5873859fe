"""NocoDB: tables in PostgreSQL as a spreadsheet. https://nocodb.com/docs/self-hosting/environment-variables.

It takes its configuration from the environment, so ``start.sh`` reads the secrets from files; what no variable is for
``provision.js`` sets once it runs. Attachments go below ``<environment>/nc-attachments/`` in a bucket of an S3 store,
which environments may share. NocoDB has no setting for that, so it is told that the environment's folder is its
endpoint and the folder below that its bucket, which makes the same address and the same signature. A preset has a route
named ``nocodb``, the service ``postgresql``, and the options ``owner-email``, ``s3-endpoint``, ``s3-region`` and
``s3-bucket-shared``.
"""

from catalog.postgresql.service import PASSWORD
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT, URL

S3_ACCESS_KEY = SecretSpec(
    name="s3-access-key", kind="token", policy="supplied", purpose="for the S3 store of attachments and backups"
)
S3_SECRET_KEY = SecretSpec(
    name="s3-secret-key", kind="token", policy="supplied", purpose="for the S3 store of attachments and backups"
)

IMAGE = ImageFacts(
    repository="nocodb/nocodb",
    source="https://github.com/nocodb/nocodb/blob/develop/packages/nocodb/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/bin/dumb-init", "--"),
    command=("/usr/src/appEntry/start.sh",),
    writable=("/usr/app/data",),
    tools=("sh", "cat", "node", "wget"),
    ports=(8080,),
    health="GET /api/v1/health on its port",
)

SERVICE = Service(
    name="nocodb",
    # renovate: datasource=docker depName=nocodb/nocodb
    image="nocodb/nocodb:0.301.3",
    purpose="Tables as a spreadsheet",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("/usr/src/appEntry/start.sh",),
    uid=1000,
    # Its attachments are on a store outside.
    networks=("backend", "egress"),
    env={
        "PORT": "8080",
        "NC_TOOL_DIR": "/usr/app/data",
        "NC_PUBLIC_URL": "{origin:nocodb}",
        "NC_ADMIN_EMAIL": "{owner-email}",
        "NC_DISABLE_TELE": "true",
        "NC_S3_ENDPOINT": "{s3-endpoint}/{s3-bucket-shared}/{environment}",
        "NC_S3_REGION": "{s3-region}",
        "NC_S3_BUCKET_NAME": "nc-attachments",
        "NC_S3_FORCE_PATH_STYLE": "true",
        "HOME": "/tmp",
    },
    files=(
        StaticFile(source="catalog/nocodb/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/nocodb/files/provision.js", target="provision.js"),
    ),
    secret_files=(
        SecretFile(
            target="env/NC_DB", template="pg://postgresql:5432?u=nocodb&p={postgresql-password}&d=nocodb", syntax=URL
        ),
        SecretFile(target="env/NC_AUTH_JWT_SECRET", template="{nocodb-jwt-secret}", syntax=TEXT),
        SecretFile(target="env/NC_ADMIN_PASSWORD", template="{nocodb-admin-password}", syntax=TEXT),
        SecretFile(target="api_token", template="{nocodb-api-token}", syntax=TEXT),
        SecretFile(target="env/NC_S3_ACCESS_KEY", template="{s3-access-key}", syntax=TEXT),
        SecretFile(target="env/NC_S3_ACCESS_SECRET", template="{s3-secret-key}", syntax=TEXT),
    ),
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777",
        "/usr/app/data": "rw,noexec,nosuid,nodev,size=64m,uid=1000,gid=1000,mode=0700",
    },
    health=Health(
        test=(
            "sh",
            "-c",
            "[ -e /tmp/provisioned ] && wget -q -O /dev/null http://127.0.0.1:8080/api/v1/health",
        ),
        interval=15,
        # The first start makes its tables.
        start_period=120,
        gate=300,
    ),
    limits=Limits(memory=1024, cpus="1.0", pids=128, least=512),
    needs=("postgresql",),
    secrets=(
        PASSWORD,
        SecretSpec(
            name="nocodb-jwt-secret", kind="hex64", purpose="to sign NocoDB's sessions; a new one signs everybody out"
        ),
        SecretSpec(name="nocodb-api-token", kind="hex64", purpose="for programs that call NocoDB as its administrator"),
        SecretSpec(name="nocodb-admin-password", kind="account-password", purpose="for NocoDB's first administrator"),
        S3_ACCESS_KEY,
        S3_SECRET_KEY,
    ),
)
