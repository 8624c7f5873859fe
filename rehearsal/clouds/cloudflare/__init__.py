"""Cloudflare in miniature for rehearsals: the API v4, the edge with Access, and a stub in the connector's place."""
