"""G8: does an item's answer depend on who shares its batch? Each item is asked alone and then among others, as a row of one request and as a request that the server puts
together with others; neighbours are alike, much larger or zero. What counts is the largest difference of any output, over the output's largest value where that is above 1.
Runs on any device: benchmarks/gpu/contamination --device CPU. Exit code 1 above the limit, 77 when the device cannot be used."""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
import tritonclient.http as triton

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/integration"))
from ocelli_server import PROGRAM, Server  # noqa: E402

LIMIT = 1e-3
OPEN_EXTENT = 224  # of dimensions but the first that a model leaves open, unless --open says otherwise
TYPES = {"FP32": numpy.float32, "FP16": numpy.float16, "UINT8": numpy.uint8}
NEIGHBOURS = {"alike": 1.0, "20 times as large": 20.0, "zero": 0.0}
ROUNDS = 20  # of requests that are sent at once


class Model:
    """One served model and made-up items for it."""

    def __init__(self, server, client, extent):
        metadata = json.loads(server.get("/v2/models/m", timeout=60)[2])
        if not metadata.get("inputs"):
            raise SystemExit(f"the model is not served:\n{server.log()[-2000:]}")
        self.server, self.client = server, client
        self.execution = [member for member in metadata["execution"] if member["state"] == "serving"]
        self.inputs = [(spec["name"], spec["datatype"], [extent if size < 0 else size for size in spec["shape"][1:]]) for spec in metadata["inputs"]]
        self.batches = all(spec["shape"] and spec["shape"][0] == -1 for spec in metadata["inputs"])
        unknown = [datatype for _, datatype, _ in self.inputs if datatype not in TYPES]
        if unknown:
            raise SystemExit(f"inputs of {unknown[0]} are not made up here, only {', '.join(TYPES)}")

    def item(self, seed, size=1.0):
        """One row for each input; of whole numbers the size is 1 or 0."""
        random = numpy.random.default_rng(seed)
        rows = []
        for _, datatype, shape in self.inputs:
            values = random.random([1, *shape], numpy.float32)
            rows.append((values * 255 * min(size, 1) if datatype == "UINT8" else values * size).astype(TYPES[datatype]))
        return rows

    def request(self, rows):
        request = []
        for (name, datatype, _), values in zip(self.inputs, rows):
            request.append(triton.InferInput(name, list(values.shape), datatype))
            request[-1].set_data_from_numpy(values)
        return request

    def answers(self, reply):
        return {output["name"]: reply.as_numpy(output["name"]).astype(numpy.float64) for output in reply.get_response()["outputs"]}

    def ask(self, rows):
        return self.answers(self.client.infer("m", self.request(rows)))

    def ask_at_once(self, items):
        return [self.answers(reply.get_result()) for reply in [self.client.async_infer("m", self.request(rows)) for rows in items]]

    def runs(self):
        """Runs so far, by the number of requests that ran together."""
        statistics = json.loads(self.server.get("/v2/models/m/stats")[2])["model_stats"][0]
        return {batch["batch_size"]: batch["compute_infer"]["count"] for batch in statistics["batch_stats"]}


class Worst:
    """The largest difference that was seen, and where."""

    def __init__(self):
        self.difference, self.absolute, self.where = 0.0, 0.0, ""

    def compare(self, alone, among, where):
        for name, expected in alone.items():
            if among[name].shape != expected.shape:
                raise SystemExit(f"output {name} is {list(among[name].shape)} {where}, and {list(expected.shape)} alone")
            absolute = float(numpy.abs(among[name] - expected).max(initial=0.0))
            difference = absolute / max(1.0, float(numpy.abs(expected).max(initial=0.0)))
            if not numpy.isfinite(difference):
                difference = numpy.inf
            if difference >= self.difference:
                self.difference, self.absolute, self.where = difference, absolute, f"output {name}, {where}"


def rows_of_one_request(model, sizes):
    """The subject first and last among neighbours of each kind. None where the model takes one item only, or its outputs do not follow the items."""
    subject = model.item(1)
    alone = model.ask(subject)
    if not model.batches or any(not value.shape or value.shape[0] != 1 for value in alone.values()):
        return None
    worst = Worst()
    for size in sizes:
        for kind, factor in NEIGHBOURS.items():
            others = [model.item(100 + number, factor) for number in range(size - 1)]
            for place in (0, size - 1):
                items = [*others[:place], subject, *others[place:]]
                together = model.ask([numpy.concatenate(rows) for rows in zip(*items)])
                if any(value.shape[0] != size for value in together.values()):
                    return None
                worst.compare(alone, {name: value[place:place + 1] for name, value in together.items()}, f"row {place} of {size}, neighbours {kind}")
    return worst


def requests_put_together(model, most):
    """Requests that are sent at once, each compared with its own answer alone. None where the server put none together."""
    factors = list(NEIGHBOURS.values())
    items = [model.item(200 + number, factors[number % len(factors)]) for number in range(most)]
    alone = [model.ask(item) for item in items]
    before = model.runs()
    worst = Worst()
    for _ in range(ROUNDS):
        for number, among in enumerate(model.ask_at_once(items)):
            worst.compare(alone[number], among, f"request {number} of {most} at once")
    return worst if any(size > 1 and count > before.get(size, 0) for size, count in model.runs().items()) else None


def measure(path, device, precision, most=8, extent=OPEN_EXTENT, limit=LIMIT):
    """Rows for the table: how, difference, absolute, where, passes."""
    # A half-precision file runs on CUDA as it is, and that provider refuses the hint.
    config = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
    entry = {"name": "m", "base_path": str(path), "target_device": device, "plugin_config": config}
    # The first of the requests that are sent at once waits for the others; this measures answers, no time.
    flags = ["--dynamic_batching", "on", "--max_batch_size", str(most), "--preferred_batch_sizes", str(most), "--max_batch_delay_us", "100000"]
    with Server({"model_config_list": [{"config": entry}]}, flags=flags) as server, \
            triton.InferenceServerClient(f"127.0.0.1:{server.rest_port}", concurrency=most, network_timeout=300.0) as client:
        model = Model(server, client, extent)
        where = ", ".join(f"{member['device']} ({member['runtime']})" for member in model.execution)
        ways = {"rows of one request": rows_of_one_request(model, [size for size in (2, 4, 8, 16, 32) if size <= most]),
                "requests put together": requests_put_together(model, most)}
        for how, worst in ways.items():
            row = {"figure": "G8", "model": str(path), "device": where, "precision": "/".join(member["precision"] for member in model.execution), "how": how, "limit": limit}
            if worst is None:
                yield row | {"note": "does not happen: this model's requests run one by one", "passes": True}
            else:
                yield row | {"difference": worst.difference, "absolute": worst.absolute, "where": worst.where, "passes": worst.difference <= limit}


def contaminated_model(folder):
    """A model whose every answer depends on its batch: what it is given, less the mean of all items."""
    from onnx import TensorProto, helper, save  # only here, so that a measurement does not need it
    nodes = [helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1), helper.make_node("Sub", ["x", "mean"], ["y"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in ("x", "y")]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [0])
    path = folder / "contaminated.onnx"
    save(helper.make_model(helper.make_graph(nodes, "contaminated", values[:1], values[1:], [axes]), opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def self_test(arguments):
    """Exit code 0 when a model that is made to be contaminated is caught, and the server, which tries batches at load, puts no requests for it together."""
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(contaminated_model(pathlib.Path(folder)), arguments.device, arguments.precision, arguments.most, arguments.open, arguments.limit))
    for row in rows:
        print(show(row))
    measured = [row for row in rows if "difference" in row]
    caught = bool(measured) and not any(row["passes"] for row in measured)
    print("contamination is seen" if caught else "contamination is NOT seen")
    return 0 if caught else 1


def show(row):
    name = next((part for part in reversed(pathlib.PurePath(row["model"]).parts) if not part.isdigit() and not part.startswith("model.")), row["model"])
    value = f"{row['difference']:.2e} | {row['absolute']:.2e} | {row['where']}" if "difference" in row else f"- | - | {row['note']}"
    return f"| {name} | {row['device']} | {row['precision']} | {row['how']} | {value} | {'yes' if row['passes'] else 'no'} |"


def is_usable(device):
    """Whether ocelli devices lists it, or what it stands for; plans of several devices are left to the server."""
    listed = json.loads(subprocess.run([PROGRAM, "devices", "--json"], capture_output=True, text=True, check=True).stdout)["devices"]
    names = [entry["name"] for entry in listed if entry["usable"]]
    stands_for = {"NVIDIA": ("CUDA", "TENSORRT"), "MALI": ("ARMNN.GpuAcc",)}.get(device.split(".")[0], (device.split(".")[0],))
    return ":" in device or any(name.startswith(stands_for) for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="NVIDIA", help="a target_device (default NVIDIA)")
    parser.add_argument("--precision", default="", help="INFERENCE_PRECISION_HINT, such as f16; the device's own choice unless given")
    parser.add_argument("--model", type=pathlib.Path, action="append", help="file or folder of versions; again for more (default: ResNet-50 and ViT-B/32 with random weights)")
    parser.add_argument("--most", type=int, default=8, help="items of the largest batch (default 8)")
    parser.add_argument("--open", type=int, default=OPEN_EXTENT, help=f"extent of dimensions that a model leaves open, the first aside (default {OPEN_EXTENT})")
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"largest difference that passes (default {LIMIT}, for f16)")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true", help="instead: a model that is made to be contaminated has to be caught")
    arguments = parser.parse_args()
    if not is_usable(arguments.device):
        print(f"{arguments.device} cannot be used here: ocelli devices --all says why")
        sys.exit(77)
    if arguments.self_test:
        sys.exit(self_test(arguments))
    folder = None
    models = arguments.model
    if not models:
        folder = pathlib.Path(tempfile.mkdtemp())
        subprocess.run([sys.executable, ROOT / "tools/models/generate_benchmark_models.py", str(folder), "--only", "resnet50,vit_b_32"], check=True)
        models = [folder / "resnet50", folder / "vit_b_32"]
    rows = []
    print("| model | runs on | precision | together as | largest difference | absolute | where | passes |\n|---|---|---|---|---|---|---|---|")
    try:
        for path in models:
            for row in measure(path.resolve(), arguments.device, arguments.precision, arguments.most, arguments.open, arguments.limit):
                rows.append(row)
                print(show(row), flush=True)
    finally:
        if folder:
            shutil.rmtree(folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    sys.exit(0 if all(row["passes"] for row in rows) else 1)


if __name__ == "__main__":
    main()
