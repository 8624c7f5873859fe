"""The real LiteLLM from PyPI with the budget's hook, as a process, and the emulated provider that it calls."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
from pathlib import Path

import yaml

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.llm.service import Service
from tests.support.budget_model import APP
from tests.support.scratch import free_port
from tests.support.waits import until

VERSION = "1.108.7"
KEY, PROVIDER_KEY = "sk-canary-master", "sk-canary-provider"
# A million tokens of input and of output: an answer of ten tokens costs 0.001 USD.
BIG, ECO = {"input": 10, "output": 100}, {"input": 1, "output": 10}
PRICES = {"big": BIG, "other": BIG, "claude-canary": BIG, "coder": ECO, "free": BIG, "video": BIG, "small": ECO}
VIDEO = 2.0
"""Dollars that a video costs at most."""


def environment():
    """The Python of a virtual environment with LiteLLM's proxy, made once in the cache folder."""
    cache = Path(os.environ.get("HOMEPORT_CACHE") or Path.home() / ".cache/homeport")
    wanted = f"litellm[proxy]=={VERSION}"
    folder = cache / f"litellm-{hashlib.sha256(f'{wanted}{sys.version}'.encode()).hexdigest()[:12]}"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        quiet = ("install", "--quiet", "--disable-pip-version-check")
        subprocess.run([folder / "bin/python", "-m", "pip", *quiet, wanted], check=True)
        (folder / "whole").touch()
    return folder / "bin"


def deployment(name, model, provider, **more):
    price = PRICES[model.rpartition("/")[2]]
    params = {"model": model, "api_base": provider, "api_key": PROVIDER_KEY, **more}
    params |= {f"{side}_cost_per_token": price[side] / 1e6 for side in ("input", "output")} if not more else {}
    info = {"budget_scope": "openrouter"} if name != "claude" else {}
    return {"model_name": name, "litellm_params": params, "model_info": info}


class Proxy:
    """One LiteLLM.

    Args:
        folder: Where its configuration is laid.
        redis: Address of the ledger.
        settings: Of the budget, beside where Redis is.
        provider: Address of the emulated provider.
        qdrant: Where a Qdrant is, for the semantic cache; empty for none.
    """

    def __init__(self, folder, redis, settings, provider, qdrant=""):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("hook.py", "litellm.py", "ledger.py", "ledger.lua", "price.py", "cache.py"):
            shutil.copy(APP / f"budget_{name}", folder)
        (folder / "budget.json").write_text(json.dumps({"redis": redis, **settings}))
        openai = f"{provider}/v1"
        models = [
            deployment("big", "openai/big", openai),
            deployment("fallback", "openai/other", openai),
            deployment("qwen3-coder", "openai/coder", openai),
            deployment("claude", "anthropic/claude-canary", provider, **_price(BIG)),
            deployment("unpriced", "openai/other", openai, **_price({"input": 0.0, "output": 0.0})),
            deployment("below zero", "openai/other", openai, **_price({"input": -1, "output": 1})),
            deployment(
                "no number", "openai/other", openai, input_cost_per_token=float("nan"), output_cost_per_token=1e-6
            ),
            deployment("embedding", "openai/small", openai),
            {**deployment("video", "openai/video", openai, seed=1), "model_info": {"budget_scope": "byteplus"}},
            {"model_name": "unknown", "litellm_params": {"model": "openai/other", "api_base": openai, "api_key": "x"}},
        ]
        cache = {
            "type": "qdrant-semantic",
            "qdrant_api_base": qdrant,
            "qdrant_api_key": "any",
            "qdrant_collection_name": "semantic_cache",
            "qdrant_semantic_cache_embedding_model": "embedding",
            "qdrant_semantic_cache_vector_size": 3,
            "similarity_threshold": 0.95,
            "supported_call_types": ["acompletion"],
            # What a test asks twice it means twice, unless it says that the cache may answer.
            "mode": "default_off",
        }
        own = {"callbacks": ["budget_hook.hook"], "request_timeout": 120}
        config = {
            "model_list": models,
            "litellm_settings": {**own, **({"cache": True, "cache_params": cache} if qdrant else {})},
            "router_settings": {
                "num_retries": 0,
                "disable_cooldowns": True,
                "model_group_alias": {"cheap": "big"},
                "fallbacks": [{"big": ["fallback"]}],
            },
            "general_settings": {"master_key": KEY, "max_budget": 5.0, "budget_duration": "1d"},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        self.process = None

    def start(self):
        environ = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")}
        environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "*"}
        argv = [environment() / "litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "litellm.log").open("ab") as log:
            about = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(argv, cwd=self.folder, env=environ, **about)
        until(self._alive, f"LiteLLM answers; see {self.folder}/litellm.log", 600)
        assert self.process.poll() is None, (self.folder / "litellm.log").read_text()[-3000:]
        return self

    def _alive(self):
        return self.process.poll() is not None or 200 == self.call("GET", "/health/liveliness")[0]

    def call(self, method, path, body=None, headers=None, seconds=150):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            named = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **(headers or {})}
            link.request(method, path, None if body is None else json.dumps(body), named)
            answer = link.getresponse()
            content = answer.read()
            try:
                return answer.status, json.loads(content)
            except ValueError:
                return answer.status, content.decode()
        finally:
            link.close()

    def chat(self, model="big", text="hello", path="/v1/chat/completions", **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 10, **more}
        return self.call("POST", path, {key: value for key, value in body.items() if value is not None})

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


def _price(price):
    return {f"{side}_cost_per_token": price[side] / 1e6 for side in ("input", "output")}


class Provider:
    """The emulated provider, with its bill.

    Attributes:
        open: While it is not set, calls wait for their answer.
    """

    def __init__(self):
        self.service = Service({"keys": [PROVIDER_KEY], "prices": PRICES})
        self.open, answer = threading.Event(), self.service.answer
        self.open.set()
        self.service.answer = lambda call: self.open.wait() and answer(call)
        self.server = ApiServer(self.service).start()

    @property
    def url(self):
        return self.server.url

    def control(self, method, path, body=None):
        return self.service.controls()[method, path](body or {})

    def bill(self):
        return dict(self.control("GET", "/bill"))

    def reset(self):
        self.open.set()
        self.control("DELETE", "/bill")
        self.control("DELETE", "/faults")
        self.control("PUT", "/answer", {"tokens": 8, "usage": "right"})

    def close(self):
        self.open.set()
        self.server.stop()
