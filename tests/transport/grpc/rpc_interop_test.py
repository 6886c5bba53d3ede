"""The gRPC transport as grpcio, an independent implementation, sees it. Usage: rpc_interop_test.py PATH_OF_rpc_echo_server"""

import concurrent.futures
import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

SERVER = ""
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PATIENCE = 20


def identity(data):
    return data


class EchoServer:
    """The echo server of the tests as a child process; a context manager."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([SERVER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.stdin.closed:
            return None
        self.process.stdin.close()
        last = self.process.stdout.readline().strip()
        self.process.stdout.close()
        return last, self.process.wait(timeout=PATIENCE)

    def channel(self, *options):
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[*UNLIMITED, *options])


def resident_bytes(process):
    pages = int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def unary(channel, method):
    return channel.unary_unary(f"/test.Echo/{method}", request_serializer=identity, response_deserializer=identity)


def stream(channel, method):
    return channel.stream_stream(f"/test.Echo/{method}", request_serializer=identity, response_deserializer=identity)


class WithServer(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.server = EchoServer(*self.arguments)
        self.addCleanup(self.server.stop)
        self.channel = self.server.channel()
        self.addCleanup(self.channel.close)

    def assert_fails(self, code, function, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments, timeout=options.pop("timeout", PATIENCE), **options)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()


class Calls(WithServer):
    def test_messages_of_all_sizes(self):
        for size in (0, 1, 64, 16384, 602_112, 64 << 20):
            data = os.urandom(size)
            for method in ("Unary", "Later"):
                self.assertEqual(unary(self.channel, method)(data, timeout=PATIENCE), data, (method, size))

    def test_bulk_is_aligned(self):
        for size in (100, 5000, 602_112):
            self.assertEqual(unary(self.channel, "Align")(bytes(size), timeout=PATIENCE), b"0")

    def test_compressed_requests(self):
        data = b"compressible " * 50_000
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            for method in ("Unary", "Align"):
                reply = unary(self.channel, method)(data, timeout=PATIENCE, compression=compression)
                self.assertEqual(reply, data if method == "Unary" else b"0")

    def test_metadata(self):
        call = unary(self.channel, "Metadata")
        self.assertEqual(call(b"", metadata=(("x-probe", "value"), ("x-probe", "second")), timeout=PATIENCE), b"value")
        self.assertEqual(call(b"", timeout=PATIENCE), b"(none)")
        long = "v" * 8000
        self.assertEqual(call(b"", metadata=(("x-probe", long),), timeout=PATIENCE), long.encode())

    def test_too_much_metadata(self):
        details = self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, unary(self.channel, "Unary"), b"",
                                    metadata=tuple((f"x-{i}", "v") for i in range(200)))
        self.assertIn("metadata", details)

    def test_errors_keep_code_and_unicode_text(self):
        text = "no such thing: \u00fc\u2603\U0001f438, 100 %\n"
        for number, code in ((3, grpc.StatusCode.INVALID_ARGUMENT), (5, grpc.StatusCode.NOT_FOUND), (13, grpc.StatusCode.INTERNAL),
                             (16, grpc.StatusCode.UNAUTHENTICATED)):
            details = self.assert_fails(code, unary(self.channel, "Fail"), text.encode(), metadata=(("x-code", str(number)),))
            self.assertEqual(details, text)

    def test_unknown_method(self):
        details = self.assert_fails(grpc.StatusCode.UNIMPLEMENTED, unary(self.channel, "Nothing"), b"x")
        self.assertEqual(details, "Method is not offered: /test.Echo/Nothing")
        # A client that streams and does not close its side is not left waiting.
        with self.assertRaises(grpc.RpcError) as caught:
            never = threading.Event()
            self.addCleanup(never.set)

            def requests():
                yield b"x"
                never.wait(PATIENCE)

            list(stream(self.channel, "Nothing")(requests(), timeout=PATIENCE))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_deadline_reaches_the_handler(self):
        self.assertEqual(unary(self.channel, "Deadline")(b""), b"none")
        left = int(unary(self.channel, "Deadline")(b"", timeout=100))
        self.assertTrue(90_000 < left <= 101_000, left)

    def test_deadline_and_cancellation_end_held_calls(self):
        self.assert_fails(grpc.StatusCode.DEADLINE_EXCEEDED, unary(self.channel, "Hold"), b"", timeout=0.2)
        held = unary(self.channel, "Hold").future(b"")
        held.cancel()
        self.assertTrue(held.cancelled())
        self.assertEqual(unary(self.channel, "Unary")(b"still fine", timeout=PATIENCE), b"still fine")

    def test_hundred_streams_at_once(self):
        calls = [unary(self.channel, "Later").future(b"%d" % i * 1000, timeout=PATIENCE) for i in range(100)]
        for i, call in enumerate(calls):
            self.assertEqual(call.result(), b"%d" % i * 1000)

    def test_four_connections_from_threads(self):
        def work(index):
            with self.server.channel(("grpc.use_local_subchannel_pool", 1)) as channel:
                for size in (10, 602_112, 70_000) * 10:
                    data = bytes([index]) * size
                    self.assertEqual(unary(channel, "Unary")(data, timeout=PATIENCE), data)
            return index

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(work, range(4))), list(range(4)))


class Streams(WithServer):
    def test_bidirectional(self):
        messages = [b"", b"a", os.urandom(600_000), *(b"%d" % i for i in range(500))]
        self.assertEqual(list(stream(self.channel, "Stream")(iter(messages), timeout=PATIENCE)), messages)

    def test_replies_come_while_the_client_still_sends(self):
        got = threading.Semaphore(0)

        def requests():
            for i in range(10):
                yield b"%d" % i
                self.assertTrue(got.acquire(timeout=PATIENCE))

        for i, reply in enumerate(stream(self.channel, "Stream")(requests(), timeout=PATIENCE)):
            self.assertEqual(reply, b"%d" % i)
            got.release()

    def test_client_streams(self):
        call = self.channel.stream_unary("/test.Echo/Collect", request_serializer=identity, response_deserializer=identity)
        self.assertEqual(call(iter([bytes(1000)] * 1000), timeout=PATIENCE), b"1000000")
        self.assertEqual(call(iter([]), timeout=PATIENCE), b"0")

    def test_server_streams(self):
        call = self.channel.unary_stream("/test.Echo/Count", request_serializer=identity, response_deserializer=identity)
        self.assertEqual(list(call(b"5000", timeout=PATIENCE)), [b"%d" % i for i in range(5000)])

    def test_cancelled_flood(self):
        call = stream(self.channel, "Flood")(iter([b"go"]), timeout=PATIENCE)
        self.assertEqual(len(next(call)), 65536)
        call.cancel()
        self.assertEqual(unary(self.channel, "Unary")(b"still fine", timeout=PATIENCE), b"still fine")

    def test_slow_reader_gets_everything(self):
        call = stream(self.channel, "Flood")(iter([b"go"]), timeout=PATIENCE)
        total = sum(len(next(call)) for _ in range(2048))
        self.assertEqual(total, 2048 * 65536)
        call.cancel()


class Compression(WithServer):
    arguments = ("--gzip",)

    def test_replies_are_compressed_for_those_who_accept(self):
        data = b"compressible " * 50_000
        self.assertEqual(unary(self.channel, "Unary")(data, timeout=PATIENCE), data)
        self.assertEqual(unary(self.channel, "Small")(b"", timeout=PATIENCE), bytes(16))
        self.assertEqual(list(stream(self.channel, "Stream")(iter([data, b"x"]), timeout=PATIENCE)), [data, b"x"])


class Limits(WithServer):
    arguments = ("--limit", "1000000", "--streams", "8")

    def test_message_over_the_limit(self):
        details = self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, unary(self.channel, "Unary"), bytes(1_000_001))
        self.assertEqual(details, "the request message has 1000001 bytes; at most 1000000 are accepted")
        self.assertEqual(len(unary(self.channel, "Unary")(bytes(1_000_000), timeout=PATIENCE)), 1_000_000)

    def test_more_calls_than_streams_wait_their_turn(self):
        calls = [unary(self.channel, "Later").future(b"%d" % i, timeout=PATIENCE) for i in range(100)]
        self.assertEqual([call.result() for call in calls], [b"%d" % i for i in range(100)])


class ApiKey(WithServer):
    arguments = ("--key", "secret")

    def test_key(self):
        call = unary(self.channel, "Unary")
        for scheme in ("Bearer", "bearer"):
            self.assertEqual(call(b"x", metadata=(("authorization", f"{scheme} secret"),), timeout=PATIENCE), b"x")
        self.assert_fails(grpc.StatusCode.UNAUTHENTICATED, call, b"x")
        self.assertEqual(call(b"x", metadata=(("authorization", "bearer secret"),), timeout=PATIENCE), b"x")
        self.assertEqual(call(b"x", metadata=(("x-api-key", "secret"),), timeout=PATIENCE), b"x")
        self.assert_fails(grpc.StatusCode.UNAUTHENTICATED, call, b"x", metadata=(("authorization", "Bearer secreT"),))
        self.assert_fails(grpc.StatusCode.UNAUTHENTICATED, call, b"x", metadata=(("x-api-key", "secreT"),))


class GracefulStop(unittest.TestCase):
    def test_calls_under_way_end_normally(self):
        server = EchoServer()
        with server.channel() as channel:
            self.assertEqual(unary(channel, "Unary")(b"x", timeout=PATIENCE), b"x")
            sent = threading.Event()
            release = threading.Event()

            def requests():
                yield b"first"
                sent.set()
                release.wait(PATIENCE)
                yield b"last"

            replies = stream(channel, "Stream")(requests(), timeout=PATIENCE)
            self.assertEqual(next(replies), b"first")
            stopper = concurrent.futures.ThreadPoolExecutor(1).submit(server.stop)
            while True:  # the port is closed before calls are waited for
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", server.port)) != 0:
                        break
                time.sleep(0.01)
            release.set()
            self.assertEqual(list(replies), [b"last"])
            self.assertEqual(stopper.result(PATIENCE), ("stopped", 0))

    def test_held_calls_are_cancelled_after_the_limit(self):
        server = EchoServer()
        with server.channel() as channel:
            self.assertEqual(unary(channel, "Unary")(b"x", timeout=PATIENCE), b"x")
            held = unary(channel, "Hold").future(b"", timeout=PATIENCE)
            while unary(channel, "Held")(b"", timeout=PATIENCE) != b"1":
                pass
            self.assertEqual(server.stop(), ("stopped", 0))
            self.assertIsNotNone(held.exception())


class ManyConnections(WithServer):
    def test_ten_thousand_idle_connections(self):
        """They cost little, and others are served meanwhile."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = EchoServer()  # inherits the higher limit
        self.addCleanup(server.stop)
        count = min(10_000, hard - 500)
        settings = b"\0\0\0\4\0\0\0\0\0"  # an empty SETTINGS frame
        before = resident_bytes(server.process.pid)
        idle = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port))
            self.addCleanup(connection.close)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
            idle.append(connection)
        for connection in idle:
            self.assertTrue(connection.recv(9))  # the server's SETTINGS: it is greeted
        each = (resident_bytes(server.process.pid) - before) / count
        print(f"{count} connections, {each:.0f} bytes each ... ", end="", file=sys.stderr)
        if not os.environ.get("OCELLI_SANITIZE"):  # whose memory would be counted too
            self.assertLess(each, 24 * 1024)
        with server.channel() as channel:
            self.assertEqual(unary(channel, "Unary")(b"x", timeout=PATIENCE), b"x")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        run = lambda *words: subprocess.run(["openssl", *words], cwd=cls.folder.name, check=True, capture_output=True)
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run("req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
        pathlib.Path(cls.folder.name, "server.ext").write_text("subjectAltName=IP:127.0.0.1")
        pathlib.Path(cls.folder.name, "client.ext").write_text("extendedKeyUsage=clientAuth")
        for name in ("server", "client"):
            run("req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            run("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile",
                f"{name}.ext", "-out", f"{name}.crt")

    def path(self, name):
        return str(pathlib.Path(self.folder.name, name))

    def read(self, name):
        return pathlib.Path(self.folder.name, name).read_bytes()

    def test_tls(self):
        with EchoServer("--tls", self.path("server.crt"), self.path("server.key")) as server:
            trusting = grpc.ssl_channel_credentials(self.read("ca.crt"))
            with grpc.secure_channel(f"127.0.0.1:{server.port}", trusting, options=UNLIMITED) as channel:
                for size in (0, 100, 602_112, 20 << 20):
                    data = os.urandom(size)
                    self.assertEqual(unary(channel, "Unary")(data, timeout=PATIENCE), data)
                self.assertEqual(list(stream(channel, "Stream")(iter([b"a", b"b"]), timeout=PATIENCE)), [b"a", b"b"])
            with server.channel() as plain:
                with self.assertRaises(grpc.RpcError):
                    unary(plain, "Unary")(b"x", timeout=PATIENCE)

    def test_mutual_tls(self):
        with EchoServer("--tls", self.path("server.crt"), self.path("server.key"), self.path("ca.crt")) as server:
            known = grpc.ssl_channel_credentials(self.read("ca.crt"), self.read("client.key"), self.read("client.crt"))
            with grpc.secure_channel(f"127.0.0.1:{server.port}", known) as channel:
                self.assertEqual(unary(channel, "Unary")(b"x", timeout=PATIENCE), b"x")
            stranger = grpc.ssl_channel_credentials(self.read("ca.crt"))
            with grpc.secure_channel(f"127.0.0.1:{server.port}", stranger) as channel:
                with self.assertRaises(grpc.RpcError) as caught:
                    unary(channel, "Unary")(b"x", timeout=5)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main(verbosity=2)
