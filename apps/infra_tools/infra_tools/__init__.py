"""What the programs in `00-infrastructure/scripts/` share."""
