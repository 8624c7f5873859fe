"""The real Claude Code, as npm has it, and a model for it that does as a test says.

It is fetched by lock file and run; its licence lets nobody hand it on, so nothing of it is in this repository.
Sources: anthropics/anthropic-sdk-python, src/anthropic/types (`raw_message_*_event.py`); docs.anthropic.com,
Claude Code, settings (its environment variables).
"""

from __future__ import annotations

import json
import shlex
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from toolchain.images import node_packages, store
from toolchain.images.kit import Kit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_FILES = Path(__file__).with_name("claude_code_files")
_PACKAGE = "@anthropic-ai/claude-code-linux-x64"


def program() -> Path:
    """Its program in the cache, fetched where it is missing."""
    lock = json.loads((_FILES / "package-lock.json").read_text(encoding="utf-8"))
    version = lock["packages"][f"node_modules/{_PACKAGE}"]["version"]
    installed = store.folder("claude-code") / version
    with store.lock("claude-code", print):
        if not installed.exists():
            kit = Kit(f"claude-code:{version}", _FILES)
            try:
                npm = node_packages.lay_node(kit)
                app = kit.work / "app"
                shutil.copytree(_FILES, app)
                node_packages.install(kit, npm, app)
                # In one step: whoever is killed before has left nothing that the next run would take.
                shutil.move(app / "node_modules" / _PACKAGE / "claude", kit.work / "claude")
                (kit.work / "claude").rename(installed)
            finally:
                shutil.rmtree(kit.work)
    return installed


def laid(folder: Path, url: str) -> None:
    """Puts `claude` into a folder for PATH: it asks the model at that address, and finds nothing else outside."""
    environ = {
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        # Nobody listens there: whatever it would tell or ask elsewhere stays on this machine.
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
        "NO_PROXY": "127.0.0.1",
    }
    lines = [f"export {name}={value}" for name, value in environ.items()]
    script = folder / "claude"
    script.write_text(
        "\n".join(["#!/bin/sh", *lines, f'exec {shlex.quote(str(program()))} "$@"', ""]), encoding="utf-8"
    )
    script.chmod(0o755)


@contextmanager
def model(
    answers: Callable[[list[Any]], tuple[str, dict[str, Any]] | str], tokens: int = 50
) -> Iterator[SimpleNamespace]:
    """A model, Anthropic's Messages API as a stream; at `url`, with what it was asked in `calls` and by which `keys`.

    Args:
        answers: Of all results of tools so far what comes next: a tool and its input, or a text, which is the end.
        tokens: How long each answer is, as it says itself.
    """
    seen = SimpleNamespace(url="", calls=[], keys=set())

    class Messages(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(b"", "text/plain")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.keys.add(self.headers["x-api-key"])
            block: dict[str, Any] = {"type": "text", "text": "done"}
            long = 1
            if asked.get("tools"):  # without, it asks for a title
                long = tokens
                seen.calls.append(asked)
                said = answers(_results(asked["messages"]))
                block = {"type": "text", "text": said}
                if not isinstance(said, str):
                    number = f"toolu_{len(seen.calls)}"
                    block = {"type": "tool_use", "id": number, "name": said[0], "input": said[1]}
            self._answer(_stream(asked["model"], block, long), "text/event-stream")

        def _answer(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Messages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        seen.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


def _results(messages: list[Any]) -> list[Any]:
    """What its tools have answered, in order."""
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return [part["content"] for part in parts if part["type"] == "tool_result"]


def _stream(name: str, block: dict[str, Any], tokens: int) -> bytes:
    """An answer of one block."""
    tool = block["type"] == "tool_use"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": name, "content": []}
    ends: dict[str, Any] = {"stop_reason": None, "stop_sequence": None}
    empty = {"input": {}} if tool else {"text": ""}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])} if tool else None
    events = [
        ("message_start", {"message": message | ends | {"usage": {"input_tokens": 100, "output_tokens": 1}}}),
        ("content_block_start", {"index": 0, "content_block": block | empty}),
        ("content_block_delta", {"index": 0, "delta": delta or {"type": "text_delta", "text": block["text"]}}),
        ("content_block_stop", {"index": 0}),
        (
            "message_delta",
            {
                "delta": ends | {"stop_reason": "tool_use" if tool else "end_turn"},
                "usage": {"output_tokens": tokens},
            },
        ),
        ("message_stop", {}),
    ]
    return "".join(f"event: {kind}\ndata: {json.dumps({'type': kind} | more)}\n\n" for kind, more in events).encode()
