"""Stand-in for the official `docker` plugin, over docker-py."""
