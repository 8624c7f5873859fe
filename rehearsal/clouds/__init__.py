"""The emulated clouds: HTTP services that answer as Hetzner Cloud and Cloudflare do."""
