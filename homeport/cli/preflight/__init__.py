"""What is looked at before the first resource: tokens, names that exist, what can be ordered, what it costs, DNS."""
