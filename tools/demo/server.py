"""Starts and stops build/release/ocelli for the demo."""
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

START_LIMIT_S = 120


def two_free_ports():
    """Both are held until the second is found, so that they differ."""
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


class Server:
    def __init__(self, root, output, repository, fixed_ports):
        self.rest_port, self.grpc_port = (8000, 9000) if fixed_ports else two_free_ports()
        self.log = output / "server.log"
        self.repository = repository
        self.command = [str(root / "build/release/ocelli"), "serve", "--config_path", str(repository.config), "--rest_port", str(self.rest_port),
                        "--port", str(self.grpc_port), "--rest_bind_address", "127.0.0.1", "--grpc_bind_address", "127.0.0.1",
                        "--cache_dir", str(output / "cache"), "--metrics_enable"]
        self.process = None

    def __enter__(self):
        pathlib.Path(self.log.parent / "cache").mkdir(exist_ok=True)
        begin = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        while True:
            if self.process.poll() is not None:
                sys.exit(f"The server did not start (exit code {self.process.returncode}). Its log, {self.log}, ends with:\n"
                         + "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]))
            if self.get("/v2/health/ready") is not None:
                break
            if time.monotonic() - begin > START_LIMIT_S:
                self.process.kill()
                sys.exit(f"The server was not ready after {START_LIMIT_S} s; see {self.log}")
            time.sleep(0.05)
        print(f"\nServer ready in {time.monotonic() - begin:.1f} s: REST on 127.0.0.1:{self.rest_port}, gRPC on 127.0.0.1:{self.grpc_port}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
            print(f"Server stopped with exit code {code}.")
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("The server did not stop within 30 s of SIGTERM and was killed.")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest_port}{path}", timeout=10) as reply:
                return reply.read()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def describe_models(self):
        rows = []
        for entry in json.loads(self.repository.config.read_text())["model_config_list"]:
            name = entry["config"]["name"]
            raw = self.get(f"/v2/models/{name}")
            if raw is None:
                sys.exit(f"Model {name} was not loaded; see {self.log}")
            for place in json.loads(raw).get("execution", [{}]):
                rows.append([name, *(str(place.get(key, "")) for key in ("runtime", "device", "precision", "note"))])
        return rows

    def serve_until_interrupted(self):
        print(f"\nServing until Ctrl-C. Try:\n  curl http://127.0.0.1:{self.rest_port}/v2/models/text_detection\n"
              f"  curl http://127.0.0.1:{self.rest_port}/metrics")
        try:
            self.process.wait()
        except KeyboardInterrupt:
            print()
