"""A stack as plain files that run without homeport: docker compose and a shell script."""
