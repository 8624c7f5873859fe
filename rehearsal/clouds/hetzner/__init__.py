"""The Hetzner Cloud API, emulated over HTTP on loopback for rehearsals.

No machine and no address of Hetzner is involved.
"""
