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
from tests.support.budget_model import APP, read
from tests.support.checkout import ROOT
from tests.support.scratch import free_port
from tests.support.waits import until

VERSION = "1.108.7"
CONFIG = ROOT / "catalog/litellm/files/config.yaml"
KEY, PROVIDER_KEY = "sk-canary-master", "sk-canary-provider"
# A million tokens of input and of output: an answer of ten tokens costs 0.001 USD.
BIG, ECO = {"input": 10, "output": 100}, {"input": 1, "output": 10}
PRICES = {"big": BIG, "other": BIG, "claude-canary": BIG, "coder": ECO, "free": BIG, "small": ECO}
TASKS, FILM = "/api/v3/contents/generations/tasks", "seedance-1-0-pro-250528"
"""Where BytePlus takes orders of videos, and the model that the budget has a price of."""
BUDGET = read(APP / "budget.json")
VIDEO = BUDGET.flat[f"byteplus/{FILM}"]
"""Dollars that a video costs."""
PRICES |= {FILM: {"video": VIDEO}, "dear": {"video": 100.0}}


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
            deployment("text-embedding-3-small", "openai/small", openai),
            {"model_name": "unknown", "litellm_params": {"model": "openai/other", "api_base": openai, "api_key": "x"}},
        ]
        catalog = yaml.safe_load(CONFIG.read_text())
        # As the catalog has it, but for where Qdrant is. What a test asks twice it means twice, unless it says that the
        # cache may answer.
        cache = catalog["litellm_settings"]["cache_params"]
        cache |= {"qdrant_api_base": qdrant, "qdrant_api_key": "any", "mode": "default_off"}
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
            "general_settings": {
                "master_key": KEY,
                "max_budget": 5.0,
                "budget_duration": "1d",
                "pass_through_endpoints": catalog["general_settings"]["pass_through_endpoints"],
            },
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        self.port, self._provider = free_port(), provider
        self._log, self._forks, self._number = folder / "litellm.log", None, 0

    def start(self):
        if not self._forks:
            environ = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")}
            environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "*"}
            environ |= {"BYTEPLUS_TASKS": f"{self._provider}{TASKS}", "BYTEPLUS_API_KEY": PROVIDER_KEY}
            # Its folder has modules named as some of Python's own: they must not be in their place.
            argv = [environment() / "python", "-P", ROOT / "tests/support/litellm_forks.py"]
            with self._log.open("ab") as log:
                about = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
                self._forks = subprocess.Popen(argv, cwd=self.folder, env=environ, **about)
        options = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self.port)]
        print(json.dumps([options, str(self._log)]), file=self._forks.stdin, flush=True)
        answer = self._forks.stdout.readline()
        assert answer, self._log.read_text()[-3000:]
        self._number = int(answer)
        until(self._alive, f"LiteLLM answers; see {self._log}", 600)
        assert self._runs(), self._log.read_text()[-3000:]
        return self

    def _runs(self):
        try:
            os.kill(self._number, 0)
        except ProcessLookupError:
            return False
        return True

    def _alive(self):
        return not self._runs() or 200 == self.call("GET", "/health/liveliness")[0]

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

    def video(self, model=FILM, path="", **more):
        """An order, in BytePlus's own words."""
        body = {"model": model, "content": [{"type": "text", "text": "a sunrise --duration 5"}], **more}
        return self.call("POST", f"/byteplus{TASKS}{path}", body)

    def kill(self):
        if self._number and self._runs():
            os.kill(self._number, signal.SIGKILL)
            until(lambda: not self._runs(), "it is gone")
        self._number = 0

    def close(self):
        self.kill()
        if self._forks:
            self._forks.communicate()


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
