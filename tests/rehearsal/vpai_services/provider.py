"""A provider of language models as LiteLLM meets one: it answers with a usage that the asker chooses, and counts."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLS = []


class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/calls":
            self.say(CALLS)
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
        last = str(asked["messages"][-1]["content"]).split()[-1:]
        written = int(last[0]) if last and last[0].isdigit() else 1
        usage = {"prompt_tokens": 1, "completion_tokens": written, "total_tokens": written + 1}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "an answer"}}
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
