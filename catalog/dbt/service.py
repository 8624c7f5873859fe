"""dbt: transformations in PostgreSQL, run by hand or by a schedule: ``docker exec dbt dbt run``. https://docs.getdbt.com.

The container does nothing by itself: it holds the project, and a profile with the password of a role of its own. A
preset says where that database is (``DBT_*``), and makes the role.
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import YAML

IMAGE = ImageFacts(
    repository="ghcr.io/dbt-labs/dbt-postgres",
    source="https://github.com/dbt-labs/dbt-core/blob/main/docker/Dockerfile",
    read="2026-11-29",
    entrypoint=("dbt",),
    writable=("/usr/app/dbt",),
    tools=("sh", "bash", "python", "dbt", "sleep"),
    health="none of its own",
)

SERVICE = Service(
    name="dbt",
    # renovate: datasource=docker depName=ghcr.io/dbt-labs/dbt-postgres
    image="ghcr.io/dbt-labs/dbt-postgres:1.10.0",
    purpose="Data transformation",
    # Docker's init is process 1 and hands it the stop signal.
    entrypoint=("sleep",),
    command=("infinity",),
    # The image's working folder: what `docker exec dbt dbt …` looks in.
    files_at="/usr/app/dbt",
    env={
        "HOME": "/tmp",
        "DBT_PROFILES_DIR": "/usr/app/dbt",
        "DBT_PROJECT_DIR": "/usr/app/dbt",
        # The project is read-only here, and what dbt makes of it can be made again.
        "DBT_TARGET_PATH": "/tmp/target",
        "DBT_LOG_PATH": "/tmp/logs",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_HOST": "postgres",
        "DBT_PORT": "5432",
        "DBT_DATABASE": "postgres",
        "DBT_SCHEMA": "analytics",
    },
    files=(
        StaticFile(source="apps/dbt_project/dbt_project.yml", target="dbt_project.yml"),
        StaticFile(source="apps/dbt_project/models/**/*", target="models"),
        StaticFile(source="apps/dbt_project/seeds/**/*", target="seeds"),
        StaticFile(source="apps/dbt_project/tests/**/*", target="tests"),
        StaticFile(source="apps/dbt_project/macros/**/*", target="macros"),
        StaticFile(source="apps/dbt_project/snapshots/**/*", target="snapshots"),
        StaticFile(source="apps/dbt_project/analyses/**/*", target="analyses"),
        StaticFile(source="catalog/dbt/files/health", target="health"),
    ),
    secret_files=(
        SecretFile(
            target="profiles.yml",
            syntax=YAML,
            template=(
                "platform:\n"
                "  target: main\n"
                "  outputs:\n"
                "    main:\n"
                "      type: postgres\n"
                "      host: \"{{ env_var('DBT_HOST') }}\"\n"
                "      port: \"{{ env_var('DBT_PORT') | as_number }}\"\n"
                "      user: dbt\n"
                # dbt reads Jinja in every value, a password's braces too.
                '      password: "{% raw %}{dbt-database-password}{% endraw %}"\n'
                "      dbname: \"{{ env_var('DBT_DATABASE') }}\"\n"
                "      schema: \"{{ env_var('DBT_SCHEMA') }}\"\n"
                "      threads: 2\n"
                "      connect_timeout: 10\n"
            ),
        ),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777"},
    health=Health(test=("python", "/usr/app/dbt/health"), interval=30, timeout=15, start_period=60),
    # One `dbt run` at a time takes 200 MB; idle it takes one.
    limits=Limits(memory=768, cpus="1.0", pids=64, least=384),
    grace=5,
    secrets=(
        SecretSpec(
            name="dbt-database-password",
            purpose="for dbt's role in PostgreSQL",
            variable="DBT_DATABASE_PASSWORD",
        ),
    ),
)
