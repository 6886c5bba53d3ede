"""Starts the built program for integration tests, on free ports, and stops it; every test module uses this.

The program is $OCELLI_PROGRAM (ctest sets it). The test data folder is $OCELLI_TEST_DATA, else ../shared/data beside the source tree; tests that need it are
decorated with @needs_data and say so when they are skipped.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("OCELLI_TEST_DATA", SOURCE.parent / "shared" / "data"))
PROGRAM = os.environ.get("OCELLI_PROGRAM", str(SOURCE / "build/release/ocelli"))
START_LIMIT_S = 90
SANITIZED = os.environ.get("OCELLI_SANITIZE", "")  # set by ctest for a program that is built with sanitizers
OPTIMIZED = os.environ.get("OCELLI_BUILD_TYPE", "Release") == "Release"  # set by ctest
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer: |runtime error: ")
# LeakSanitizer reads the thread-local memory of threads that are ending, dies of that now and then ("Tracer caught signal 11"), and takes the exit code with it.
# Once it took AddressSanitizer's own report with it ("nested bug"), behind the last line of a server that had ended in order; without the leak check sixty
# ends of that server had nothing to tell. That says nothing about the program, whose other reports are looked for all the same; a program that crashes at its
# end does so in the other builds, too.
LEAK_CHECK_DIED = re.compile(r"LeakSanitizer has encountered a fatal error|AddressSanitizer: nested bug in the same thread, aborting\.\s*$")
needs_data = unittest.skipUnless(DATA.is_dir(), f"no test data at {DATA}: set OCELLI_TEST_DATA")


def free_ports(count):
    """So many ports that nobody uses, each another one: all are held until the last is found."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def free_port():
    return free_ports(1)[0]


def wait_for(condition, what, limit_s=30):
    """Polls condition until it is true; its value is returned. Fails naming what."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit_s} s")
        time.sleep(0.01)


def threads_of(pid):
    """Where each thread of a process stands: by gdb where there is one, else what the kernel knows. For messages of tests that wait for a process in vain."""
    if shutil.which("gdb"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            found = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace 16"], capture_output=True, text=True, errors="replace", timeout=60, check=False).stdout
            if "Thread 1 " in found:
                return found[:200_000]
    lines = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
        with contextlib.suppress(OSError):
            state = task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
            lines.append(f"{task.name} {task.joinpath('comm').read_text().strip()}: {state}, in {task.joinpath('wchan').read_text() or 'nothing'}")
    return "\n".join(lines)


class Server:
    """with Server(config={...}) or Server(flags=[...]) as server: server.post(...)."""

    def __init__(self, config=None, flags=(), ready=True, environment=None, rest=True, grpc=True, program=PROGRAM):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-test-"))
        self.rest_port, self.grpc_port = free_ports(2)
        self.command = [str(program), "serve", "--rest_bind_address", "127.0.0.1", "--grpc_bind_address", "127.0.0.1"]
        self.command += ["--rest_port", str(self.rest_port)] if rest else []
        self.command += ["--port", str(self.grpc_port)] if grpc else []
        if config is not None:
            self.config_path = self.folder / "config.json"
            self.write_config(config)
            self.command += ["--config_path", str(self.config_path)]
        self.command += [str(flag) for flag in flags]
        self.environment = {**os.environ, **(environment or {})}
        self.wait_ready = ready
        self.log_path = self.folder / "server.log"
        self.process = None

    def write_config(self, config):
        """Replaces the file at once, so that the watcher never sees half of it."""
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(config if isinstance(config, str) else json.dumps(config))
        temporary.replace(self.config_path)

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT, env=self.environment)
        if self.wait_ready:
            try:
                wait_for(self.ready_or_dead, "the server is ready", START_LIMIT_S)
            except AssertionError as late:
                try:
                    told = f"{late}; its log:\n{self.log()[-3000:]}\nits threads:\n{threads_of(self.process.pid)}"
                finally:
                    self.process.kill()
                    self.process.wait()
                    shutil.rmtree(self.folder, ignore_errors=True)
                raise AssertionError(told) from None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        return self

    def __exit__(self, kind, *_):
        try:
            code = self.stop()
            report = SANITIZER_REPORT.search(self.log())
            if report:
                raise AssertionError(f"a sanitizer reports:\n{self.log()[report.start():][:6000]}")
            if kind is None and code != 0 and not (SANITIZED and LEAK_CHECK_DIED.search(self.log())):
                raise AssertionError(f"the server ended with {code}:\n{self.log()[-3000:]}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, limit_s=40):
        """SIGTERM and the exit code; kills what does not stop in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop within {limit_s} s of SIGTERM:\n{self.log()[-3000:]}") from None

    def ready_or_dead(self):
        if self.process.poll() is not None:
            return True
        with contextlib.suppress(OSError):
            return self.get("/v2/health/ready")[0] == 200
        return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, body) of one request on a connection of its own; header names in lower case."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, content, **more):
        body = content if isinstance(content, (bytes, str)) else json.dumps(content)
        return self.request("POST", path, body, **more)

    def infer(self, model, name, values, shape, datatype="FP32", version=None):
        """KServe JSON inference; the outputs by name as flat lists. Fails on anything but 200."""
        path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "") + "/infer"
        status, _, body = self.post(path, {"inputs": [{"name": name, "shape": list(shape), "datatype": datatype, "data": values}]})
        if status != 200:
            raise AssertionError(f"{path}: {status} {body[:500]!r}")
        return {output["name"]: output["data"] for output in json.loads(body)["outputs"]}

    def resident_kb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("the server is gone")


@contextlib.contextmanager
def simulated_server(signature, *flags):
    """A server with one model, `m`, of that signature, on one simulated device that answers at once."""
    with tempfile.TemporaryDirectory() as folder:
        version = pathlib.Path(folder, "m/1")
        version.mkdir(parents=True)
        (version / "model.onnx").write_bytes(b"not read by a simulated device")
        settings = {"devices": [{"name": "SIM"}], "signature": signature}
        with Server(flags=["--model_name", "m", "--model_path", version.parent, "--target_device", "SIM", "--simulated_devices", json.dumps(settings), *flags]) as server:
            yield server


def toy(name):
    """Folder of one of the small OVMS models of the test data."""
    return str(DATA / "models/formats/ovms_toys" / name)


def dummy_config(**more):
    return {"model_config_list": [{"config": {"name": "dummy", "base_path": toy("dummy"), **more}}]}
