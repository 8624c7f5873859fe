"""A registry of images that docker pushes to and pulls from, in memory: as much of its API as that takes.

Source: distribution/distribution, docs/content/spec/api.md. Loopback alone: what is pushed there is never checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class SmallRegistry:
    """It listens from the start, and until `close`.

    Attributes:
        host: `127.0.0.1:<port>`, which Docker takes without TLS.
        manifests: `<repository>@<digest>` to content and its type.
        tags: `<repository>:<tag>` to digest.
        blobs: Digest to content.
        password: What `Authorization` must be; empty: nothing is asked.
    """

    def __init__(self, password="", port=0):
        self.manifests, self.tags, self.blobs, self.uploads, self.password = {}, {}, {}, {}, password
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"registry": self}))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        """Nothing."""

    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.get("length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _serve(self):
        registry, (path, _, query) = self.registry, self.path.partition("?")
        body = self._body()
        if registry.password and self.headers.get("Authorization") != registry.password:
            return self._answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', WWW_Authenticate='Basic realm="registry"')
        if path == "/v2/":
            return self._answer(200, b"{}")
        if path == "/v2/_catalog":
            names = sorted({key.partition("@")[0] for key in registry.manifests})
            return self._answer(200, json.dumps({"repositories": names}).encode())
        match = re.fullmatch(r"/v2/(.+)/(blobs/uploads|blobs|manifests|tags)/?(.*)", path)
        if match is None:
            return self._answer(404)
        repository, kind, rest = match.groups()
        return getattr(self, "_" + kind.replace("/", "_"))(repository, rest, query, body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  # http.server's names

    def _blobs_uploads(self, repository, number, query, body):
        uploads = self.registry.uploads
        if self.command == "POST":
            number = str(uuid.uuid4())
            uploads[number] = b""
        elif self.command == "PATCH":
            uploads[number] += body
        else:
            content = uploads.pop(number) + body
            digest = query.partition("digest=")[2].replace("%3A", ":")
            if digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
                return self._answer(400)
            self.registry.blobs[digest] = content
            return self._answer(201, Docker_Content_Digest=digest, Location=f"/v2/{repository}/blobs/{digest}")
        place = f"/v2/{repository}/blobs/uploads/{number}"
        return self._answer(
            202, Location=place, Docker_Upload_UUID=number, Range=f"0-{max(len(uploads[number]) - 1, 0)}"
        )

    def _blobs(self, _repository, digest, _query, _body):
        content = self.registry.blobs.get(digest)
        if content is None:
            return self._answer(404)
        if self.command == "HEAD":
            return self._answer(200, length=str(len(content)), Docker_Content_Digest=digest)
        return self._answer(200, content, Docker_Content_Digest=digest)

    def _manifests(self, repository, reference, _query, body):
        manifests, tags = self.registry.manifests, self.registry.tags
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            manifests[f"{repository}@{digest}"] = (body, self.headers["Content-Type"])
            if not reference.startswith("sha256:"):
                tags[f"{repository}:{reference}"] = digest
            return self._answer(201, Docker_Content_Digest=digest)
        digest = reference if reference.startswith("sha256:") else tags.get(f"{repository}:{reference}", "")
        seen = manifests.get(f"{repository}@{digest}")
        if seen is None:
            return self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        if self.command == "DELETE":
            del manifests[f"{repository}@{digest}"]
            for tag in [tag for tag, known in tags.items() if known == digest and tag.startswith(f"{repository}:")]:
                del tags[tag]
            return self._answer(202)
        return self._answer(200, seen[0], Content_Type=seen[1], Docker_Content_Digest=digest, length=str(len(seen[0])))

    def _tags(self, repository, _rest, _query, _body):
        names = [tag.rpartition(":")[2] for tag in self.registry.tags if tag.rpartition(":")[0] == repository]
        return self._answer(200, json.dumps({"name": repository, "tags": sorted(names)}).encode())
