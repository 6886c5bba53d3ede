"""Model files with changed, lost and added bytes: each is served or refused, and the server lives through all of them."""
import json
import pathlib
import random
import shutil
import tempfile
import unittest

from ocelli_server import DATA, SANITIZED, Server, needs_data

MODELS = DATA / "models"
TOYS = MODELS / "formats/ovms_toys"
SAMPLENET = MODELS / "formats/samplenet"
HALF_PLUS_TWO = MODELS / "formats/tf_saved_model/saved_model_half_plus_two_2_versions/00000123"
ONNX = [MODELS / "classification/mnist/mnist.onnx", SAMPLENET / "onnx/samplenet.onnx", MODELS / "face_attributes/emotion/fer2013_mini_xception.onnx"]
TFLITE = [TOYS / "dummy_tflite/1/dummy.tflite", MODELS / "face_detection/ultraface/version-RFB-320_without_postprocessing.tflite"]
# What is changed, one of these for each model: a list of files that belong together.
FILES = [[path] for path in ONNX + TFLITE]
FILES += [[path, path.with_suffix(".bin")] for path in (SAMPLENET / "openvino/SampLeNet.xml", TOYS / "dummy/1/dummy.xml", TOYS / "passthrough_string/1/passthrough.xml")]
FILES += [[SAMPLENET / "tf_frozen/samplenet.pb"], [SAMPLENET / "paddle/samplenet.pdmodel", SAMPLENET / "paddle/samplenet.pdiparams"]]
FOLDERS = [HALF_PLUS_TWO, SAMPLENET / "tf_saved_model"]
EACH_TIME = 12


def mutated(chance, content):
    """One of: cut off, some bytes changed (often near the beginning), bytes lost, bytes repeated elsewhere."""
    content = bytearray(content)
    kind, at = chance.randrange(4), chance.randrange(len(content) + 1)
    if kind == 0:
        return bytes(content[:at])
    if kind == 1 and content:
        for _ in range(chance.choice([1, 2, 4, 16])):
            content[chance.randrange(min(len(content), chance.choice([64, 4096, len(content)])))] = chance.choice([0, 127, 128, 255, chance.randrange(256)])
    elif kind == 2:
        del content[at : at + chance.randrange(1, 200)]
    else:
        begin = chance.randrange(len(content) + 1)
        content[at:at] = content[begin : begin + chance.randrange(1, 300)]
    return bytes(content)


@needs_data
@unittest.skipIf(SANITIZED, "vendors' runtimes do not bear sanitizers with such files")
class MutatedModels(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-mutated-"))

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, chance, name, sources):
        version = self.folder / name / "1"
        source = chance.choice(sources)
        if isinstance(source, list):
            version.mkdir(parents=True)
            paths = [version / ("model" + path.suffix) for path in source]
            for path, original in zip(paths, source):
                path.write_bytes(original.read_bytes())
        else:
            shutil.copytree(source, version, copy_function=shutil.copyfile)
            version.chmod(0o755)
            for path in version.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)
            paths = sorted(path for path in version.rglob("*") if path.is_file())
        path = chance.choice(paths)
        path.write_bytes(mutated(chance, path.read_bytes()))

    def serve_all(self, seed, rounds, sources, extra):
        chance = random.Random(seed)
        states = {"AVAILABLE": 0, "LOADING": 0}
        with Server({"model_config_list": []}, flags=["--file_system_poll_wait_seconds", "0", "--log_level", "ERROR"]) as server:
            for number in range(rounds):
                names = [f"m{number}_{i}" for i in range(EACH_TIME)]
                for name in names:
                    self.put(chance, name, sources)
                server.write_config({"model_config_list": [{"config": {"name": name, "base_path": str(self.folder / name), **extra}} for name in names]})
                try:
                    status, _, _ = server.post("/v1/config/reload", b"", timeout=120)
                    found = json.loads(server.get("/v1/config")[2])
                except OSError as error:
                    kept = self.folder.with_name(self.folder.name + "-crash")
                    self.folder.rename(kept)
                    self.fail(f"the server ended with {server.process.wait(60)} ({error}) at one of {names} in {kept}")
                self.assertIn(status, (201, 500))
                for name in names:
                    states[found[name]["model_version_status"][0]["state"]] += 1
                    shutil.rmtree(self.folder / name)
        return states

    def test_openvino(self):
        states = self.serve_all(1, 30, FILES + 2 * FOLDERS, {"plugin_config": {"INFERENCE_PRECISION_HINT": "f32"}})
        self.assertGreater(min(states.values()), 5, states)

    def test_onnx_runtime(self):
        states = self.serve_all(2, 20, [[path] for path in ONNX], {"plugin_config": {"RUNTIME": "ONNXRUNTIME"}})
        self.assertGreater(min(states.values()), 5, states)

    def test_arm_nn(self):
        states = self.serve_all(3, 20, [[path] for path in TFLITE], {"target_device": "ARMNN.CpuRef"})
        self.assertGreater(min(states.values()), 5, states)


if __name__ == "__main__":
    unittest.main()
