"""What can be part of a system: one file per service, literals only."""
