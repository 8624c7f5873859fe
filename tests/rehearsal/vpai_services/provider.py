"""A provider of language models as LiteLLM meets one: it answers with a usage that the asker chooses, and counts."""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLS, TOOLS, TOLD = [], [], []
"""Calls; names of tools that models were offered; what they were told that tools answer."""
CALL = re.compile(r"call (\w+) (\{.*\})")
"""What an asker says to have the model call a tool."""
DEFERRED = re.compile(r"^- (\w+) \(", re.MULTILINE)
"""A tool that OpenClaw names in its words to the model instead of describing it."""


def text(content):
    """A message's words, whichever of its two forms it has."""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content or ())


def since_answered(messages, role):
    """The words of one side since the model said something."""
    answered = max((number for number, each in enumerate(messages) if each["role"] == "assistant"), default=0)
    return [text(each["content"]) for each in messages[answered:] if each["role"] == role]


class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        if (kept := {"/calls": CALLS, "/tools": TOOLS, "/told": TOLD}.get(self.path)) is not None:
            self.say(kept)
            return
        CALLS.append(self.path)
        self.say({"web": {"results": [{"title": "Found", "url": "https://example.com/", "description": "a result"}]}})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        CALLS.append(f"{self.path} {asked.get('model')} {self.headers.get('Authorization')}")
        if self.path.endswith("/embeddings"):
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            data = [{"object": "embedding", "index": 0, "embedding": [0.5] * 1536}]
            self.say({"object": "list", "model": asked["model"], "data": data, "usage": usage})
            return
        if self.path.endswith("/tasks"):
            self.say({"id": f"cgt-{len(CALLS)}"})
            return
        TOOLS.extend(tool["function"]["name"] for tool in asked.get("tools", ()))
        TOOLS.extend(DEFERRED.findall(text(asked["messages"][0]["content"])))
        last = asked["messages"][-1]
        words = text(last["content"])
        written = int(number) if (number := words.split()[-1:][0] if words else "").isdigit() else 1
        usage = {"prompt_tokens": 1, "completion_tokens": written, "total_tokens": written + 1}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "an answer"}}
        if results := since_answered(asked["messages"], "tool"):
            TOLD.extend(results)
        elif wanted := CALL.search("\n".join(since_answered(asked["messages"], "user"))):
            function = {"name": wanted[1], "arguments": wanted[2]}
            call = {"index": 0, "id": f"call_{len(CALLS)}", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
            choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"]}
        if asked.get("stream"):
            self.stream({**answer, "object": "chat.completion.chunk"}, choice, usage)
            return
        self.say({**answer, "choices": [choice], "usage": usage})

    def stream(self, chunk, choice, usage):
        """The same answer as events, in one piece, and what it used after it."""
        delta = {"index": 0, "delta": choice["message"], "finish_reason": choice["finish_reason"]}
        pieces = (
            json.dumps({**chunk, "choices": [delta]}),
            json.dumps({**chunk, "choices": [], "usage": usage}),
            "[DONE]",
        )
        self.say_as("text/event-stream", "".join(f"data: {piece}\n\n" for piece in pieces).encode())

    def say(self, answer):
        self.say_as("application/json", json.dumps(answer).encode())

    def say_as(self, kind, text):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Provider).serve_forever()
