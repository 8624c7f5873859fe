"""What the emulated API does for each kind of resource, one file a kind."""
