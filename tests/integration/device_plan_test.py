"""Device plans through the whole program: simulated devices with speeds and faults, and two real runtimes of the CPU in one MULTI."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import tempfile
import threading
import unittest

import numpy
import onnxruntime

from ocelli_server import Server, wait_for

MODELS = pathlib.Path(os.environ["OCELLI_BUILD_DIR"]).resolve() / "test_models"
SIGNATURE = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 4]}]}


FOLDER = tempfile.TemporaryDirectory(prefix="ocelli-plan-")  # simulated devices read the name of a model file only


def setUpModule():
    (pathlib.Path(FOLDER.name) / "1").mkdir()
    (pathlib.Path(FOLDER.name) / "1" / "model.onnx").touch()


def tearDownModule():
    FOLDER.cleanup()


def flags(target, devices, *more, **plugin_config):
    settings = json.dumps({"devices": devices, "signature": SIGNATURE})
    given = ["--plugin_config", json.dumps(plugin_config)] if plugin_config else []
    return ["--model_name", "m", "--model_path", FOLDER.name, "--target_device", target, "--simulated_devices", settings,
            "--dynamic_batching", "off", "--metrics_enable", *given, *more]


def devices(server):
    """The execution reports of the model's metadata by target."""
    return {report["target"]: report for report in json.loads(server.get("/v2/models/m")[2])["execution"]}


def state(server, target, wanted):
    return wait_for(lambda: devices(server)[target]["state"] == wanted and devices(server)[target], f"{target} is {wanted}")


class Load:
    """Closed-loop clients in the background; what they were answered."""

    def __init__(self, server, clients=4):
        self.server, self.statuses, self.stopped = server, [], threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(clients)]

    def work(self):
        body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.rest_port, timeout=30)
        while not self.stopped.is_set():
            connection.request("POST", "/v2/models/m/infer", body)
            reply = connection.getresponse()
            self.statuses.append((reply.status, reply.read()))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def failures(self):
        return [answer for answer in self.statuses if answer[0] != 200]


class Simulated(unittest.TestCase):
    def test_auto_moves_from_the_cpu_to_the_gpu_under_load(self):
        gpu = {"name": "GPU", "kind": "gpu", "service_time_us": 500, "compile_time_us": 700_000, "precision": "FP16"}
        with Server(flags=flags("AUTO:GPU,CPU", [gpu, {"name": "CPU", "service_time_us": 2000}])) as server, Load(server) as load:
            self.assertEqual(devices(server)["GPU"]["state"], "compiling")
            self.assertEqual(devices(server)["CPU"]["state"], "serving")
            serving = state(server, "GPU", "serving")
            self.assertEqual((serving["runtime"], serving["precision"], serving["reason"]), ("Simulated", "FP16", ""))
            self.assertGreaterEqual(serving["compile_ms"], 700)
            self.assertIn("GPU is preferred", state(server, "CPU", "standby")["reason"])
            answered = len(load.statuses)
            wait_for(lambda: len(load.statuses) > answered + 50, "answers come from the GPU")
            page = server.get("/metrics")[2].decode()
            self.assertRegex(page, r'ocelli_model_device\{device="GPU",name="m",precision="FP16",reason="",runtime="Simulated",state="serving",target="GPU",version="1"\} 1')
            self.assertRegex(page, r'ocelli_model_device\{device="CPU",.*state="standby",target="CPU"')
            busy = float(re.search(r'ocelli_device_utilization\{device="GPU",.*\} (\S+)', page).group(1))
            self.assertTrue(0 < busy <= 1, busy)
            self.assertIn("stands by, and its memory is given back", server.log())
        self.assertEqual(load.failures(), [])

    def test_a_device_that_refuses_is_passed_over_with_its_reason(self):
        gpu = {"name": "GPU", "compile_error": "operator Foo is not supported"}
        with Server(flags=flags("AUTO:GPU,CPU", [gpu, {"name": "CPU"}])) as server:
            self.assertIn("operator Foo is not supported", state(server, "GPU", "failed")["reason"])
            self.assertEqual(server.infer("m", "x", [1, 2, 3, 4], [1, 4])["y"], [1, 2, 3, 4])
        with Server(flags=flags("GPU", [gpu]), ready=False) as server:
            self.assertEqual(server.process.wait(timeout=60), 1)
            self.assertIn("operator Foo is not supported", server.log())
            server.stop = lambda *_: 0

    def test_death_under_load_costs_no_request_and_the_device_comes_back(self):
        gpu = {"name": "GPU", "service_time_us": 1000, "die_after_runs": 150, "lost_for_us": 1_200_000}
        with Server(flags=flags("MULTI:GPU,CPU", [gpu, {"name": "CPU", "service_time_us": 4000}])) as server, Load(server) as load:
            wait_for(lambda: devices(server)["GPU"]["state"] != "serving", "the GPU dies")
            lost = devices(server)["GPU"]
            self.assertIn(lost["state"], ("lost", "compiling"))
            state(server, "GPU", "serving")
            self.assertIn("device GPU is out of use", server.log())
        self.assertEqual(load.failures(), [])

    def test_auto_without_a_second_device_in_memory_waits_for_the_cpu(self):
        gpu = {"name": "GPU", "service_time_us": 1000, "die_after_runs": 150, "lost_for_us": 800_000}
        cpu = {"name": "CPU", "service_time_us": 2000, "compile_time_us": 200_000}
        with Server(flags=flags("AUTO:GPU,CPU", [gpu, cpu])) as server:
            state(server, "CPU", "standby")
            with Load(server) as load:
                state(server, "CPU", "serving")
                state(server, "GPU", "serving")
                state(server, "CPU", "standby")
            self.assertEqual(load.failures(), [])

    def test_the_only_device_answers_503_while_it_is_out(self):
        gpu = {"name": "GPU", "service_time_us": 1000, "die_after_runs": 20, "lost_for_us": 1_500_000}
        with Server(flags=flags("GPU", [gpu])) as server:
            body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
            refused = wait_for(lambda: next((r for r in [server.post("/v2/models/m/infer", body)] if r[0] != 200), None), "the device dies")
            self.assertEqual(refused[0], 503)
            self.assertIn(b"GPU is out of use", refused[2])
            wait_for(lambda: server.post("/v2/models/m/infer", body)[0] == 200, "the device is back")
            self.assertEqual(devices(server)["GPU"]["state"], "serving")

    def test_cumulative_throughput_adds_up_and_lists_are_priorities(self):
        # 4 ms on 2 streams and 8 ms on 4: 500 runs per second each.
        sims = [{"name": "A", "service_time_us": 4000, "streams": 2}, {"name": "B", "service_time_us": 8000, "streams": 4}]
        with Server(flags=flags("MULTI:A,B", sims)) as server:
            for _ in range(20):
                server.infer("m", "x", [1, 2, 3, 4], [1, 4])
            runs = self.runs(server)
            self.assertLessEqual(runs["B"], runs["A"] / 10 + 5, "an idle first device takes everything")
            body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
            before = self.runs(server)
            with concurrent.futures.ThreadPoolExecutor(24) as pool:
                statuses = list(pool.map(lambda _: server.post("/v2/models/m/infer", body)[0], range(600)))
            self.assertEqual(set(statuses), {200})
            after = self.runs(server)
            self.assertGreater(after["B"] - before["B"], 100, "the second works as well under load")

    def runs(self, server):
        page = server.get("/metrics")[2].decode()
        return {name: int(count) for name, count in re.findall(r'ocelli_device_runs\{device="(\w+)".*\} (\d+)', page)}

    def test_probe_uses_the_faster_device(self):
        sims = [{"name": "GPU", "service_time_us": 9000}, {"name": "CPU", "service_time_us": 1000}]
        with Server(flags=flags("AUTO:GPU,CPU", sims, "--probe")) as server:
            wait_for(lambda: "faster" in devices(server)["GPU"]["reason"], "the GPU is measured and passed over")
            self.assertEqual(devices(server)["CPU"]["state"], "serving")

    def test_auto_prefers_a_gpu_with_its_own_memory_and_leaves_out_what_it_is_told(self):
        sims = [{"name": "GPU.0", "kind": "gpu", "service_time_us": 1000}, {"name": "GPU.1", "kind": "gpu", "discrete": True, "service_time_us": 1000},
                {"name": "CPU", "kind": "cpu", "service_time_us": 1000}]
        with Server(flags=flags("AUTO:-NVIDIA", sims)) as server:
            state(server, "GPU.1", "serving")
            self.assertEqual(list(devices(server)), ["GPU.1", "GPU.0", "CPU"])
        with Server(flags=flags("AUTO:-NVIDIA,-GPU.1", sims)) as server:
            state(server, "GPU.0", "serving")
            self.assertEqual(list(devices(server)), ["GPU.0", "CPU"])

    def test_num_streams_and_a_hint_are_refused_together(self):
        with Server(flags=flags("AUTO:GPU", [{"name": "GPU"}], NUM_STREAMS="2", PERFORMANCE_HINT="LATENCY"), ready=False) as server:
            self.assertEqual(server.process.wait(timeout=60), 1)
            self.assertIn("NUM_STREAMS and PERFORMANCE_HINT cannot be given together", server.log())
            server.stop = lambda *_: 0


@unittest.skipUnless((MODELS / "product").exists(), f"no generated models at {MODELS}: run ctest -R generate_test_models first")
class TwoRealRuntimes(unittest.TestCase):
    def start(self, target, config, ready=True):
        return Server(ready=ready, flags=["--model_name", "m", "--model_path", MODELS / "product" / "model.onnx", "--target_device", target,
                                          "--plugin_config", json.dumps(config)])

    def test_each_device_gets_the_keys_that_it_knows(self):
        with tempfile.TemporaryDirectory(prefix="ocelli-cache-") as cache:
            config = {"ENABLE_MMAP": "NO", "CACHE_DIR": cache, "CPU_THREADS_NUM": "1", "session.intra_op.allow_spinning": "0"}
            with self.start("MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME", config) as server:
                self.assertEqual([report["state"] for report in devices(server).values()], ["serving", "serving"])
                self.assertEqual(server.log().count("CPU_THREADS_NUM is the old name of INFERENCE_NUM_THREADS"), 1)
            with self.start("CPU.ONNXRUNTIME", {"ENABLE_MMAP": "NO"}) as server:
                self.assertEqual(devices(server)["CPU.ONNXRUNTIME"]["state"], "serving")
        for target, key in (("CPU", "GPU_THROUGHPUT_STREAMS"), ("AUTO", "FOO"), ("MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME", "FOO")):
            with self.start(target, {key: "1"}, ready=False) as server:
                self.assertEqual(server.process.wait(timeout=60), 1)
                self.assertIn(f"plugin_config key {key} is not known to", server.log())
                server.stop = lambda *_: 0

    def test_automatic_batching_can_be_left_out_for_a_model(self):
        config = {"PERFORMANCE_HINT": "THROUGHPUT", "AUTO_BATCH_TIMEOUT": "5"}
        with self.start("CPU", config) as server:
            self.assertIn("batched on CPU", server.log(), "what batching does was measured")
        with self.start("CPU", {**config, "ALLOW_AUTO_BATCHING": "NO"}) as server:
            self.assertNotIn("batched on CPU", server.log())

    def test_openvino_and_onnx_runtime_answer_from_one_queue(self):
        plan = ["--model_name", "m", "--model_path", MODELS / "product" / "model.onnx", "--target_device", "MULTI:CPU.OPENVINO(1),CPU.ONNXRUNTIME(1)",
                "--plugin_config", json.dumps({"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}), "--metrics_enable",
                "--dynamic_batching", "off"]
        with Server(flags=plan) as server:
            metadata = json.loads(server.get("/v2/models/m")[2])
            self.assertEqual([(d["target"], d["runtime"], d["precision"], d["state"]) for d in metadata["execution"]],
                             [("CPU.OPENVINO", "OpenVINO", "FP32", "serving"), ("CPU.ONNXRUNTIME", "ONNX Runtime", "FP32", "serving")])
            spec = metadata["inputs"][0]
            shape = [3 if extent < 0 else extent for extent in spec["shape"]]
            reference = onnxruntime.InferenceSession(MODELS / "product" / "model.onnx")

            def check(seed):
                values = numpy.random.default_rng(seed).random(shape, numpy.float32)
                (output,) = server.infer("m", spec["name"], values.ravel().tolist(), shape).values()
                (expected,) = reference.run(None, {spec["name"]: values})
                numpy.testing.assert_allclose(output, expected.ravel(), rtol=1e-5, atol=1e-6)

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(check, range(200)))
            page = server.get("/metrics")[2].decode()
            runs = {runtime: int(count) for runtime, count in re.findall(r'ocelli_device_runs\{.*runtime="([^"]+)".*\} (\d+)', page)}
            self.assertEqual(sum(runs.values()), 200, runs)
            self.assertGreater(min(runs.values()), 0, "both have worked")

    def test_plain_cpu_with_probe_takes_the_faster_runtime_and_says_so(self):
        with Server(flags=["--model_name", "m", "--model_path", MODELS / "product" / "model.onnx", "--target_device", "CPU", "--probe"]) as server:
            def chosen():
                reports = devices(server)
                return sorted(report["state"] for report in reports.values()) == ["serving", "standby"] and reports
            reports = wait_for(chosen, "both runtimes are measured and one serves")
            self.assertEqual(list(reports), ["CPU.OPENVINO", "CPU.ONNXRUNTIME"])
            (loser,) = [report for report in reports.values() if report["state"] == "standby"]
            self.assertRegex(loser["reason"], r"CPU\.\w+ is faster on this model")
            for target in reports:
                self.assertRegex(server.log(), rf"{re.escape(target)} runs the model [\d.]+ times per second")
            (answer,) = server.infer("m", "x", [0.5] * 64, [1, 64]).values()
            reference = onnxruntime.InferenceSession(MODELS / "product" / "model.onnx")
            (expected,) = reference.run(None, {"x": numpy.full((1, 64), 0.5, numpy.float32)})
            numpy.testing.assert_allclose(answer, expected.ravel(), rtol=2e-2, atol=2e-2)

    def test_what_was_measured_is_known_at_the_next_start(self):
        with tempfile.TemporaryDirectory() as cache:
            plan = ["--model_name", "m", "--model_path", MODELS / "product" / "model.onnx", "--probe", "--cache_dir", cache]
            states = []
            for _ in range(2):
                with Server(flags=plan) as server:
                    wait_for(lambda: any("faster" in report["reason"] for report in devices(server).values()), "the order is known")
                    states.append({target: (report["state"], report["reason"]) for target, report in devices(server).items()})
                    log = server.log()
            self.assertEqual(states[0], states[1], "the same one serves, for the same reason")
            self.assertEqual(len(re.findall("times per second.*found out at an earlier start", log)), 2, log)
            self.assertEqual(len(re.findall("; compiled in ", log)), 1, "the slower one is not compiled for")


if __name__ == "__main__":
    unittest.main()
