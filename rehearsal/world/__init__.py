"""The world of a rehearsal: emulated Hetzner Cloud with machines that boot, Cloudflare, and the network between."""
