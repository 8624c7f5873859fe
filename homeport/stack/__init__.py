"""The graph of a stack: providers, hosts with their layers, ingress, services, outputs; it knows every component."""
