"""The verbs of `homeport`, one a file: what it takes, what its help says, and the call that does it."""
