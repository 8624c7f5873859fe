"""The API against its own description: schemathesis asks what it allows, what it does not, with and without a token."""

from __future__ import annotations

import os

import pytest
import requests
import schemathesis
from dev_server_world import TOKEN, WORKFLOW
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi

CASES = 20_000 if os.environ.get("HOMEPORT_CAMPAIGN") == "whole" else 240
SEED = int(os.environ.get("HOMEPORT_SEED", "1"))
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]


@pytest.fixture
def document(served):
    with served.http() as http:
        return http.get("/openapi.json").json()


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.req("J-01", "S1-53", "FP-02")
def test_the_api_keeps_its_description_whatever_it_is_asked(served, upstreams, document, caplog):
    # Without the token's place in the document: it is put into each case here, right or wrong.
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    # What has neither parameters nor a body has one case, and nothing that could be wrong.
    varied = {item.label for item in operations if item.path_parameters or item.query or item.body}
    upstreams.workflows["w1"] = {"id": "w1", **WORKFLOW}
    counted = {}

    def tried(operation, mode, token):
        @seed(SEED)
        @settings(
            max_examples=max(1, CASES // len(varied) // 3),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def every_case(case):
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}" if token else "Basic eDp5"}
            response = case.call(base_url=served.url, session=session)
            counted[response.status_code] = counted.get(response.status_code, 0) + 1
            # Of a query or a path everything is text: what is wrong as a list may be right as it is sent.
            more = [openapi.negative_data_rejection] if mode is GenerationMode.NEGATIVE and operation.body else []
            case.validate_response(response, checks=[*CHECKS, *more])
            assert token or response.status_code == 401 or operation.path == "/health"

        every_case()

    with requests.Session() as session:
        session.trust_env = False
        for operation in operations:
            tried(operation, GenerationMode.POSITIVE, TOKEN)
            tried(operation, GenerationMode.POSITIVE, "")
            if operation.label in varied:
                tried(operation, GenerationMode.NEGATIVE, TOKEN)
    print(f"{sum(counted.values())} cases of {len(operations)} operations: {dict(sorted(counted.items()))}")

    assert len(operations) == 16, "fourteen tools, and two of its own health"
    assert sum(counted.values()) >= CASES * 0.9, f"only {counted} were tried"
    assert {200, 401, 404, 422} <= counted.keys(), counted
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.req("J-01")
def test_a_description_that_promises_less_is_found_out(served, document):
    """A control: the checks do see an answer that the description does not have."""
    del document["paths"]["/api/n8n/workflows"]["get"]["responses"]["401"]
    case = schemathesis.openapi.from_dict(document)["/api/n8n/workflows"]["GET"].Case()
    response = case.call(base_url=served.url)

    with pytest.raises(BaseException, match="Undocumented"):
        case.validate_response(response, checks=[openapi.status_code_conformance])
