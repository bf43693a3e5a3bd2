"""What runs in a keeper's pod, as the operator sees it: GET /status at port 9432."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeKeeper:
    """Says `report` to whoever asks."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.report: dict[str, Any] = {
            "version": 1,
            "state": "Ready",
            "problem": None,
            "published": 0,
            "refused": 0,
            "lastRefusal": None,
            "repaired": 0,
            "evicted": 0,
            "staged": 0,
            "volume": {"bytes": 2**30, "freeBytes": 2**29},
            "entries": 0,
            "bytes": 0,
            "namespaceCount": 0,
            "namespaces": [],
            "offers": {},
        }
        keeper = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(keeper.report).encode()
                self.send_response(200 if self.path == "/status" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 9432), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def says(self, **fields: Any) -> None:
        self.report = {**self.report, **fields}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
