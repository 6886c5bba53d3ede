"""Real classifiers on real photos: the labels that the models' own runtimes give, through every door, as encoded pictures."""
import base64
import csv
import io
import json
import unittest

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from PIL import Image

from ocelli_server import DATA, Server, needs_data

MODELS = DATA / "models/classification"
PHOTOS = DATA / "images/imagenet_labeled"
# name: config entry, input, output, class of "tench" (0 or, where class 0 is background, 1), column of the reference
CASES = {
    "squeezenet": ({"base_path": str(MODELS / "squeezenet/SqueezeNet_fp32_dynbatch.onnx"), "layout": "NHWC:NCHW", "mean": "[104,117,123]"},
                   "data_0", "softmaxout_1", 0, "squeezenet_fp32"),
    "mobilenet": ({"base_path": str(MODELS / "mobilenet_v2_quant_tflite/mobilenet_v2_1.0_224_quant.tflite"), "layout": "NHWC:NHWC",
                   "color_format": "BGR:RGB"}, "input", "output", 1, "mobilenet_v2_quant_tflite"),
    # The same network without any layout: the server packs the picture as the model wants it. Its mean is left out, so only "runs" is checked.
    "planar": ({"base_path": str(MODELS / "squeezenet/SqueezeNet_fp32_dynbatch.onnx")}, "data_0", "softmaxout_1", 0, None),
}


def centre_crop(path):
    picture = Image.open(path).convert("RGB")
    scale = 256 / min(picture.size)
    picture = picture.resize([round(side * scale) for side in picture.size], Image.Resampling.BILINEAR)
    left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
    encoded = io.BytesIO()
    picture.crop((left, top, left + 224, top + 224)).save(encoded, "PNG")
    return encoded.getvalue()


def reference():
    with open(PHOTOS / "reference_top1.tsv", encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t"))


@needs_data
class Labels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        models = [{"config": {"name": name, **entry, "plugin_config": {"INFERENCE_PRECISION_HINT": "f32"}}} for name, (entry, *_) in CASES.items()]
        cls.server = Server({"model_config_list": models}).__enter__()
        cls.http = triton_http.InferenceServerClient(f"127.0.0.1:{cls.server.rest_port}")
        cls.grpc = triton_grpc.InferenceServerClient(f"127.0.0.1:{cls.server.grpc_port}")

    @classmethod
    def tearDownClass(cls):
        cls.http.close()
        cls.grpc.close()
        cls.server.__exit__(None, None, None)

    def ask(self, module, client, model, pictures):
        _, name, output, *_ = CASES[model]
        tensor = module.InferInput(name, [len(pictures)], "BYTES")
        tensor.set_data_from_numpy(np.array(pictures, dtype=object))
        return client.infer(model, [tensor]).as_numpy(output).reshape(len(pictures), -1)

    def ask_tfs(self, model, picture):
        body = {"inputs": {CASES[model][1]: [{"b64": base64.b64encode(picture).decode()}]}}
        status, _, reply = self.server.post(f"/v1/models/{model}:predict", body)
        self.assertEqual(status, 200, reply[:300])
        return np.array(json.loads(reply)["outputs"]).reshape(1, -1)

    def test_top1_equals_the_reference(self):
        for model in ("squeezenet", "mobilenet"):
            first, column = CASES[model][3:]
            differing = []
            for row in reference():
                picture = centre_crop(PHOTOS / row["file"])
                best = int(self.ask(triton_http, self.http, model, [picture]).argmax()) - first
                if best != int(row[column]):
                    differing.append((row["file"], best, row[column]))
            # The reference used its own cropping; a photo between two classes may tip over.
            self.assertLessEqual(len(differing), 1, differing)

    def test_every_door_gives_the_same_scores(self):
        picture = centre_crop(PHOTOS / reference()[0]["file"])
        for model in CASES:
            rest = self.ask(triton_http, self.http, model, [picture])
            np.testing.assert_array_equal(rest, self.ask(triton_grpc, self.grpc, model, [picture]))
            np.testing.assert_allclose(rest, self.ask_tfs(model, picture), rtol=1e-6)

    def test_layers_that_compute_in_another_precision_are_counted(self):
        """Of the quantized network some layers really run in INT8; the precision alone says FP32, as most do."""
        told = json.loads(self.server.get("/v2/models/mobilenet")[2])["execution"][0]
        self.assertEqual(told["precision"], "FP32")
        self.assertRegex(told["note"], r"^of its convolutions and matrix products \d+ in FP32, \d+ in INT8(, \d+ in FP16)?$")  # FP16: on ARM

    def test_pictures_in_one_batch_equal_pictures_alone(self):
        pictures = [centre_crop(PHOTOS / row["file"]) for row in reference()[:3]]
        together = self.ask(triton_http, self.http, "squeezenet", pictures)
        for index, picture in enumerate(pictures):
            np.testing.assert_allclose(together[index : index + 1], self.ask(triton_http, self.http, "squeezenet", [picture]), rtol=1e-4, atol=1e-7)


if __name__ == "__main__":
    unittest.main()
