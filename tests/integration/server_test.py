"""The program as a whole: start-up, doors, exit codes, shutdown, access log, keys, memory. Simulated devices stand in for slow models."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from ocelli_server import LEAK_CHECK_DIED, OPTIMIZED, PROGRAM, SANITIZED, SANITIZER_REPORT, Server, dummy_config, free_port, needs_data, toy, wait_for

SIGNATURE = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 4]}]}
ONES = [1.0] * 4
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class SimulatedModel:
    """A folder with a model that a simulated device runs, and the flags that serve it."""

    def __init__(self, **device):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-simulated-"))
        (self.folder / "m/1").mkdir(parents=True)
        (self.folder / "m/1/model.onnx").write_bytes(b"not read by a simulated device")
        settings = {"devices": [{"name": "SIM", **device}], "signature": SIGNATURE}
        self.flags = ["--model_name", "m", "--model_path", self.folder / "m", "--target_device", "SIM",
                      "--simulated_devices", json.dumps(settings), "--dynamic_batching", "off"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


class InBackground(threading.Thread):
    """One inference on a thread of its own; result is (status, body), or the exception."""

    def __init__(self, server, timeout=30):
        super().__init__()
        self.server, self.timeout, self.result = server, timeout, None
        self.start()

    def run(self):
        body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ONES}]}
        try:
            status, _, reply = self.server.post("/v2/models/m/infer", body, timeout=self.timeout)
            self.result = (status, reply)
        except OSError as error:
            self.result = error


def run(*arguments, timeout=60, **environment):
    """Where the leak check itself died, once more without it."""
    def once(**more):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment, **more}, check=False)

    done = once()
    if not SANITIZED or SANITIZER_REPORT.search(done.stderr) or not LEAK_CHECK_DIED.search(done.stderr):
        return done
    return once(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


def in_flight(server):
    """Requests that the model is working on, by the server's own page."""
    match = re.search(r'^ovms_current_requests\{name="m",version="1"\} (\d+)', server.get("/metrics")[2].decode(), re.MULTILINE)
    return int(match[1]) if match else 0


@needs_data
class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        flags = ["--model_name", "dummy", "--model_path", toy("dummy"), "--metrics_enable"]
        cls.server = Server(flags=flags).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def test_live_ready_and_metadata(self):
        self.assertEqual(self.server.get("/v2/health/live")[0::2], (200, b""))
        self.assertEqual(self.server.get("/v2/health/ready")[0::2], (200, b""))
        metadata = json.loads(self.server.get("/v2/models/dummy")[2])
        self.assertEqual(metadata["inputs"], [{"name": "b", "datatype": "FP32", "shape": [1, 10]}])
        self.assertEqual(metadata["platform"], "OpenVINO")
        self.assertEqual(json.loads(self.server.get("/v2")[2])["name"], "OpenVINO Model Server")

    def test_infer(self):
        self.assertEqual(self.server.infer("dummy", "b", list(range(10)), [1, 10])["a"], [float(i) for i in range(1, 11)])

    def test_the_log_lines_that_tools_wait_for_in_their_order(self):
        wait_for(lambda: "Started model manager thread" in self.server.log(), "the repository says that it is up")
        log = self.server.log()
        lines = [f"Started gRPC server on port {self.server.grpc_port}", f"REST server listening on port {self.server.rest_port} with ",
                 "Available devices for Open VINO: CPU", "Loaded model dummy; version: 1; batch size: 1; No of InferRequests: ",
                 'STATUS CHANGE: Version 1 of model dummy status change. New status: ( "state": "AVAILABLE", "error_code": "OK" )',
                 "Started model manager thread"]
        positions = [log.find(line) for line in lines]
        self.assertNotIn(-1, positions, log)
        self.assertEqual(positions, sorted(positions), log)
        self.assertRegex(log, r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\[\d+\]\[serving\]\[info\]\[\w+\.cpp:\d+\] ")
        self.assertRegex(log, r"REST server listening on port \d+ with \d+ unary threads and \d+ streaming threads\n")

    def test_metrics_count_requests(self):
        def successes():
            page = self.server.get("/metrics")[2].decode()
            return int(re.search(r'^ovms_requests_success\{api="KServe",interface="REST",method="ModelInfer",name="dummy",version="1"\} (\d+)', page,
                                 re.MULTILINE)[1]), page

        before, _ = successes()
        self.server.infer("dummy", "b", [0.0] * 10, [1, 10])
        after, page = successes()
        self.assertEqual(after, before + 1)
        self.assertRegex(page, r'ocelli_model_device\{device="CPU",name="dummy",precision="\w+",reason="(?:[^"\\]|\\.)*",runtime="OpenVINO",state="serving",target="CPU",version="1"\} 1')
        self.assertGreater(int(re.search(r"^ocelli_device_runs\{.*\} (\d+)", page, re.MULTILINE)[1]), 0)
        self.assertGreaterEqual(int(re.search(r'^ocelli_connections\{interface="REST"\} (\d+)', page, re.MULTILINE)[1]), 1)

    def test_bench_measures_that_server(self):
        done = run("bench", "--model_path", toy("dummy"), "--model_name", "dummy", "--ways", "rest,grpc", "--duration", "1", "--rounds", "1",
                   "--concurrency", "2", "--rest_address", f"127.0.0.1:{self.server.rest_port}", "--grpc_address",
                   f"127.0.0.1:{self.server.grpc_port}", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        results = json.loads(done.stdout)["results"]
        self.assertEqual([(line["way"], line["errors"]) for line in results], [("REST", 0), ("gRPC", 0)])
        self.assertGreater(min(line["requests"] for line in results), 10)

    def test_bench_fails_where_every_request_fails(self):
        done = run("bench", "--model_path", toy("dummy"), "--model_name", "nobody", "--ways", "raw,rest", "--duration", "1", "--rounds", "1",
                   "--concurrency", "1", "--rest_address", f"127.0.0.1:{self.server.rest_port}")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"^REST at concurrency 1: all \d+ requests failed; first error: .+\n$")
        self.assertRegex(done.stdout, r"(?m)^raw +1 ")


class ExitCodes(unittest.TestCase):
    def check_start_fails(self, expected, *flags, code=1):
        done = run("--rest_bind_address", "127.0.0.1", "--grpc_bind_address", "127.0.0.1", *flags)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(expected, done.stdout + done.stderr)

    def test_a_model_that_is_not_there(self):
        self.check_start_fails("Couldn't start model manager", "--model_name", "m", "--model_path", "/no/such/model", "--port", free_port())

    def test_a_config_file_that_is_not_there_or_broken(self):
        self.check_start_fails("/no/such/config.json", "--config_path", "/no/such/config.json", "--port", free_port())
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write("{ half")
            file.flush()
            self.check_start_fails(file.name, "--config_path", file.name, "--port", free_port())

    def test_an_unknown_metric(self):
        with SimulatedModel() as model:
            self.check_start_fails("Invalid name in metrics_list", *model.flags, "--rest_port", free_port(), "--metrics_enable", "--metrics_list",
                                   "ovms_nonsense")

    def test_a_busy_port(self):
        with SimulatedModel() as model, socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            for option in ("--port", "--rest_port"):
                self.check_start_fails(str(port), *model.flags, option, port)

    def test_two_servers_on_one_port(self):
        with SimulatedModel() as model, Server(flags=model.flags) as server:
            self.check_start_fails(str(server.rest_port), *model.flags, "--rest_port", server.rest_port)
            self.assertEqual(len(server.infer("m", "x", ONES, [1, 4])["y"]), 4)

    def test_a_certificate_that_is_not_there(self):
        with SimulatedModel() as model:
            self.check_start_fails("/no/cert.pem", *model.flags, "--rest_port", free_port(), "--rest_certificate", "/no/cert.pem", "--rest_key",
                                   "/no/key.pem")


class Shutdown(unittest.TestCase):
    def start(self, stack, *more, service_time_us=1_000_000, **device):
        model = stack.enter_context(SimulatedModel(service_time_us=service_time_us, **device))
        server = Server(flags=[*model.flags, "--metrics_enable", *more])
        server.__enter__()
        stack.callback(shutil.rmtree, server.folder, True)
        stack.callback(server.process.wait)
        stack.callback(server.process.kill)
        return server

    def test_what_is_in_flight_is_answered_and_the_exit_code_is_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.ExitStack() as stack:
                server = self.start(stack)
                requests = [InBackground(server) for _ in range(2)]
                wait_for(lambda: in_flight(server) == 2, "both requests are in the model's hands")
                server.process.send_signal(number)
                self.assertEqual(server.process.wait(timeout=20), 0, server.log())
                for request in requests:
                    request.join()
                    self.assertIsInstance(request.result, tuple, request.result)
                    self.assertEqual(request.result[0], 200, request.result)
                self.assertNotIn("cut off", server.log())

    def test_nobody_is_let_in_while_it_ends(self):
        with contextlib.ExitStack() as stack:
            server = self.start(stack)
            request = InBackground(server)
            wait_for(lambda: in_flight(server) == 1, "the request is in the model's hands")
            server.process.send_signal(signal.SIGTERM)

            def refused():
                try:
                    socket.create_connection(("127.0.0.1", server.rest_port), timeout=5).close()
                    return False
                except OSError:
                    return True

            wait_for(refused, "new connections are refused")
            request.join()
            self.assertEqual(request.result[0], 200)
            self.assertEqual(server.process.wait(timeout=20), 0)

    def test_a_request_that_takes_too_long_is_cut_off(self):
        with contextlib.ExitStack() as stack:
            server = self.start(stack, "--shutdown_timeout_seconds", "1", service_time_us=4_000_000)
            request = InBackground(server)
            wait_for(lambda: in_flight(server) == 1, "the request is in the model's hands")
            begin = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(timeout=20), 0, server.log())
            self.assertLess(time.monotonic() - begin, 3.5)
            request.join()
            self.assertFalse(isinstance(request.result, tuple) and request.result[0] == 200, request.result)

    def test_ctrl_c_again_ends_it_at_once(self):
        with contextlib.ExitStack() as stack:
            server = self.start(stack, service_time_us=4_000_000)
            request = InBackground(server)
            wait_for(lambda: in_flight(server) == 1, "the request is in the model's hands")
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "Shutting down" in server.log(), "the first signal was heard")

            def ended():
                server.process.send_signal(signal.SIGINT)
                return server.process.poll() is not None

            wait_for(ended, "the program gives up what is in flight", limit_s=3)
            self.assertEqual(server.process.returncode, 1)
            request.join()

    def test_no_number_of_sigterms_drops_what_is_in_flight(self):
        with contextlib.ExitStack() as stack:
            server = self.start(stack)
            request = InBackground(server)
            wait_for(lambda: in_flight(server) == 1, "the request is in the model's hands")

            def ended():
                server.process.send_signal(signal.SIGTERM)
                return server.process.poll() is not None

            wait_for(ended, "the program ends by itself")
            self.assertEqual(server.process.returncode, 0, server.log())
            request.join()
            self.assertEqual(request.result[0], 200, request.result)

    def test_a_signal_is_heard_while_a_model_loads(self):
        with SimulatedModel(compile_time_us=30_000_000) as model:
            server = Server(flags=[*model.flags, "--shutdown_timeout_seconds", "1"], ready=False)
            with server:
                wait_for(lambda: server.process.poll() is not None or "REST server listening" in server.log(), "the doors are open")
                self.assertEqual(server.get("/v2/health/live")[0], 200)
                self.assertEqual(server.get("/v2/health/ready")[0], 503)
                begin = time.monotonic()
                self.assertEqual(server.stop(), 0)
                self.assertLess(time.monotonic() - begin, 15)
                self.assertNotIn("Couldn't start model manager", server.log())
                self.assertNotIn("Ended with work unfinished", server.log(), "a device that can be interrupted is")


class AccessLogAndKeys(unittest.TestCase):
    def test_access_log_holds_the_trace_of_the_caller(self):
        with SimulatedModel() as model, tempfile.NamedTemporaryFile("r") as file:
            flags = [*model.flags, "--access_log", "json", "--access_log_path", file.name]
            with Server(flags=flags) as server:
                server.get("/v2/models/m", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
                rows = lambda: map(json.loads, pathlib.Path(file.name).read_text(encoding="utf-8").splitlines())  # noqa: E731
                line = wait_for(lambda: next((row for row in rows() if row["path"] == "/v2/models/m"), None), "the line is written")
                self.assertEqual((line["trace_id"], line["parent_id"], line["status"], line["method"], line["interface"]),
                                 (TRACE, "00f067aa0ba902b7", 200, "GET", "REST"))
                self.assertGreater(line["bytes_out"], 0)

    def test_scopes_of_the_key(self):
        bearer = {"Authorization": "Bearer secret"}
        infer = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ONES}]})
        # What each scope answers: infer without key, infer with key, health without key, /v3/models without key.
        for scope, expected in (("v3", (200, 200, 200, 401)), ("inference", (401, 200, 200, 401)), ("all", (401, 200, 401, 401))):
            with self.subTest(scope), SimulatedModel() as model, tempfile.NamedTemporaryFile("w") as key:
                key.write("secret\n")
                key.flush()
                flags = [*model.flags, "--api_key_file", key.name, "--api_key_scope", scope, "--metrics_enable"]
                with Server(flags=flags, ready=False) as server:
                    wait_for(lambda: "Started model manager thread" in server.log(), "the server is up")
                    self.assertEqual((server.post("/v2/models/m/infer", infer)[0], server.post("/v2/models/m/infer", infer, headers=bearer)[0],
                                      server.get("/v2/health/ready")[0], server.get("/v3/models")[0]), expected)
                    self.assertEqual(server.post("/v2/models/m/infer", infer, headers={"Authorization": "Bearer wrong"})[0], expected[0])

    def test_rest_over_tls(self):
        if shutil.which("openssl") is None:
            self.skipTest("the openssl program makes the certificate")
        with SimulatedModel() as model:
            certificate, key = model.folder / "cert.pem", model.folder / "key.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
            flags = [*model.flags, "--rest_certificate", certificate, "--rest_key", key]
            with Server(flags=flags, ready=False) as server:
                wait_for(lambda: "Started model manager thread" in server.log(), "the server is up")
                context = ssl.create_default_context(cafile=certificate)
                with socket.create_connection(("127.0.0.1", server.rest_port), timeout=10) as plain:
                    with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                        secure.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                        self.assertTrue(secure.recv(100).startswith(b"HTTP/1.1 200"))


class Limits(unittest.TestCase):
    def test_requests_without_a_deadline_get_the_servers(self):
        with SimulatedModel(service_time_us=2_000_000) as model, Server(flags=[*model.flags, "--request_timeout_ms", "200"]) as server:
            request = InBackground(server)
            request.join()
            self.assertEqual(request.result[0], 504, request.result)

    def test_more_requests_than_may_wait_are_refused(self):
        with SimulatedModel(service_time_us=1_000_000) as model, Server(flags=[*model.flags, "--max_queued_requests", "1", "--metrics_enable"]) as server:
            requests = [InBackground(server) for _ in range(2)]
            wait_for(lambda: in_flight(server) == 2, "one request runs, one waits")
            third = InBackground(server)
            third.join()
            self.assertEqual(third.result[0], 429, third.result)
            for request in requests:
                request.join()
                self.assertEqual(request.result[0], 200, request.result)


class Footprint(unittest.TestCase):
    @unittest.skipIf(SANITIZED or "QEMU_LD_PREFIX" in os.environ, "the sanitizer, or the emulator, takes memory of its own")
    @unittest.skipUnless(OPTIMIZED, "a program for debuggers, or one that counts its lines, is larger")
    def test_idle_memory_without_a_model(self):
        with Server({"model_config_list": []}) as server:
            # Half of what Triton takes idle, on the machine where both were measured.
            self.assertLess(server.resident_kb(), 23_000)

    def test_metrics_are_off_unless_asked_for(self):
        with Server({"model_config_list": []}) as server:
            self.assertEqual(server.get("/metrics")[0], 400)
        with Server({"model_config_list": [], "monitoring": {"metrics": {"enable": True, "metrics_list": ["process_threads"]}}}) as server:
            status, headers, page = server.get("/metrics")
            self.assertEqual((status, headers["content-type"].split(";")[0]), (200, "text/plain"))
            self.assertRegex(page.decode(), r"^# HELP process_threads .*\n# TYPE process_threads gauge\nprocess_threads \d+\n$")

    def test_a_reload_changes_the_metrics(self):
        def config(**metrics):
            return {"model_config_list": [], "monitoring": {"metrics": metrics}}
        with Server({"model_config_list": []}, flags=["--file_system_poll_wait_seconds", "0"]) as server:
            for metrics, names in (({"enable": True, "metrics_list": ["process_threads"]}, {"process_threads"}),
                                   ({"enable": True, "metrics_list": ["process_open_fds"]}, {"process_open_fds"})):
                server.write_config(config(**metrics))
                self.assertEqual(server.post("/v1/config/reload", b"")[0], 201)
                status, _, page = server.get("/metrics")
                self.assertEqual(status, 200)
                self.assertEqual(set(re.findall(r"(?m)^\w+", page.decode())), names)
            server.write_config(config(enable=True, metrics_list=["nonsense"]))
            self.assertNotIn(server.post("/v1/config/reload", b"")[0], (200, 201))
            self.assertIn("monitoring: Invalid name in metrics_list - nonsense", server.log())
            self.assertEqual(server.get("/metrics")[0], 200, "what was configured before stays")
            server.write_config({"model_config_list": []})
            self.assertEqual(server.post("/v1/config/reload", b"")[0], 201)
            self.assertEqual(server.get("/metrics")[0], 400)

    def test_bench_of_a_simulated_model(self):
        with SimulatedModel(service_time_us=2000) as model:
            done = run("bench", *model.flags, "--ways", "raw,socket,servable,rest,grpc", "--duration", "1", "--rounds", "2", "--concurrency", "2")
            self.assertEqual(done.returncode, 0, done.stderr)
            for way in ("raw", "socket", "servable", "REST", "gRPC"):
                self.assertRegex(done.stdout, rf"(?m)^{way} +2 +\d+\.\d .* 0$")
            self.assertIn("####", done.stdout)

    def test_bench_of_a_model_whose_name_is_no_path(self):
        with SimulatedModel() as model:
            done = run("bench", *model.flags, "--model_name", "ä b/c?%20", "--ways", "rest", "--duration", "1", "--rounds", "1", "--concurrency", "1")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_output_that_is_lost_is_told(self):
        for arguments in (["options", "--json"], ["version"], ["help"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(b"ocelli failed: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
