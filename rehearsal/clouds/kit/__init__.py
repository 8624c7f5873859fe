"""What every emulated cloud is made of: HTTP on loopback, state that outlives a kill, faults on request, control calls, a journal."""
