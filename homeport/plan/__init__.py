"""Pure decisions: settings laid over a preset, what depends on something else filled in, and the secrets that this needs."""
