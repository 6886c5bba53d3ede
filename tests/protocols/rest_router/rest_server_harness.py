"""Starts rest_model_server for client tests, and stops it."""

import subprocess


class ModelServer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, port = self.process.stdout.readline().split()
        assert word == "port", word
        self.port = int(port)
        self.address = f"127.0.0.1:{port}"

    def stop(self):
        """Ends it gracefully; fails when it crashed or left requests unanswered."""
        try:
            output, _ = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, f"exit code {self.process.returncode}: {output}"
