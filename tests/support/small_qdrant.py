"""As much of Qdrant as LiteLLM's semantic cache asks for: points of one collection, and the most similar of them.

The stub that stands in for Qdrant's image keeps no vectors. Paths: qdrant/qdrant, docs/redoc/master/openapi.json.
"""

from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Qdrant:
    """A server of its own, on the loopback address.

    Attributes:
        points: What it keeps: vector and payload of each.
        collections: Names of those that were asked for.
    """

    def __init__(self):
        self.points, self.collections = [], set()
        points, collections = self.points, self.collections

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.say({"exists": True} if self.path.endswith("/exists") else {"status": "green"})

            def do_PUT(self):
                asked = self.read()
                points.extend((point["vector"], point["payload"]) for point in asked.get("points", ()))
                self.say({"status": "completed"})

            def do_POST(self):
                asked = self.read()
                wanted = {row["key"]: row["match"]["value"] for row in asked.get("filter", {}).get("must", ())}
                rows = [
                    {"score": similar(asked["vector"], vector), "payload": payload}
                    for vector, payload in points
                    if all(payload.get(key) == value for key, value in wanted.items())
                ]
                self.say(sorted(rows, key=lambda row: -row["score"])[: asked["limit"]])

            def read(self):
                return json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")

            def say(self, result):
                collections.add(self.path.split("/")[2])
                text = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def similar(left, right):
    """Cosine of the angle between two."""
    product = sum(a * b for a, b in zip(left, right, strict=True))
    return product / (math.hypot(*left) * math.hypot(*right))
