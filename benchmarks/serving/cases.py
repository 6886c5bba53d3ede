"""The goals of docs/performance.md. measure() gives one round's figure, or several where a round is cut into short slices; inside a round the sides alternate A B B A."""
import collections
import dataclasses
import functools
import json
import mmap
import os
import pathlib
import shutil
import statistics
import subprocess
import time
import typing
import urllib.request

import load
from peers import IDENTITY, free_port

SMALL, IMAGE = (1, IDENTITY["small"]), (1, IDENTITY["img"])
MODELS = {"resnet50": ("image", "output", (1, 3, 224, 224)), "vit_b_32": ("image", "output", (1, 3, 224, 224))}
F32 = {"INFERENCE_PRECISION_HINT": "f32"}
BF16 = {"INFERENCE_PRECISION_HINT": "bf16"}


@dataclasses.dataclass
class Case:
    goal: str
    what: str
    limit: float | None  # None: shown beside the goals, not judged
    measure: typing.Callable
    at_least: bool = False
    needs_triton: bool = False


def alternate(first, second):
    """ABBA: both sides twice, so that a drift of the machine's speed falls on both."""
    a1, b1, b2, a2 = first(), second(), second(), first()
    return [{key: (x[key] + y[key]) / 2 for key in x if isinstance(x[key], (int, float))} for x, y in ((a1, a2), (b1, b2))]


def identity_http(model, shape):
    body, length = load.binary_request("INPUT0", "OUTPUT0", shape)
    return load.write_http(f"identity-{model}", body, length)


def against_triton(make_load, figure):
    def measure(peers, seconds, _):
        ours, theirs = alternate(lambda: make_load(peers.identity(), seconds / 4), lambda: make_load(peers.triton(), seconds / 4))
        return {"figure": ours[figure] / theirs[figure], f"ocelli {figure}": ours[figure], f"triton {figure}": theirs[figure]}
    return measure


def http_load(model, shape, connections):
    def run(server, seconds):
        return load.http(server[1], f"/v2/models/{model}/infer", identity_http(model, shape), connections, seconds)
    return run


def grpc_load(model, shape, connections):
    def run(server, seconds):
        path = load.write_grpc(f"identity-{model}", load.grpc_request(model, "INPUT0", shape))
        return load.grpc(server[2], path, connections, seconds)
    return run


def json_load(server, seconds):
    script = load.write_http("identity-json", load.json_request("INPUT0", IMAGE))
    return load.http(server[1], "/v2/models/img/infer", script, 1, seconds)


def added_latency(peers, seconds, _):
    ours, floor = alternate(lambda: http_load("small", SMALL, 1)(peers.identity(), seconds / 4), lambda: load.tool("bench_tcp_echo", 64, seconds / 4))
    return {"figure": ours["p50_us"] - floor["p50_us"], "ocelli p50": ours["p50_us"], "TCP echo p50": floor["p50_us"]}


def register_shared_memory(server):
    """A region in /dev/shm with the image's bytes; both models read from it."""
    name, size = "ocelli-bench-region", IDENTITY["img"] * 4
    path = pathlib.Path("/dev/shm") / name
    path.write_bytes(os.urandom(size))
    body = json.dumps({"key": f"/{name}", "offset": 0, "byte_size": size}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server[1]}/v2/systemsharedmemory/region/bench/register", body)
    with urllib.request.urlopen(request, timeout=10):
        return path


def shared_memory(peers, seconds, _):
    server = peers.identity()
    path = register_shared_memory(server)
    try:
        def run(model, shape):
            tensor = {"name": "INPUT0", "shape": list(shape), "datatype": "FP32",
                      "parameters": {"shared_memory_region": "bench", "shared_memory_byte_size": shape[1] * 4}}
            script = load.write_http(f"shm-{model}", json.dumps({"inputs": [tensor]}).encode())
            return load.http(server[1], f"/v2/models/{model}/infer", script, 1, seconds / 4)
        large, small = alternate(lambda: run("img", IMAGE), lambda: run("small", SMALL))
    finally:
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server[1]}/v2/systemsharedmemory/region/bench/unregister", b""), timeout=10).close()
        path.unlink()
    return {"figure": large["p50_us"] / small["p50_us"], "602 KB p50": large["p50_us"], "64 B p50": small["p50_us"]}


def served(model, properties, connections, flags, key):
    model_input, output, shape = MODELS[model]

    def run(peers, seconds):
        server = peers.real(model, properties, *flags, key=key)
        body, length = load.binary_request(model_input, output, shape)
        return load.http(server[1], f"/v2/models/{model}/infer", load.write_http(f"{model}{key}", body, length), connections, seconds)
    return run


def served_grpc(model, properties, connections, flags, key):
    model_input, _, shape = MODELS[model]

    def run(peers, seconds):
        server = peers.real(model, properties, *flags, key=key)
        return load.grpc(server[2], load.write_grpc(f"{model}{key}", load.grpc_request(model, model_input, shape)), connections, seconds)
    return run


SLICE_SECONDS = 0.4


def bench(peers, model, ways, concurrency, seconds, properties, *flags):
    """Requests per second of each way in one run of ocelli bench: a list for each way, one rate for each slice. The slices are short because shared machines
    change their speed by a factor of two from one second to the next; two slices beside each other mostly meet the same speed."""
    duration = max(1, round(seconds / len(ways)))
    command = [str(peers.programs / "ocelli"), "bench", "--json", "--model_path", str(peers.generated(model)), "--ways", ",".join(ways), "--concurrency", str(concurrency),
               "--duration", str(duration), "--rounds", str(2 * max(1, round(duration / SLICE_SECONDS / 2))), "--plugin_config", json.dumps(properties), "--dynamic_batching", "off",
               "--log_level", "ERROR", *flags]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=600).stdout)["results"]
    if any(result["errors"] for result in results):
        raise SystemExit(f"{' '.join(command)}: {results}")
    return [result["round_requests_per_second"] for result in results]


def pairs(rates):
    """Two slices each: together A B B A."""
    return [statistics.mean(pair) for pair in zip(rates[::2], rates[1::2])]


def beside_raw(model, way, concurrency, properties, *flags):
    """The engine in process, REST or gRPC against the runtime's own asynchronous loop over one and the same compiled model: two processes differ by 3 to 5 % with
    the luck of their memory's placement, which is more than what is to be shown."""
    def measure(peers, seconds, _):
        floor, ours = (pairs(rates) for rates in bench(peers, model, ("raw", way), concurrency, seconds, properties, *flags))
        return [{"figure": ours_rate / floor_rate, "served /s": ours_rate, "raw /s": floor_rate} for ours_rate, floor_rate in zip(ours, floor)]
    return measure


def beside_socket(model, way, concurrency, properties, *flags):
    """The same against the least that can be called a server: what the wire and the clients take on the same cores is taken from both."""
    def measure(peers, seconds, _):
        floor, bare, ours = (pairs(rates) for rates in bench(peers, model, ("raw", "socket", way), concurrency, seconds, properties, *flags))
        return [{"figure": o / b, "served /s": o, "socket /s": b, "raw /s": f, "socket / raw": b / f, "served / raw": o / f} for o, b, f in zip(ours, bare, floor)]
    return measure


def raw_control(model, properties):
    """That the loop in ocelli bench is as fast as a program that holds nothing but the runtime."""
    def measure(peers, seconds, _):
        settings = [f"{key}={value}" for key, value in properties.items()]
        ours, alone = alternate(lambda: {"rate": statistics.mean(bench(peers, model, ("raw",), 4, seconds / 4, properties)[0])},
                                lambda: load.tool("bench_raw_openvino", peers.generated(model), seconds / 4, 4, *settings))
        return {"figure": ours["rate"] / alone["rate"], "ocelli bench /s": ours["rate"], "alone /s": alone["rate"]}
    return measure


def idle_memory(peers, *_):
    process = peers.ocelli("empty", {"model_config_list": []})[0]
    ours, theirs = process.resident_mb(), peers.triton()[0].resident_mb()
    return {"figure": ours / theirs, "ocelli MB": ours, "triton MB": theirs}


def first_answer(peers, model, cache, *flags):
    """Seconds from start to the first answer of a real model."""
    begin = time.monotonic()
    _, rest, _ = peers.real(model, {}, *flags, "--cache_dir", str(cache), key="-start")
    model_input, output, shape = MODELS[model]
    body, length = load.binary_request(model_input, output, shape)
    request = urllib.request.Request(f"http://127.0.0.1:{rest}/v2/models/{model}/infer", body, {"Inference-Header-Content-Length": str(length)})
    with urllib.request.urlopen(request, timeout=60) as reply:
        reply.read()
    seconds = time.monotonic() - begin
    peers.stop(f"{model}-start")
    return seconds


def raw_first_answer(peers, model, cache, *_):
    """The same in the raw runtime: a fresh process that compiles with its cache and runs once."""
    script = ("import sys, time; begin = time.monotonic(); import numpy, openvino\n"
              "core = openvino.Core(); core.set_property({'CACHE_DIR': sys.argv[2], 'ENABLE_MMAP': True})\n"
              "begin = time.monotonic(); request = core.compile_model(sys.argv[1], 'CPU').create_infer_request()\n"
              "request.infer({0: numpy.zeros((1, 3, 224, 224), numpy.float32)}); print(time.monotonic() - begin)")
    command = [str(peers.root / ".deps/python/bin/python"), "-c", script, str(peers.generated(model)), str(cache)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


def second_start(model, *flags):
    def measure(peers, _, number):
        seconds = {}
        for name, start in (("ours", first_answer), ("raw", raw_first_answer)):
            cache = load.WORK / f"cache-{name}-{number}"
            shutil.rmtree(cache, ignore_errors=True)
            cache.mkdir(parents=True)
            seconds[name] = [start(peers, model, cache, *flags) for _ in range(2)]
            shutil.rmtree(cache, ignore_errors=True)
        ours, raw_ones = (seconds[name][1] / seconds[name][0] for name in ("ours", "raw"))
        return {"figure": ours, "raw": raw_ones,
                **{f"{name} {which} ms": seconds[name][i] * 1000 for name in seconds for i, which in enumerate(("first", "second"))}}
    return measure


def poisson(peers, seconds, number):
    """The highest offered load whose p99 stays within ten service times, over the offline throughput; found by bisection between half and all of it. A load
    holds when the middle one of three tries does: one try's p99 rests on the slowest ten of a thousand requests."""
    model_input, output, shape = MODELS["resnet50"]
    server = peers.real("resnet50", {**BF16, "PERFORMANCE_HINT": "THROUGHPUT"}, key="-poisson")
    body, length = load.binary_request(model_input, output, shape)
    script = load.write_http("poisson", body, length)
    path = "/v2/models/resnet50/infer"
    offline, service = (statistics.median(load.http(server[1], path, script, connections, seconds / 3)[key] for _ in range(3))
                        for connections, key in ((8, "rate"), (1, "p50_us")))

    def holds(share):
        tries = (load.tool("bench_load_poisson", server[1], path, load.WORK / "poisson.body", length, offline * share, seconds, seed)["p99_us"]
                 for seed in range(3 * number, 3 * number + 3))
        return statistics.median(tries) <= 10 * service

    low, high = 0.5, 1.0
    if not holds(low):
        return {"figure": 0.0, "offline /s": offline, "service us": service}
    while high - low > 0.02:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return {"figure": low, "offline /s": offline, "service us": service}


def raw_batch(peers, model, batch, seconds):
    """Pictures per second of ONNX Runtime alone."""
    return load.tool("bench_raw_onnxruntime", peers.generated(model), seconds, 1, os.cpu_count(), batch)["rate"]


def batching_on_off(served, model, connections, properties):
    on = served(model, properties, connections, ("--dynamic_batching", "auto"), "-batch-on")
    off = served(model, properties, connections, ("--dynamic_batching", "off"), "-batch-off")
    return on, off


def batching_gain(model, connections, properties):
    """What batching gains over what the raw runtime gains with its best batch. Which one that is, is found once and by a median: the best of two noisy figures
    in each round would be too good. All four are measured forth and back. Steady rates: of a few dozen pictures in a slice, those that are in flight at its
    ends are a tenth."""
    on, off = batching_on_off(served_grpc, model, connections, properties)
    best = {}

    def measure(peers, seconds, _):
        if not best:
            tries = collections.defaultdict(list)
            for batch in (4, 8, 8, 4) * 3:
                tries[batch].append(raw_batch(peers, model, batch, seconds / 16))
            best["batch"] = max(tries, key=lambda batch: statistics.median(tries[batch]))
        ways = {"raw": lambda: raw_batch(peers, model, 1, seconds / 4), "off": lambda: off(peers, seconds / 4)["steady_rate"],
                "on": lambda: on(peers, seconds / 4)["steady_rate"], "raw batches": lambda: raw_batch(peers, model, best["batch"], seconds / 4)}
        found = {name: [] for name in ways}
        for name in [*ways, *reversed(ways)]:
            found[name].append(ways[name]())
        rates = {name: statistics.mean(both) for name, both in found.items()}
        ceiling = max(1.0, rates["raw batches"] / rates["raw"])
        gain = rates["on"] / rates["off"]
        return {"figure": gain / ceiling, "ceiling": ceiling, "gain": gain, "batch of the ceiling": best["batch"], **rates}
    return measure


def batching_latency(model, properties):
    sides = batching_on_off(served, model, 1, properties)

    def measure(peers, seconds, _):
        on, off = alternate(*(functools.partial(side, peers, seconds / 2) for side in sides))
        return {"figure": on["p50_us"] / off["p50_us"], "on": on["p50_us"], "off": off["p50_us"]}
    return measure


UINT8 = ("--layout", "NCHW", "--precision", "uint8:fp32")
# What nothing says computes one request at a time on all cores; for several clients at once the other gives the runtime its highest rate.
HINTS = {"latency": {}, "throughput": {"PERFORMANCE_HINT": "THROUGHPUT"}}
ALL = [
    *[Case("C1", f"{model} raw loop of ocelli bench / raw alone", 0.97, raw_control(model, F32), True) for model in MODELS],
    *[Case("C1", f"{model} in process / raw 2 in flight fp32", 0.99, beside_raw(model, "servable", 2, F32), True) for model in MODELS],
    *[Case("C2", f"{model} {door} c=4 fp32 {hint}: served / raw", 0.97, beside_raw(model, door, 4, {**F32, **HINTS[hint]}), True)
      for hint in HINTS for model in MODELS for door in ("rest", "grpc")],
    *[Case("C2", f"{model} {door} c=4 bf16 uint8 {hint}: served / raw", 0.98, beside_raw(model, door, 4, {**BF16, **HINTS[hint]}, *UINT8), True)
      for hint in HINTS for model in MODELS for door in ("rest", "grpc")],
    # How near to what can be reached.
    *[Case("C2", f"{model} {door} c=4 bf16 uint8 latency: served / bare socket", None, beside_socket(model, door, 4, BF16, *UINT8))
      for model in MODELS for door in ("rest", "grpc")],
    Case("C3", "64 B HTTP p50 - TCP echo p50 in us", 20, added_latency),
    Case("C3", "64 B HTTP p50 / Triton", 1.0, against_triton(http_load("small", SMALL, 1), "p50_us"), needs_triton=True),
    Case("C4", "64 B HTTP req/s c=16 / Triton", 2.0, against_triton(http_load("small", SMALL, 16), "rate"), True, True),
    Case("C5", "602 KB HTTP p50 c=1 / Triton", 0.35, against_triton(http_load("img", IMAGE, 1), "p50_us"), needs_triton=True),
    Case("C5", "602 KB HTTP p50 c=4 / Triton", 0.35, against_triton(http_load("img", IMAGE, 4), "p50_us"), needs_triton=True),
    Case("C6", "602 KB gRPC p50 c=1 / Triton", 1.0, against_triton(grpc_load("img", IMAGE, 1), "p50_us"), needs_triton=True),
    Case("C6", "602 KB gRPC p50 c=4 / Triton", 0.85, against_triton(grpc_load("img", IMAGE, 4), "p50_us"), needs_triton=True),
    Case("C6", "64 B gRPC req/s c=4 / Triton", 1.5, against_triton(grpc_load("small", SMALL, 4), "rate"), True, True),
    Case("C7", "150,528 floats as JSON p50 / Triton", 0.45, against_triton(json_load, "p50_us"), needs_triton=True),
    Case("C8", "shared memory: p50 602 KB / 64 B", 1.15, shared_memory),
    Case("C12", "idle memory without models / Triton", 0.5, idle_memory, needs_triton=True),
    *[Case("C13", f"{model}: second start to first answer / first", 0.15, second_start(model, "--dynamic_batching", "off")) for model in MODELS],
    *[Case("C13", f"{model}: the same with default settings", 0.15, second_start(model)) for model in MODELS],
    Case("C14", "Poisson load at p99 <= 10 service times / offline", 0.80, poisson, True),
    Case("C15", "vit_b_32 c=16 (ONNX Runtime) batching gain / raw", 0.95, batching_gain("vit_b_32", 16, {"RUNTIME": "ONNXRUNTIME"}), True),
    Case("C15", "vit_b_32 c=1 p50 batching on / off", 1.01, batching_latency("vit_b_32", F32)),
]
