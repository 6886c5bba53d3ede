"""Reloads models under load for a bounded time: no request may fail, and memory must stay flat. OCELLI_SOAK_SECONDS sets the time (default 60)."""
import json
import os
import pathlib
import shutil
import tempfile
import threading
import time
import unittest

import numpy as np
import tritonclient.grpc as triton_grpc

from faults_test import put_version
from ocelli_server import Server, needs_data, toy, wait_for

SECONDS = float(os.environ.get("OCELLI_SOAK_SECONDS", "60"))
CLIENTS = 3
# Memory after the first third of the time may still grow by this much: allocators' arenas and the runtime's own caches settle slowly.
GROWTH_LIMIT_KB = 48 << 10


class Client(threading.Thread):
    """Asks again and again, over REST or gRPC, and remembers the first failure."""

    def __init__(self, server, index, stop):
        super().__init__()
        self.server, self.index, self.stop_event = server, index, stop
        self.answered, self.failure = 0, None

    def run(self):
        try:
            if self.index % 2:
                self.ask_grpc()
            else:
                self.ask_rest()
        except Exception as failure:  # whatever it is, the test reports it
            self.failure = repr(failure)

    def ask_rest(self):
        while not self.stop_event.is_set():
            values = [float(self.answered % 100)] * 10
            answer = self.server.infer("m", "b", values, [1, 10])["a"]
            if answer != [value + 1 for value in values]:
                raise AssertionError(f"wrong answer {answer}")
            self.answered += 1

    def ask_grpc(self):
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{self.server.grpc_port}") as client:
            tensor = triton_grpc.InferInput("b", [1, 10], "FP32")
            while not self.stop_event.is_set():
                values = np.full((1, 10), self.answered % 100, np.float32)
                tensor.set_data_from_numpy(values)
                answer = client.infer("m", [tensor], client_timeout=30).as_numpy("a")
                if not np.array_equal(answer, values + 1):
                    raise AssertionError(f"wrong answer {answer}")
                self.answered += 1


@needs_data
class Soak(unittest.TestCase):
    def test_reloading_under_load(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-soak-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        put_version(folder / "m", 1, f"{toy('dummy')}/1")

        def config(nireq):
            return {"model_config_list": [{"config": {"name": "m", "base_path": str(folder / "m"), "nireq": nireq}}]}

        with Server(config(1), flags=["--log_level", "ERROR"]) as server:
            stop = threading.Event()
            clients = [Client(server, index, stop) for index in range(CLIENTS)]
            for client in clients:
                client.start()
            begin, cycle, settled = time.monotonic(), 1, None
            try:
                while time.monotonic() - begin < SECONDS and not any(client.failure for client in clients):
                    cycle += 1
                    put_version(folder / "m", cycle, f"{toy('dummy')}/1")
                    server.write_config(config(1 + cycle % 3))
                    self.assertIn(server.post("/v1/config/reload", b"", timeout=60)[0], (200, 201))
                    wait_for(lambda number=cycle: server.get(f"/v2/models/m/versions/{number}/ready")[0] == 200, f"version {cycle} is served")
                    shutil.rmtree(folder / "m" / str(cycle - 1))
                    if settled is None and time.monotonic() - begin > SECONDS / 3:
                        settled = server.resident_kb()
            finally:
                stop.set()
                for client in clients:
                    client.join()
            answered = sum(client.answered for client in clients)
            print(f"{answered} requests answered over {cycle} reloads in {time.monotonic() - begin:.0f} s; memory {settled} -> {server.resident_kb()} KiB")
            self.assertEqual([client.failure for client in clients if client.failure], [])
            self.assertGreater(cycle, 5)
            self.assertGreater(answered, 200)
            self.assertLess(server.resident_kb() - (settled or 0), GROWTH_LIMIT_KB)
            self.assertEqual(json.loads(server.get(f"/v1/models/m/versions/{cycle}")[2])["model_version_status"][0]["state"], "AVAILABLE")


if __name__ == "__main__":
    unittest.main()
