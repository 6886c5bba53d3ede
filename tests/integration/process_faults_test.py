"""What whoever starts the program does to it: missing standard streams, a terminal that is closed, and the like. It must serve, and end in order."""
import os
import signal
import unittest

from ocelli_server import Server, simulated_server

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


if __name__ == "__main__":
    unittest.main()
