"""A stub of cloudflared: the commands of the real one that a host uses, with a wire of its own to the emulated edge."""
