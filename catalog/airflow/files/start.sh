#!/bin/bash
# One node of Airflow: its tables and its administrator, then its four processes. Where one of them ends, all do, and
# Docker begins anew: a node without a scheduler would look well and run nothing.
set -euo pipefail

airflow db migrate

# Not `airflow users create`: a password in its arguments is for everyone to see who may list processes.
python - <<'PYTHON'
from pathlib import Path

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.providers_configuration_loader import providers_configuration_loaded


@providers_configuration_loaded
def administrator(password):
    with get_application_builder() as builder:
        accounts = builder.sm
        user = accounts.find_user(username="admin")
        if user is None:
            role = accounts.find_role("Admin")
            if not accounts.add_user("admin", "Platform", "Owner", "admin@example.com", role, password):
                raise SystemExit("the administrator could not be made")
        else:
            accounts.reset_password(user.id, password)


administrator(Path("/etc/homeport/admin_password").read_text(encoding="utf-8"))
PYTHON

parts=()
for part in scheduler dag-processor triggerer "api-server --proxy-headers"; do
  read -ra words <<<"$part"
  airflow "${words[@]}" &
  parts+=("$!")
done
trap 'kill "${parts[@]}" 2>/dev/null || true' TERM INT

code=0
wait -n || code=$?
kill "${parts[@]}" 2>/dev/null || true
wait
exit "$code"
