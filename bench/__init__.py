"""`make bench`: homeport beside docker compose and Ansible, on the same daemon, images and services."""
