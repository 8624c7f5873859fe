"""Pure decisions: settings laid over a preset, each host of it, and the secrets that this needs."""
