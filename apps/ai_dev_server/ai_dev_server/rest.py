"""The same as the tools, as plain HTTP below ``/api``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from ai_dev_server.n8n import (  # noqa: TC001  # FastAPI and pydantic read them at run time
    Connections,
    Name,
    Nodes,
    WorkflowId,
    WorkflowSettings,
)

if TYPE_CHECKING:
    from ai_dev_server.host import Host
    from ai_dev_server.n8n import N8n


class Workflow(BaseModel):
    """A workflow as it is sent."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    nodes: Nodes
    connections: Connections
    settings: WorkflowSettings = Field(default_factory=dict)


class Refusal(BaseModel):
    """A call that this server refuses."""

    detail: str


class Answer(BaseModel):
    """A call that an upstream service did not answer as it should."""

    detail: str
    upstream: str
    status: int
    hint: str


class Problem(BaseModel):
    """What is wrong with one part of a call."""

    loc: list[str | int]
    msg: str
    type: str


class Problems(BaseModel):
    """What is wrong with a call."""

    detail: list[Problem]


REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The body cannot be read"},
    401: {"model": Refusal, "description": "No valid bearer token"},
    403: {"model": Refusal, "description": "Another host name or origin than this server's"},
    413: {"description": "The body is too large"},
    422: {"model": Problems | Answer, "description": "An argument is not what it must be"},
}
_UPSTREAM: dict[int | str, dict[str, Any]] = {
    **REFUSED,
    400: {"model": Refusal | Answer, "description": "The body cannot be read, by this server or by the one behind it"},
    404: {"model": Refusal | Answer, "description": "There is no such thing"},
    409: {"model": Answer, "description": "It is at work on this already"},
    429: {"model": Answer, "description": "Too many calls"},
    502: {"model": Answer, "description": "The service behind this one failed, or refused this one"},
    503: {"model": Answer, "description": "The service behind this one is not configured, or not ready"},
    504: {"model": Answer, "description": "No answer in time"},
}


def _exact(request: Request) -> None:
    """Refuses a query with a name that the operation does not have, or has twice: whose value would it be?"""
    names = [name for name, _ in request.query_params.multi_items()]
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    wrong = sorted({name for name in names if name not in known or names.count(name) > 1})
    if wrong:
        words = "it is not of this operation, or given more than once"
        raise RequestValidationError([{"loc": ("query", name), "msg": words, "type": "extra"} for name in wrong])


def router(n8n: N8n, host: Host) -> APIRouter:
    """Every tool as a route."""
    api = APIRouter(prefix="/api", responses=_UPSTREAM, dependencies=[Depends(_exact)])

    async def create_workflow(workflow: Workflow) -> dict[str, Any]:
        """Create a workflow; it is not active."""
        return await n8n.create_workflow(workflow.name, workflow.nodes, workflow.connections, workflow.settings)

    async def update_workflow(workflow_id: WorkflowId, workflow: Workflow) -> dict[str, Any]:
        """Replace a workflow's name, nodes, connections and settings, all of them."""
        return await n8n.update_workflow(
            workflow_id, workflow.name, workflow.nodes, workflow.connections, workflow.settings
        )

    one = "/n8n/workflows/{workflow_id}"
    api.add_api_route("/n8n/workflows", n8n.list_workflows, methods=["GET"])
    api.add_api_route("/n8n/workflows", create_workflow, methods=["POST"])
    api.add_api_route(one, n8n.get_workflow, methods=["GET"])
    api.add_api_route(one, update_workflow, methods=["PUT"])
    api.add_api_route(one, n8n.delete_workflow, methods=["DELETE"])
    api.add_api_route(f"{one}/activate", n8n.activate_workflow, methods=["POST"])
    api.add_api_route(f"{one}/deactivate", n8n.deactivate_workflow, methods=["POST"])
    api.add_api_route("/n8n/executions", n8n.list_executions, methods=["GET"])
    api.add_api_route("/n8n/executions/{execution_id}", n8n.get_execution, methods=["GET"])
    api.add_api_route("/host/health", host.health, methods=["GET"])
    api.add_api_route("/host/backup/n8n", host.backup_n8n, methods=["POST"])
    api.add_api_route("/host/git/status", host.git_status, methods=["GET"])
    api.add_api_route("/host/system/info", host.system_info, methods=["GET"])
    api.add_api_route("/host/tasks/{name}", host.run_task, methods=["POST"])
    return api
