"""The HTTP transport without a model, against the floor of loopback TCP, interleaved in one run; wrk shares the cores.

Usage: http_floor.py HTTP_ECHO TCP_FLOOR [ROUNDS [SECONDS [NAME=URL ...]]]
Further servers (a peer that is running already) can be named with their URL. Prints medians over the rounds.
"""
import re
import statistics
import subprocess
import sys
import tempfile

LOADS = (("64 B c1", 64, 1), ("64 B c16", 64, 16), ("602 KB c1", 602_112, 1), ("602 KB c4", 602_112, 4))
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def wrk(url, size, connections, seconds, folder):
    script = f"{folder}/{size}.lua"
    with open(script, "w", encoding="ascii") as file:
        file.write(f'wrk.method = "POST"\nwrk.body = string.rep("x", {size})\n')
    command = ["wrk", f"-t{min(connections, 2)}", f"-c{connections}", f"-d{seconds}", "--latency", "-s", script, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"{url}: {text}")
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(value) * UNITS[unit], float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))


def main():
    echo, floor = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    server = subprocess.Popen([echo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    servers = {"ocelli": f"http://127.0.0.1:{int(server.stdout.readline())}/infer"}
    servers.update(pair.split("=", 1) for pair in sys.argv[5:])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for name, size, connections in LOADS:
                order = list(servers) if turn % 2 == 0 else list(reversed(servers))
                for peer in order:
                    results.setdefault((name, peer), []).append(wrk(servers[peer], size, connections, seconds, folder))
            for size in (64, 602_112):
                time = subprocess.run([floor, str(size), str(seconds)], capture_output=True, text=True, check=True).stdout
                results.setdefault((f"{size} B", "TCP floor"), []).append((float(time), 0.0))
    server.stdin.close()
    server.wait()
    print(f"{'load':<12}{'server':<12}{'p50 us':>10}{'req/s':>12}")
    for (name, peer), values in sorted(results.items()):
        rate = statistics.median(value[1] for value in values)
        print(f"{name:<12}{peer:<12}{statistics.median(value[0] for value in values):>10.1f}{f'{rate:.0f}' if rate else '':>12}")


if __name__ == "__main__":
    main()
