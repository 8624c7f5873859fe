"""Backups of a host: n8n's workflows in Git, databases and volumes in sets with checksums; restores and drills."""
