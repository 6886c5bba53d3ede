"""The program as KServe and TensorFlow Serving clients see it over gRPC, with real models and numpy as the reference."""
import io
import json
import pathlib
import queue
import re
import sys
import unittest

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

from ocelli_server import DATA, SOURCE, Server, needs_data, toy, wait_for

sys.path.append(str(SOURCE / "tests/protocols/rpc_router"))
import rpc_client_harness  # noqa: E402

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
PATIENCE = 30
MOBILENET = DATA / "models/classification/mobilenet_v2_quant_tflite/mobilenet_v2_1.0_224_quant.tflite"
SQUEEZENET = DATA / "models/classification/squeezenet/SqueezeNet_fp16.onnx"


def tensor(name, array, datatype):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


def noise_png():
    """A lossless picture of the size that MOBILENET takes, and its pixels in the order in which the server decodes: BGR."""
    from PIL import Image

    pixels = np.random.default_rng(6).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue(), pixels[:, :, ::-1].copy()[np.newaxis]


def entry(name, path, **more):
    return {"config": {"name": name, "base_path": str(path), "plugin_config": EXACT, **more}}


def toys(*names):
    return [entry(name, toy(name)) for name in names]


class GrpcServer(Server):
    """A server without REST, ready when its gRPC side says so."""

    def __init__(self, models, flags=()):
        super().__init__(config={"model_config_list": models}, flags=flags, ready=False, rest=False)
        self.address = f"127.0.0.1:{self.grpc_port}"

    def __enter__(self):
        super().__enter__()
        self.client = triton.InferenceServerClient(self.address)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            try:
                return self.client.is_server_ready()
            except InferenceServerException:
                return False

        wait_for(ready, "the server is ready", 90)
        return self

    def __exit__(self, *arguments):
        self.client.close()
        super().__exit__(*arguments)


class WithServer(unittest.TestCase):
    models = ()

    @classmethod
    def setUpClass(cls):
        cls.server = GrpcServer(list(cls.models)).__enter__()
        cls.client = cls.server.client

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)


@needs_data
class KserveClient(WithServer):
    models = toys("dummy", "add_two_inputs_model", "dummy_fp64", "passthrough", "passthrough_string", "scalar") + [entry("squeezenet", SQUEEZENET), entry("mobilenet", MOBILENET)]

    def fails(self, code, text, function, *arguments, **named):
        with self.assertRaises(InferenceServerException) as raised:
            function(*arguments, **named)
        self.assertEqual((raised.exception.status(), raised.exception.message()), (f"StatusCode.{code}", text))

    def test_models_of_several_types(self):
        random = np.random.default_rng(3)
        row = random.random((1, 10), dtype=np.float32)
        np.testing.assert_allclose(self.client.infer("dummy", [tensor("b", row, "FP32")]).as_numpy("a"), row + 1, rtol=1e-6)
        other = random.random((1, 10), dtype=np.float32)
        # The order of the inputs is the client's own.
        both = [tensor("input2", other, "FP32"), tensor("input1", row, "FP32")]
        np.testing.assert_allclose(self.client.infer("add_two_inputs_model", both).as_numpy("sum"), row + other, rtol=1e-6)
        picture = random.integers(0, 256, (37, 91), dtype=np.uint8)
        result = self.client.infer("passthrough", [tensor("input", picture, "UINT8")])
        np.testing.assert_array_equal(result.as_numpy(result.get_response().outputs[0].name), picture)
        words = np.array([b"", b"one", b"\xff\x00", b"w" * 5000], dtype=np.object_)
        np.testing.assert_array_equal(self.client.infer("passthrough_string", [tensor("my_name", words, "BYTES")]).as_numpy("my_name"), words)
        number = np.array(2.5, dtype=np.float32)
        self.assertEqual(self.client.infer("scalar", [tensor("model_scalar_input", number, "FP32")]).as_numpy("model_scalar_output").shape, ())

    def test_fp16_equals_the_raw_runtime(self):
        import onnxruntime

        image = np.random.default_rng(4).uniform(-100, 100, (1, 3, 224, 224)).astype(np.float16)
        expected = onnxruntime.InferenceSession(str(SQUEEZENET), providers=["CPUExecutionProvider"]).run(None, {"data_0": image})[0]
        got = self.client.infer("squeezenet", [tensor("data_0", image, "FP16")]).as_numpy("softmaxout_1")
        self.assertEqual((got.dtype, got.shape), (np.float16, (1, 1000, 1, 1)))
        # Half precision keeps 11 bits and the two runtimes add in different orders.
        np.testing.assert_allclose(got.astype(np.float32), expected.astype(np.float32), atol=5e-3)
        self.assertEqual(got.argmax(), expected.argmax())

    def test_encoded_pictures(self):
        png, pixels = noise_png()
        expected = self.client.infer("mobilenet", [tensor("input", pixels, "UINT8")]).as_numpy("output")
        got = self.client.infer("mobilenet", [tensor("input", np.array([png], dtype=np.object_), "BYTES")]).as_numpy("output")
        self.assertEqual(got.shape, (1, 1001))
        np.testing.assert_array_equal(got, expected)
        with self.assertRaises(InferenceServerException) as raised:
            self.client.infer("mobilenet", [tensor("input", np.array([png[:2000]], dtype=np.object_), "BYTES")])
        self.assertEqual(raised.exception.status(), "StatusCode.INVALID_ARGUMENT")

    def test_many_requests_at_once(self):
        results = queue.Queue()
        rows = [np.full((1, 10), i, dtype=np.float32) for i in range(200)]
        for i, row in enumerate(rows):
            self.client.async_infer("dummy", [tensor("b", row, "FP32")], lambda result, error, i=i: results.put((i, result, error)), request_id=str(i))
        for _ in rows:
            i, result, error = results.get(timeout=PATIENCE)
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            np.testing.assert_array_equal(result.as_numpy("a"), rows[i] + 1)

    def test_stream_keeps_the_order(self):
        results = queue.Queue()
        client = triton.InferenceServerClient(self.server.address)
        client.start_stream(lambda result, error: results.put((result, error)))
        for i in range(200):
            # Every seventh request is wrong: it gets its error in its turn, and the stream goes on.
            extent = 9 if i % 7 == 6 else 10
            client.async_stream_infer("dummy", [tensor("b", np.full((1, extent), i, dtype=np.float32), "FP32")], request_id=str(i))
        for i in range(200):
            result, error = results.get(timeout=PATIENCE)
            if i % 7 == 6:
                self.assertEqual(error.message(), "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b")
            else:
                self.assertIsNone(error)
                self.assertEqual(result.get_response().id, str(i))
                np.testing.assert_array_equal(result.as_numpy("a"), np.full((1, 10), i + 1, dtype=np.float32))
        client.stop_stream()
        client.close()

    def test_shared_memory(self):
        row = np.random.default_rng(5).random((1, 10), dtype=np.float32)
        region = shm.create_shared_memory_region("both", "/ocelli_grpc_clients_test", 80)
        try:
            shm.set_shared_memory_region(region, [row])
            self.client.register_system_shared_memory("both", "/ocelli_grpc_clients_test", 80)
            source = triton.InferInput("b", [1, 10], "FP32")
            source.set_shared_memory("both", 40)
            target = triton.InferRequestedOutput("a")
            target.set_shared_memory("both", 40, 40)
            for _ in range(3):
                self.client.infer("dummy", [source], outputs=[target])
                np.testing.assert_allclose(shm.get_contents_as_numpy(region, np.float32, [1, 10], offset=40), row + 1, rtol=1e-6)
                row += 1
                shm.set_shared_memory_region(region, [row])
            self.client.unregister_system_shared_memory("both")
        finally:
            shm.destroy_shared_memory_region(region)

    def test_mistakes_get_ovms_texts(self):
        infer = lambda shape, datatype="FP32", dtype=np.float32, name="b", **more: self.client.infer(
            "dummy", [tensor(name, np.zeros(shape, dtype), datatype)], **more)
        self.fails("INVALID_ARGUMENT", "Invalid number of inputs - Expected: 1; Actual: 0", self.client.infer, "dummy", [])
        self.fails("INVALID_ARGUMENT", "Missing input with specific name - Required input: b", infer, (1, 10), name="c")
        self.fails("INVALID_ARGUMENT", "Invalid input precision - Expected: FP32; Actual: INT32; input name: b", infer, (1, 10), "INT32", np.int32)
        self.fails("INVALID_ARGUMENT", "Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b", infer, (10,))
        self.fails("INVALID_ARGUMENT", "Invalid input batch size - Expected: 1; Actual: 2; input name: b", infer, (2, 10))
        self.fails("INVALID_ARGUMENT", "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b", infer, (1, 9))
        short = tensor("b", np.zeros((1, 9), np.float32), "FP32")
        short.set_shape([1, 10])
        self.fails("INVALID_ARGUMENT", "Invalid content size of tensor proto - Expected: 40 bytes; Actual: 36 bytes; input name: b", self.client.infer,
                   "dummy", [short])
        self.fails("NOT_FOUND", "Pipeline with requested name is not found", self.client.infer, "nope", [])
        self.fails("NOT_FOUND", "Model with requested version is not found", infer, (1, 10), model_version="9")
        with self.assertRaises(InferenceServerException) as raised:
            infer((1, 10), outputs=[triton.InferRequestedOutput("z")])
        self.assertEqual(raised.exception.status(), "StatusCode.INVALID_ARGUMENT")
        self.assertIn("z", raised.exception.message())

    def test_the_statistics_count_what_was_asked(self):
        count = lambda: self.client.get_inference_statistics("add_two_inputs_model").model_stats[0]
        row = np.zeros((1, 10), np.float32)
        before = count()
        for _ in range(5):
            self.client.infer("add_two_inputs_model", [tensor("input1", row, "FP32"), tensor("input2", row, "FP32")])
        with self.assertRaises(InferenceServerException):
            self.client.infer("add_two_inputs_model", [tensor("input1", row, "FP32")])
        after = count()
        self.assertEqual(after.inference_count - before.inference_count, 5)
        self.assertEqual(after.inference_stats.success.count - before.inference_stats.success.count, 5)
        self.assertEqual(after.inference_stats.fail.count - before.inference_stats.fail.count, 1)
        self.assertGreater(after.inference_stats.compute_infer.ns, before.inference_stats.compute_infer.ns)

    def test_config_says_where_the_model_runs(self):
        config = self.client.get_model_config("dummy").config
        self.assertEqual(config.parameters["execution.0.runtime"].string_value, "OpenVINO")
        self.assertEqual(config.parameters["execution.0.precision"].string_value, "FP32")
        self.assertEqual([(group.name, group.kind) for group in config.instance_group], [("CPU", 2)])

    def test_config_is_the_same_through_both_doors(self):
        import tritonclient.http

        with Server(config={"model_config_list": toys("dummy")}) as server, \
                triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as grpc_client, \
                tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.rest_port}") as rest_client:
            over_grpc = grpc_client.get_model_config("dummy", as_json=True)["config"]
            over_rest = rest_client.get_model_config("dummy")
        for name in ("input", "output"):
            over_grpc[name] = [{**each, "dims": [int(extent) for extent in each["dims"]]} for each in over_grpc[name]]
        for name in ("name", "platform", "input", "output", "instance_group", "parameters"):
            self.assertEqual(over_rest[name], over_grpc[name], name)


@needs_data
class TfServingClient(WithServer):
    models = toys("dummy", "passthrough_string", "scalar") + [entry("mobilenet", MOBILENET)]

    @classmethod
    def setUpClass(cls):
        ((cls.predict, _), (_, stubs), (cls.status, _), (_, model_stubs), (cls.types, _)) = rpc_client_harness.compile_protos(
            "tensorflow_serving/apis/predict", "tensorflow_serving/apis/prediction_service", "tensorflow_serving/apis/get_model_status",
            "tensorflow_serving/apis/model_service", "tensorflow/core/framework/types")
        super().setUpClass()
        cls.channel = grpc.insecure_channel(cls.server.address)
        cls.stub = stubs.PredictionServiceStub(cls.channel)
        cls.model = model_stubs.ModelServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def request(self, model, name, dtype, shape):
        made = self.predict.PredictRequest()
        made.model_spec.name = model
        tensor_proto = made.inputs[name]
        tensor_proto.dtype = dtype
        tensor_proto.tensor_shape.SetInParent()
        for extent in shape:
            tensor_proto.tensor_shape.dim.add(size=extent)
        return made, tensor_proto

    def test_predict_in_both_forms(self):
        row = np.arange(10, dtype=np.float32)
        for fill in ("tensor_content", "float_val"):
            made, tensor_proto = self.request("dummy", "b", self.types.DT_FLOAT, (1, 10))
            if fill == "float_val":
                tensor_proto.float_val.extend(row)
            else:
                tensor_proto.tensor_content = row.tobytes()
            reply = self.stub.Predict(made, timeout=PATIENCE)
            self.assertEqual([dim.size for dim in reply.outputs["a"].tensor_shape.dim], [1, 10])
            np.testing.assert_array_equal(np.frombuffer(reply.outputs["a"].tensor_content, np.float32), row + 1)
        made, tensor_proto = self.request("passthrough_string", "my_name", self.types.DT_STRING, (2,))
        tensor_proto.string_val.extend([b"one", b""])
        self.assertEqual(list(self.stub.Predict(made, timeout=PATIENCE).outputs["my_name"].string_val), [b"one", b""])
        made, tensor_proto = self.request("scalar", "model_scalar_input", self.types.DT_FLOAT, ())
        tensor_proto.float_val.append(1.5)
        self.assertEqual(len(self.stub.Predict(made, timeout=PATIENCE).outputs["model_scalar_output"].tensor_shape.dim), 0)

    def test_mistakes_get_ovms_texts(self):
        cases = (
            (self.types.DT_INT32, (1, 10), 40, "Invalid input precision - Expected: FP32; Actual: INT32; input name: b"),
            (self.types.DT_FLOAT, (1, 9), 36, "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b"),
            (self.types.DT_FLOAT, (2, 10), 80, "Invalid input batch size - Expected: 1; Actual: 2; input name: b"),
            (self.types.DT_FLOAT, (1, 10), 36, "Invalid content size of tensor proto - Expected: 40 bytes; Actual: 36 bytes; input name: b"),
        )
        for dtype, shape, size, text in cases:
            with self.subTest(text):
                made, tensor_proto = self.request("dummy", "b", dtype, shape)
                tensor_proto.tensor_content = bytes(size)
                with self.assertRaises(grpc.RpcError) as raised:
                    self.stub.Predict(made, timeout=PATIENCE)
                self.assertEqual((raised.exception.code(), raised.exception.details()), (grpc.StatusCode.INVALID_ARGUMENT, text))

    def test_one_value_for_all_is_refused_as_any_tensor(self):
        for name, shape, text in (("c", (1, 10), "Missing input with specific name - Required input: b"),
                                  ("b", (2, 10), "Invalid input batch size - Expected: 1; Actual: 2; input name: b"),
                                  ("b", (1, 9), "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b"),
                                  ("b", (10,), "Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b")):
            with self.subTest(text):
                made, tensor_proto = self.request("dummy", name, self.types.DT_FLOAT, shape)
                tensor_proto.float_val.append(1)
                with self.assertRaises(grpc.RpcError) as raised:
                    self.stub.Predict(made, timeout=PATIENCE)
                self.assertEqual((raised.exception.code(), raised.exception.details()), (grpc.StatusCode.INVALID_ARGUMENT, text))

    def test_encoded_pictures(self):
        png, pixels = noise_png()
        made, tensor_proto = self.request("mobilenet", "input", self.types.DT_STRING, (1,))
        tensor_proto.string_val.append(png)
        raw, raw_proto = self.request("mobilenet", "input", self.types.DT_UINT8, pixels.shape)
        raw_proto.tensor_content = pixels.tobytes()
        answers = [self.stub.Predict(each, timeout=PATIENCE).outputs["output"].tensor_content for each in (made, raw)]
        self.assertEqual(len(answers[0]), 1001)
        self.assertEqual(answers[0], answers[1])

    def test_status(self):
        asked = self.status.GetModelStatusRequest()
        asked.model_spec.name = "dummy"
        versions = self.model.GetModelStatus(asked, timeout=PATIENCE).model_version_status
        self.assertEqual([(each.version, each.state) for each in versions], [(1, self.status.ModelVersionStatus.AVAILABLE)])


@needs_data
class Metrics(unittest.TestCase):
    def test_requests_are_counted_by_method(self):
        with Server(config={"model_config_list": toys("dummy")}, flags=["--metrics_enable"]) as server:
            client = triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
            row = np.zeros((1, 10), np.float32)
            for _ in range(3):
                client.infer("dummy", [tensor("b", row, "FP32")])
            with self.assertRaises(InferenceServerException):
                client.infer("dummy", [])
            client.get_model_metadata("dummy")
            client.close()
            text = server.get("/metrics")[2].decode()

        def counted(family, method):
            pattern = rf'^{family}{{api="KServe",interface="gRPC",method="{method}",name="dummy",version="1"}} (\d+)$'
            return int(re.search(pattern, text, re.MULTILINE).group(1))

        self.assertEqual(counted("ovms_requests_success", "ModelInfer"), 3)
        self.assertEqual(counted("ovms_requests_fail", "ModelInfer"), 1)
        self.assertEqual(counted("ovms_requests_success", "ModelMetadata"), 1)


@needs_data
class ExplicitModels(unittest.TestCase):
    def test_load_unload_and_health(self):
        ((health, stubs),) = rpc_client_harness.compile_protos("grpc/health/v1/health")
        with GrpcServer(toys("dummy", "scalar"), flags=["--model_control_mode", "explicit"]) as server, grpc.insecure_channel(server.address) as channel:
            client = server.client
            watch = stubs.HealthStub(channel).Watch(health.HealthCheckRequest(service="dummy"), timeout=PATIENCE)
            self.assertNotEqual(next(watch).status, health.HealthCheckResponse.SERVING)
            client.load_model("dummy")
            self.assertEqual(next(watch).status, health.HealthCheckResponse.SERVING)
            row = np.zeros((1, 10), np.float32)
            np.testing.assert_array_equal(client.infer("dummy", [tensor("b", row, "FP32")]).as_numpy("a"), row + 1)
            ready = {model.name for model in client.get_model_repository_index().models if model.state == "READY"}
            self.assertEqual(ready, {"dummy"})
            client.unload_model("dummy")
            self.assertEqual(next(watch).status, health.HealthCheckResponse.NOT_SERVING)
            with self.assertRaises(InferenceServerException) as raised:
                client.infer("dummy", [tensor("b", row, "FP32")])
            self.assertEqual(raised.exception.status(), "StatusCode.NOT_FOUND")
            with self.assertRaises(InferenceServerException):
                client.load_model("no_such_model")
            watch.cancel()

    def test_models_that_come_with_the_request(self):
        files = {f"file:7/{path.name}": path.read_bytes() for path in (pathlib.Path(toy("dummy")) / "1").iterdir()}
        config = {"name": "sent", "backend": "openvino", "max_batch_size": 4, "input": [{"name": "b", "data_type": "TYPE_FP32", "dims": ["10"]}],
                  "dynamic_batching": {"max_queue_delay_microseconds": 100}, "instance_group": [{"kind": "KIND_CPU", "count": 2}]}
        row = np.zeros((3, 10), np.float32)
        with GrpcServer(toys("scalar"), flags=["--model_control_mode", "explicit"]) as server:
            client = server.client
            client.load_model("sent", config=json.dumps(config), files=files)
            np.testing.assert_array_equal(client.infer("sent", [tensor("b", row, "FP32")], model_version="7").as_numpy("a"), row + 1)
            with self.assertRaises(InferenceServerException):
                client.infer("sent", [tensor("b", np.zeros((5, 10), np.float32), "FP32")])
            config["input"][0]["data_type"] = "TYPE_INT8"
            with self.assertRaisesRegex(InferenceServerException, "data_type is TYPE_INT8, but the model has TYPE_FP32"):
                client.load_model("sent", config=json.dumps(config), files=files)
            np.testing.assert_array_equal(client.infer("sent", [tensor("b", row, "FP32")]).as_numpy("a"), row + 1)
            client.unload_model("sent")
            client.unload_model("sent")
            changed = client.update_log_settings({"log_verbose_level": 1}, as_json=True)["settings"]
            self.assertEqual(changed["log_verbose_level"], {"uint32_param": 1})


if __name__ == "__main__":
    unittest.main()
