"""Rented servers for rehearsals: systemd containers on a network that plays the internet, behind a firewall."""
