"""Parts of `homeport/stack/program.py`, which alone knows every layer: what is wired for each host, and for each door."""
