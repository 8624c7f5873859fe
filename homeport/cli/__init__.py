"""`homeport`, the operator's command: what `make` calls, around Pulumi's own commands."""
