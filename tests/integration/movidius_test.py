"""MYRIAD through the worker process, with a simulated stick: a C library of the tests that runs the CPU of today's OpenVINO under that name and fares as a file says."""
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import unittest

import numpy
import onnxruntime

from ocelli_server import Server, wait_for

BUILD = pathlib.Path(os.environ.get("OCELLI_BUILD_DIR", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
LIBRARY = BUILD / "simulated_openvino"
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
VALUES = [float(n) for n in range(64)]


def workers(server_pid):
    """Processes of the worker program that this server has started."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        if "ocelli-openvino" in name and int(rest.split()[1]) == server_pid:
            found.append(int(name.split()[0]))
    return found


def runs(pid):
    """Whether the process is there and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@unittest.skipUnless(LIBRARY.is_dir(), f"{LIBRARY} was not built: OpenVINO was not found, or has no C library")
class Movidius(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-movidius-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "resnet/1").mkdir(parents=True)
        for part in ("model.xml", "model.bin"):
            shutil.copy(BUILD / "test_models/row" / part, self.folder / "resnet/1" / part)
        self.stick = self.folder / "stick"
        self.environment = {"OCELLI_SIMULATED_STICK": str(self.stick)}

    def serve(self, device, **more):
        """OpenVINO Model Server's documented command line for one model on a stick."""
        flags = ["--model_path", self.folder / "resnet", "--model_name", "resnet", "--target_device", device, "--plugin_config", json.dumps(EXACT)]
        return Server(flags=[*flags, "--openvino_legacy_dir", LIBRARY], environment=self.environment, **more)

    def ask(self, server):
        body = {"inputs": [{"name": "x", "shape": [1, 64], "datatype": "FP32", "data": VALUES}]}
        status, _, reply = server.post("/v2/models/resnet/infer", body)
        if status == 200:
            self.assertEqual(json.loads(reply)["outputs"][0]["data"], VALUES)
        return status, reply.decode(errors="replace")

    def under_load(self, server, disturb, threads=4):
        """Statuses of requests that came before, during and after disturb()."""
        replies, stop = [], threading.Event()

        def client():
            while not stop.is_set():
                replies.append(self.ask(server))
        clients = [threading.Thread(target=client) for _ in range(threads)]
        for one in clients:
            one.start()
        try:
            wait_for(lambda: len(replies) > 50, "requests before the fault")
            disturb()
            seen = len(replies)
            wait_for(lambda: len(replies) > seen + 200, "requests after the fault")
        finally:
            stop.set()
            for one in clients:
                one.join()
        return replies

    def kill_worker(self, server):
        worker = workers(server.process.pid)[0]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: workers(server.process.pid) not in ([], [worker]), "another worker")
        self.assertFalse(runs(worker))

    def test_stick_serves_and_says_so(self):
        with self.serve("MYRIAD") as server:
            self.assertEqual(self.ask(server)[0], 200)
            execution = json.loads(server.get("/v2/models/resnet")[2])["execution"][0]
            self.assertEqual((execution["device"], execution["precision"]), ("MYRIAD", "FP16"))
            self.assertIn("worker", execution["runtime"])
            worker = workers(server.process.pid)
            self.assertEqual(len(worker), 1)
        self.assertFalse(runs(worker[0]), "the worker ends with the server")

    def test_config_of_the_seed(self):
        config = {"model_config_list": [{"config": {"name": "resnet", "base_path": str(self.folder / "resnet"), "batch_size": "1",
                                                    "target_device": "MULTI:MYRIAD,CPU", "plugin_config": EXACT}}]}
        with Server(config, flags=["--openvino_legacy_dir", LIBRARY], environment=self.environment) as server:
            self.assertEqual(self.ask(server)[0], 200)
            devices = [one["device"] for one in json.loads(server.get("/v2/models/resnet")[2])["execution"]]
            self.assertEqual(devices, ["MYRIAD", "CPU"])

    def test_killed_worker_under_load_fails_no_request_while_another_device_is_there(self):
        with self.serve("MULTI:MYRIAD,CPU") as server:
            replies = self.under_load(server, lambda: self.kill_worker(server))
            self.assertEqual([one for one in replies if one[0] != 200], [])
            self.assertIn("signal 9 (Killed)", server.log())

    def test_killed_worker_alone_is_told_and_comes_back(self):
        with self.serve("MYRIAD") as server:
            replies = self.under_load(server, lambda: (self.kill_worker(server), wait_for(lambda: self.ask(server)[0] == 200, "recovery")))
            failed = [reply for status, reply in replies if status != 200]
            self.assertEqual({status for status, _ in replies} - {200}, {503} if failed else set())
            for reply in failed:
                self.assertIn("the device is lost", reply)
            self.assertEqual(self.ask(server)[0], 200)

    def test_dead_stick_moves_its_work(self):
        with self.serve("MULTI:MYRIAD,CPU") as server:
            replies = self.under_load(server, lambda: self.stick.write_text("pulled"))
            self.assertEqual([one for one in replies if one[0] != 200], [])

    def test_stick_that_is_put_back_serves_again(self):
        with self.serve("MYRIAD") as server:
            self.assertEqual(self.ask(server)[0], 200)
            self.stick.write_text("pulled")
            status, reply = self.ask(server)
            self.assertEqual(status, 503)
            self.assertIn("the device is lost", reply)
            self.stick.write_text("")
            wait_for(lambda: self.ask(server)[0] == 200, "the stick serves again")

    def test_dead_server_leaves_no_worker(self):
        server = self.serve("MYRIAD")
        with server:
            worker = workers(server.process.pid)[0]
            server.process.kill()
            server.process.wait()
            wait_for(lambda: not runs(worker), "the worker ends")
            server.stop = lambda: 0

    def test_unloaded_model_ends_the_worker(self):
        def config(*names):
            return {"model_config_list": [{"config": {"name": name, "base_path": str(self.folder / "resnet"), "target_device": device}}
                                          for name, device in names]}
        with Server(config(("stick", "MYRIAD"), ("cpu", "CPU")), flags=["--openvino_legacy_dir", LIBRARY], environment=self.environment) as server:
            wait_for(lambda: server.get("/v2/models/stick/ready")[0] == 200, "the stick's model is ready")
            self.assertEqual(len(workers(server.process.pid)), 1)
            server.write_config(config(("cpu", "CPU")))
            wait_for(lambda: not workers(server.process.pid), "the worker ends", limit_s=60)

    def test_without_the_folder_the_error_says_what_to_do(self):
        config = {"model_config_list": [{"config": {"name": "resnet", "base_path": str(self.folder / "resnet"), "target_device": "HDDL"}}]}
        environment = {**self.environment, "OPENVINO_LEGACY_DIR": ""}
        with Server(config, environment=environment, ready=False) as server:
            wait_for(lambda: "--openvino_legacy_dir" in server.log(), "the remedy in the log")
            self.assertIn("2022.3 LTS", server.log())
            self.assertEqual(server.get("/v2/models/resnet/ready")[0] != 200, True)


TODAYS = importlib.util.find_spec("openvino")
TODAYS = pathlib.Path(TODAYS.submodule_search_locations[0]) / "libs" if TODAYS else None


@unittest.skipUnless(TODAYS and list(TODAYS.glob("libopenvino_c.so*")), "the openvino wheel with its C library is not installed")
class RealRuntimeInAWorker(unittest.TestCase):
    """AUTO over two real runtimes: OpenVINO by its C library in the worker process, and ONNX Runtime in the server."""
    MODEL = BUILD / "test_models/product/model.onnx"

    def serve(self):
        return Server(flags=["--model_path", self.MODEL, "--model_name", "product", "--target_device", "AUTO:LEGACY.CPU,CPU.ONNXRUNTIME",
                             "--plugin_config", json.dumps(EXACT), "--openvino_legacy_dir", TODAYS, "--dynamic_batching", "off"])

    def states(self, server):
        return {one["target"]: one["state"] for one in json.loads(server.get("/v2/models/product")[2])["execution"]}

    def test_killed_worker_fails_no_request_and_comes_back(self):
        reference = onnxruntime.InferenceSession(self.MODEL)
        wrong, answered, stop = [], [0] * 4, threading.Event()

        def client(number):
            random = numpy.random.default_rng(number)
            while not stop.is_set():
                values = random.random((1 + answered[number] % 3, 64), numpy.float32)
                status, _, reply = server.post("/v2/models/product/infer", {"inputs": [
                    {"name": "x", "shape": list(values.shape), "datatype": "FP32", "data": values.ravel().tolist()}]})
                (expected,) = reference.run(None, {"x": values})
                if status != 200 or not numpy.allclose(json.loads(reply)["outputs"][0]["data"], expected.ravel(), rtol=1e-5, atol=1e-6):
                    wrong.append((status, reply[:300]))
                answered[number] += 1

        with self.serve() as server:
            steady = {"LEGACY.CPU": "serving", "CPU.ONNXRUNTIME": "standby"}
            wait_for(lambda: self.states(server) == steady, "the worker's runtime serves")
            clients = [threading.Thread(target=client, args=(number,)) for number in range(4)]
            for one in clients:
                one.start()
            try:
                for _ in range(3):
                    seen, stood_in = sum(answered), server.log().count("CPU.ONNXRUNTIME serves on")
                    wait_for(lambda: sum(answered) > seen + 50, "requests before the fault")
                    (worker,) = workers(server.process.pid)
                    os.kill(worker, signal.SIGKILL)
                    wait_for(lambda: server.log().count("CPU.ONNXRUNTIME serves on") > stood_in, "the other runtime takes over")
                    seen = sum(answered)
                    wait_for(lambda: sum(answered) > seen + 50, "requests on the other runtime, or on both")
                    wait_for(lambda: self.states(server) == steady, "the worker's runtime serves again", limit_s=90)
            finally:
                stop.set()
                for one in clients:
                    one.join()
            self.assertEqual(wrong, [])
            self.assertEqual(server.log().count("signal 9 (Killed)") >= 3, True)


if __name__ == "__main__":
    unittest.main()
