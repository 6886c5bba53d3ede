"""Throughput of MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME against the sum of its members, one thread each: each alone, and both at once in two servers, which is what this machine can
give when all its cores work. Rounds alternate, so that a disturbance meets all. Inputs lie in shared memory, so that the clients leave the cores to the model."""
import argparse
import concurrent.futures
import contextlib
import http.client
import json
import multiprocessing.shared_memory
import pathlib
import statistics
import sys
import threading
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/integration"))
from ocelli_server import Server  # noqa: E402

PLANS = {"OpenVINO": "CPU.OPENVINO", "ONNX Runtime": "CPU.ONNXRUNTIME", "MULTI": "MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME"}
THREADS = {"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": "1", "ENABLE_CPU_PINNING": "NO"}


def serve(model, plan):
    """A server with the one model "m", not started yet."""
    entry = {"name": "m", "base_path": model, "target_device": plan, "plugin_config": THREADS}
    return Server({"model_config_list": [{"config": entry}]}, flags=["--dynamic_batching", "off"], grpc=False)


class Request:
    """One inference of made-up pixels, which the servers read out of shared memory."""

    def __init__(self, metadata):
        spec = metadata["inputs"][0]
        pixels = numpy.random.default_rng(7).random(spec["shape"], numpy.float32)
        self.region = multiprocessing.shared_memory.SharedMemory(create=True, size=pixels.nbytes)
        self.region.buf[:pixels.nbytes] = pixels.tobytes()
        self.bytes = pixels.nbytes
        self.body = json.dumps({"inputs": [{"name": spec["name"], "shape": spec["shape"], "datatype": "FP32",
                                            "parameters": {"shared_memory_region": "pixels", "shared_memory_byte_size": pixels.nbytes}}],
                                "outputs": [{"name": metadata["outputs"][0]["name"], "parameters": {"binary_data": True}}]}).encode()

    def register(self, server):
        status, _, body = server.post("/v2/systemsharedmemory/region/pixels/register",
                                      {"key": "/" + self.region.name.lstrip("/"), "offset": 0, "byte_size": self.bytes})
        if status != 200:
            raise SystemExit(f"{status}: {body[:500]!r}")

    def close(self):
        self.region.close()
        self.region.unlink()

    def send(self, connection):
        connection.request("POST", "/v2/models/m/infer", self.body)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{reply.status}: {body[:500]!r}")
        return numpy.frombuffer(body[int(reply.headers["inference-header-content-length"]):], numpy.float32)


def connect(server):
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=60))


def metadata(server):
    status, _, body = server.get("/v2/models/m")
    if status != 200:
        raise SystemExit(f"{status}: {body[:500]!r}")
    return json.loads(body)


def rate(server, request, clients, seconds, expected):
    """Answers per second of so many closed-loop clients; every answer is compared with the expected one, and a request that fails ends the measurement."""
    done, wrong, failed = [0] * clients, [], []
    begin = time.monotonic()

    def client(number):
        with connect(server) as connection:
            while time.monotonic() < begin + seconds and not failed:
                answer = request.send(connection)
                if not numpy.allclose(answer, expected, rtol=1e-3, atol=1e-4 * float(numpy.abs(expected).max())):
                    wrong.append(answer)
                done[number] += 1

    def work(number):
        try:
            client(number)
        except (SystemExit, Exception) as error:  # a thread would drop the one and only print the other
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"a request failed: {failed[0]}")
    if wrong:
        raise SystemExit(f"{len(wrong)} answers differ from OpenVINO's")
    return sum(done) / (time.monotonic() - begin)


def measure(servers, request, expected, options):
    """Requests per second of every round, by the names of PLANS and "side by side"."""
    rates = {name: [] for name in [*PLANS, "side by side"]}
    for _ in range(options.rounds):
        for name, server in servers.items():
            rates[name].append(rate(server, request, options.clients, options.seconds, expected))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            both = [pool.submit(rate, servers[name], request, options.clients // 2, options.seconds, expected) for name in ("OpenVINO", "ONNX Runtime")]
            rates["side by side"].append(sum(one.result() for one in both))
    return rates


def report(rates):
    """Prints the table; the exit code."""
    sums = [a + b for a, b in zip(rates["OpenVINO"], rates["ONNX Runtime"])]
    for name, values in rates.items():
        print(f"{PLANS.get(name, 'both at once, in two servers'):36} {statistics.median(values):8.2f} requests/s   ({', '.join(f'{r:.2f}' for r in values)})")
    ratios = {what: [multi / other for multi, other in zip(rates["MULTI"], others)]
              for what, others in (("the sum of its members alone", sums), ("both at once", rates["side by side"]))}
    for what, each in ratios.items():
        print(f"MULTI over {what:29} {statistics.median(each):5.3f}   (each round: {', '.join(f'{r:.3f}' for r in each)}; wanted 0.95)")
    return 0 if statistics.median(ratios["the sum of its members alone"]) >= 0.95 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, type=lambda path: str(pathlib.Path(path).resolve()))  # a server looks for others beside its configuration
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(serve(options.model, plan)) for name, plan in PLANS.items()}
        request = stack.enter_context(contextlib.closing(Request(metadata(servers["MULTI"]))))
        for server in servers.values():
            request.register(server)
        with connect(servers["OpenVINO"]) as connection:
            expected = request.send(connection)
        rates = measure(servers, request, expected, options)
        for place in metadata(servers["MULTI"])["execution"]:
            print(f"  {place['target']}: {place['runtime']} {place['device']} {place['precision']}, {place['state']}")
    return report(rates)


if __name__ == "__main__":
    sys.exit(main())
