"""The graph of a stack: providers, hosts with their layers, ingress, services, outputs. The only code that knows every component."""
