"""AI Dev Server: n8n and the host's agent as tools for an AI assistant (MCP), and the same as plain HTTP."""

__version__ = "1.0.0"
