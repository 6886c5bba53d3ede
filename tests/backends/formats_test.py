"""Every public model file answers through a backend as through the raw runtime's own Python interface, at FP32 to 1e-5 relative.

Usage: formats_test.py PROBE BACKEND   (BACKEND: openvino, openvino_c, onnxruntime, or armnn, which is compared with OpenVINO). The files are in
OCELLI_TEST_DATA; without them the test is skipped (77).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

PROBE, BACKEND = sys.argv[1], sys.argv[2]
IS_OPENVINO = BACKEND in ("openvino", "openvino_c")
SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("OCELLI_TEST_DATA", SOURCE_ROOT.parent / "shared" / "data"))
if not (DATA / "models").is_dir():
    print(f"skipped: {DATA} has no models; set OCELLI_TEST_DATA to the folder with the test data")
    sys.exit(77)

KSERVE = {"bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16",
          "uint32": "UINT32", "uint64": "UINT64", "float16": "FP16", "float32": "FP32", "float64": "FP64"}
FORMATS = {".xml": "ir", ".onnx": "onnx", ".pdmodel": "paddle", ".tflite": "tflite", ".pb": "tensorflow"}
FOLDERS = ["formats", "classification", "face_detection/ultraface", "face_detection/face-detection-retail-0004", "ocr/ppocr_v4_mobile"]
if BACKEND == "armnn":
    FOLDERS.append("face_attributes/mask")
# Operators that ARM NN 20.08 lacks; a newer release may have them.
ARMNN_LACKS = {"version-RFB-320_without_postprocessing.tflite": "SHAPE"}
EXTENT_OF_DYNAMIC = {0: 1, 1: 3, 2: 64, 3: 64}


def model_files():
    for folder in FOLDERS:
        for path in sorted((DATA / "models" / folder).rglob("*")):
            if path.suffix in FORMATS and path.name not in ("fingerprint.pb",):
                yield FORMATS[path.suffix], (path.parent if path.name == "saved_model.pb" else path)


def concrete(shape):
    return [extent if extent > 0 else EXTENT_OF_DYNAMIC[axis] for axis, extent in enumerate(shape)]


def random_input(rng, dtype, shape):
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.integers(0, 100, shape).astype(dtype)


def pack(strings):
    return b"".join(len(s).to_bytes(4, "little") + s for s in strings)


class OpenvinoReference:
    def __init__(self, path):
        import openvino
        core = openvino.Core()
        model = core.read_model(path)
        self.names = [port.any_name if port.names else port.node.friendly_name for port in model.inputs]
        self.compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})

    def inputs(self):
        for name, port in zip(self.names, self.compiled.inputs):
            shape = [d.get_length() if d.is_static else -1 for d in port.partial_shape]
            is_string = port.element_type.get_type_name() == "string"
            yield name, (None if is_string else numpy.dtype(port.element_type.to_dtype())), shape

    @staticmethod
    def tensor(value):
        import openvino
        if value.dtype.kind != "O":
            return openvino.Tensor(value)
        tensor = openvino.Tensor(openvino.Type.string, openvino.Shape(list(value.shape)))
        tensor.str_data = value.astype(str)
        return tensor

    def run(self, values):
        request = self.compiled.create_infer_request()
        for index, value in enumerate(values.values()):
            request.set_input_tensor(index, self.tensor(value))
        request.infer()
        results = []
        for index, port in enumerate(self.compiled.outputs):
            tensor = request.get_output_tensor(index)
            results.append(tensor.str_data if port.element_type.get_type_name() == "string" else tensor.data.copy())
        return results


class OnnxruntimeReference:
    NAMES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool"}

    def __init__(self, path):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def inputs(self):
        for node in self.session.get_inputs():
            is_string = node.type == "tensor(string)"
            name = self.NAMES.get(node.type, node.type.removeprefix("tensor(").removesuffix(")"))
            yield node.name, (None if is_string else numpy.dtype(name)), [d if isinstance(d, int) else -1 for d in node.shape]

    def run(self, values):
        return self.session.run(None, values)


def ask_probe(model_format, path, values, folder):
    command = [PROBE, "--backend", BACKEND, "--model", str(path), "--format", model_format, "--out", folder]
    if BACKEND == "openvino_c":
        command += ["--device", "LEGACY.CPU"]
    if BACKEND == "armnn":
        command += ["--device", "ARMNN.CpuRef"]
    elif IS_OPENVINO:
        command += ["--property", "INFERENCE_PRECISION_HINT=f32"]
    else:
        command += ["--property", "INFERENCE_NUM_THREADS=2"]
    for index, (name, value) in enumerate(values.items()):
        file = f"{folder}/input_{index}.raw"
        if value.dtype.kind == "O":
            pathlib.Path(file).write_bytes(pack([s.encode() for s in value.ravel()]))
            kind = "BYTES"
        else:
            pathlib.Path(file).write_bytes(value.tobytes())
            kind = KSERVE[value.dtype.name]
        command += ["--input", ",".join([name, kind, file, *map(str, value.shape)])]
    if not values:
        command.append("--run")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        # A sanitizer notes there that a vendor's reader was refused absurd amounts of memory.
        lines = [line for line in done.stderr.splitlines() if "Sanitizer failed to allocate" not in line]
        raise RuntimeError("\n".join(lines).strip() or f"probe ended with {done.returncode}")
    return json.loads(done.stdout)


def quantized_difference(actual, expected):
    """OpenVINO computes a quantized model in FP32 and rounds in the end, ARM NN in integers all the way: they agree on the class, and on every
    score to a few of the 255 steps."""
    if actual.argmax() != expected.argmax():
        return f"class {actual.argmax()}, expected {expected.argmax()}"
    steps = int(numpy.abs(actual - expected).max())
    return "" if steps <= 8 else f"{steps} steps apart"


def compare(expected, result):
    raw = pathlib.Path(result["file"]).read_bytes()
    expected = numpy.asarray(expected)
    if result["type"] == "BYTES":
        packed = pack([s.encode() if isinstance(s, str) else bytes(s) for s in expected.ravel()])
        return "" if packed == raw else f"strings differ: {raw[:80]!r} for {packed[:80]!r}"
    if list(expected.shape) != result["shape"]:
        return f"shape {result['shape']}, expected {list(expected.shape)}"
    actual = numpy.frombuffer(raw, expected.dtype).reshape(expected.shape)
    if BACKEND == "armnn" and expected.dtype.kind in "iu":
        return quantized_difference(actual.astype(int), expected.astype(int))
    if expected.dtype.kind in "biu":
        return "" if numpy.array_equal(actual, expected) else "integers differ"
    scale = max(float(numpy.abs(expected).max(initial=0)), 1e-30)
    worst = float(numpy.abs(actual.astype("float64") - expected.astype("float64")).max(initial=0)) / scale
    return "" if worst <= 1e-5 and numpy.isfinite(expected).all() else f"relative difference {worst:.2e}"


def check(model_format, path):
    rng = numpy.random.default_rng(7)
    try:
        reference = OnnxruntimeReference(path) if BACKEND == "onnxruntime" else OpenvinoReference(path)
    except RuntimeError as error:
        return check_refusal(model_format, path, error)
    values = {}
    for name, dtype, shape in reference.inputs():
        extents = concrete(shape)
        if dtype is None:
            values[name] = numpy.array([str(n) for n in range(int(numpy.prod(extents)))], dtype=object).reshape(extents)
        else:
            values[name] = random_input(rng, dtype, extents)
    if BACKEND == "openvino_c" and any(value.dtype.kind == "O" for value in values.values()):
        return check_string_refusal(model_format, path)
    expected = reference.run(values)
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = ask_probe(model_format, path, values, folder)
        except RuntimeError as refusal:
            return armnn_refusal(path, str(refusal))
        if len(report["results"]) != len(expected):
            return f"{len(report['results'])} outputs, expected {len(expected)}"
        mistakes = [f"{r['name']}: {m}" for e, r in zip(expected, report["results"]) if (m := compare(e, r))]
        # Without floats the integers or strings are named.
        floats = any(value.dtype.kind == "f" for value in values.values())
        precision = report["info"]["precision"]
        if IS_OPENVINO and (precision not in ("FP32", "INT8") if floats else precision in ("FP16", "BF16")):
            mistakes.append(f"precision {report['info']['precision']} was reported at f32")
    return "; ".join(mistakes)


def check_string_refusal(model_format, path):
    """OpenVINO's C interface gives no way to read strings."""
    try:
        ask_probe(model_format, path, {}, "")
    except RuntimeError as refusal:
        return "" if "does not carry (a string" in str(refusal) else f"unclear refusal: {refusal}"
    return "strings are said to work"


def armnn_refusal(path, refusal):
    """What ARM NN lacks an operator for must be refused with that operator's name."""
    operator = ARMNN_LACKS.get(path.name) if BACKEND == "armnn" else None
    if operator and refusal.startswith("FAILED_PRECONDITION") and operator in refusal:
        print(f"       refused, because ARM NN lacks {operator}: {refusal[:150]}")
        return ""
    return f"refused: {refusal}"


def check_refusal(model_format, path, error):
    """What the raw runtime itself cannot load must be refused with its reason, not crash."""
    try:
        ask_probe(model_format, path, {}, "")
    except RuntimeError as refusal:
        known = str(refusal).startswith(("INTERNAL", "FAILED_PRECONDITION")) and len(str(refusal)) > 60
        if known:
            print(f"       refused as by the raw runtime: {str(refusal)[:150]}")
        return "" if known else f"unclear refusal: {refusal}"
    return f"loads here, but not in the raw runtime: {error}"


def main():
    failed = checked = 0
    formats = set()
    for model_format, path in model_files():
        if model_format != {"onnxruntime": "onnx", "armnn": "tflite"}.get(BACKEND, model_format):
            continue
        try:
            mistake = check(model_format, path)
        except Exception as error:  # every model is reported, then the test fails
            mistake = f"{type(error).__name__}: {error}"
        checked += 1
        failed += bool(mistake)
        formats.add(model_format)
        print(f"{'FAILED' if mistake else 'ok':6} {model_format:10} {path.relative_to(DATA)}  {mistake}", flush=True)
    wanted, least = {"openvino": ({"ir", "onnx", "paddle", "tensorflow", "tflite"}, 15), "onnxruntime": ({"onnx"}, 5),
                     "armnn": ({"tflite"}, 5)}["openvino" if IS_OPENVINO else BACKEND]
    if formats != wanted or checked < least:
        print(f"FAILED: only {checked} models of {formats} were found")
        return 1
    print(f"{checked - failed} of {checked} models answer as the raw runtime does")
    return 1 if failed else 0


sys.exit(main())
