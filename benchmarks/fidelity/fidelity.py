"""Cosine of each output of served models against ONNX Runtime in Python, on real pictures.

Each model is served three ways at once: OpenVINO told f32, OpenVINO as it chooses (BF16 where the CPU has it) and ONNX Runtime's CPU provider.
A way that computes in FP32 must reach 0.9999 for every output of every picture, one of reduced precision 0.999.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import onnxruntime
import tritonclient.http as triton

import cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/integration"))
from ocelli_server import DATA, Server  # noqa: E402

WAYS = {"OpenVINO f32": {"INFERENCE_PRECISION_HINT": "f32"}, "OpenVINO default": {}, "ONNX Runtime": {"RUNTIME": "ONNXRUNTIME"}}
GATES = {"FP32": 0.9999, "reduced": 0.999}


def cosine(a, b):
    """Of the flattened values, in double precision; two tensors of zeros are the same."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / length) if length > 0 else float(np.array_equal(a, b))


def served(client, name, feed):
    sent = triton.InferInput(feed[0], list(feed[1].shape), "FP16" if feed[1].dtype == np.float16 else "FP32")
    sent.set_data_from_numpy(feed[1])
    reply = client.infer(name, [sent])
    return {output["name"]: reply.as_numpy(output["name"]) for output in reply.get_response()["outputs"]}


def measure(one, pictures):
    """Rows of one model: way, precision, {output: worst cosine over the pictures}."""
    path = DATA / "models" / one["path"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    kind = np.float16 if "float16" in source.type else np.float32
    names = [output.name for output in session.get_outputs()]
    entries = [{"config": {"name": f"way{i}", "base_path": str(path), "plugin_config": {"PERFORMANCE_HINT": "LATENCY", **config}}}
               for i, config in enumerate(WAYS.values())]
    rows = []
    with Server({"model_config_list": entries}) as server, triton.InferenceServerClient(f"127.0.0.1:{server.rest_port}", network_timeout=300.0) as client:
        for i, way in enumerate(WAYS):
            execution = json.loads(server.get(f"/v2/models/way{i}", timeout=60)[2]).get("execution")
            if not execution:
                rows.append({"model": one["path"], "way": way, "error": "is not served"})
                continue
            worst = dict.fromkeys(names, 1.0)
            for picture in pictures:
                value = cases.tensor(picture, one).astype(kind)
                expected = dict(zip(names, session.run(None, {source.name: value})))
                got = served(client, f"way{i}", (source.name, value))
                for name in names:
                    worst[name] = min(worst[name], cosine(expected[name], got[name]))
            precision = execution[0]["precision"]
            gate = GATES["FP32" if precision == "FP32" else "reduced"]
            rows.append({"model": one["path"], "way": way, "runtime": execution[0]["runtime"], "precision": precision, "gate": gate,
                         "outputs": worst, "worst": min(worst.values()), "passes": min(worst.values()) >= gate})
    return rows


def show(row):
    name = pathlib.PurePath(row["model"]).stem
    if "error" in row:
        return f"| {name} | {row['way']} | | | {row['error']} | no |"
    output = min(row["outputs"], key=row["outputs"].get)
    many = f" ({len(row['outputs'])} outputs)" if len(row["outputs"]) > 1 else ""
    return f"| {name} | {row['way']} | {row['precision']} | {row['worst']:.6f} | {output}{many} | {'yes' if row['passes'] else 'no'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose path contains this")
    parser.add_argument("--pictures", type=int, default=4, help="of each kind (default 4)")
    parser.add_argument("--json", help="file for the cosine of every output")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"no test data at {DATA}: set OCELLI_TEST_DATA")
        sys.exit(77)
    onnxruntime.set_default_logger_severity(3)
    rows = []
    print("| model | served by | precision | worst cosine | of output | passes |\n|---|---|---|---|---|---|")
    for one in cases.CASES:
        if arguments.only not in one["path"]:
            continue
        measured = measure(one, cases.pictures(DATA, one["pictures"], arguments.pictures))
        rows += measured
        print("\n".join(map(show, measured)), flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"gates": GATES, "pictures": arguments.pictures, "rows": rows}, indent=1))
    missed = [row for row in rows if not row.get("passes")]
    print(f"{len(rows) - len(missed)} of {len(rows)} pass (FP32 >= {GATES['FP32']}, reduced precision >= {GATES['reduced']})")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
