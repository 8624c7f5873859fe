"""One file per service: literals only."""
