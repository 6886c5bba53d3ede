"""Every command line and config.json of OpenVINO's page "Using AI Accelerators" (release 2022.3), as written, container and paths aside. Each runs on the real
devices first; where that fails, it has to fail with a reason that names the device, and runs again with a simulated device of that name."""
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest

import numpy
import tritonclient.grpc

from ocelli_server import PROGRAM, free_port, wait_for

MODELS = pathlib.Path(os.environ["OCELLI_BUILD_DIR"]).resolve() / "test_models"
SIGNATURE = json.loads((MODELS / "product" / "simulated.json").read_text()) if (MODELS / "product").exists() else {}

# gRPC, where a command names no port.
DEFAULT_PORT = 9178

# The arguments of the page's docker commands behind the image's name, and the devices that they need.
COMMANDS = [
    ("--model_path /opt/model --model_name resnet --port 9001 --target_device MYRIAD", ["MYRIAD"]),
    ("--model_path /opt/model --model_name resnet --port 9001 --target_device HDDL", ["HDDL"]),
    ("--model_path /opt/model --model_name resnet --port 9001 --target_device GPU", ["GPU"]),
    ("model --model_path /opt/model --model_name resnet --port 9001 --target_device 'MULTI:MYRIAD,CPU'", ["MYRIAD"]),
    ("--model_path /opt/model --model_name resnet --port 9001 --target_device AUTO", ["GPU"]),
    ("--model_path /opt/model --model_name resnet --port 9001 --plugin_config '{\"PERFORMANCE_HINT\": \"LATENCY\"}' --target_device AUTO", ["GPU"]),
    ("--model_path /opt/model --model_name resnet --port 9001 --plugin_config '{\"PERFORMANCE_HINT\": \"THROUGHPUT\"}' --target_device AUTO", ["GPU"]),
    # It relies on the default port, DEFAULT_PORT.
    ("--model_path /opt/model --model_name resnet --target_device NVIDIA", ["NVIDIA"]),
]
CONFIGS = [
    ('{"model_config_list": [{"config": {"name": "resnet", "base_path": "/opt/model", "batch_size": "1", "target_device": "MULTI:MYRIAD,CPU"}}]}', ["MYRIAD"]),
    ('{"model_config_list": [{"config": {"name": "resnet", "base_path": "/opt/model", "batch_size": "1", "target_device": "HETERO:GPU,CPU"}}]}', ["GPU", "CPU"]),
]


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Run:
    """One start of the program; with Run(...) as run: run.answer()."""

    def __init__(self, arguments, simulated):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-accelerator-"))
        model = self.folder / "model" / "1"
        model.mkdir(parents=True)
        shutil.copy(MODELS / "product" / "model.onnx", model / "model.onnx")
        self.words = [word.replace("/opt/model", str(self.folder / "model")) for word in arguments]
        self.more = ["--grpc_bind_address", "127.0.0.1"]
        if simulated:
            devices = [{"name": name, "kind": "gpu", "service_time_us": 500} for name in simulated]
            self.more += ["--simulated_devices", json.dumps({"devices": devices, "signature": SIGNATURE})]
        self.log_path = self.folder / "log"
        self.client = None

    def write_config(self, text):
        (self.folder / "model" / "config.json").write_text(text.replace("/opt/model", str(self.folder / "model")))

    def start(self, port):
        """On the port that the command names, if it names one."""
        words = [word.replace("9001", str(port)) for word in self.words]
        if "--port" not in words and port != DEFAULT_PORT:  # another program has it
            words += ["--port", str(port)]
        command = [str(pathlib.Path(PROGRAM).with_name("ovms")), *words, *self.more]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        if self.client:
            self.client.close()
        self.client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{port}")

    def __enter__(self):
        self.start(DEFAULT_PORT if "--port" not in self.words and is_free(DEFAULT_PORT) else free_port())
        return self

    def __exit__(self, *_):
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def outcome(self):
        """True when the model is served; False when it could not be loaded."""
        def known():
            if self.process.poll() is not None:
                if "Address already in use" not in self.log():
                    return "failed"
                self.start(free_port())  # another program took the port while this one started
            if "New status: ( \"state\": \"LOADING\", \"error_code\": \"UNKNOWN\" )" in self.log():
                return "failed"
            if "Started gRPC server on port" not in self.log():  # until then another program may answer there
                return None
            try:
                return "served" if self.client.is_model_ready("resnet") else None
            except tritonclient.grpc.InferenceServerException:
                return None
        return wait_for(known, "the model is served or refused", 60) == "served"

    def answer(self):
        tensor = tritonclient.grpc.InferInput("x", [1, 64], "FP32")
        tensor.set_data_from_numpy(numpy.ones((1, 64), numpy.float32))
        return self.client.infer("resnet", [tensor]).as_numpy("y")

    def runtimes(self):
        """Of the devices that serve: target and runtime."""
        parameters = self.client.get_model_config("resnet").config.parameters
        found = {}
        for position in range(32):
            if f"execution.{position}.target" in parameters and parameters[f"execution.{position}.state"].string_value == "serving":
                found[parameters[f"execution.{position}.target"].string_value] = parameters[f"execution.{position}.runtime"].string_value
        return found


@unittest.skipUnless(SIGNATURE, f"no generated models at {MODELS}: run ctest -R generate_test_models first")
class SeedCommands(unittest.TestCase):
    def check(self, arguments, config, needed):
        with Run(arguments, []) as run:
            if config:
                run.write_config(config)
            if run.outcome():
                self.assertEqual(run.answer().shape, (1, 64))
                self.assertTrue(run.runtimes())
                if not any(word.startswith("AUTO") for word in arguments):
                    return
                needed = [name for name in needed if name not in run.runtimes()]
            else:
                self.assertIn(needed[0], run.log(), "the reason names the device")
        if not needed:
            return
        with Run(arguments, needed) as run:
            if config:
                run.write_config(config)
            self.assertTrue(run.outcome(), run.log()[-2000:])
            wait_for(lambda: "Simulated" in run.runtimes().values(), f"{needed} serves, and is labelled as simulated")
            self.assertEqual(run.answer().shape, (1, 64))

    def test_command_lines(self):
        for command, needed in COMMANDS:
            with self.subTest(command=command):
                self.check(shlex.split(command), None, needed)

    def test_config_files(self):
        for config, needed in CONFIGS:
            with self.subTest(config=config):
                self.check(["--config_path", "/opt/model/config.json", "--port", "9001"], config, needed)


if __name__ == "__main__":
    unittest.main()
