"""Stand-in for the hcloud plugin, over Hetzner's own Python client."""
