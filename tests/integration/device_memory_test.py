"""Models that share the memory of the processor: real models under a budget, and what the system gets back from idle ones."""
import json
import pathlib
import re
import tempfile
import threading
import unittest

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from ocelli_server import SANITIZED, Server, wait_for

WIDTH = 16


def write_model(folder, factor, megabytes):
    """y = factor * sum(x), by way of a matrix of so many MiB."""
    columns = megabytes * 2**20 // (4 * WIDTH)
    weights = numpy_helper.from_array(numpy.full((WIDTH, columns), factor, numpy.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["wide"]), helper.make_node("ReduceMean", ["wide"], ["y"], axes=[1], keepdims=1)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])], [weights])
    (folder / "1").mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "1" / "model.onnx")


class Memory(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ocelli-memory-")
        self.addCleanup(self.folder.cleanup)

    def config(self, megabytes, names="abc"):
        root = pathlib.Path(self.folder.name)
        for factor, name in enumerate(names, 1):
            write_model(root / name, factor, megabytes)
        return {"model_config_list": [{"config": {"name": name, "base_path": str(root / name)}} for name in names]}

    @staticmethod
    def state(server, name):
        return json.loads(server.get(f"/v2/models/{name}")[2])["execution"][0]

    @staticmethod
    def metric(server, name):
        return {labels: float(value) for labels, value in re.findall(rf"^{name}(\{{.*\}})? (\S+)$", server.get("/metrics")[2].decode(), re.MULTILINE)}

    def test_models_that_do_not_fit_together_lose_no_request(self):
        flags = ["--device_memory", "CPU=20MB", "--metrics_enable", "--dynamic_batching", "off"]
        wrong = []

        def client(server, name, factor):
            for i in range(25):
                try:
                    answer = server.infer(name, "x", [float(i)] * WIDTH, (1, WIDTH))["y"][0]
                    if abs(answer - factor * i * WIDTH) > 0.01 * max(1, factor * i * WIDTH):
                        wrong.append((name, i, answer))
                except AssertionError as error:
                    wrong.append((name, i, str(error)))

        with Server(config=self.config(8), flags=flags) as server:
            self.assertEqual(sorted(self.state(server, name)["state"] for name in "abc"), ["idle", "serving", "serving"])
            threads = [threading.Thread(target=client, args=(server, name, factor)) for factor, name in enumerate("abc", 1) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            report = self.state(server, "a")
            self.assertAlmostEqual(report["memory_bytes"], 8 * 2**20, delta=10_000)
            self.assertTrue(report["memory_estimated"])
            self.assertEqual(self.metric(server, "ocelli_device_memory_limit_bytes"), {'{device="CPU"}': 20e6})
            self.assertLessEqual(self.metric(server, "ocelli_device_memory_used_bytes")['{device="CPU"}'], 20e6)
            self.assertGreater(sum(self.metric(server, "ocelli_model_returns").values()), 0)
            self.assertRegex(server.log(), r"Model \w version 1: CPU is idle \(")

    def test_a_model_larger_than_the_budget_is_refused_with_the_figures(self):
        with Server(config=self.config(8, "a"), flags=["--device_memory", "CPU=2MB"], ready=False) as server:
            wait_for(lambda: "more than the whole budget of 2.0 MB (--device_memory)" in server.log(), "the refusal is in the log")
            self.assertIn("Model a version 1 needs 8.4 MB on CPU", server.log())

    @unittest.skipIf(SANITIZED, "a sanitizer keeps freed memory")
    def test_idle_models_give_their_memory_back_to_the_system(self):
        with Server(config=self.config(47), flags=["--idle_unload_seconds", "1", "--metrics_enable"]) as server:
            loaded = self.metric(server, "process_resident_memory_bytes")[""]
            for name in "abc":
                wait_for(lambda: self.state(server, name)["state"] == "idle", f"{name} is idle")
            left = self.metric(server, "process_resident_memory_bytes")[""]
            self.assertGreater(loaded - left, 120e6)
            self.assertAlmostEqual(server.infer("b", "x", [1.0] * WIDTH, (1, WIDTH))["y"][0], 2 * WIDTH, delta=0.2)
            wait_for(lambda: self.state(server, "b")["state"] == "serving", "b is back")


if __name__ == "__main__":
    unittest.main()
