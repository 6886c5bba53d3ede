"""Throughput of MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME against the sum of its members alone, one thread each, in rounds that alternate, so that a disturbance meets all three."""
import argparse
import contextlib
import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLANS = {"OpenVINO": "CPU.OPENVINO", "ONNX Runtime": "CPU.ONNXRUNTIME", "MULTI": "MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME"}
THREADS = {"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": "1", "ENABLE_CPU_PINNING": "NO"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, model, plan, folder):
        self.port = free_port()
        self.log = pathlib.Path(folder) / f"{self.port}.log"
        command = [ROOT / "build/release/ocelli", "serve", "--rest_bind_address", "127.0.0.1", "--rest_port", self.port, "--model_name", "m",
                   "--model_path", model, "--target_device", plan, "--plugin_config", json.dumps(THREADS), "--dynamic_batching", "off"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT)

    def wait_ready(self):
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.ask("GET", "/v2/models/m/ready")[0] == 200:
                    return
            time.sleep(0.05)
        raise SystemExit(f"the server did not become ready:\n{self.log.read_text()[-3000:]}")

    def ask(self, method, path, body=None, headers=None, connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Request:
    """One inference of made-up pixels as a binary KServe request."""

    def __init__(self, metadata):
        spec = metadata["inputs"][0]
        pixels = numpy.random.default_rng(7).random(spec["shape"], numpy.float32)
        head = json.dumps({"inputs": [{"name": spec["name"], "shape": spec["shape"], "datatype": "FP32",
                                       "parameters": {"binary_data_size": pixels.nbytes}}],
                           "outputs": [{"name": metadata["outputs"][0]["name"], "parameters": {"binary_data": True}}]}).encode()
        self.body = head + pixels.tobytes()
        self.headers = {"Inference-Header-Content-Length": str(len(head))}

    def send(self, server, connection=None):
        status, headers, body = server.ask("POST", "/v2/models/m/infer", self.body, self.headers, connection)
        if status != 200:
            raise SystemExit(f"{status}: {body[:500]!r}")
        return numpy.frombuffer(body[int(headers["inference-header-content-length"]):], numpy.float32)


def rate(server, request, clients, seconds, expected):
    """Answers per second of so many closed-loop clients; every answer is compared with the expected one."""
    done, wrong = [0] * clients, []
    begin = time.monotonic()

    def work(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while time.monotonic() < begin + seconds:
            answer = request.send(server, connection)
            if not numpy.allclose(answer, expected, rtol=1e-3, atol=1e-4 * float(numpy.abs(expected).max())):
                wrong.append(answer)
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} answers differ from OpenVINO's")
    return sum(done) / (time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = {name: Server(options.model, plan, folder) for name, plan in PLANS.items()}
        try:
            for server in servers.values():
                server.wait_ready()
            request = Request(json.loads(servers["MULTI"].ask("GET", "/v2/models/m")[2]))
            expected = request.send(servers["OpenVINO"])
            rates = {name: [] for name in PLANS}
            for _ in range(options.rounds):
                for name, server in servers.items():
                    rates[name].append(rate(server, request, options.clients, options.seconds, expected))
            ratios = [multi / (a + b) for a, b, multi in zip(*(rates[name] for name in PLANS))]
            for name in PLANS:
                print(f"{PLANS[name]:36} {statistics.median(rates[name]):8.2f} requests/s   ({', '.join(f'{r:.2f}' for r in rates[name])})")
            print(f"{'MULTI over the sum of its members':36} {statistics.median(ratios):8.3f}   (each round: {', '.join(f'{r:.3f}' for r in ratios)}; wanted 0.95)")
            for place in json.loads(servers["MULTI"].ask("GET", "/v2/models/m")[2])["execution"]:
                print(f"  {place['target']}: {place['runtime']} {place['device']} {place['precision']}, {place['state']}")
            return 0 if statistics.median(ratios) >= 0.95 else 1
        finally:
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    sys.exit(main())
