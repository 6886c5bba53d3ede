"""Clients that keep the gRPC door busy with frames that do no work: the server may cut them off, must live, and must not keep memory for them."""
import contextlib
import select
import socket
import struct
import unittest

from ocelli_server import SANITIZED, simulated_server

SIGNATURE = {"inputs": [{"name": "x", "type": "FP32", "shape": [1, 4]}], "outputs": [{"name": "y", "type": "FP32", "shape": [1, 4]}]}
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
MOST_KB = 48 << 10


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field that no table remembers (RFC 7541, 6.2.2), without Huffman coding; names and values shorter than 127 bytes."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


def call_headers(path):
    return b"".join(literal(name, value) for name, value in
                    ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"h"), (b"content-type", b"application/grpc"), (b"te", b"trailers")))


def streams(count, body):
    """body(stream) for the odd numbers that a client may use."""
    return (body(stream) for stream in range(1, 2 * count, 2))


# A field of 4000 bytes that is kept, and then referred to by one byte each (RFC 7541, 6.2.1 and 6.1).
LARGE_FIELD = b"\x40\x03x-b\x7f" + bytes((4000 - 127 & 0x7F | 0x80, 4000 - 127 >> 7)) + b"y" * 4000
REFERENCES = bytes((0x80 | 62,)) * 10_000

LIVE = b"/inference.GRPCInferenceService/ServerLive"
WATCH = b"/grpc.health.v1.Health/Watch"
EMPTY_MESSAGE = b"\0\0\0\0\0"
FLOODS = {
    "pings": lambda: (frame(PING, payload=b"12345678") for _ in range(200_000)),
    "settings": lambda: (frame(SETTINGS) for _ in range(200_000)),
    "settings that change the table": lambda: (frame(SETTINGS, payload=struct.pack(">HI", 1, i % 4096)) for i in range(100_000)),
    "priorities": lambda: (frame(PRIORITY, stream=2 * i + 1, payload=b"\0\0\0\0\x10") for i in range(100_000)),
    "window updates": lambda: (frame(WINDOW_UPDATE, payload=struct.pack(">I", 1)) for _ in range(200_000)),
    "empty data": lambda: [frame(HEADERS, END_HEADERS, 1, call_headers(LIVE))] + [frame(DATA, 0, 1)] * 200_000,
    "streams that are reset at once": lambda: streams(50_000, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(LIVE)) + frame(RST_STREAM, 0, s, b"\0\0\0\x08")),
    "tiny calls": lambda: streams(50_000, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(LIVE)) + frame(DATA, END_STREAM, s, EMPTY_MESSAGE)),
    "unknown methods": lambda: streams(50_000, lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s, call_headers(b"/no/Such"))),
    "calls that never end": lambda: streams(20_000, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(LIVE))),
    "watchers": lambda: streams(20_000, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(WATCH)) + frame(DATA, 0, s, EMPTY_MESSAGE)),
    "references to a large field": lambda: streams(1_000, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(LIVE) + (LARGE_FIELD if s == 1 else b"") + REFERENCES)),
    "headers that go on": lambda: [frame(HEADERS, 0, 1, call_headers(LIVE))] + [frame(CONTINUATION, 0, 1, literal(b"x-more", b"y" * 100))] * 50_000,
}


def pour(port, frames, reads):
    """Sends until the server cuts the connection, or takes no more for two seconds, or all is sent. Returns whether it cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.setblocking(False)
        waiting = bytearray(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))
        source = iter(frames)
        try:
            while True:
                while len(waiting) < 65536:
                    following = next(source, None)
                    if following is None:
                        break
                    waiting += following
                if not waiting:
                    return False
                readable, writable, _ = select.select([client] if reads else [], [client], [], 2)
                if readable and not client.recv(65536):
                    return True
                if writable:
                    del waiting[: client.send(waiting)]
                elif not readable:
                    return False
        except (ConnectionError, BrokenPipeError):
            return True


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(simulated_server(SIGNATURE))

    def test_floods(self):
        for reads in (True, False):
            for name, frames in FLOODS.items():
                with self.subTest(flood=name, client="reads" if reads else "reads nothing"):
                    pour(self.server.grpc_port, frames(), reads)  # what is touched once is not counted
                    before = self.server.resident_kb()
                    for _ in range(2):
                        pour(self.server.grpc_port, frames(), reads)
                    self.assertIsNone(self.server.process.poll(), "the server ended")
                    if not SANITIZED:
                        self.assertLess(self.server.resident_kb() - before, MOST_KB)
                    self.assertEqual(self.server.infer("m", "x", [1.0] * 4, [1, 4]), {"y": [1.0] * 4})

    def test_streams_of_one_connection_are_bounded_for_all_methods(self):
        """Half-open calls on many connections at once leave nothing behind."""
        before = self.server.resident_kb()
        with contextlib.ExitStack() as stack:
            for _ in range(50):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", self.server.grpc_port), timeout=5))
                client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS) + b"".join(
                    streams(100, lambda s: frame(HEADERS, END_HEADERS, s, call_headers(WATCH)) + frame(DATA, 0, s, EMPTY_MESSAGE))))
            self.assertEqual(self.server.infer("m", "x", [1.0] * 4, [1, 4]), {"y": [1.0] * 4})
        if not SANITIZED:
            self.assertLess(self.server.resident_kb() - before, MOST_KB)


if __name__ == "__main__":
    unittest.main()
