"""Independent HTTP clients against the bare server: http.client, requests, aiohttp and curl. Usage: http_clients_test.py SERVER_PROGRAM"""
import asyncio
import gzip
import http.client
import json
import os
import subprocess
import sys
import unittest

import aiohttp
import requests

program = sys.argv.pop(1)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.port = int(cls.server.stdout.readline())
        cls.url = f"http://127.0.0.1:{cls.port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        assert cls.server.wait(20) == 0
        cls.server.stdout.close()

    def test_http_client_keeps_one_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.connect()
        socket = connection.sock
        for size in (0, 1, 1000, 100_000, 3_000_000):
            body = os.urandom(size)
            connection.request("POST", "/echo", body)
            reply = connection.getresponse()
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.read(), body)
            self.assertIs(connection.sock, socket, "the server closed a connection that it may keep")
        connection.close()

    def test_http_client_sends_chunks(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        pieces = [os.urandom(size) for size in (1, 70_000, 5, 16_384)]
        connection.request("POST", "/echo", iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        self.assertEqual(connection.getresponse().read(), b"".join(pieces))
        connection.request("HEAD", "/")
        reply = connection.getresponse()
        self.assertEqual((reply.status, reply.getheader("Content-Length"), reply.read()), (200, "64", b""))
        connection.close()

    def test_requests_compresses_both_ways(self):
        text = json.dumps(list(range(50_000))).encode()
        with requests.Session() as session:
            for _ in range(3):
                reply = session.post(self.url + "/echo", data=gzip.compress(text), headers={"Content-Encoding": "gzip"}, timeout=20)
                self.assertEqual(reply.headers["Content-Encoding"], "gzip")  # requests accepts it by default
                self.assertEqual(reply.content, text)

    def test_aiohttp_in_parallel(self):
        async def one(session, i):
            body = bytes([i % 256]) * (i * 997)
            async with session.post(self.url + "/echo", data=body) as reply:
                return await reply.read() == body

        async def many():
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:
                return await asyncio.gather(*(one(session, i) for i in range(300)))

        self.assertEqual(asyncio.run(many()).count(True), 300)

    def test_curl(self):
        def curl(*arguments, body=None):
            done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], input=body, capture_output=True, check=True)
            return done.stdout

        body = os.urandom(2_000_000)
        # Over a megabyte curl asks with Expect: 100-continue.
        self.assertEqual(curl("--data-binary", "@-", self.url + "/echo", body=body), body)
        self.assertEqual(curl("-H", "Transfer-Encoding: chunked", "--data-binary", "@-", self.url + "/echo", body=body), body)
        self.assertEqual(curl("-0", "--data-binary", "old", self.url + "/echo"), b"old")
        head = curl("-I", self.url + "/").decode()
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n"))
        self.assertEqual(curl("-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", self.url + "/a", self.url + "/b"), b"1 0 ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
