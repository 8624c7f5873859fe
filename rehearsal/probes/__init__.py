"""Tools that look at the rehearsed world from outside: scans, a WireGuard client, the search for secrets, sinks."""
