"""Faults from outside: bad files, bad configuration, bad clients. The server must say what is wrong, live on, and leave other requests alone."""
import http.client
import json
import os
import pathlib
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import numpy

from ocelli_server import DATA, PROGRAM, SANITIZED, Server, dummy_config, needs_data, toy, wait_for

ONES = [1.0] * 10


def put_version(folder, number, source):
    """Copies a model's version folder in place at once."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".new-{number}"
    shutil.copytree(source, temporary)
    for path in temporary.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    temporary.rename(folder / str(number))


@needs_data
class ModelFiles(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-faults-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def config(self, *names):
        return {"model_config_list": [{"config": {"name": name, "base_path": str(self.folder / name)}} for name in names]}

    def test_cut_off_model_does_not_hurt_the_others(self):
        put_version(self.folder / "good", 1, f"{toy('dummy')}/1")
        put_version(self.folder / "bad", 1, f"{toy('dummy')}/1")
        xml = self.folder / "bad/1/dummy.xml"
        xml.write_bytes(xml.read_bytes()[: xml.stat().st_size // 2])
        with Server(self.config("good", "bad")) as server:
            self.assertEqual(server.infer("good", "b", ONES, [1, 10])["a"], [2.0] * 10)
            state = json.loads(server.get("/v1/models/bad")[2])["model_version_status"][0]
            self.assertEqual((state["state"], state["status"]["error_code"]), ("LOADING", "UNKNOWN"))
            self.assertIn("bad", server.log())
            self.assertEqual(server.get("/v2/health/ready")[0], 200)

    def test_new_version_that_is_broken_leaves_the_old_one_serving(self):
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        with Server(self.config("m")) as server:
            broken = self.folder / "m/2"
            broken.mkdir()
            (broken / "model.onnx").write_bytes(b"not a model")
            wait_for(lambda: b'"version": "2"' in server.get("/v1/models/m")[2] or b'"version":"2"' in server.get("/v1/models/m")[2], "version 2 is seen")
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)
            shutil.rmtree(broken)
            put_version(self.folder / "m", 3, f"{toy('dummy')}/1")
            wait_for(lambda: server.get("/v2/models/m/versions/3/ready")[0] == 200, "version 3 is served")
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)

    def test_folders_removed_while_serving(self):
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        put_version(self.folder / "other", 1, f"{toy('dummy')}/1")
        with Server(self.config("m", "other")) as server:
            shutil.rmtree(self.folder / "other")
            shutil.rmtree(self.folder / "m/1")
            wait_for(lambda: server.get("/v2/models/m/ready")[0] != 200, "the removed version is retired")
            status, _, body = server.post("/v2/models/m/infer", {"inputs": [{"name": "b", "shape": [1, 10], "datatype": "FP32", "data": ONES}]})
            self.assertEqual(status, 404, body)
            # A whole model folder that vanishes may be a share that is away for a moment: what is loaded goes on.
            self.assertEqual(server.infer("other", "b", ONES, [1, 10])["a"], [2.0] * 10)

    def test_config_half_written_changes_nothing(self):
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        with Server(self.config("m")) as server:
            good = server.config_path.read_text()
            server.config_path.write_text(good[: len(good) // 2])
            status, _, body = server.post("/v1/config/reload", b"")
            self.assertGreaterEqual(status, 400, body)
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)
            server.write_config(good)
            self.assertIn(server.post("/v1/config/reload", b"")[0], (200, 201))
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)

    def test_cache_that_cannot_be_written(self):
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        blocked = self.folder / "file"
        blocked.write_text("a file where a folder should be")
        with Server(self.config("m"), flags=["--cache_dir", blocked / "cache"]) as server:
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)

    def test_a_full_file_size_limit(self):
        """`ulimit -f`: every write beyond it fails, which ends nothing and is told where it still can be."""
        limit = 1 << 20
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        (self.folder / "large/1").mkdir(parents=True)
        shutil.copy(DATA / "models/classification/squeezenet/SqueezeNet_fp32_dynbatch.onnx", self.folder / "large/1/model.onnx")
        log, access, cache = self.folder / "server.log", self.folder / "access.log", self.folder / "cache"
        for path in (log, access):
            path.write_bytes(b"x" * (limit - 100))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            server = Server(self.config("m", "large"), flags=["--log_path", log, "--access_log", "text", "--access_log_path", access, "--cache_dir", cache]).__enter__()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        try:
            self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)
            self.assertEqual(server.get("/v2/models/large/ready")[0], 200)
            self.assertIn(f"log_path {log} cannot be written, lines are missing there: ", server.log())
            self.assertEqual(server.log().count(f"access_log_path {access} cannot be written, lines are missing there: File too large"), 1)
            self.assertIn("the model cache", server.log())
        finally:
            server.__exit__(None, None, None)

    def test_cache_on_a_full_disk(self):
        put_version(self.folder / "m", 1, f"{toy('dummy')}/1")
        full = self.folder / "full"
        full.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(full)], capture_output=True, check=False).returncode != 0:
            self.skipTest("mounting a small tmpfs needs root")
        try:
            with Server(self.config("m"), flags=["--cache_dir", full]) as server:
                self.assertEqual(server.infer("m", "b", ONES, [1, 10])["a"], [2.0] * 10)
        finally:
            subprocess.run(["umount", "-l", str(full)], check=False)


@needs_data
class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(dummy_config()).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def still_serves(self):
        self.assertEqual(self.server.infer("dummy", "b", ONES, [1, 10])["a"], [2.0] * 10)

    def check_refused(self, body, headers=None, path="/v2/models/dummy/infer", codes=range(400, 500)):
        status, _, reply = self.server.post(path, body, headers=headers)
        self.assertIn(status, codes, reply[:300])
        self.assertIn("error", json.loads(reply), reply[:300])
        self.still_serves()
        return json.loads(reply)["error"]

    def test_bad_json(self):
        for body in (b"", b"{", b"[]", b"nonsense", b'{"inputs":', b"\xff\xfe\x00", b'{"inputs":{}}', b'{"inputs":[]}', b'{"inputs":[1]}',
                     b'{"inputs":[{"name":1,"shape":[1,10],"datatype":"FP32","data":[]}]}'):
            self.check_refused(body)
        self.check_refused(b"[" * 100000)
        self.check_refused(b'{"inputs":[{"name":"b","shape":[1,10],"datatype":"FP32","data":' + b"[" * 5000 + b"]" * 5000 + b"}]}")

    def test_wrong_values(self):
        def tensor(**changes):
            return {"inputs": [{"name": "b", "shape": [1, 10], "datatype": "FP32", "data": ONES, **changes}]}
        self.assertEqual(self.check_refused(tensor(shape=[1, 9], data=[1.0] * 9)), "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b")
        self.assertEqual(self.check_refused(tensor(datatype="INT32", data=[1] * 10)), "Invalid input precision - Expected: FP32; Actual: INT32; input name: b")
        self.assertEqual(self.check_refused(tensor(shape=[2, 10], data=ONES * 2)), "Invalid input batch size - Expected: 1; Actual: 2; input name: b")
        for changes in ({"shape": [-1, 10]}, {"shape": [1 << 62, 1 << 62]}, {"shape": "x"}, {"datatype": "FP99"}, {"name": "nope"}, {"data": [1.0] * 9},
                        {"data": ["1"] * 10}, {"data": [None] * 10}):
            self.check_refused(tensor(**changes))
        self.check_refused(json.dumps(tensor(data=[float("nan")] * 10)).encode())
        self.check_refused(json.dumps(tensor(data=[float("inf")] * 10)).encode())

    def test_binary_lengths_that_lie(self):
        head = json.dumps({"inputs": [{"name": "b", "shape": [1, 10], "datatype": "FP32", "parameters": {"binary_data_size": 40}}]}).encode()
        data = struct.pack("<10f", *ONES)
        for length, body in ((len(head), head + data[:-1]), (len(head) + 99, head + data), ("abc", head + data), (-1, head + data), (1 << 70, head + data),
                             (0, head + data)):
            self.check_refused(body, {"Inference-Header-Content-Length": str(length)})
        for size in (-1, 39, 1 << 40, 1.5, "x"):
            lying = head.replace(b"40}", json.dumps(size).encode() + b"}")
            self.check_refused(lying + data, {"Inference-Header-Content-Length": str(len(lying))})

    def test_half_a_request_and_gone(self):
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", self.server.rest_port)) as client:
                client.sendall(b"POST /v2/models/dummy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
        self.still_serves()

    def test_client_that_reads_nothing(self):
        request = b"GET /v2/models/dummy HTTP/1.1\r\nHost: x\r\n\r\n"
        before = self.server.resident_kb()
        with socket.create_connection(("127.0.0.1", self.server.rest_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(2)
            sent = 0
            try:
                while sent < 64 << 20:  # the server must stop reading long before
                    sent += client.send(request * 1000)
            except TimeoutError:
                pass
            self.still_serves()
            self.assertLess(sent, 64 << 20, "the server went on reading requests whose replies nobody takes")
            if not SANITIZED:
                self.assertLess(self.server.resident_kb() - before, 64 << 10)

    def test_ten_thousand_idle_connections(self):
        wanted, (soft, hard) = 10000, resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < wanted + 200:
            self.skipTest(f"open files are limited to {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted * 2 + 500), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with Server(dummy_config(), flags=["--max_connections", "11000"]) as server:
            before = server.resident_kb()
            idle = [socket.create_connection(("127.0.0.1", server.rest_port), timeout=10) for _ in range(wanted)]
            try:
                self.assertEqual(server.infer("dummy", "b", ONES, [1, 10])["a"], [2.0] * 10)
                if not SANITIZED:
                    self.assertLess((server.resident_kb() - before) / wanted, 8, "KiB for each idle connection")
            finally:
                for client in idle:
                    client.close()

    def test_a_server_with_one_door_tells_whom_it_refuses(self):
        with Server(dummy_config(), flags=["--max_connections", "2"], grpc=False) as server:
            def let_in():  # not before the server has noticed that the connections that asked whether it is ready are closed
                client = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=10)
                client.request("GET", "/v2/health/live")
                reply = client.getresponse()
                reply.read()
                return client if reply.status == 200 else client.close()

            kept = [wait_for(let_in, "a client is let in") for _ in range(2)]
            try:
                status, _, body = server.get("/v2/health/live")
                self.assertEqual((status, json.loads(body)), (503, {"error": "Too many connections. Limit: 2"}))
            finally:
                for client in kept:
                    client.close()
            wait_for(let_in, "there is room again").close()


@needs_data
class CompressedBodies(unittest.TestCase):
    def test_what_comes_out_is_held_to_the_limit_of_bodies(self):
        import gzip

        import tritonclient.grpc as triton

        with Server(dummy_config(), flags=["--max_body_bytes", "4096"]) as server:
            body = json.dumps({"inputs": [{"name": "b", "shape": [1, 10], "datatype": "FP32", "data": ONES}]}).encode()
            for size, expected in ((0, 200), (4000, 413), (1 << 20, 413)):
                status, _, reply = server.post("/v2/models/dummy/infer", gzip.compress(body + b" " * size), headers={"Content-Encoding": "gzip"})
                self.assertEqual(status, expected, reply)
            self.assertEqual(json.loads(reply)["error"], "Decompressed request body too large. Limit: 4096 bytes")
            with triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
                def infer(width):
                    tensor = triton.InferInput("b", [1, width], "FP32")
                    tensor.set_data_from_numpy(numpy.ones((1, width), numpy.float32))
                    return client.infer("dummy", [tensor], compression_algorithm="gzip").as_numpy("a")

                self.assertEqual(infer(10).tolist(), [[2.0] * 10])
                with self.assertRaises(triton.InferenceServerException) as raised:
                    infer(1 << 20)
                self.assertEqual(raised.exception.status(), "StatusCode.RESOURCE_EXHAUSTED", raised.exception.message())
            self.assertEqual(server.infer("dummy", "b", ONES, [1, 10])["a"], [2.0] * 10)


class Ports(unittest.TestCase):
    def test_second_server_on_the_same_port_says_so(self):
        with Server({"model_config_list": []}) as first:
            for flag, port in (("--rest_port", first.rest_port), ("--port", first.grpc_port)):
                second = subprocess.run([PROGRAM, "serve", "--config_path", str(first.config_path), flag, str(port)], capture_output=True, text=True, timeout=60,
                                        check=False)
                self.assertEqual(second.returncode, 1, second.stdout + second.stderr)
                self.assertIn(str(port), second.stdout + second.stderr)
            self.assertEqual(first.get("/v2/health/live")[0], 200)


if __name__ == "__main__":
    unittest.main()
