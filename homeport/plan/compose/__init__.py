"""Compose files as apps: what is taken, what is hardened and what is not taken, each line answered for."""
