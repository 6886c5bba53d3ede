"""The servers that are measured: Ocelli in the roles that the cases need, and Triton. Each is started once and kept for the whole run."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import load

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/integration"))
from ocelli_server import free_port, free_ports  # noqa: E402

IDENTITY = {"small": 16, "img": 150528}
START_LIMIT_S = 180


class Process:
    def __init__(self, command, rest_port, log, environment=None):
        self.rest_port = rest_port
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, start_new_session=True)
        try:
            self.wait_until(self.ready)
        except BaseException:  # an interrupted run as well: nobody else knows of this server yet
            self.stop()
            raise

    def ready(self):
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest_port}/v2/health/ready", timeout=5) as reply:
                return reply.status == 200
        return False

    def wait_until(self, condition):
        begin = time.monotonic()
        while not condition():
            if self.process.poll() is not None or time.monotonic() - begin > START_LIMIT_S:
                raise SystemExit(f"a server did not start; its log {self.log} ends with:\n" + pathlib.Path(self.log).read_text(errors="replace")[-2000:])
            time.sleep(0.005)

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Peers:
    def __init__(self, root, triton):
        self.root = root
        self.triton_script = triton
        self.triton_started = triton is not None
        self.running = {}
        self.programs = root / "build/bench"
        self.models = load.WORK / "models"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.running):
            self.stop(name)
        shutil.rmtree(load.WORK, ignore_errors=True)

    def stop(self, name):
        self.running.pop(name)[0].stop()

    def ocelli(self, name, config, *flags):
        """(process, rest port, grpc port) of an Ocelli with that config.json content; started when first asked for."""
        if name not in self.running:
            path = load.WORK / f"{name}.json"
            path.write_text(json.dumps(config))
            rest, grpc = free_ports(2)
            command = [str(self.programs / "ocelli"), "serve", "--config_path", str(path), "--rest_port", str(rest), "--port", str(grpc), "--rest_bind_address",
                       "127.0.0.1", "--grpc_bind_address", "127.0.0.1", "--log_level", "INFO", "--file_system_poll_wait_seconds", "0", *flags]
            self.running[name] = (Process(command, rest, load.WORK / f"{name}.log"), rest, grpc)
        return self.running[name]

    def triton(self):
        if "triton" not in self.running:
            rest, grpc = free_ports(2)
            work = os.environ.get("OCELLI_TRITON_WORK", str(self.root / "build/bench/triton"))
            self.running["triton"] = (Process([self.triton_script, str(rest), str(grpc), work], rest, load.WORK / "triton.log"), rest, grpc)
        return self.running["triton"]

    def identity(self):
        """Ocelli with do-nothing models on a simulated device: what Triton's identity backend is to Triton."""
        entries = []
        for name, count in IDENTITY.items():
            folder = self.models / name / "1"
            if not folder.exists():
                folder.mkdir(parents=True)
                (folder / "model.onnx").write_bytes(b"simulated")
                (folder / "simulated.json").write_text(json.dumps({"inputs": [{"name": "INPUT0", "type": "FP32", "shape": [1, count]}],
                                                                   "outputs": [{"name": "OUTPUT0", "type": "FP32", "shape": [1, 1]}]}))
            entries.append({"config": {"name": name, "base_path": str(self.models / name), "target_device": "SIM"}})
        devices = json.dumps({"devices": [{"name": "SIM", "mode": "instant", "streams": 16}]})
        return self.ocelli("identity", {"model_config_list": entries}, "--simulated_devices", devices)

    def generated(self, name):
        """The file of a generated benchmark model (resnet50, vit_b_32); made when it is missing."""
        folder = self.root / "build/bench/models"
        path = folder / name / "1/model.onnx"
        if not path.exists():
            generator = self.root / "tools/models/generate_benchmark_models.py"
            subprocess.run([str(self.root / ".deps/python/bin/python"), str(generator), str(folder), "--only", name], check=True, stdout=subprocess.DEVNULL)
        return path

    def real(self, name, properties, *flags, key="", **entry):
        """Ocelli serving a generated model on the CPU."""
        folder = self.generated(name).parents[1]
        entry = {"name": name, "base_path": str(folder), "target_device": "CPU", "plugin_config": properties, **entry}
        config = {"model_config_list": [{"config": entry}]}
        return self.ocelli(f"{name}{key}", config, *flags)
