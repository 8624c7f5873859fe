"""n8n's workflows and executions, by its public API (``/api/v1``, header ``X-N8N-API-KEY``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ai_dev_server.upstream import Upstream

if TYPE_CHECKING:
    import httpx2

    from ai_dev_server.settings import Settings

# They become a part of a path: letters, digits, - and _ can neither leave it nor add to it.
WorkflowId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Id of a workflow")]
ExecutionId = Annotated[str, Field(pattern=r"^[0-9]{1,19}$", description="Id of an execution")]
Limit = Annotated[int, Field(ge=1, le=100, description="How many at most")]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/=_.%-]{1,512}$", description="nextCursor of the page before")]
Name = Annotated[str, Field(min_length=1, max_length=128, description="Name of a workflow")]
Nodes = Annotated[list[dict[str, Any]], Field(max_length=1000, description="The workflow's nodes, as n8n exports them")]
Connections = Annotated[dict[str, Any], Field(description="By the name of the node from which they go")]
WorkflowSettings = Annotated[dict[str, Any], Field(description="Settings such as executionOrder")]
Status = Literal["canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting"]
_SHOWN = ("id", "name", "active", "isArchived", "createdAt", "updatedAt", "triggerCount", "tags")


def upstream(settings: Settings, client: httpx2.AsyncClient) -> Upstream:
    """n8n as a service behind this one."""
    return Upstream(
        name="n8n",
        url=settings.n8n_url,
        client=client,
        headers={"X-N8N-API-KEY": settings.n8n_api_key},
        secrets=settings.secrets,
        missing="" if settings.n8n_api_key else "N8N_API_KEY",
        unreachable="look whether n8n runs: docker ps --filter name=n8n; docker exec ai-dev-server curl "
        f"{settings.n8n_url}/healthz",
        hints={
            401: "n8n does not know N8N_API_KEY: it was removed in n8n, or belongs to another n8n",
            403: "the API key lacks the scope for this",
            404: "there is nothing with this id: list what there is; or n8n's public API is off",
        },
    )


@dataclass(frozen=True)
class N8n:
    """What can be done with n8n."""

    upstream: Upstream

    async def list_workflows(
        self, limit: Limit = 50, cursor: Cursor | None = None, active: bool | None = None, name: Name | None = None
    ) -> dict[str, Any]:
        """List workflows, without their nodes; nextCursor is there where more follow."""
        query = {"limit": limit, "cursor": cursor, "active": active, "name": name, "excludePinnedData": True}
        page = await self.upstream.call("GET", "/api/v1/workflows", query=query)
        rows = [row for row in page.get("data") or () if isinstance(row, dict)]
        shown = [{key: row[key] for key in _SHOWN if key in row} for row in rows]
        return {"data": shown, "nextCursor": page.get("nextCursor")}

    async def get_workflow(self, workflow_id: WorkflowId) -> dict[str, Any]:
        """Get one workflow, with its nodes and connections."""
        return await self.upstream.call("GET", f"/api/v1/workflows/{workflow_id}")

    async def create_workflow(
        self, name: Name, nodes: Nodes, connections: Connections, settings: WorkflowSettings | None = None
    ) -> dict[str, Any]:
        """Create a workflow; it is not active."""
        body = {"name": name, "nodes": nodes, "connections": connections, "settings": settings or {}}
        return await self.upstream.call("POST", "/api/v1/workflows", body=body)

    async def update_workflow(
        self,
        workflow_id: WorkflowId,
        name: Name,
        nodes: Nodes,
        connections: Connections,
        settings: WorkflowSettings | None = None,
    ) -> dict[str, Any]:
        """Replace a workflow's name, nodes, connections and settings, all of them."""
        body = {"name": name, "nodes": nodes, "connections": connections, "settings": settings or {}}
        return await self.upstream.call("PUT", f"/api/v1/workflows/{workflow_id}", body=body)

    async def delete_workflow(self, workflow_id: WorkflowId) -> dict[str, Any]:
        """Delete a workflow for good; the answer is what it was."""
        return await self.upstream.call("DELETE", f"/api/v1/workflows/{workflow_id}")

    async def activate_workflow(self, workflow_id: WorkflowId) -> dict[str, Any]:
        """Activate a workflow: from now on its triggers start it."""
        return await self.upstream.call("POST", f"/api/v1/workflows/{workflow_id}/activate", body={})

    async def deactivate_workflow(self, workflow_id: WorkflowId) -> dict[str, Any]:
        """Deactivate a workflow: nothing starts it any more."""
        return await self.upstream.call("POST", f"/api/v1/workflows/{workflow_id}/deactivate", body={})

    async def list_executions(
        self,
        limit: Limit = 50,
        cursor: Cursor | None = None,
        workflow_id: WorkflowId | None = None,
        status: Status | None = None,
    ) -> dict[str, Any]:
        """List executions, the newest first; nextCursor is there where more follow."""
        query = {"limit": limit, "cursor": cursor, "workflowId": workflow_id, "status": status}
        return await self.upstream.call("GET", "/api/v1/executions", query=query)

    async def get_execution(self, execution_id: ExecutionId, include_data: bool = False) -> dict[str, Any]:
        """Get one execution; include_data adds what its nodes read and wrote."""
        query = {"includeData": include_data}
        return await self.upstream.call("GET", f"/api/v1/executions/{execution_id}", query=query)
