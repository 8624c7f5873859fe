"""Which data each line of a host's ``backup.env`` names, as what `homeport restore` brings it back (docs/backup.md)."""

from types import MappingProxyType

RESTORES = MappingProxyType(
    {
        "PG_SERVERS": "databases {container}",
        "REDIS_SERVERS": "stores {container}",
        "QDRANT_SERVERS": "stores {container}",
        "COPIES": "copies {container}",
        "N8N_CONTAINER": "workflows",
        "FILES": "offsite",
    }
)
"""What is copied as it is comes back with everything else alone."""
