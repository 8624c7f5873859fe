"""The agent against its own document: schemathesis asks what the document allows, and what it does not."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
from contextlib import closing

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from apps.host_agent.tests.conftest import APP, OTHER, TOKEN, Agent

CASES = 20_000 if os.environ.get("HOMEPORT_CAMPAIGN") == "whole" else 400
SEED = int(os.environ.get("HOMEPORT_SEED", "1"))
_SAVED = {"workflows": 1, "changed": False, "commit": None, "pushed": False}
_STATUS = {"branch": "main", "dirty": False, "ahead": 0, "behind": 0, "upstream": None, "last_commit": None}
_PULLED = {"status": "ok", "changed": True, "before": None, "commit": "abc"}
_ENDED = {"state": "ended", "exit_code": 0, "duration_s": 0.5, "stdout_tail": "x", "stderr_tail": ""}
OUTCOMES = (
    {"state": "busy"},
    {"state": "conflict", "detail": "diverged"},
    {"state": "timeout"},
    {"state": "refused", "detail": "it is not there"},
    {"state": "lost"},
    {"state": "ended", "exit_code": 3, "duration_s": 0.5, "stdout_tail": "", "stderr_tail": "no"},
    {"state": "ended", "exit_code": -9, "duration_s": 0.5, "stdout_tail": "\u0000\ud7ff", "stderr_tail": ""},
)
WELL = {
    "backup-n8n": {**_ENDED, "result": _SAVED},
    "git-status": {**_ENDED, "result": _STATUS},
    "git-pull": {**_ENDED, "result": _PULLED},
}


class Played:
    """Helpers that end in every way there is, at once."""

    def __init__(self, folder, _env, names):
        folder.mkdir()
        self._listeners, self._threads = [], []
        for name in names:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(folder / f"{name}.sock"))
            listener.listen(64)
            self._listeners.append(listener)
            self._threads.append(threading.Thread(target=self._play, args=(listener, name), daemon=True))
            self._threads[-1].start()

    @staticmethod
    def _play(listener, name):
        chance = random.Random(f"{SEED} {name}")  # noqa: S311  # no keys
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                outcome = chance.choice([WELL.get(name, _ENDED)] * 4 + [*OUTCOMES])
                lines = [{"state": "started"}, *([outcome] if outcome["state"] != "lost" else [])]
                caller.sendall("".join(json.dumps(line) + "\n" for line in lines).encode())

    def close(self):
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


class From(HTTPAdapter):
    """Each session comes from an address of its own, so that no guess locks out the next."""

    def __init__(self, address):
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    tasks = {"date": {"argv": ["/bin/date"]}, "dump": {"argv": ["/bin/date"]}}
    running = Agent(tmp_path_factory.mktemp("played"), tasks, activator=Played)
    yield running
    running.close()


_WORD = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="%/?#\\"), min_size=1, max_size=20
)
_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip)
_EXTRAS = st.fixed_dictionaries(
    {
        "query": st.dictionaries(_WORD, _VALUE, max_size=3),
        "headers": st.dictionaries(st.from_regex(r"X-[A-Za-z0-9-]{1,20}", fullmatch=True), _VALUE, max_size=3),
        "data": st.binary(max_size=1100),
        "token": st.sampled_from([TOKEN, TOKEN, TOKEN, TOKEN, "", OTHER, "x", TOKEN[:-1]]),
        "name": st.sampled_from(["date", "dump", "", None, None, None]),
    }
)


@pytest.mark.req("H-05", "FP-01")
def test_the_agent_keeps_its_document_whatever_it_is_asked(played):
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi import checks as openapi

    schema = schemathesis.openapi.from_dict(json.loads((APP / "openapi.json").read_text()))
    checks = [
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_headers_conformance,
        openapi.response_schema_conformance,
    ]
    operations = [result.ok() for result in schema.get_all_operations()]
    assert 8 == len(operations), "every operation of the document"
    chance, counted = random.Random(SEED), {}  # noqa: S311  # no keys

    def tried(operation, mode):
        strategy = operation.as_strategy(generation_mode=mode)

        @seed(SEED)
        @settings(
            max_examples=CASES // 14,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(case=strategy, extras=_EXTRAS)
        def one_case(case, extras):
            token = extras["token"]
            case.headers = {**extras["headers"], **({"Authorization": f"Bearer {token}"} if token else {})}
            case.query = {**(case.query or {}), **extras["query"]}
            if case.path_parameters and extras["name"]:
                case.path_parameters = {"name": extras["name"]}
            address = f"127.{chance.randrange(1, 250)}.{chance.randrange(250)}.{chance.randrange(1, 250)}"
            with closing(requests.Session()) as session:
                session.trust_env = False
                session.mount("http://", From(address))
                more = {"data": extras["data"]} if operation.method == "post" else {}
                response = case.call(base_url=f"http://127.0.0.1:{played.port}", session=session, **more)
            counted[response.status_code] = counted.get(response.status_code, 0) + 1
            case.validate_response(response, checks=checks)
            guarded = operation.path != "/health"
            right = token == TOKEN or not guarded
            assert right or response.status_code in {401, 413, 400}, f"{operation.path} is open to {token!r}"
            # What a helper says of a failed command is passed on as 500, in the form of the document: no fault of ours.
            assert response.status_code not in {500, 503, 504} or operation.method == "post" or "git" in operation.path

        one_case()

    for operation in operations:
        tried(operation, GenerationMode.POSITIVE)
        if operation.path == "/tasks/{name}":
            for _ in range(6):
                tried(operation, GenerationMode.NEGATIVE)
    print(f"{sum(counted.values())} cases: {dict(sorted(counted.items()))}; {not_a_server_error.__name__} by the form")
    assert played.process.poll() is None, "it lives"
    assert sum(counted.values()) >= CASES * 0.9, f"only {counted} were tried"
    assert "Traceback" not in played.logged(), "and nothing went wrong inside"


@pytest.mark.req("H-05")
def test_a_document_that_promises_less_is_found_out(played):
    """A control: the checks do see an answer that the document does not have."""
    import schemathesis
    from schemathesis.specs.openapi import checks as openapi

    document = json.loads((APP / "openapi.json").read_text())
    del document["paths"]["/tasks"]["get"]["responses"]["401"]
    schema = schemathesis.openapi.from_dict(document)
    case = schema["/tasks"]["GET"].Case()
    response = case.call(base_url=f"http://127.0.0.1:{played.port}")
    with pytest.raises(BaseException, match="Undocumented status code"):
        case.validate_response(response, checks=[openapi.status_code_conformance])
