"""The world of a rehearsal: emulated Hetzner Cloud with machines that boot, emulated Cloudflare, and the network between them."""
