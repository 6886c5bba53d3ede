"""Load generators: wrk for HTTP, bench_load_grpc for gRPC, and the requests that they send."""
import json
import pathlib
import re
import subprocess
import tempfile

import numpy as np
from tritonclient.grpc import service_pb2

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "build/bench/benchmarks/serving"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-bench-"))
WARM_UP_S = 1


def write_http(name, body, json_length=None):
    """A wrk script for one fixed POST. json_length: of the JSON in front of binary tensors."""
    (WORK / f"{name}.body").write_bytes(body)
    header = f'wrk.headers["Inference-Header-Content-Length"] = "{json_length}"\n' if json_length is not None else ""
    script = WORK / f"{name}.lua"
    script.write_text(f'''local file = io.open("{WORK}/{name}.body", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
{header}done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.connect))
end
''')
    return script


def http(port, path, script, connections, seconds):
    url = f"http://127.0.0.1:{port}{path}"
    for duration in (WARM_UP_S, seconds):
        shown = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(duration))}s", "--timeout", "30s", "-s", str(script), url], capture_output=True,
                               text=True, check=True, timeout=duration + 60).stdout
    requests, microseconds, p50, p90, p99, errors = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", shown).groups())
    if errors or not requests:
        raise SystemExit(f"{url}: {errors} of {requests} requests failed\n{shown}")
    return {"rate": requests / (microseconds / 1e6), "p50_us": p50, "p90_us": p90, "p99_us": p99}


def tool(name, *arguments):
    shown = subprocess.run([str(TOOLS / name), *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)
    if shown.returncode != 0:
        raise SystemExit(f"{name} {' '.join(map(str, arguments))} failed:\n{shown.stdout}{shown.stderr}")
    result = json.loads(shown.stdout)
    if result["errors"]:
        raise SystemExit(f"{name}: {result['errors']} errors: {shown.stderr[:300]}")
    return result


def write_grpc(name, request):
    path = WORK / f"{name}.pb"
    path.write_bytes(request.SerializeToString())
    return path


def grpc(port, path, connections, seconds):
    method = "/inference.GRPCInferenceService/ModelInfer"
    tool("bench_load_grpc", f"127.0.0.1:{port}", method, path, connections, WARM_UP_S)
    result = tool("bench_load_grpc", f"127.0.0.1:{port}", method, path, connections, seconds)
    if not result["steady_rate"]:
        raise SystemExit(f"bench_load_grpc: too few answers in {seconds} s for a steady rate: {result}")
    return result


def binary_request(model_input, output, shape, dtype="FP32", binary_reply=True):
    """KServe v2 with the binary extension; returns body and length of its JSON."""
    numpy_type = {"FP32": np.float32, "UINT8": np.uint8}[dtype]
    data = np.random.default_rng(1).uniform(0, 1 if dtype == "FP32" else 255, shape).astype(numpy_type).tobytes()
    head = {"inputs": [{"name": model_input, "shape": list(shape), "datatype": dtype, "parameters": {"binary_data_size": len(data)}}]}
    if binary_reply:
        head["outputs"] = [{"name": output, "parameters": {"binary_data": True}}]
    text = json.dumps(head).encode()
    return text + data, len(text)


def json_request(model_input, shape):
    values = np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32).reshape(-1)
    return json.dumps({"inputs": [{"name": model_input, "shape": list(shape), "datatype": "FP32", "data": [float(f"{v:.8g}") for v in values]}]}).encode()


def grpc_request(model, model_input, shape, dtype="FP32"):
    numpy_type = {"FP32": np.float32, "UINT8": np.uint8}[dtype]
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name=model_input, datatype=dtype, shape=list(shape))
    request.raw_input_contents.append(np.random.default_rng(1).uniform(0, 1 if dtype == "FP32" else 255, shape).astype(numpy_type).tobytes())
    return request
