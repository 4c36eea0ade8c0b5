# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An HTTP service of Python's own library: what it answers, it makes. GET /count: how often it has."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

answered = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global answered
        if self.path == "/count":
            body = str(answered).encode()
        else:
            answered += 1
            rows = [{"id": n, "name": f"row {n}", "text": "x" * 40} for n in range(20)]
            body = json.dumps({"path": self.path, "rows": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
