"""tritonclient.http against every REST endpoint that it knows. Usage: rest_triton_client_test.py PATH_OF_rest_model_server"""

import asyncio
import http.client
import sys
import unittest

import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

import rest_server_harness as harness

PROGRAM = ""


def tensor(name, array, datatype, binary=True, kind=triton.InferInput):
    made = kind(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
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
        self.client = triton.InferenceServerClient(self.server.address, concurrency=4)
        self.addCleanup(self.client.close)

    def fails(self, text, function, *arguments, **named):
        with self.assertRaises(InferenceServerException) as raised:
            function(*arguments, **named)
        self.assertIn(text, str(raised.exception))

    def test_health_and_metadata(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("dummy"))
        self.assertTrue(self.client.is_model_ready("dummy", "1"))
        self.assertFalse(self.client.is_model_ready("none"))
        self.assertEqual(self.client.get_server_metadata()["name"], "OpenVINO Model Server")
        metadata = self.client.get_model_metadata("dummy")
        self.assertEqual(metadata["inputs"], [{"name": "b", "datatype": "FP32", "shape": [1, 10]}])
        self.assertEqual(metadata["versions"], ["1"])
        self.fails("Model with requested name is not found", self.client.get_model_metadata, "none")

    def test_config(self):
        config = self.client.get_model_config("dummy", "1")
        self.assertEqual(config["input"], [{"name": "b", "data_type": "TYPE_FP32", "dims": [1, 10]}])
        self.assertEqual(config["max_batch_size"], 0)
        self.fails("Model with requested name is not found", self.client.get_model_config, "none")

    def test_binary_and_json_both_ways(self):
        for binary_in in (True, False):
            for outputs in (None, [triton.InferRequestedOutput("a", binary_data=True)], [triton.InferRequestedOutput("a", binary_data=False)]):
                result = self.client.infer("dummy", [tensor("b", ramp(), "FP32", binary_in)], outputs=outputs, request_id="42")
                np.testing.assert_array_equal(result.as_numpy("a"), ramp() + 1)
                self.assertEqual(result.get_response()["id"], "42")

    def test_what_json_cannot_express_comes_back_where_no_output_is_named(self):
        # The client then asks for everything in binary form.
        odd = np.array([[np.nan, np.inf, -np.inf, -0.0]], dtype=np.float32)
        np.testing.assert_array_equal(self.client.infer("echo_FP32", [tensor("x", odd, "FP32")]).as_numpy("y"), odd)
        words = np.array([b"a\0b", b"\xff\xfe", b""], dtype=np.object_)
        self.assertEqual(list(self.client.infer("echo_BYTES", [tensor("x", words, "BYTES")]).as_numpy("y")), list(words))

    def test_compressed(self):
        for algorithm in ("gzip", "deflate"):
            result = self.client.infer("dummy", [tensor("b", ramp(), "FP32")], request_compression_algorithm=algorithm,
                                       response_compression_algorithm=algorithm)
            np.testing.assert_array_equal(result.as_numpy("a"), ramp() + 1)

    def test_bytes(self):
        words = np.array([b"one", b"", "\u00e9".encode(), b"x" * 1000], dtype=np.object_)
        for binary in (True, False):
            result = self.client.infer("echo_BYTES", [tensor("x", words, "BYTES", binary)], outputs=[triton.InferRequestedOutput("y", binary_data=binary)])
            answer = [item if isinstance(item, bytes) else item.encode() for item in result.as_numpy("y")]
            self.assertEqual(answer, list(words))

    def test_half_and_bfloat_in_binary(self):
        half = np.array([[1.5, -0.1, 65504]], dtype=np.float16)
        result = self.client.infer("echo_FP16", [tensor("x", half, "FP16")], outputs=[triton.InferRequestedOutput("y", binary_data=True)])
        np.testing.assert_array_equal(result.as_numpy("y"), half)
        result = self.client.infer("echo_FP16", [tensor("x", half, "FP16")], outputs=[triton.InferRequestedOutput("y", binary_data=False)])
        self.assertEqual(result.get_response()["outputs"][0]["data"], [1.5, -0.099975586, 65504.0])
        brain = np.array([1.0, 3.140625], dtype=ml_dtypes.bfloat16)
        result = self.client.infer("echo_BF16", [tensor("x", brain, "BF16")], outputs=[triton.InferRequestedOutput("y", binary_data=True)])
        self.assertEqual(result.as_numpy("y").astype(np.float32).tolist(), [1.0, 3.140625])

    def test_asynchronous(self):
        waiting = [self.client.async_infer("dummy", [tensor("b", ramp() + i, "FP32")]) for i in range(20)]
        for i, request in enumerate(waiting):
            np.testing.assert_array_equal(request.get_result().as_numpy("a"), ramp() + i + 1)

    def test_asyncio(self):
        async def run():
            async with triton_aio.InferenceServerClient(self.server.address) as client:
                self.assertTrue(await client.is_server_ready())
                results = await asyncio.gather(*(client.infer("dummy", [tensor("b", ramp() + i, "FP32")]) for i in range(10)))
                for i, result in enumerate(results):
                    np.testing.assert_array_equal(result.as_numpy("a"), ramp() + i + 1)
        asyncio.run(run())

    def test_errors(self):
        self.fails("Pipeline with requested name is not found", self.client.infer, "none", [tensor("b", ramp(), "FP32")])
        self.fails("Model with requested version is not found", self.client.infer, "dummy", [tensor("b", ramp(), "FP32")], model_version="9")
        self.fails("Invalid input", self.client.infer, "dummy", [tensor("b", ramp()[:, :3].copy(), "FP32")])

    def test_parameters(self):
        result = self.client.infer("dummy", [tensor("b", ramp(), "FP32")], priority=2, timeout=5000000, sequence_id=7, sequence_start=True,
                                   parameters={"own": "value"})
        np.testing.assert_array_equal(result.as_numpy("a"), ramp() + 1)

    def test_statistics(self):
        self.client.infer("dummy", [tensor("b", ramp(), "FP32")])
        statistics = self.client.get_inference_statistics("dummy")["model_stats"]
        self.assertEqual([(entry["name"], entry["version"]) for entry in statistics], [("dummy", "1")])
        self.assertEqual(set(statistics[0]["inference_stats"]),
                         {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"})
        self.assertEqual((statistics[0]["response_stats"], statistics[0]["memory_usage"]), ({}, []))
        self.assertGreater(len(self.client.get_inference_statistics()["model_stats"]), 10)

    def test_repository(self):
        index = {entry["name"]: entry["state"] for entry in self.client.get_model_repository_index()}
        self.assertEqual(index["dummy"], "READY")
        self.client.load_model("dummy")
        self.client.load_model("dummy", config='{"target_device":"CPU"}')
        self.client.load_model("dummy", config="{}", files={"file:1/model.onnx": bytes(range(256))})
        self.client.unload_model("dummy")
        self.client.unload_model("none")

    def test_classification(self):
        for binary in (True, False):
            output = triton.InferRequestedOutput("a", binary_data=binary, class_count=2)
            result = self.client.infer("dummy", [tensor("b", ramp() / 3, "FP32")], outputs=[output])
            self.assertEqual([str(text, "utf8") if isinstance(text, bytes) else text for text in result.as_numpy("a").flatten()],
                             ["4.000000:9", "3.666667:8"])
            self.assertEqual((result.get_output("a")["datatype"], result.get_output("a")["shape"]), ("BYTES", [1, 2]))
        every = triton.InferRequestedOutput("a", class_count=1000)
        self.assertEqual(self.client.infer("dummy", [tensor("b", ramp(), "FP32")], outputs=[every]).as_numpy("a").shape, (1, 10))
        words = np.array([b"a"], dtype=np.object_)
        self.fails("an output of numbers; Actual: BYTES; output name: y", self.client.infer, "echo_BYTES", [tensor("x", words, "BYTES")],
                   outputs=[triton.InferRequestedOutput("y", class_count=1)])

    def test_a_body_of_nothing_but_a_tensor(self):
        def post(model, body):
            connection = http.client.HTTPConnection(self.server.address, timeout=10)
            self.addCleanup(connection.close)
            connection.request("POST", f"/v2/models/{model}/infer", body, {"Inference-Header-Content-Length": "0"})
            reply = connection.getresponse()
            return reply, reply.read()
        reply, body = post("dummy", ramp().tobytes())
        self.assertEqual(reply.status, 200)
        np.testing.assert_array_equal(triton.InferenceServerClient.parse_response_body(
            body, header_length=int(reply.headers["Inference-Header-Content-Length"])).as_numpy("a"), ramp() + 1)
        for model, wrong, text in (("dummy", b"1" * 39, b"Expected: 40 bytes of shape (1,10); Actual: 39 bytes; input name: b"),
                                   ("dummy", b"", b"Actual: 0 bytes"), ("echo_BYTES", b"abc", b"an input of numbers"),
                                   ("echo_FP32", b"1234", b"a model whose shape is known")):
            reply, body = post(model, wrong)
            self.assertEqual(reply.status, 400)
            self.assertIn(text, body)

    def test_log_and_trace_settings(self):
        settings = {"log_file": "", "log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0, "log_format": "default"}
        self.assertEqual(dict(self.client.get_log_settings()), settings)
        changed = self.client.update_log_settings({"log_verbose_level": 1, "log_info": False})
        self.assertEqual(dict(changed), settings | {"log_verbose_level": 1, "log_info": False})
        self.client.update_log_settings({"log_verbose_level": 0, "log_info": True})
        self.fails("setting name: log_file", self.client.update_log_settings, {"log_file": "/x"})
        self.assertEqual(dict(self.client.get_trace_settings()), {"trace_level": ["OFF"], "trace_rate": "1000", "trace_count": "-1",
                                                               "log_frequency": "0", "trace_file": "", "trace_mode": "triton"})
        self.client.get_trace_settings("dummy")
        self.client.update_trace_settings("dummy", {"trace_level": ["OFF"], "trace_rate": None})
        self.fails("setting name: trace_level", self.client.update_trace_settings, None, {"trace_level": ["TIMESTAMPS"]})
        self.fails("Model with requested name is not found", self.client.get_trace_settings, "none")

    def test_shared_memory(self):
        self.client.unregister_system_shared_memory()
        self.client.unregister_cuda_shared_memory()
        region = shm.create_shared_memory_region("both", f"/ocelli_rest_client_{self.server.port}", 80)
        self.addCleanup(shm.destroy_shared_memory_region, region)
        shm.set_shared_memory_region(region, [ramp()])
        self.client.register_system_shared_memory("both", f"/ocelli_rest_client_{self.server.port}", 80)
        self.assertEqual(self.client.get_system_shared_memory_status()[0]["byte_size"], 80)
        self.assertEqual(self.client.get_cuda_shared_memory_status(), [])
        source = triton.InferInput("x", [1, 10], "FP32")
        source.set_shared_memory("both", 40)
        output = triton.InferRequestedOutput("y")
        output.set_shared_memory("both", 40, offset=40)
        result = self.client.infer("echo_FP32", [source], outputs=[output])
        self.assertEqual(result.get_output("y")["shape"], [1, 10])
        np.testing.assert_array_equal(shm.get_contents_as_numpy(region, np.float32, [1, 10], 40), ramp())
        source.set_shared_memory("both", 400)
        self.fails("Invalid shared memory range", self.client.infer, "echo_FP32", [source])
        self.client.unregister_system_shared_memory("both")
        self.fails("is not found", self.client.get_system_shared_memory_status, "both")

    def test_a_client_that_gives_up_cancels(self):
        impatient = triton.InferenceServerClient(self.server.address, network_timeout=0.3)
        with self.assertRaises(Exception):
            impatient.infer("held", [tensor("b", ramp(), "FP32")])
        impatient.close()
        self.assertTrue(self.client.is_server_live())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
