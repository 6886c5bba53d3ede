"""The doors of the server, each through a client that people use: tritonclient (REST and gRPC), plain REST JSON, and a TensorFlow Serving gRPC stub."""
import base64
import dataclasses
import json
import pathlib
import sys
import tempfile
import time
import typing
import urllib.request

import grpc
import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Door:
    name: str
    call: typing.Callable

    def infer(self, server, model, picture):
        """One encoded picture in, the model's output as an array; also the milliseconds as the client sees them."""
        begin = time.perf_counter()
        answer = self.call(server, model, picture)
        return answer, (time.perf_counter() - begin) * 1000


def triton_input(module, model, picture):
    tensor = module.InferInput(model.input, [1], "BYTES")
    tensor.set_data_from_numpy(np.array([picture], dtype=object))
    return [tensor]


def kserve_rest(server, model, picture):
    client = triton_http.InferenceServerClient(f"127.0.0.1:{server.rest_port}")
    try:
        return client.infer(model.name, triton_input(triton_http, model, picture)).as_numpy(model.output)
    finally:
        client.close()


def kserve_grpc(server, model, picture):
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        return client.infer(model.name, triton_input(triton_grpc, model, picture)).as_numpy(model.output)


def tfs_rest(server, model, picture):
    body = json.dumps({"inputs": {model.input: [{"b64": base64.b64encode(picture).decode()}]}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.rest_port}/v1/models/{model.name}:predict", body)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return np.array(json.loads(reply.read())["outputs"], dtype=np.float32)


def serving_stub():
    """TensorFlow Serving's messages, compiled from proto/ into a temporary folder."""
    import grpc_tools.protoc  # only needed here; importing it takes a while

    folder = tempfile.mkdtemp()
    files = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").glob("tensorflow*/**/*.proto"))
    google = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    code = grpc_tools.protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"-I{google}", f"--python_out={folder}", *files])
    if code != 0:
        sys.exit("The protos in proto/ could not be compiled for Python")
    sys.path.insert(0, folder)
    from tensorflow_serving.apis import predict_pb2
    return predict_pb2


class TfsGrpc:
    """Keeps the compiled messages between calls."""

    def __init__(self):
        self.messages = None

    def __call__(self, server, model, picture):
        self.messages = self.messages or serving_stub()
        request = self.messages.PredictRequest()
        request.model_spec.name = model.name
        tensor = request.inputs[model.input]
        tensor.dtype = 7  # DT_STRING
        tensor.tensor_shape.dim.add().size = 1
        tensor.string_val.append(picture)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", [("grpc.max_receive_message_length", 1 << 30)]) as channel:
            predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict", self.messages.PredictRequest.SerializeToString,
                                          self.messages.PredictResponse.FromString)
            output = predict(request, timeout=30).outputs[model.output]
        shape = [dim.size for dim in output.tensor_shape.dim]
        kind = {1: np.float32, 4: np.uint8}[output.dtype]
        return np.frombuffer(output.tensor_content, kind).reshape(shape)


ALL = [Door("KServe REST", kserve_rest), Door("KServe gRPC", kserve_grpc), Door("TFS REST", tfs_rest), Door("TFS gRPC", TfsGrpc())]


def compare(server, repository):
    """The same picture through every door; stops the demo when the answers differ."""
    cases = [(repository.reader.detector, repository.reader.pages[0])]
    if repository.classifiers:
        cases.append((repository.classifiers[0].model, repository.classifiers[0].photos[0].path))
    rows = []
    for model, picture in cases:
        encoded = picture.read_bytes()
        first = None
        for door in ALL:
            answer, milliseconds = door.infer(server, model, encoded)
            first = answer if first is None else first
            worst = float(np.abs(answer.astype(np.float64) - first).max())
            rows.append([door.name, model.name, f"{answer.shape} differs by {worst:.1g} at most", f"{milliseconds:.1f}"])
            if worst > 1e-5:
                sys.exit(f"{door.name} answers differently from {ALL[0].name} for {picture}: by {worst}")
    return rows
