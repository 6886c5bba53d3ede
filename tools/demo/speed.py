"""Requests per second with wrk: encoded pictures over KServe REST, binary both ways."""
import json
import re
import struct
import subprocess

SECONDS = 3


def write_script(path, model, picture):
    """A wrk script that posts one picture again and again."""
    blob = struct.pack("<I", len(picture)) + picture
    head = json.dumps({"inputs": [{"name": model.input, "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(blob)}}],
                       "outputs": [{"name": model.output, "parameters": {"binary_data": True}}]})
    body = path.with_suffix(".body")
    body.write_bytes(head.encode() + blob)
    path.write_text(f"""local file = io.open({json.dumps(str(body))}, "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Inference-Header-Content-Length"] = "{len(head)}"
wrk.headers["Content-Type"] = "application/octet-stream"
""")


def run_wrk(url, script, connections):
    shown = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url], capture_output=True, text=True,
                           timeout=SECONDS + 30, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", shown).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", shown).groups()
    if "Non-2xx" in shown:
        raise SystemExit(f"{url} answered errors under load:\n{shown}")
    return rate, float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def measure(server, repository):
    cases = [(repository.reader.detector, repository.reader.pages[0])]
    cases += [(classifier.model, classifier.photos[0].path) for classifier in repository.classifiers]
    rows = []
    for model, picture in cases:
        script = repository.config.parent / f"wrk-{model.name}.lua"
        write_script(script, model, picture.read_bytes())
        for connections in (1, 4):
            rate, median = run_wrk(f"http://127.0.0.1:{server.rest_port}/v2/models/{model.name}/infer", script, connections)
            rows.append([model.name, connections, f"{rate:.1f}", f"{median:.1f}"])
    return rows
