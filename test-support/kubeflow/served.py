"""Recorded runs in a pod, on the ports of Kubeflow's own servers: API, ML Metadata behind its proxy, and pages; none knows what
the others answer. Reads `recorded/*.json` beside this file."""

import base64
import glob
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

here = os.path.dirname(os.path.abspath(__file__))
runs, versions, answers = {}, {}, {}
for file in sorted(glob.glob(os.path.join(here, "*.json"))):
    with open(file, encoding="utf-8") as opened:
        recorded = json.load(opened)
    run = recorded["run"]
    runs[run["run_id"]] = run
    versions[run["pipeline_version_reference"]["pipeline_version_id"]] = recorded["version"]
    for each in recorded["exchanges"]:
        answers[each["method"], each["request"]] = base64.b64decode(each["answer"])

# A message without fields, and trailers that say OK.
NOTHING = b"\0\0\0\0\0" + b"\x80\0\0\0\x0f" + b"grpc-status:0\r\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, value):
        self.send(200, json.dumps(value).encode())

    def missing(self):
        self.send(404, b'{"code":5,"message":"Not Found","details":[]}')


class Api(Handler):
    def do_GET(self):
        path = urlsplit(self.path).path.removeprefix("/apis/v2beta1/").split("/")
        if path == ["healthz"]:
            self.json({"multi_user": False})
        elif path == ["runs"]:
            self.json({"runs": list(runs.values()), "total_size": len(runs)})
        elif path[0] == "runs" and path[-1] in runs:
            self.json(runs[path[-1]])
        elif path[0] == "pipelines" and path[-1] in versions:
            self.json({"pipeline_version_id": path[-1], "pipeline_spec": versions[path[-1]]})
        else:
            self.missing()

    def do_DELETE(self):
        found = runs.pop(urlsplit(self.path).path.removeprefix("/apis/v2beta1/runs/"), None)
        if found is None:
            self.missing()
        else:
            self.json({})


class Metadata(Handler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"]))
        method = self.path.removeprefix("/ml_metadata.MetadataStoreService/")
        answer = answers.get((method, base64.b64encode(asked).decode()), NOTHING)
        self.send(200, answer, "application/grpc-web+proto")


class Pages(Handler):
    def do_GET(self):
        path = urlsplit(self.path).path
        if path.startswith("/artifacts/minio/mlpipeline/"):
            self.send(200, f"what is at {path}".encode(), "application/octet-stream")
        else:
            self.send(200, b"<!doctype html>", "text/html")


for port, handler in ((8888, Api), (9090, Metadata)):
    threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", port), handler).serve_forever).start()
ThreadingHTTPServer(("0.0.0.0", 3000), Pages).serve_forever()
