"""Compose files as apps: what is taken, what is hardened, and what cannot be taken, so that each key is answered for."""
