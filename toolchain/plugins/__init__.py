"""Stand-ins for the official provider plugins, for machines that only reach package registries."""
