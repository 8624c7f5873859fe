"""A store of objects as far as a client that uploads and downloads meets one: it keeps what it is sent, and counts."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEPT, CALLS = {}, []


class Bucket(BaseHTTPRequestHandler):
    def do_PUT(self):
        path = self.path.partition("?")[0]
        CALLS.append(f"PUT {path} {self.headers.get('Authorization', '').partition('/')[0]}")
        KEPT[path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.say(b"", ETag='"1"')

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/calls":
            self.say(json.dumps(CALLS).encode())
            return
        CALLS.append(f"GET {path} {'signed' if 'X-Amz-Signature=' in query else 'unsigned'}")
        self.say(KEPT.get(path, b""), 200 if path in KEPT else 404)

    def say(self, body, code=200, **headers):
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Bucket).serve_forever()
