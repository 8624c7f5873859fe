"""AI Dev Server: n8n and the host's agent as tools for an AI assistant. Our own program, ``apps/ai_dev_server``.

A preset has n8n under the name ``n8n``, with its secret ``n8n-api-key``, HostAgent on its host, a route ``ai-dev`` to
here, and a registry with a route ``registry``, which deployments push to.
"""

from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Build, Health, Limits, Port, SecretFile, Service
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="ai-dev-server",
    source="https://github.com/docker-library/python/blob/master/3.11/slim-bookworm/Dockerfile",
    read="2026-11-29",
    user="10001:10001",
    entrypoint=("python", "-m", "ai_dev_server"),
    tools=("curl", "python", "sh"),
    ports=(8080,),
    health="GET /health on its port",
)

SERVICE = Service(
    name="ai-dev-server",
    image="ai-dev-server",
    build=Build(folder="apps/ai_dev_server", registry="registry"),
    # The built one is what a new host begins with.
    deployed=True,
    purpose="n8n and the host as tools for an AI assistant (MCP)",
    # On the host's own address for containers: HostAgent is a program of the host.
    host_gateway=True,
    env={
        "PORT": "8080",
        "HOST_AGENT_URL": "http://host.docker.internal:9000",
        "N8N_BASE_URL": "http://n8n:5678",
        "PUBLIC_BASE_URL": "{origin:ai-dev}",
        "MCP_BEARER_TOKEN_FILE": "/etc/homeport/mcp_bearer_token",
        "HOST_AGENT_BEARER_TOKEN_FILE": "/etc/homeport/host_agent_bearer_token",
        "N8N_API_KEY_FILE": "/etc/homeport/n8n_api_key",
    },
    secret_files=(
        SecretFile(target="mcp_bearer_token", template="{mcp-bearer-token}", syntax=TEXT),
        SecretFile(target="host_agent_bearer_token", template="{host-agent-bearer-token}", syntax=TEXT),
        # n8n takes a key with this prefix for one of its own table (catalog/n8n/files/provision.cjs).
        SecretFile(target="n8n_api_key", template="n8n_api_{n8n-api-key}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    ports=(Port(name="http", inside=8080, outside=8080, at="here"),),
    health=Health(test=("curl", "-fsS", "http://127.0.0.1:8080/health"), interval=10, start_period=30),
    limits=Limits(memory=256, least=128, cpus="1.0", pids=64, nofile=1024),
    grace=15,
    secrets=(
        SecretSpec(
            name="mcp-bearer-token",
            kind="hex64",
            purpose="for the AI assistant at the AI Dev Server, as Authorization: Bearer",
            variable="MCP_BEARER_TOKEN",
        ),
        SecretSpec(
            name="host-agent-bearer-token",
            kind="hex64",
            purpose="for the AI Dev Server at HostAgent, as Authorization: Bearer",
            variable="HOST_AGENT_BEARER_TOKEN",
        ),
    ),
)
