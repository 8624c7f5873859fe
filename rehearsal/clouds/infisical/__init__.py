"""An emulated Infisical: as much of its API as machine identities and their secrets need."""
