"""ARM NN's reference device through the whole program: TensorFlow Lite and .armnn models, both protocols, what really runs, and what is refused."""
import json
import os
import pathlib
import shutil
import tempfile
import unittest

import numpy

from ocelli_server import DATA, Server, needs_data, toy

BUILD = pathlib.Path(os.environ.get("OCELLI_BUILD_DIR", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
needs_armnn = unittest.skipUnless((BUILD / "backends/libocelli_backend_armnn.so").exists(), "the ARM NN backend was not built: ARM NN was not found")
REFERENCE = ["--target_device", "ARMNN.CpuRef"]


def execution(server, name):
    return json.loads(server.get(f"/v2/models/{name}")[2])["execution"][0]


@needs_armnn
class ArmNn(unittest.TestCase):
    @needs_data
    def test_tflite_over_rest_and_grpc(self):
        import tritonclient.grpc as grpc
        flags = ["--model_name", "toy", "--model_path", toy("dummy_tflite"), *REFERENCE]
        with Server(flags=flags) as server:
            metadata = json.loads(server.get("/v2/models/toy")[2])
            name, output = metadata["inputs"][0]["name"], metadata["outputs"][0]["name"]
            self.assertEqual(server.infer("toy", name, [1.0] * 10, [1, 10]), {output: [2.0] * 10})
            told = execution(server, "toy")
            self.assertEqual((told["runtime"], told["device"], told["precision"]), ("ARM NN", "ARMNN.CpuRef", "FP32"))
            with grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
                tensor = grpc.InferInput(name, [1, 10], "FP32")
                tensor.set_data_from_numpy(numpy.arange(10, dtype="float32").reshape(1, 10))
                numpy.testing.assert_array_equal(client.infer("toy", [tensor]).as_numpy(output)[0], numpy.arange(1, 11))

    @needs_data
    def test_wrong_shape_is_the_clients_fault(self):
        with Server(flags=["--model_name", "toy", "--model_path", toy("dummy_tflite"), *REFERENCE]) as server:
            name = json.loads(server.get("/v2/models/toy")[2])["inputs"][0]["name"]
            body = {"inputs": [{"name": name, "shape": [1, 11], "datatype": "FP32", "data": [0.0] * 11}]}
            status, _, text = server.post("/v2/models/toy/infer", body)
            self.assertEqual(status, 400)
            self.assertIn("(1,10)", text.decode() if isinstance(text, bytes) else text)

    @needs_data
    def test_half_precision_is_told(self):
        flags = ["--model_name", "toy", "--model_path", toy("dummy_tflite"), *REFERENCE, "--plugin_config", '{"ReduceFp32ToFp16":"true"}']
        with Server(flags=flags) as server:
            self.assertEqual(execution(server, "toy")["precision"], "FP16")

    def test_serialized_model_in_a_version_folder(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-armnn-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "1").mkdir()
        shutil.copy(BUILD / "test_models/row/model.armnn", folder / "1/model.armnn")
        with Server(flags=["--model_name", "row", "--model_path", folder, *REFERENCE]) as server:
            values = [float(n) for n in range(64)]
            self.assertEqual(server.infer("row", "x", values, [1, 64]), {"y": values})

    @needs_data
    def test_mali_is_refused_with_the_reason_and_nothing_else_runs(self):
        config = {"model_config_list": [{"config": {"name": name, "base_path": str(toy("dummy_tflite")), "target_device": device}}
                                        for name, device in {"mali": "MALI", "reference": "ARMNN.CpuRef"}.items()]}
        with Server(config) as server:
            self.assertEqual(execution(server, "reference")["device"], "ARMNN.CpuRef")
            self.assertEqual(server.get("/v2/models/mali/ready")[0], 404)
            self.assertRegex(server.log(), "GpuAcc is (not registered in this library|installed, but no OpenCL driver with a GPU was found)")


if __name__ == "__main__":
    unittest.main()
