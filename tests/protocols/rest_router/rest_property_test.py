"""KServe v2 and TensorFlow Serving over REST against Python's json and NumPy. Usage: rest_property_test.py PATH_OF_rest_model_server

Random tensors of every type go to models that answer with what they got, in every form of request and reply.
"""

import base64
import http.client
import json
import sys
import unittest

import numpy as np

import rest_server_harness as harness

PROGRAM = ""
ROUNDS = 60
TYPES = {"BOOL": np.bool_, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "UINT8": np.uint8, "UINT16": np.uint16,
         "UINT32": np.uint32, "UINT64": np.uint64, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
NO_JSON_INPUT = {"FP16"}
WORDS = ["", "a", "\u00e9\u4e2d\U0001F600", "\"quoted\\\"", "line\nbreak\t\u0001", "x" * 700, "\u0000zero"]


def random_array(random, dtype):
    shape = tuple(random.integers(0 if random.random() < 0.1 else 1, 6, size=random.integers(1, 5)))
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        array = random.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)
        return np.where(random.random(shape) < 0.2, dtype(info.max), array) if array.size else array
    # Any bit pattern that is a finite number: every magnitude, subnormal numbers too.
    size = int(np.prod(shape, dtype=np.int64))
    bits = random.integers(0, 256, size=size * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)
    return np.where(np.isfinite(bits), bits, dtype(1.5)).reshape(shape)


def random_words(random):
    return [WORDS[i] for i in random.integers(0, len(WORDS), size=random.integers(1, 8))]


def pack(words):
    return b"".join(len(word).to_bytes(4, "little") + word for word in words)


class RestProperties(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.ModelServer(PROGRAM)
        cls.connection = http.client.HTTPConnection("127.0.0.1", cls.server.port, timeout=30)

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.server.stop()

    def setUp(self):
        self.random = np.random.default_rng(20261121)

    def post(self, path, body, headers=None):
        self.connection.request("POST", path, body, headers or {})
        reply = self.connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def infer(self, datatype, shape, data=None, binary=None, binary_output=False, indent=None):
        """The output tensor's description and its raw bytes, or None."""
        tensor = {"name": "x", "shape": list(shape), "datatype": datatype}
        headers = {}
        if data is not None:
            tensor["data"] = data
        else:
            tensor["parameters"] = {"binary_data_size": len(binary)}
        request = {"inputs": [tensor], "outputs": [{"name": "y", "parameters": {"binary_data": binary_output}}]}
        text = json.dumps(request, indent=indent, ensure_ascii=bool(self.random.integers(2))).encode()
        if binary is not None:
            headers["Inference-Header-Content-Length"] = str(len(text))
        status, reply_headers, body = self.post(f"/v2/models/echo_{'BYTES' if datatype == 'BYTES' else datatype}/infer", text + (binary or b""), headers)
        self.assertEqual(status, 200, body[:300])
        length = reply_headers.get("Inference-Header-Content-Length")
        self.assertEqual(length is not None, binary_output)
        reply = json.loads(body[:int(length)] if length else body)
        output = reply["outputs"][0]
        self.assertEqual((output["name"], output["datatype"], output["shape"]), ("y", datatype, list(shape)))
        if binary_output:
            self.assertNotIn("data", output)
            self.assertEqual(output["parameters"]["binary_data_size"], len(body) - int(length))
        return output, body[int(length):] if length else None

    def assert_same(self, actual, expected, what):
        self.assertEqual(actual.tobytes(), expected.tobytes(), what)

    def test_numbers_survive_every_way(self):
        for name, dtype in TYPES.items():
            for round_number in range(ROUNDS):
                array = random_array(self.random, dtype)
                what = f"{name} {array.shape} round {round_number}"
                ways = [("binary", array.tobytes())]
                if name not in NO_JSON_INPUT:
                    ways += [("nested", array.tolist()), ("flat", array.flatten().tolist())]
                for way, data in ways:
                    send = {"binary": data} if way == "binary" else {"data": data, "indent": 1 if round_number % 3 == 0 else None}
                    _, raw = self.infer(name, array.shape, binary_output=True, **send)
                    self.assert_same(np.frombuffer(raw, dtype), array, f"{what} {way} to binary")
                    output, _ = self.infer(name, array.shape, **send)
                    self.assert_same(np.array(output["data"], dtype=object).astype(dtype), array, f"{what} {way} to JSON")

    def test_float_text_of_every_style_is_read_as_numpy_reads_it(self):
        styles = ["{:.9g}", "{:.17g}", "{:.3e}", "{:.12f}", "{:E}", "{:.30f}", "{!r}"]
        for round_number in range(ROUNDS):
            values = self.random.normal(size=50) * 10.0 ** self.random.integers(-30, 30, size=50)
            texts = [styles[self.random.integers(len(styles))].format(float(value)) for value in values]
            for name, dtype in (("FP32", np.float32), ("FP64", np.float64)):
                text = f'{{"inputs":[{{"name":"x","shape":[50],"datatype":"{name}","data":[{" , ".join(texts)}]}}],"outputs":[{{"name":"y","parameters":{{"binary_data":true}}}}]}}'
                status, headers, body = self.post(f"/v2/models/echo_{name}/infer", text)
                self.assertEqual(status, 200, body)
                actual = np.frombuffer(body[int(headers["Inference-Header-Content-Length"]):], dtype)
                self.assert_same(actual, np.array(json.loads(f"[{','.join(texts)}]")).astype(dtype), f"{name} round {round_number}")

    def test_strings_survive_every_way(self):
        for _ in range(ROUNDS):
            words = random_words(self.random)
            packed = pack([word.encode() for word in words])
            for send in ({"data": words}, {"binary": packed}):
                _, raw = self.infer_bytes(words, binary_output=True, **send)
                self.assertEqual(raw, packed)
                output, _ = self.infer_bytes(words, **send)
                self.assertEqual(output["data"], words)

    def infer_bytes(self, words, **send):
        return self.infer("BYTES", [len(words)], **send)

    def test_tensorflow_serving_forms(self):
        for name, dtype in TYPES.items():
            for round_number in range(ROUNDS):
                array = random_array(self.random, dtype)
                if array.size == 0:
                    continue
                what = f"{name} {array.shape} round {round_number}"
                for body, key in (({"inputs": array.tolist()}, "outputs"), ({"inputs": {"x": array.tolist()}}, "outputs"),
                                  ({"instances": array.tolist()}, "predictions"), ({"instances": [{"x": row} for row in array.tolist()]}, "predictions")):
                    status, _, reply = self.post(f"/v1/models/echo_{name}:predict", json.dumps(body))
                    self.assertEqual(status, 200, f"{what}: {reply[:300]}")
                    answer = np.array(json.loads(reply)[key], dtype=object).astype(dtype)
                    self.assertEqual(answer.shape, array.shape, what)
                    self.assert_same(answer, array, what)

    def test_tensorflow_serving_strings(self):
        for _ in range(ROUNDS):
            raw = [self.random.integers(0, 256, size=n, dtype=np.uint8).tobytes() for n in self.random.integers(0, 40, size=5)]
            body = {"instances": [{"b64": base64.b64encode(item).decode()} for item in raw]}
            status, _, reply = self.post("/v1/models/echo_BYTES:predict", json.dumps(body))
            self.assertEqual(status, 200, reply)
            decoded = [base64.b64decode(item["b64"]) if isinstance(item, dict) else item.encode() for item in json.loads(reply)["predictions"]]
            self.assertEqual(decoded, raw)
            words = random_words(self.random)
            status, _, reply = self.post("/v1/models/echo_BYTES:predict", json.dumps({"inputs": {"x": words}}))
            self.assertEqual((status, json.loads(reply)["outputs"]), (200, words))

    def test_broken_bodies_are_the_clients_fault(self):
        good = json.dumps({"id": "1", "parameters": {"a": True}, "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [[1.5, 2], [3, 4]]}]}).encode()
        predict = json.dumps({"instances": [{"x": [1.5, 2]}, {"x": [3, 4]}]}).encode()
        for path, body in (("/v2/models/echo_FP32/infer", good), ("/v1/models/echo_FP32:predict", predict)):
            for round_number in range(400):
                broken = bytearray(body)
                for _ in range(self.random.integers(1, 4)):
                    at = int(self.random.integers(len(broken)))
                    kind = self.random.integers(3)
                    if kind == 0:
                        broken[at] = int(self.random.integers(256))
                    elif kind == 1:
                        del broken[at]
                    else:
                        broken = broken[:max(at, 1)]
                status, _, reply = self.post(path, bytes(broken))
                self.assertIn(status, (200, 400, 412), f"{broken}: {reply}")
                if status == 412:
                    with self.assertRaises(ValueError, msg=f"{broken} is JSON"):
                        json.loads(broken.decode(), parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)))
                if status != 200:
                    self.assertTrue(json.loads(reply)["error"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
