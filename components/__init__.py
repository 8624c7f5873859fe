"""One ComponentResource per layer; each takes plain Inputs and knows no sibling."""
