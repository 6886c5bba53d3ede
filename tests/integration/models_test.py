"""What config.json can say about models, on real models and runtimes: formats, devices, automatic shapes, name mappings, pipelines, explicit control."""
import json
import pathlib
import shutil
import tempfile
import unittest

from ocelli_server import DATA, Server, needs_data, toy, wait_for

ONES = [1.0] * 10
# This CPU may compute in BF16 unless told otherwise; the answers here are compared exactly.
EXACT = {"plugin_config": {"INFERENCE_PRECISION_HINT": "f32"}}


def model(name, path, **more):
    return {"config": {"name": name, "base_path": str(path), **more}}


def models(*entries, **sections):
    return {"model_config_list": list(entries), **sections}


def states(server, name):
    return {int(one["version"]): one["state"] for one in json.loads(server.get(f"/v1/models/{name}")[2])["model_version_status"]}


def execution(server, name):
    return json.loads(server.get(f"/v2/models/{name}")[2])["execution"][0]


@needs_data
class Models(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocelli-models-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def test_formats_side_by_side(self):
        squeezenet = DATA / "models/classification/squeezenet/SqueezeNet_fp32_dynbatch.onnx"
        with Server(models(model("ir", toy("dummy")), model("saved_model", toy("dummy_saved_model")), model("tflite", toy("dummy_tflite")),
                           model("onnx", squeezenet))) as server:
            for name in ("ir", "saved_model", "tflite"):
                metadata = json.loads(server.get(f"/v2/models/{name}")[2])
                answer = server.infer(name, metadata["inputs"][0]["name"], ONES, [1, 10])
                self.assertEqual(list(answer.values())[0], [2.0] * 10, name)
            self.assertEqual(states(server, "onnx"), {1: "AVAILABLE"}, "a model file is version 1")
            self.assertEqual(json.loads(server.get("/v2/models/ir")[2])["rt_info"], {"model_info": {"precision": "FP16", "resolution": {"height": "200", "width": "300"}}})
            self.assertNotIn("rt_info", json.loads(server.get("/v2/models/onnx")[2]))

    def test_devices_by_name(self):
        wanted = {"cpu": "CPU", "auto": "AUTO", "auto_list": "AUTO:GPU,CPU", "multi": "MULTI:CPU", "hetero": "HETERO:CPU", "batch": "BATCH:CPU(4)"}
        refused = {"gpu": "GPU", "nvidia": "NVIDIA", "myriad": "MULTI:MYRIAD,CPU", "hddl": "HDDL", "unknown": "XPU"}
        entries = [model(name, toy("dummy"), target_device=device, **EXACT) for name, device in wanted.items()]
        entries += [model(name, toy("dummy"), target_device=device) for name, device in refused.items()]
        with Server(models(*entries)) as server:
            has_gpu = "GPU" in next(line for line in server.log().splitlines() if "Available devices for Open VINO" in line)
            for name in wanted:
                with self.subTest(device=wanted[name]):
                    self.assertEqual(server.infer(name, "b", ONES, [1, 10])["a"], [2.0] * 10)
            if not has_gpu:
                def passed_over():
                    return [device for device in json.loads(server.get("/v2/models/auto_list")[2])["execution"] if device["target"] == "GPU" and device["state"] == "failed"]
                wait_for(passed_over, "what was passed over is told")
                self.assertIn("OpenVINO has no device GPU here", passed_over()[0]["reason"])
                self.assertIn("see: ocelli doctor --for GPU", passed_over()[0]["reason"])
            for name in refused:
                if has_gpu and name == "gpu":
                    continue
                with self.subTest(device=refused[name]):
                    self.assertEqual(states(server, name), {1: "LOADING"})
            self.assertIn("Movidius devices need OpenVINO 2022.3 or older", server.log())
            self.assertIn('target_device "XPU", position 1: there is no device "XPU"; known are CPU, GPU', server.log())

    def test_runtime_of_the_cpu_is_chosen(self):
        squeezenet = DATA / "models/classification/squeezenet/SqueezeNet_fp32_dynbatch.onnx"
        with Server(models(model("ov", squeezenet, plugin_config={"RUNTIME": "OPENVINO"}), model("ort", squeezenet, plugin_config={"RUNTIME": "ONNXRUNTIME"}),
                           model("neither", squeezenet, plugin_config={"RUNTIME": "TVM"}), model("ir", toy("dummy"), plugin_config={"RUNTIME": "ONNXRUNTIME"}))) as server:
            self.assertEqual(execution(server, "ov")["runtime"], "OpenVINO")
            self.assertEqual(execution(server, "ort")["runtime"], "ONNX Runtime")
            for name, platform in (("ov", "OpenVINO"), ("ort", "ONNX Runtime")):
                self.assertEqual(json.loads(server.get(f"/v2/models/{name}")[2])["platform"], platform)
            for name in ("neither", "ir"):
                self.assertEqual(states(server, name), {1: "LOADING"})
            self.assertIn('RUNTIME: OPENVINO or ONNXRUNTIME expected, not "TVM"', server.log())
            self.assertIn("onnxruntime does not read OpenVINO IR models", server.log())

    def test_automatic_shapes_follow_the_request(self):
        with Server(models(model("shape", toy("dummy"), shape="auto", **EXACT), model("batch", toy("dummy"), batch_size="auto", **EXACT),
                           model("fixed", toy("increment_1x3x4x5"), shape="auto", **EXACT))) as server:
            for shape in ([1, 10], [2, 3], [4, 1], [1, 10]):
                values = [float(i) for i in range(shape[0] * shape[1])]
                self.assertEqual(server.infer("shape", "b", values, shape)["a"], [value + 1 for value in values])
            self.assertEqual(server.infer("batch", "b", ONES * 3, [3, 10])["a"], [2.0] * 30)
            status, _, body = server.post("/v2/models/batch/infer", {"inputs": [{"name": "b", "shape": [3, 9], "datatype": "FP32", "data": [1.0] * 27}]})
            self.assertEqual((status, json.loads(body)["error"]), (400, "Invalid input shape - Expected: (3,10); Actual: (3,9); input name: b"))
            self.assertIn("was reshaped for a request", server.log())

    def test_a_mistake_in_a_fixed_input_is_told_as_one_beside_an_automatic_input(self):
        with Server(models(model("sum", toy("add_two_inputs_model"), shape={"input1": "auto", "input2": "(1,10)"}, **EXACT))) as server:
            def infer(first, second):
                inputs = [{"name": name, "shape": [rows, 10], "datatype": "FP32", "data": ONES * rows} for name, rows in (("input1", first), ("input2", second))]
                status, _, body = server.post("/v2/models/sum/infer", {"inputs": inputs})
                return status, json.loads(body).get("error")

            self.assertEqual(infer(5, 1), (200, None))
            self.assertEqual(infer(1, 5), (400, "Invalid input batch size - Expected: 1; Actual: 5; input name: input2"))
            self.assertEqual(infer(2, 1), (200, None))

    def test_a_name_mapping_renames_inputs_and_outputs(self):
        shutil.copytree(f"{toy('dummy')}/1", self.folder / "mapped/1")
        (self.folder / "mapped/1/mapping_config.json").write_text('{"inputs": {"b": "question"}, "outputs": {"a": "answer"}}')
        shutil.copytree(self.folder / "mapped", self.folder / "confused")
        (self.folder / "confused/1/mapping_config.json").write_text('{"inputs": {"nothing": "question"}}')
        with Server(models(model("mapped", self.folder / "mapped", shape={"question": "(2,10)"}, **EXACT), model("confused", self.folder / "confused"))) as server:
            self.assertEqual(server.infer("mapped", "question", ONES * 2, [2, 10]), {"answer": [2.0] * 20})
            self.assertEqual(states(server, "confused"), {1: "LOADING"})
            self.assertIn("mapping_config.json names input nothing", server.log())

    def test_pipelines_come_and_go_with_their_models(self):
        shutil.copytree(f"{toy('dummy')}/1", self.folder / "m/1")

        def step(name, source, item):
            return {"name": name, "type": "DL model", "model_name": "m", "inputs": [{"b": {"node_name": source, "data_item": item}}],
                    "outputs": [{"data_item": "a", "alias": "o"}]}

        chain = {"name": "chain", "inputs": ["x"], "nodes": [step("first", "request", "x"), step("second", "first", "o")],
                 "outputs": [{"y": {"node_name": "second", "data_item": "o"}}]}
        entry = model("m", self.folder / "m", **EXACT)
        with Server(models(entry, pipeline_config_list=[chain])) as server:
            self.assertEqual(server.infer("chain", "x", ONES, [1, 10]), {"y": [3.0] * 10})
            self.assertEqual(states(server, "chain"), {1: "AVAILABLE"})
            shutil.copytree(f"{toy('dummy')}/1", self.folder / "new")
            (self.folder / "new").rename(self.folder / "m/2")
            wait_for(lambda: states(server, "m") == {1: "END", 2: "AVAILABLE"}, "version 2 replaces version 1")
            self.assertEqual(server.infer("chain", "x", ONES, [1, 10]), {"y": [3.0] * 10})
            server.write_config(models(pipeline_config_list=[chain]))
            wait_for(lambda: states(server, "chain") == {1: "LOADING"}, "the pipeline has lost its model")
            server.write_config(models(entry, pipeline_config_list=[chain]))
            wait_for(lambda: states(server, "chain") == {1: "AVAILABLE"}, "the pipeline is back")
            self.assertEqual(server.infer("chain", "x", ONES, [1, 10]), {"y": [3.0] * 10})

    def test_explicit_control(self):
        with Server(models(model("a", toy("dummy"), **EXACT), model("b", toy("dummy"))), flags=["--model_control_mode", "explicit", "--load_models", "a"]) as server:
            self.assertEqual(server.get("/v2/models/b/ready")[0], 404)
            self.assertEqual(server.post("/v2/repository/models/b/load", "")[0], 200)
            self.assertEqual(server.get("/v2/models/b/ready")[0], 200)
            self.assertEqual(server.post("/v2/repository/models/a/unload", "")[0], 200)
            self.assertEqual(server.get("/v2/models/a/ready")[0], 404)
            self.assertEqual(server.post("/v2/repository/models/none/load", "")[0], 404)


if __name__ == "__main__":
    unittest.main()
