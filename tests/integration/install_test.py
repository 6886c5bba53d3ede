"""An installation runs from anywhere: it is made by `cmake --install`, moved, and serves by every runtime that it was built with."""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from ocelli_server import Server

BUILD = pathlib.Path(os.environ["OCELLI_BUILD_DIR"]).resolve()
MODEL = BUILD / "test_models/row/model.onnx"
TODAYS = importlib.util.find_spec("openvino")
LEGACY = pathlib.Path(TODAYS.submodule_search_locations[0]) / "libs" if TODAYS else None
HAS_LEGACY = bool(LEGACY and list(LEGACY.glob("libopenvino_c.so*")))


@unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
class Installation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ocelli-install-")
        cls.addClassCleanup(folder.cleanup)
        first = pathlib.Path(folder.name) / "first"
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", first], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.root = first.rename(first.parent / "moved")
        # Nothing of the build folder may be found by its variables.
        cls.environment = {"OCELLI_BACKEND_DIR": "", "OCELLI_LIBEXEC_DIR": ""}

    def serve(self, target, *more):
        return Server(flags=["--model_name", "row", "--model_path", MODEL, "--target_device", target, *more], environment=self.environment,
                      program=self.root / "bin/ocelli")

    def test_tree(self):
        self.assertEqual(os.readlink(self.root / "bin/ovms"), "ocelli")
        modules = {path.name for path in (self.root / "lib/ocelli/backends").iterdir()}
        self.assertLessEqual({"libocelli_backend_openvino_c.so", "libocelli_backend_simulated.so"}, modules)
        built = {path.name for path in (BUILD / "backends").glob("*.so")}
        self.assertEqual(modules, built)
        self.assertTrue(os.access(self.root / "libexec/ocelli/ocelli-openvino-worker", os.X_OK))

    def test_version_by_the_name_of_ovms(self):
        done = subprocess.run([self.root / "bin/ovms", "--version"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check(self, target, runtime, *more):
        with self.serve(target, *more) as server:
            values = [float(n) for n in range(64)]
            (answer,) = server.infer("row", "x", values, [1, 64]).values()
            self.assertEqual(answer, values)
            (device,) = json.loads(server.get("/v2/models/row")[2])["execution"]
            self.assertIn(runtime, device["runtime"])
            maps = pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
            self.assertIn(str(self.root / "lib/ocelli/backends"), maps)
            self.assertNotIn(str(BUILD), maps)

    def test_openvino(self):
        if not (BUILD / "backends/libocelli_backend_openvino.so").exists():
            self.skipTest("this build has no OpenVINO backend")
        self.check("CPU.OPENVINO", "OpenVINO", "--plugin_config", '{"INFERENCE_PRECISION_HINT": "f32"}')

    def test_onnx_runtime(self):
        if not (BUILD / "backends/libocelli_backend_onnxruntime.so").exists():
            self.skipTest("this build has no ONNX Runtime backend")
        self.check("CPU.ONNXRUNTIME", "ONNX Runtime")

    @unittest.skipUnless(HAS_LEGACY, "the openvino wheel with its C library is not installed")
    def test_openvino_in_the_worker(self):
        self.check("LEGACY.CPU", "worker", "--openvino_legacy_dir", LEGACY, "--plugin_config", '{"INFERENCE_PRECISION_HINT": "f32"}')


if __name__ == "__main__":
    unittest.main()
