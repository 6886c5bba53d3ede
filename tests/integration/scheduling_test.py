"""Sequences, pipelines of pictures, full queues and deadlines through the whole program, on the generated test models."""
import concurrent.futures
import json
import os
import pathlib
import re
import struct
import tempfile
import unittest

import numpy
import tritonclient.grpc

from ocelli_server import Server, wait_for

MODELS = pathlib.Path(os.environ["OCELLI_BUILD_DIR"]).resolve() / "test_models"


def model(name, **more):
    return {"config": {"name": name, "base_path": str(MODELS / name / "model.xml"),
                       "plugin_config": {"INFERENCE_PRECISION_HINT": "f32"}, **more}}


def bitmap(pixels):
    """An uncompressed BMP of a (height, width, 3) array in BGR order."""
    height, width, _ = pixels.shape
    rows = b"".join(row.tobytes() + b"\0" * (-3 * width % 4) for row in pixels[::-1])
    return (b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0)
            + rows)


def refused(test, code, call, *arguments, **more):
    with test.assertRaises(tritonclient.grpc.InferenceServerException) as caught:
        call(*arguments, **more)
    test.assertEqual(caught.exception.status(), f"StatusCode.{code}", caught.exception.message())
    return caught.exception.message()


@unittest.skipUnless((MODELS / "stamp").exists(), f"no generated models at {MODELS}: run ctest -R generate_test_models first")
class Scheduling(unittest.TestCase):
    def test_sequences_keep_their_own_state(self):
        with Server({"model_config_list": [model("counter", stateful=True, max_sequence_number=2)]}) as server:
            client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")

            def add(value, **sequence):
                tensor = tritonclient.grpc.InferInput("x", [1, 2], "FP32")
                tensor.set_data_from_numpy(numpy.full((1, 2), value, numpy.float32))
                reply = client.infer("counter", [tensor], **sequence)
                names = {output.name for output in reply.get_response().outputs} - {"sequence_id"}
                return float(reply.as_numpy(names.pop())[0, 0]), int(reply.as_numpy("sequence_id")[0])

            self.assertEqual(add(1, sequence_id=5, sequence_start=True), (1, 5))
            self.assertEqual(add(10, sequence_id=6, sequence_start=True), (10, 6))
            self.assertEqual(add(2, sequence_id=5), (3, 5))
            refused(self, "UNAVAILABLE", add, 1, sequence_id=7, sequence_start=True)
            refused(self, "ALREADY_EXISTS", add, 1, sequence_id=6, sequence_start=True)
            self.assertEqual(add(3, sequence_id=5, sequence_end=True), (6, 5))
            refused(self, "NOT_FOUND", add, 1, sequence_id=5)
            # The form of OVMS: two more inputs; the server picks the id.
            special = [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [4, 4]},
                       {"name": "sequence_control_input", "shape": [1], "datatype": "UINT32", "data": [1]}]
            status, _, body = server.post("/v2/models/counter/infer", {"inputs": special})
            self.assertEqual(status, 200, body)
            outputs = {output["name"]: output["data"] for output in json.loads(body)["outputs"]}
            self.assertGreater(outputs["sequence_id"][0], 0)
            special[1]["data"] = [3]
            self.assertEqual(server.post("/v2/models/counter/infer", {"inputs": special})[0], 400)

    def test_sequence_mistakes_are_told_through_rest(self):
        def control(name, datatype, *values):
            return {"name": name, "shape": [len(values)], "datatype": datatype, "data": list(values)}

        def identity(*values):
            return control("sequence_id", "UINT64", *values)

        def word(*values):
            return control("sequence_control_input", "UINT32", *values)

        plain = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 1]}
        with Server({"model_config_list": [model("counter", stateful=True, max_sequence_number=2)]}) as server:
            for expected, inputs in ((200, [identity(5), word(1)]), (409, [identity(5), word(1)]), (200, [identity(5)]), (404, [identity(99)]), (400, []),
                                     (400, [identity(0), word(0)]), (400, [identity(5), word(7)]), (400, [identity(5), word(3)]), (400, [identity(5, 6)]),
                                     (400, [identity()]), (400, [identity(-1)]), (400, [control("sequence_id", "INT32", 5)]),
                                     (400, [identity(5), control("sequence_control_input", "FP32", 1)]), (200, [identity(6), word(1)]),
                                     (503, [identity(7), word(1)]), (200, [identity(5), word(2)]), (404, [identity(5), word(2)]),
                                     (200, [identity((1 << 64) - 1), word(1)])):
                status, _, body = server.post("/v2/models/counter/infer", {"inputs": [plain, *inputs]})
                self.assertEqual(status, expected, (inputs, body))
            for expected, parameters in ((200, {"sequence_id": 6}), (200, {"sequence_id": 6, "sequence_end": True}), (404, {"sequence_id": 6, "sequence_end": True}),
                                         (200, {"sequence_id": "six", "sequence_start": True}), (200, {"sequence_id": "six", "sequence_end": True}),
                                         (400, {"sequence_id": "", "sequence_start": True}), (400, {"sequence_id": -6, "sequence_start": True})):
                status, _, body = server.post("/v2/models/counter/infer", {"parameters": parameters, "inputs": [plain]})
                self.assertEqual(status, expected, (parameters, body))
            for expected, inputs in ((200, {"sequence_id": [8], "sequence_control_input": [1]}), (503, {"sequence_id": [9], "sequence_control_input": [1]}),
                                     (400, {"sequence_id": ["8"]}), (200, {"sequence_id": [8], "sequence_control_input": [2]}),
                                     (404, {"sequence_id": [8], "sequence_control_input": [2]})):
                status, _, body = server.post("/v1/models/counter:predict", {"inputs": {"x": [[1.0, 1.0]], **inputs}})
                self.assertEqual(status, expected, (inputs, body))

    @staticmethod
    def album(name="album", count=-1):
        return {"name": name, "inputs": ["photos"], "demultiply_count": count,
                "nodes": [{"name": "each", "type": "DL model", "model_name": "picture",
                           "inputs": [{"x": {"node_name": "request", "data_item": "photos"}}],
                           "outputs": [{"data_item": "y", "alias": "pixels"}]}],
                "outputs": [{"result": {"node_name": "each", "data_item": "pixels"}}]}

    def test_a_pipeline_that_cannot_be_split_says_why(self):
        with Server({"model_config_list": [model("picture")], "pipeline_config_list": [self.album(), self.album("pair", 2)]}) as server:
            wait_for(lambda: server.get("/v2/models/pair/ready")[0] == 200, "the pipelines are ready")
            client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")

            def over_rest(name, shape, values):
                data = {"name": "photos", "shape": shape, "datatype": "FP32" if len(shape) > 1 else "BYTES", "data": values}
                return server.post(f"/v2/models/{name}/infer", {"inputs": [data]})[0]

            def over_grpc(name, shape):
                tensor = tritonclient.grpc.InferInput("photos", shape, "FP32")
                tensor.set_data_from_numpy(numpy.zeros(shape, numpy.float32))
                return client.infer(name, [tensor])

            for name, shape, values, expected in (("album", [0, 1, 3, 4, 5], [], 204), ("pair", [0, 1, 3, 4, 5], [], 400), ("pair", [2, 1, 3, 4, 5], [0] * 120, 200),
                                                  ("pair", [3, 1, 3, 4, 5], [0] * 180, 400), ("album", [2, 1, 3, 4, 5], [0] * 119, 400),
                                                  ("album", [1, 2, 3, 4, 5], [0] * 120, 400), ("album", [1, 3, 4, 5], [0] * 60, 400), ("album", [1], ["no picture"], 400)):
                self.assertEqual(over_rest(name, shape, values), expected, (name, shape))
            refused(self, "ABORTED", over_grpc, "album", [0, 1, 3, 4, 5])
            refused(self, "INVALID_ARGUMENT", over_grpc, "pair", [1, 1, 3, 4, 5])
            refused(self, "INVALID_ARGUMENT", over_grpc, "album", [1, 3, 4, 5])
            self.assertEqual(over_grpc("album", [10_000, 1, 3, 4, 5]).as_numpy("result").shape, (10_000, 1, 3, 4, 5))
            refused(self, "INVALID_ARGUMENT", over_grpc, "album", [10_001, 1, 3, 4, 5])

    def test_a_second_start_knows_what_batching_does(self):
        signature = {"inputs": [{"name": "x", "type": "FP32", "shape": [-1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [-1, 4]}]}
        with tempfile.TemporaryDirectory(prefix="ocelli-batching-") as folder:
            (pathlib.Path(folder) / "m" / "1").mkdir(parents=True)
            (pathlib.Path(folder) / "m" / "1" / "model.onnx").write_bytes(b"not read by a simulated device")
            cache = pathlib.Path(folder) / "cache"

            def start(*more):
                """The log of one start."""
                settings = json.dumps({"devices": [{"name": "SIM.0", "service_time_us": 4000}], "signature": signature})
                flags = ["--model_name", "m", "--model_path", str(pathlib.Path(folder) / "m"), "--target_device", "SIM.0",
                         "--simulated_devices", settings, "--cache_dir", str(cache), *more]
                with Server(flags=flags) as server:
                    self.assertEqual(server.infer("m", "x", [1, 2, 3, 4], [1, 4]), {"y": [1, 2, 3, 4]})
                    return server.log()

            def decision(*more):
                """What the log of one start says about batching."""
                return re.search(r"requests are (not )?batched on .*", start(*more)).group()

            first = decision()
            self.assertIn("requests are batched on SIM.0, sizes 1, ", first)
            known = " (found out at an earlier start)"
            self.assertEqual(decision(), first + known)
            note, = cache.glob("*.batching")
            note.write_bytes(note.read_bytes()[:-5])
            self.assertNotIn(known, decision(), "a damaged note is not believed")
            self.assertIn(known, decision())
            self.assertNotIn(known, decision("--nireq", "2"))
            notes = set(cache.glob("*.batching"))
            self.assertNotIn("batched on", start("--dynamic_batching", "off"))
            self.assertEqual(len(set(cache.glob("*.batching")) - notes), 1, "whether outputs follow the inputs' rows is known the next time without batching, too")
            start("--dynamic_batching", "off", "--shape", "auto")
            self.assertEqual(len(set(cache.glob("*.batching")) - notes), 1, "a model that follows its requests leaves no note for each of their shapes")

    def test_a_pipeline_takes_any_number_of_pictures(self):
        pipeline = self.album()
        pictures = numpy.random.default_rng(3).integers(0, 256, (3, 4, 5, 3), dtype=numpy.uint8)
        with Server({"model_config_list": [model("picture")], "pipeline_config_list": [pipeline]}) as server:
            client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
            wait_for(lambda: client.is_model_ready("album"), "the pipeline is ready")
            tensor = tritonclient.grpc.InferInput("photos", [3], "BYTES")
            tensor.set_data_from_numpy(numpy.array([bitmap(picture) for picture in pictures], dtype=object))
            result = client.infer("album", [tensor]).as_numpy("result")
            self.assertEqual(result.shape, (3, 1, 3, 4, 5))
            # The model is NCHW and changes nothing, so the planes of the pictures come back.
            numpy.testing.assert_array_equal(result[:, 0], pictures.transpose(0, 3, 1, 2).astype(numpy.float32))

    def test_a_full_queue_and_a_missed_deadline_have_their_own_codes(self):
        tensors = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 4]}]}
        # So slow that all five are there before the first ends.
        settings = {"devices": [{"name": "SIM", "service_time_us": 1_500_000}], "signature": tensors}
        with tempfile.TemporaryDirectory(prefix="ocelli-queue-") as folder:
            (pathlib.Path(folder) / "1").mkdir()
            (pathlib.Path(folder) / "1" / "model.onnx").write_bytes(b"not read by a simulated device")
            with Server(flags=["--model_name", "slow", "--model_path", folder, "--target_device", "SIM", "--simulated_devices", json.dumps(settings),
                               "--nireq", "1", "--max_queued_requests", "1"]) as server:
                body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
                with concurrent.futures.ThreadPoolExecutor(5) as threads:
                    replies = list(threads.map(lambda _: server.post("/v2/models/slow/infer", body), range(5)))
                self.assertEqual(sorted(reply[0] for reply in replies), [200, 200, 429, 429, 429])
                text = next(reply[2] for reply in replies if reply[0] == 429)
                self.assertEqual(json.loads(text), {"error": "Too many requests are waiting for model slow - limit: 1"})
                client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
                tensor = tritonclient.grpc.InferInput("x", [1, 4], "FP32")
                tensor.set_data_from_numpy(numpy.zeros((1, 4), numpy.float32))
                refused(self, "DEADLINE_EXCEEDED", client.infer, "slow", [tensor], timeout=20_000)


if __name__ == "__main__":
    unittest.main()
