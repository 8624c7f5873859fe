"""Stand-in for pulumi-cloudflare, over the official Python client."""
