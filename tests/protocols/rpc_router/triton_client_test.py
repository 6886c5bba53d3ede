"""tritonclient.grpc against every method of inference.GRPCInferenceService. Usage: triton_client_test.py PATH_OF_rpc_model_server"""

import asyncio
import queue
import sys
import unittest

import ml_dtypes
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
import tritonclient.utils.shared_memory as shm
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

import rpc_client_harness as harness

PROGRAM = ""
# KServe type -> (numpy type, field of InferTensorContents or None)
TYPES = {
    "BOOL": (np.bool_, "bool_contents"), "INT8": (np.int8, "int_contents"), "INT16": (np.int16, "int_contents"),
    "INT32": (np.int32, "int_contents"), "INT64": (np.int64, "int64_contents"), "UINT8": (np.uint8, "uint_contents"),
    "UINT16": (np.uint16, "uint_contents"), "UINT32": (np.uint32, "uint_contents"), "UINT64": (np.uint64, "uint64_contents"),
    "FP16": (np.float16, None), "FP32": (np.float32, "fp32_contents"), "FP64": (np.float64, "fp64_contents"),
}


def extreme_values(dtype):
    """All that a type can hold at its ends, in a 2-D array."""
    if dtype == np.bool_:
        return np.array([[True, False, True]])
    info = np.finfo(dtype) if np.issubdtype(dtype, np.floating) else np.iinfo(dtype)
    return np.array([[info.min, 0, 1], [info.max, 7, 100]], dtype=dtype)


def tensor(name, array, datatype):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


def ramp():
    return np.arange(10, dtype=np.float32).reshape(1, 10)


class TritonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.ModelServer(PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.client = triton.InferenceServerClient(self.server.address)
        self.addCleanup(self.client.close)

    def fails(self, code, text, function, *arguments, **named):
        with self.assertRaises(InferenceServerException) as raised:
            function(*arguments, **named)
        self.assertEqual(raised.exception.status(), f"StatusCode.{code}")
        self.assertIn(text, raised.exception.message())

    # --- inference

    def test_every_type_raw(self):
        for datatype, (dtype, _) in TYPES.items():
            with self.subTest(datatype):
                sent = extreme_values(dtype)
                result = self.client.infer(f"echo_{datatype}", [tensor("x", sent, datatype)], request_id=datatype)
                self.assertEqual(result.get_response().id, datatype)
                got = result.as_numpy("y")
                self.assertEqual(got.dtype, sent.dtype)
                np.testing.assert_array_equal(got, sent)

    def test_every_type_typed(self):
        stub = service_pb2_grpc.GRPCInferenceServiceStub(self.server.channel())
        for datatype, (dtype, field) in TYPES.items():
            if field is None:
                continue
            with self.subTest(datatype):
                sent = extreme_values(dtype)
                request = service_pb2.ModelInferRequest(model_name=f"echo_{datatype}")
                made = request.inputs.add(name="x", datatype=datatype, shape=sent.shape)
                getattr(made.contents, field).extend(sent.flatten().tolist())
                reply = stub.ModelInfer(request)
                np.testing.assert_array_equal(np.frombuffer(reply.raw_output_contents[0], dtype).reshape(sent.shape), sent)

    def test_bf16(self):
        sent = np.array([1.0, -2.5, 1e30], dtype=ml_dtypes.bfloat16)
        got = self.client.infer("echo_BF16", [tensor("x", sent, "BF16")]).as_numpy("y")
        self.assertEqual(got.dtype, sent.dtype)
        np.testing.assert_array_equal(got, sent)

    def test_bytes_raw_and_typed(self):
        sent = np.array([[b"", b"abc", "gr\u00fcn".encode()], [b"\x00\xff", b"x" * 70000, b" "]], dtype=np.object_)
        got = self.client.infer("echo_BYTES", [tensor("x", sent, "BYTES")]).as_numpy("y")
        np.testing.assert_array_equal(got, sent)
        request = service_pb2.ModelInferRequest(model_name="echo_BYTES")
        made = request.inputs.add(name="x", datatype="BYTES", shape=sent.shape)
        made.contents.bytes_contents.extend(sent.flatten().tolist())
        reply = service_pb2_grpc.GRPCInferenceServiceStub(self.server.channel()).ModelInfer(request)
        self.assertEqual(reply.raw_output_contents[0], serialize_byte_tensor(sent).item())

    def test_large_tensor_and_compression(self):
        sent = np.random.default_rng(1).integers(0, 4, 3_000_000, dtype=np.uint8)
        for algorithm in (None, "gzip", "deflate"):
            with self.subTest(algorithm):
                got = self.client.infer("echo_UINT8", [tensor("x", sent, "UINT8")], compression_algorithm=algorithm).as_numpy("y")
                np.testing.assert_array_equal(got, sent)

    def test_empty_tensor(self):
        sent = np.zeros((0, 3), dtype=np.float32)
        self.assertEqual(self.client.infer("echo_FP32", [tensor("x", sent, "FP32")]).as_numpy("y").shape, (0, 3))

    def test_outputs_of_different_sizes(self):
        result = self.client.infer("two", [])
        self.assertEqual([output.name for output in result.get_response().outputs], ["large", "small"])
        self.assertEqual(bytes(result.as_numpy("large").flatten()), b"L" * 1_000_000)
        self.assertEqual(result.get_response().raw_output_contents[1], np.array([-1, 7], np.int32).tobytes())

    def test_sequences(self):
        for arguments, expected in (({"sequence_start": True}, 1), ({}, 0), ({"sequence_end": True}, 2)):
            reply = self.client.infer("stateful", [], sequence_id=77, **arguments).get_response()
            self.assertEqual([output.name for output in reply.outputs], ["control", "sequence_id"])
            self.assertEqual(np.frombuffer(reply.raw_output_contents[0], np.uint32)[0], expected)
            self.assertEqual(np.frombuffer(reply.raw_output_contents[1], np.uint64)[0], 77)
        self.client.infer("stateful", [], sequence_id="by name", sequence_start=True)

    def test_async(self):
        results = queue.Queue()
        for i in range(20):
            self.client.async_infer("dummy", [tensor("b", ramp() + i, "FP32")], lambda result, error: results.put((result, error)), request_id=str(i))
        for _ in range(20):
            result, error = results.get(timeout=harness.PATIENCE)
            self.assertIsNone(error)
            np.testing.assert_array_equal(result.as_numpy("a"), ramp() + int(result.get_response().id) + 1)

    def test_asyncio(self):
        async def run():
            async with triton_aio.InferenceServerClient(self.server.address) as client:
                results = await asyncio.gather(*(client.infer("dummy", [tensor("b", ramp() + i, "FP32")]) for i in range(8)))
                for i, result in enumerate(results):
                    np.testing.assert_array_equal(result.as_numpy("a"), ramp() + i + 1)

        asyncio.run(run())

    def test_cancelled_and_late_requests(self):
        self.fails("DEADLINE_EXCEEDED", "", self.client.infer, "held", [], client_timeout=0.3)
        results = queue.Queue()
        call = self.client.async_infer("held", [], lambda result, error: results.put(error))
        call.cancel()
        self.assertEqual(results.get(timeout=harness.PATIENCE).status(), "StatusCode.CANCELLED")

    # --- streams

    def test_stream(self):
        results = queue.Queue()
        self.client.start_stream(lambda result, error: results.put((result, error)))
        for i in range(50):
            name = "dummy" if i % 10 else "nope"
            self.client.async_stream_infer(name, [tensor("b", ramp() + i, "FP32")], request_id=str(i), enable_empty_final_response=True)
        for i in range(50):
            result, error = results.get(timeout=harness.PATIENCE)
            if i % 10 == 0:
                self.assertIn("Pipeline with requested name is not found", error.message())
                continue
            self.assertIsNone(error)
            response = result.get_response()
            self.assertEqual(response.id, str(i))
            self.assertTrue(response.parameters["triton_final_response"].bool_param)
            np.testing.assert_array_equal(result.as_numpy("a"), ramp() + i + 1)
        self.client.stop_stream()

    def test_stream_cancelled(self):
        results = queue.Queue()
        self.client.start_stream(lambda result, error: results.put((result, error)))
        for _ in range(3):
            self.client.async_stream_infer("held", [])
        self.client.stop_stream(cancel_requests=True)
        self.assertEqual(results.get(timeout=harness.PATIENCE)[1].status(), "StatusCode.CANCELLED")

    # --- shared memory

    def test_system_shared_memory(self):
        sent = np.random.default_rng(2).random(5000, dtype=np.float32)
        size = sent.nbytes
        self.client.unregister_system_shared_memory()
        self.client.unregister_cuda_shared_memory()
        region = shm.create_shared_memory_region("both", "/ocelli_rpc_test", 2 * size)
        try:
            shm.set_shared_memory_region(region, [sent])
            self.client.register_system_shared_memory("both", "/ocelli_rpc_test", 2 * size)
            self.assertEqual(self.client.get_system_shared_memory_status().regions["both"].byte_size, 2 * size)
            source = triton.InferInput("x", [5000], "FP32")
            source.set_shared_memory("both", size)
            target = triton.InferRequestedOutput("y")
            target.set_shared_memory("both", size, size)
            result = self.client.infer("echo_FP32", [source], outputs=[target])
            self.assertEqual(result.get_output("y").shape, [5000])
            self.assertEqual(list(result.get_response().raw_output_contents), [b""])
            np.testing.assert_array_equal(shm.get_contents_as_numpy(region, np.float32, [5000], offset=size), sent)
            target.set_shared_memory("both", size, 2 * size)
            self.fails("INVALID_ARGUMENT", "both", self.client.infer, "echo_FP32", [source], outputs=[target])
            self.fails("ALREADY_EXISTS", "both", self.client.register_system_shared_memory, "both", "/ocelli_rpc_test", size)
            self.client.unregister_system_shared_memory("both")
            self.fails("NOT_FOUND", "both", self.client.infer, "echo_FP32", [source])
        finally:
            shm.destroy_shared_memory_region(region)

    def test_cuda_shared_memory_is_refused(self):
        self.assertEqual(len(self.client.get_cuda_shared_memory_status().regions), 0)
        self.fails("UNIMPLEMENTED", "system shared memory", self.client.register_cuda_shared_memory, "c", b"", 0, 64)

    # --- control plane

    def test_server_and_model_health(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("dummy", "1"))
        self.fails("NOT_FOUND", "Model with requested name is not found", self.client.is_model_ready, "nope")
        metadata = self.client.get_server_metadata()
        self.assertEqual(metadata.name, "OpenVINO Model Server")
        self.assertIn("system_shared_memory", metadata.extensions)

    def test_metadata_config_and_statistics(self):
        metadata = self.client.get_model_metadata("dummy", as_json=True)
        self.assertEqual(metadata["inputs"], [{"name": "b", "datatype": "FP32", "shape": ["1", "10"]}])
        config = self.client.get_model_config("dummy").config
        self.assertEqual((config.name, config.max_batch_size, list(config.input[0].dims)), ("dummy", 0, [1, 10]))
        self.assertFalse(config.model_transaction_policy.decoupled)
        statistics = self.client.get_inference_statistics("dummy")
        self.assertEqual([entry.name for entry in statistics.model_stats], ["dummy"])

    def test_repository(self):
        names = {model.name: model.state for model in self.client.get_model_repository_index().models}
        self.assertEqual(names["dummy"], "READY")
        self.client.load_model("dummy")
        self.client.load_model("dummy", config="{}")
        self.client.unload_model("dummy")
        self.client.unload_model("nope")
        self.client.load_model("dummy", config="{}", files={"file:1/model.onnx": bytes(range(256))})

    def test_log_and_trace_settings(self):
        def values(reply):
            read = {}
            for name, value in reply.settings.items():
                chosen = value.WhichOneof("parameter_choice") if hasattr(value, "WhichOneof") and value.DESCRIPTOR.oneofs else None
                read[name] = getattr(value, chosen) if chosen else list(value.value)
            return read

        settings = {"log_file": "", "log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0, "log_format": "default"}
        self.assertEqual(values(self.client.get_log_settings()), settings)
        changed = self.client.update_log_settings({"log_verbose_level": 1, "log_info": False})
        self.assertEqual(values(changed), settings | {"log_verbose_level": 1, "log_info": False})
        self.client.update_log_settings({"log_verbose_level": 0, "log_info": True})
        self.fails("INVALID_ARGUMENT", "setting name: log_file", self.client.update_log_settings, {"log_file": "/x"})
        self.assertEqual(values(self.client.get_trace_settings()), {"trace_level": ["OFF"], "trace_rate": ["1000"], "trace_count": ["-1"],
                                                               "log_frequency": ["0"], "trace_file": [""], "trace_mode": ["triton"]})
        self.client.get_trace_settings("dummy")
        self.client.update_trace_settings("dummy", {"trace_level": ["OFF"], "trace_rate": None})
        self.fails("INVALID_ARGUMENT", "setting name: trace_level", self.client.update_trace_settings, None, {"trace_level": ["TIMESTAMPS"]})
        self.fails("NOT_FOUND", "Model with requested name is not found", self.client.get_trace_settings, "none")

    def test_classification(self):
        for count, texts in ((2, [b"4.000000:9", b"3.666667:8"]), (1, [b"4.000000:9"])):
            result = self.client.infer("dummy", [tensor("b", ramp() / 3, "FP32")], outputs=[triton.InferRequestedOutput("a", class_count=count)])
            self.assertEqual(result.as_numpy("a").tolist(), [texts])
            self.assertEqual((result.get_output("a").datatype, list(result.get_output("a").shape)), ("BYTES", [1, count]))
        every = triton.InferRequestedOutput("a", class_count=1000)
        self.assertEqual(self.client.infer("dummy", [tensor("b", ramp(), "FP32")], outputs=[every]).as_numpy("a").shape, (1, 10))

    # --- mistakes

    def test_mistakes_are_the_clients(self):
        self.fails("NOT_FOUND", "Pipeline with requested name is not found", self.client.infer, "nope", [])
        self.fails("NOT_FOUND", "Model with requested version is not found", self.client.infer, "dummy", [], model_version="9")
        self.fails("INVALID_ARGUMENT", "invalid model version format in request", self.client.infer, "dummy", [], model_version="1.5")
        wrong = tensor("b", ramp(), "FP32")
        wrong._input.datatype = "FLOAT"
        self.fails("INVALID_ARGUMENT", "Invalid input precision - Expected: FP32; Actual: FLOAT; input name: b", self.client.infer, "dummy", [wrong])
        words = tensor("x", np.array([b"a"], dtype=np.object_), "BYTES")
        self.fails("INVALID_ARGUMENT", "an output of numbers; Actual: BYTES; output name: y", self.client.infer, "echo_BYTES", [words],
                   outputs=[triton.InferRequestedOutput("y", class_count=1)])
        rubbish = self.server.channel().unary_unary("/inference.GRPCInferenceService/ModelInfer", lambda b: b, lambda b: b)
        with self.assertRaises(harness.grpc.RpcError) as raised:
            rubbish(b"\xff\xff\xff")
        self.assertEqual(raised.exception.code(), harness.grpc.StatusCode.INVALID_ARGUMENT)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
