"""Pure values: services, hosts, networks, routes and the blueprint they make. Standard library only."""
