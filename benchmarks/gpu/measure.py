"""The G figures, each a ratio of two measurements of one run. Behind benchmarks/gpu/run."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"
os.environ["OCELLI_PROGRAM"] = str(BUILD / "ocelli")
import contamination  # noqa: E402
NO_CARD = 77


def devices():
    """Names of NVIDIA devices that can be used, best first."""
    listed = json.loads(subprocess.run([BUILD / "ocelli", "devices", "--json"], capture_output=True, text=True, check=True).stdout)
    found = []

    def walk(node):
        if isinstance(node, dict):
            name = str(node.get("name", ""))
            if name.startswith(("TENSORRT", "CUDA")) and node.get("usable"):
                found.append(name)
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(listed)
    return sorted(found, reverse=True)


def bench(model, device, config, concurrency, ways, seconds, *more):
    """ocelli bench's results by (way, concurrency)."""
    command = [BUILD / "ocelli", "bench", "--model_path", str(model), "--target_device", device, "--plugin_config", json.dumps(config),
               "--concurrency", ",".join(map(str, concurrency)), "--ways", ",".join(ways), "--duration", str(seconds), "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr.strip()}")
    report = json.loads(done.stdout[done.stdout.index("{"):])
    for where in report["execution"]:
        print(f"  ran on {where['device']} ({where['device_name']}) in {where['precision']}; {where['note']}")
    return {(line["way"], line["concurrency"]): line for line in report["results"]}


def model_figures(models, device, seconds):
    """G1 to G4 on each model."""
    graph_key = "trt_cuda_graph_enable" if device.startswith("TENSORRT") else "enable_cuda_graph"
    throughput = {"PERFORMANCE_HINT": "THROUGHPUT"}
    for name in ("resnet50", "vit_b_32"):
        model = models / name
        print(f"{name} on {device}")
        served = bench(model, device, {}, (1, 64), ("raw", "servable", "rest"), seconds)
        yield "G1", name, "served REST binary / raw loop, 64 in flight", served["rest", 64]["requests_per_second"] / served["raw", 64]["requests_per_second"]
        yield "G2", name, "added p50 in microseconds at one in flight", served["servable", 1]["p50_us"] - served["raw", 1]["p50_us"]
        graphs = bench(model, device, {graph_key: "YES"}, (1,), ("raw",), seconds, "--batch_size", "1")
        plain = bench(model, device, {}, (1,), ("raw",), seconds, "--batch_size", "1")
        yield "G3", name, "CUDA graphs on / off, batch 1", graphs["raw", 1]["requests_per_second"] / plain["raw", 1]["requests_per_second"]
        if device.startswith("TENSORRT"):
            half = bench(model, device, throughput | {"INFERENCE_PRECISION_HINT": "f16"}, (64,), ("raw",), seconds)
            single = bench(model, device, throughput | {"INFERENCE_PRECISION_HINT": "f32"}, (64,), ("raw",), seconds)
            yield "G3", name, "f16 / f32, throughput", half["raw", 64]["requests_per_second"] / single["raw", 64]["requests_per_second"]
        batched = bench(model, device, {}, (64,), ("servable",), seconds, "--dynamic_batching", "on")
        alone = bench(model, device, {}, (64,), ("servable",), seconds, "--dynamic_batching", "off")
        yield "G4", name, "dynamic batching on / off, 64 in flight", batched["servable", 64]["requests_per_second"] / alone["servable", 64]["requests_per_second"]


def preprocess_figures(pictures, seconds):
    """G5 by bench_preprocess: pictures a second on the CPU's cores and on the card."""
    tool = BUILD / "benchmarks/gpu/bench_preprocess"
    done = subprocess.run([tool, str(BUILD / "backends"), str(seconds), *map(str, pictures)], capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    if done.returncode != 0:
        print(f"G5 was not measured: {done.stderr.strip()}")
        return
    rates = json.loads(done.stdout.splitlines()[-1])
    yield "G5", "pictures", "decode to tensor, card / CPU", rates["card"] / rates["cpu"]


def contamination_figures(models, device):
    """G8 on each model, in half precision where the device converts to it."""
    for name in ("resnet50", "vit_b_32"):
        for row in contamination.measure(models / name, device, "f16" if device.startswith("TENSORRT") else ""):
            print(contamination.show(row))
            if "difference" in row:
                yield "G8", name, f"difference of an item alone, {row['how']}", row["difference"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--pictures", type=pathlib.Path, default=ROOT.parent / "shared/data/images", help="folder of JPEG files for G5")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    usable = devices()
    if not usable:
        print("no NVIDIA card can be used here: ocelli devices says why")
        sys.exit(NO_CARD)
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        subprocess.run([sys.executable, ROOT / "tools/models/generate_benchmark_models.py", str(folder), "--only", "resnet50,vit_b_32"], check=True)
        figures = list(model_figures(folder, usable[0], arguments.seconds))
        figures += contamination_figures(folder, usable[0])
        pictures = sorted(arguments.pictures.rglob("*.jp*g"))
        figures += preprocess_figures(pictures, arguments.seconds) if pictures else []
    finally:
        shutil.rmtree(folder)
    print("G6 needs the face pipeline and G7 Triton on the same card: not measured here.")
    for figure, model, what, value in figures:
        print(f"{figure}  {model:10} {what:50} {value:.3{'e' if figure == 'G8' else 'f'}}")
    if arguments.json:
        arguments.json.write_text(json.dumps([dict(zip(("figure", "model", "what", "value"), row)) for row in figures], indent=2), encoding="utf-8")


main()
