"""What every emulated cloud is made of: HTTP on loopback, state, faults, control calls, a journal."""
