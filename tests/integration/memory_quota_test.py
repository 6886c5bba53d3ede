"""Memory that clients can make the server take is bounded: by --grpc_memory_quota and --rest_memory_quota, whatever a few bytes become."""
import base64
import json
import struct
import unittest
import zlib

import grpc
import numpy
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc

from ocelli_server import simulated_server

SIGNATURE = {"inputs": [{"name": "x", "type": "INT64", "shape": [1, -1]}], "outputs": [{"name": "y", "type": "INT64", "shape": [1, -1]}]}
QUOTA = 4 << 20
SMALL, LARGE = 100_000, 1_000_000  # elements of 8 bytes


def typed_request(count):
    """A message of one byte for each element."""
    request = service_pb2.ModelInferRequest(model_name="m")
    tensor = request.inputs.add(name="x", datatype="INT64", shape=[1, count])
    tensor.contents.int64_contents.extend([1] * count)
    return request


class MemoryQuota(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(simulated_server(SIGNATURE, "--grpc_memory_quota", QUOTA, "--rest_memory_quota", QUOTA))
        cls.address = f"127.0.0.1:{cls.server.grpc_port}"
        cls.channel = grpc.insecure_channel(cls.address)
        cls.stub = service_pb2_grpc.GRPCInferenceServiceStub(cls.channel)
        cls.addClassCleanup(cls.channel.close)

    def exhausted(self, function, option="--grpc_memory_quota"):
        with self.assertRaises(grpc.RpcError) as raised:
            function()
        self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertIn(f"Too many request bodies are in memory. Limit: {QUOTA} bytes; In use: ", raised.exception.details())
        self.assertTrue(raised.exception.details().endswith(option), raised.exception.details())

    def test_numbers_over_grpc(self):
        for _ in range(3):
            self.exhausted(lambda: self.stub.ModelInfer(typed_request(LARGE)))
            reply = self.stub.ModelInfer(typed_request(SMALL))
            self.assertEqual(len(reply.raw_output_contents[0]), 8 * SMALL)

    def test_compressed_messages(self):
        def infer(count):
            request = service_pb2.ModelInferRequest(model_name="m")
            request.inputs.add(name="x", datatype="INT64", shape=[1, count])
            request.raw_input_contents.append(bytes(8 * count))
            return self.stub.ModelInfer(request, compression=grpc.Compression.Gzip)

        for _ in range(3):
            self.exhausted(lambda: infer(LARGE))
            self.assertEqual(len(infer(SMALL).raw_output_contents[0]), 8 * SMALL)

    def test_a_streams_request_is_refused_and_the_stream_goes_on(self):
        replies = list(self.stub.ModelStreamInfer(iter([typed_request(LARGE), typed_request(SMALL)])))
        self.assertIn("Too many request bodies are in memory", replies[0].error_message)
        self.assertEqual(replies[1].error_message, "")
        self.assertEqual(len(replies[1].infer_response.raw_output_contents[0]), 8 * SMALL)

    def test_the_triton_client_says_why(self):
        tensor = triton.InferInput("x", [1, LARGE], "INT64")
        tensor.set_data_from_numpy(numpy.zeros((1, LARGE), numpy.int64))
        with triton.InferenceServerClient(self.address) as client:
            with self.assertRaises(triton.InferenceServerException) as raised:
                client.infer("m", [tensor])
        self.assertEqual(raised.exception.status(), "StatusCode.RESOURCE_EXHAUSTED")
        self.assertIn("start the server with a larger --grpc_memory_quota", raised.exception.message())

    def test_numbers_over_rest(self):
        ones = lambda count: [1] * count  # noqa: E731
        forms = {"/v2/models/m/infer": lambda count: {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1, count], "data": ones(count)}]},
                 "/v1/models/m:predict": lambda count: {"inputs": [ones(count)]}}
        for path, body in forms.items():
            with self.subTest(path=path):
                status, _, reply = self.server.post(path, json.dumps(body(LARGE), separators=(",", ":")))
                self.assertEqual(status, 429, reply[:300])
                self.assertTrue(json.loads(reply)["error"].endswith("--rest_memory_quota"), reply)
                status, _, reply = self.server.post(path, body(SMALL))
                self.assertEqual(status, 200, reply[:300])


class PicturesQuota(unittest.TestCase):
    """A picture of one colour is a few hundred bytes, and megabytes once it is decoded."""

    SIGNATURE = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, -1, -1, 3]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 1]}]}

    def test_what_pictures_become_counts(self):
        def png(side):
            rows = zlib.compress((b"\0" + bytes(3 * side)) * side, 9)
            chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

        def rest(server, side):
            values = [base64.b64encode(png(side)).decode()]
            return server.post("/v1/models/m:predict", {"instances": [{"b64": value} for value in values]})

        def remote(stub, side):
            request = service_pb2.ModelInferRequest(model_name="m")
            request.inputs.add(name="x", datatype="BYTES", shape=[1]).contents.bytes_contents.append(png(side))
            return stub.ModelInfer(request)

        with simulated_server(self.SIGNATURE, "--grpc_memory_quota", QUOTA, "--rest_memory_quota", QUOTA) as server, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            for _ in range(3):
                status, _, body = rest(server, 1000)
                self.assertEqual(status, 429, body)
                self.assertIn("--rest_memory_quota", json.loads(body)["error"])
                self.assertEqual(rest(server, 100)[0], 200)
                with self.assertRaises(grpc.RpcError) as raised:
                    remote(stub, 1000)
                self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                self.assertIn("--grpc_memory_quota", raised.exception.details())
                self.assertEqual(remote(stub, 100).outputs[0].name, "y")


if __name__ == "__main__":
    unittest.main()
