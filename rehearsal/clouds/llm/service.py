"""The provider apart from HTTP: chat completions, embeddings, Anthropic's messages, BytePlus's videos; its bill.

Sources: openai/openai-openapi, openapi.yaml (`CreateChatCompletionResponse`, `CreateChatCompletionStreamResponse`,
`CompletionUsage`, `ErrorResponse`); anthropics/anthropic-sdk-python, src/anthropic/types (`message.py`, `usage.py`,
`raw_message_*_event.py`); volcengine/volcengine-go-sdk, service/arkruntime/model/content_generation.go. Answers come
whole and as streams; how long one is, and what its usage says, is set by control calls.
"""

from __future__ import annotations

import json
import re
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit.api import Answer, Api, Call, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.clouds.kit.faults import Fault

Record = dict[str, Any]
_DIMENSIONS: Final = 64
"""Of an embedding."""
_BYTES: Final = 4
"""Bytes of a text that are one token here."""
_USAGES: Final[dict[str, Callable[[int], int | None]]] = {
    "right": lambda tokens: tokens,
    "zero": lambda _: 0,
    "negative": lambda tokens: -tokens,
    "tenfold": lambda tokens: tokens * 10,
    "none": lambda _: None,
}
_TASKS: Final = "/api/v3/contents/generations/tasks"
"""Where BytePlus takes orders of videos, and says what has become of one."""
_KINDS: Final = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}


class Service(Api):
    """The emulated provider.

    Args:
        seed: `keys`, those that it knows, and `prices`, model to `{"input", "output"}` in dollars a million tokens,
            or to `{"video"}` in dollars each.
    """

    def __init__(self, seed: Mapping[str, Any]) -> None:
        super().__init__(Faults(), Journal())
        self._keys, self._prices = set(seed["keys"]), dict(seed["prices"])
        self._lock = threading.Lock()
        self._answer: Record = {"tokens": 8, "usage": "right"}
        self._bill: Record = {"calls": 0, "usd": 0.0, "models": {}}
        self._videos: dict[str, Record] = {}

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, the bill, and what it answers from now on."""
        controls = super().controls()
        controls["GET", "/bill"] = lambda _: self._bill
        controls["DELETE", "/bill"] = lambda _: self._bill.update(calls=0, usd=0.0, models={})
        controls["PUT", "/answer"] = self._set
        return controls

    def error(self, fault: Fault) -> Answer:
        """In the shape that OpenAI and Anthropic share."""
        return _refused(fault.status, fault.message)

    def answer(self, call: Call) -> Answer:
        """What the call gets; every answer is on the bill."""
        body = parsed(call.content)
        if call.path.startswith(_TASKS):
            return self._video(call, body)
        # Anthropic's key is in a header of its own, which the kit does not hand on: there any caller will do.
        kinds = {"/v1/chat/completions": _chat, "/v1/embeddings": _embedded, "/v1/messages": _message}
        path = call.path if call.path.startswith("/v1/") else f"/v1{call.path}"
        if call.method != "POST" or path not in kinds:
            return _refused(404, f"Invalid URL ({call.method} {call.path})")
        if path != "/v1/messages" and call.authorization.removeprefix("Bearer ") not in self._keys:
            return _refused(401, "Incorrect API key provided")
        if not isinstance(body, dict) or body.get("model") not in self._prices:
            return _refused(404, f"The model does not exist: {body.get('model') if isinstance(body, dict) else body}")
        if path == "/v1/messages" and not isinstance(body.get("max_tokens"), int):
            return _refused(400, "max_tokens: Field required")
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 10**6
        asked = len(json.dumps(body.get("messages") or body.get("input"), ensure_ascii=False).encode()) // _BYTES + 1
        answered = 0 if path == "/v1/embeddings" else min(self._answer["tokens"], limit) * int(body.get("n") or 1)
        price = self._prices[body["model"]]
        self._charge(body["model"], (asked * price["input"] + answered * price.get("output", 0.0)) / 1e6)
        read = _USAGES[self._answer["usage"]]
        return kinds[path](body, (read(asked), read(answered)), answered)

    def _video(self, call: Call, body: Any) -> Answer:
        """A video is ready as soon as it is ordered."""
        if call.authorization.removeprefix("Bearer ") not in self._keys:
            return _refused(401, "The API key doesn't exist")
        identity = call.path.removeprefix(_TASKS).removeprefix("/")
        if call.method == "GET" and identity in self._videos:
            return Answer(200, self._videos[identity])
        model = str(body.get("model")) if isinstance(body, dict) else ""
        if call.method != "POST" or identity or model not in self._prices:
            return _refused(404, f"The model or the task does not exist: {model or identity}")
        if not body.get("content"):
            return _refused(400, "content is missing")
        self._charge(model, self._prices[model]["video"])
        task = f"cgt-{len(self._videos) + 1}"
        content = {"video_url": "https://example.com/video.mp4"}
        used = {"completion_tokens": 1}
        self._videos[task] = {"id": task, "model": model, "status": "succeeded", "content": content, "usage": used}
        return Answer(200, {"id": task})

    def _charge(self, model: str, cost: float) -> None:
        with self._lock:
            self._bill["calls"] += 1
            self._bill["usd"] += cost
            self._bill["models"][model] = self._bill["models"].get(model, 0.0) + cost

    def _set(self, body: Mapping[str, Any]) -> None:
        if body.get("usage", "right") not in _USAGES:
            raise ValueError(f"no usage is called {body['usage']!r}; there are: {', '.join(_USAGES)}")
        self._answer.update(body)


def _refused(status: int, message: str) -> Answer:
    kind = _KINDS.get(status, "server_error")
    return Answer(status, {"type": "error", "error": {"message": message, "type": kind, "param": None, "code": None}})


def _chat(body: Record, usage: tuple[Any, Any], tokens: int) -> Answer:
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": body["model"]}
    asked, answered = usage
    known = {"prompt_tokens": asked, "completion_tokens": answered}
    used = None if asked is None else {**known, "total_tokens": asked + answered}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "word " * tokens}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        whole = {**head, "object": "chat.completion", "choices": choices}
        return Answer(200, whole if used is None else {**whole, "usage": used})
    pieces: list[Record] = [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
    pieces += [{"delta": {"content": "word "}, "finish_reason": None}] * tokens
    pieces += [{"delta": {}, "finish_reason": "stop"}]
    rows: list[Record] = [
        {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, **row}]} for row in pieces
    ]
    if used and (body.get("stream_options") or {}).get("include_usage"):
        rows.append({**head, "choices": [], "usage": used})
    return _stream("".join(f"data: {json.dumps(row)}\n\n" for row in rows) + "data: [DONE]\n\n")


def _embedded(body: Record, usage: tuple[Any, Any], _tokens: int) -> Answer:
    # The same words in another order are alike, and no others.
    vector = [0.0] * _DIMENSIONS
    for word in re.findall(r"\w+", str(body.get("input")).lower()):
        vector[zlib.crc32(word.encode()) % _DIMENSIONS] += 1.0
    row = {"object": "embedding", "index": 0, "embedding": vector}
    used = {} if usage[0] is None else {"usage": {"prompt_tokens": usage[0], "total_tokens": usage[0]}}
    return Answer(200, {"object": "list", "data": [row], "model": body["model"], **used})


def _message(body: Record, usage: tuple[Any, Any], tokens: int) -> Answer:
    asked, answered = usage[0] or 0, usage[1] or 0
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
    if not body.get("stream"):
        content = [{"type": "text", "text": "word " * tokens}]
        used = {"input_tokens": asked, "output_tokens": answered}
        return Answer(200, {**head, "content": content, "stop_reason": "end_turn", "usage": used})
    begun = {**head, "content": [], "stop_reason": None, "usage": {"input_tokens": asked, "output_tokens": 1}}
    events: list[tuple[str, Record]] = [("message_start", {"message": begun})]
    events += [("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})]
    events += [("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "word "}})] * tokens
    events += [("content_block_stop", {"index": 0})]
    ended = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": answered}}
    events += [("message_delta", ended), ("message_stop", {})]
    return _stream("".join(f"event: {name}\ndata: {json.dumps({'type': name, **row})}\n\n" for name, row in events))


def _stream(text: str) -> Answer:
    return Answer(200, text.encode(), {"Content-Type": "text/event-stream"})
