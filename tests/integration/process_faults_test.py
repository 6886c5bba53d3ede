"""What whoever starts the program does to it: missing standard streams, a terminal that is closed, and the like. It must serve, and end in order."""
import contextlib
import http.client
import json
import multiprocessing.shared_memory
import os
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

from ocelli_server import PROGRAM, SANITIZED, Server, free_port, simulated_server, wait_for

SIGNATURE = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 4]}]}


class ShellServer(Server):
    """A server that a shell starts with redirections, such as `>&-`; its log is the file that the flags name."""

    def __init__(self, redirections, **more):
        super().__init__({"model_config_list": []}, **more)
        self.command += ["--log_path", str(self.log_path)]
        self.command = ["sh", "-c", f'exec "$0" "$@" {redirections}', *self.command]


class StandardStreams(unittest.TestCase):
    def test_those_that_are_closed_are_not_given_to_files_and_connections(self):
        for redirections in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(redirections), ShellServer(redirections) as server:
                for stream, given in ((0, "<&-"), (1, ">&-"), (2, "2>&-")):
                    if given in redirections.split():
                        self.assertEqual(os.readlink(f"/proc/{server.process.pid}/fd/{stream}"), "/dev/null")
                self.assertEqual(server.get("/v2")[0], 200)


class UnreadLog(unittest.TestCase):
    def test_a_log_that_nobody_reads_does_not_stop_the_server(self):
        """Standard output is a pipe that takes 64 KiB; the access log goes there, too."""
        with tempfile.TemporaryDirectory() as folder:
            pipe = f"{folder}/pipe"
            os.mkfifo(pipe)
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            self.addCleanup(os.close, reader)
            with ShellServer(f">{pipe}", flags=["--access_log", "text"]) as server:
                for _ in range(2000):
                    self.assertEqual(server.get("/v2/health/live")[0], 200)
                wait_for(lambda: "nobody reads it" in server.log(), "the log's file says that lines are missing")
                self.assertLess(len(os.read(reader, 1 << 20)), 1 << 17)
                self.assertEqual(server.get("/v2/health/live")[0], 200)
                wait_for(lambda: "nobody read them in time" in server.log(), "the log's file says how many")
                self.assertIn(b"GET /v2/health/live", os.read(reader, 1 << 20))


class Signals(unittest.TestCase):
    def test_a_closed_terminal_ends_the_server_in_order(self):
        with simulated_server(SIGNATURE) as server:
            server.process.send_signal(signal.SIGHUP)
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(server.process.wait(timeout=40), 0)
            self.assertIn("Shutting down", server.log())

    def test_nohup_is_respected(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what is ignored here is so in what is started here
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        with Server({"model_config_list": []}) as server:
            server.process.send_signal(signal.SIGHUP)
            for _ in range(10):
                self.assertEqual(server.get("/v2")[0], 200)
            self.assertNotIn("Shutting down", server.log())


class LimitedFiles(unittest.TestCase):
    def test_clients_leave_files_for_the_program_itself(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        limited = folder / "limited"
        limited.write_text(f'#!/bin/sh\nulimit -n 400\nexec "{PROGRAM}" "$@"\n')
        limited.chmod(0o755)
        memory = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
        self.addCleanup(memory.unlink)
        self.addCleanup(memory.close)
        with Server({"model_config_list": []}, program=limited) as server, contextlib.ExitStack() as stack:
            self.assertIn("may have 400 files open", server.log())
            admin = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
            stack.callback(admin.close)

            def ask(path, body=b"{}"):
                admin.request("POST", path, body)
                reply = admin.getresponse()
                return reply.status, reply.read().decode()

            self.assertEqual(ask("/v1/config/reload")[0], 200)
            for _ in range(450):  # more than there are files, at both doors
                for port in (server.rest_port, server.grpc_port):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            region = json.dumps({"key": memory.name, "offset": 0, "byte_size": 4096}).encode()
            replies = [ask(f"/v2/systemsharedmemory/region/r{i}/register", region) for i in range(300)]
            self.assertEqual(replies[0][0], 200, replies[0])
            self.assertIn("Too many shared memory regions", replies[-1][1])
            server.write_config({"model_config_list": [], "pipeline_config_list": []})
            self.assertEqual(ask("/v1/config/reload")[0], 201, "there are files left to read it with")


@unittest.skipIf(SANITIZED, "sanitizers need threads of their own")
@unittest.skipUnless(os.geteuid() == 0, "only root may become a user without other processes")
class LimitedThreads(unittest.TestCase):
    USER = 54321

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)
        (self.folder / "config.json").write_text('{"model_config_list": []}')
        self.counts = self.folder / "counts"
        self.counts.mkdir()
        self.counts.chmod(0o777)
        if subprocess.run([PROGRAM, "version"], preexec_fn=lambda: os.setuid(self.USER), capture_output=True, check=False).returncode != 0:
            self.skipTest("other users cannot run the program here")

    def start(self, threads):
        """(exit code, output) of a server that may have so many threads; None: it serves."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
            os.setuid(self.USER)

        port = free_port()
        with open(self.folder / "log", "w+b") as log:
            command = [PROGRAM, "serve", "--config_path", self.folder / "config.json", "--rest_bind_address", "127.0.0.1", "--rest_port", str(port)]
            # Where a build that counts its lines can write the counts as that user: else its last words are about them.
            environment = os.environ | {"GCOV_PREFIX": str(self.counts)}
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, preexec_fn=limit, cwd="/")

            def serves():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                try:
                    connection.request("GET", "/v2/health/ready")
                    return connection.getresponse().status == 200
                except OSError:
                    return False
                finally:
                    connection.close()

            try:
                wait_for(lambda: server.poll() is not None or serves(), "the server ends or serves")
                if server.poll() is None:
                    server.send_signal(signal.SIGTERM)
                # Its door may have been open for a moment before a thread was missing.
                if server.wait(timeout=40) == 0:
                    return None
                log.seek(0)
                return server.returncode, log.read().decode()
            finally:
                server.kill()
                server.wait()

    def test_too_few_are_told(self):
        served = False
        for threads in range(1, 41):
            ended = self.start(threads)
            served = served or ended is None
            if ended is None:
                continue
            self.assertFalse(served, "it did with fewer")
            code, output = ended
            self.assertEqual(code, 1, f"{threads} threads: {output}")
            self.assertRegex(output.splitlines()[-1], "thread|model manager", f"{threads} threads")
        self.assertTrue(served)


if __name__ == "__main__":
    unittest.main()
