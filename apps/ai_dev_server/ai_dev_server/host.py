"""The host, by the API of its agent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ai_dev_server.upstream import LONG_SECONDS, Failure, Upstream

if TYPE_CHECKING:
    import httpx2

    from ai_dev_server.settings import Settings

TaskName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Name of a task of the host's own list; nothing else runs")
]
CHECKS = (
    "check that HOST=0.0.0.0 is in host-agent/.env; sudo systemctl status host-agent; "
    "docker exec ai-dev-server curl {url}/health"
)
"""What helps where HostAgent cannot be reached."""
_GONE = 404


def upstream(settings: Settings, client: httpx2.AsyncClient) -> Upstream:
    """HostAgent as a service behind this one."""
    return Upstream(
        name="HostAgent",
        url=settings.host_agent_url,
        client=client,
        headers={"Authorization": f"Bearer {settings.host_agent_token}"},
        secrets=settings.secrets,
        missing="" if settings.host_agent_token else "HOST_AGENT_BEARER_TOKEN",
        unreachable=CHECKS.format(url=settings.host_agent_url),
        hints={
            401: "HOST_AGENT_BEARER_TOKEN is another one there: compare host-agent/.env",
            409: "it is at work on this already: ask again later",
            429: "too many wrong tokens came from here: wait a minute",
            500: "sudo journalctl -u host-agent -n 50 says more",
            504: "it ended what took longer than its TASK_TIMEOUT",
        },
    )


@dataclass(frozen=True)
class Host:
    """What can be done on the host."""

    upstream: Upstream

    async def health(self) -> dict[str, Any]:
        """Say whether HostAgent answers, and its version."""
        return await self.upstream.call("GET", "/health", proven=False)

    async def backup_n8n(self) -> dict[str, Any]:
        """Save all n8n workflows to the host's Git repository; takes up to five minutes."""
        return await self.upstream.call("POST", "/backup/n8n", seconds=LONG_SECONDS)

    async def git_status(self) -> dict[str, Any]:
        """Show the state of the host's Git repository: branch, changes, last commit."""
        return await self.upstream.call("GET", "/git/status")

    async def system_info(self) -> dict[str, Any]:
        """Show the host's disks, memory, load and uptime."""
        return await self.upstream.call("GET", "/system/info")

    async def run_task(self, name: TaskName) -> dict[str, Any]:
        """Run a task of the host's own list by its name; takes up to five minutes. An unknown name shows the list."""
        try:
            return await self.upstream.call("POST", f"/tasks/{name}", seconds=LONG_SECONDS)
        except Failure as failure:
            if failure.status != _GONE:
                raise
            tasks = (await self.upstream.call("GET", "/tasks")).get("tasks")
            listed = tasks if isinstance(tasks, list) else []
            names = [str(task.get("name") if isinstance(task, dict) else task) for task in listed]
            raise replace(failure, hint=f"the tasks that there are: {', '.join(sorted(names)) or 'none'}") from None
