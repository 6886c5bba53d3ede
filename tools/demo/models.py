"""The demo's model repository: links to the PP-OCRv6 models of the rapidocr wheel and, where the test data is present, to classifiers. No file is copied."""
import dataclasses
import json
import os
import pathlib

import numpy as np
import onnx
import rapidocr

import pictures


@dataclasses.dataclass
class Model:
    name: str
    input: str
    output: str


@dataclasses.dataclass
class Photo:
    path: pathlib.Path
    label: str


@dataclasses.dataclass
class Classifier:
    model: Model
    labels: list
    first_class: int  # 1 where class 0 is "background"
    photos: list

    def label(self, scores):
        return self.labels[int(np.argmax(scores.reshape(-1))) - self.first_class]


@dataclasses.dataclass
class Reader:
    detector: Model
    recognizer: Model
    alphabet: list
    pages: list


@dataclasses.dataclass
class Repository:
    config: pathlib.Path
    reader: Reader
    classifiers: list
    data: pathlib.Path | None


def link_version(folder, name, source):
    version = folder / name / "1"
    version.mkdir(parents=True, exist_ok=True)
    link = version / f"model{source.suffix}"
    link.unlink(missing_ok=True)
    link.symlink_to(source)
    return str(folder / name)


def text_reader(folder, output, data):
    wheel = pathlib.Path(rapidocr.__file__).parent / "models"
    recognizer = wheel / "PP-OCRv6_rec_small.onnx"
    characters = {prop.key: prop.value for prop in onnx.load(recognizer).metadata_props}["character"].split("\n")
    normalise = {"layout": "NHWC:NCHW", "mean": "[127.5,127.5,127.5]", "scale": "[127.5,127.5,127.5]"}
    entries = [
        {"name": "text_detection", "base_path": link_version(folder, "text_detection", wheel / "PP-OCRv6_det_small.onnx"), **normalise},
        {"name": "text_recognition", "base_path": link_version(folder, "text_recognition", recognizer), **normalise},
    ]
    pages = [pictures.draw_sample_page(output)]
    if data:
        pages += [data / "images/ocr" / name for name in ("ch_en_num.jpg", "text_det.jpg", "en.jpg")]
    reader = Reader(Model("text_detection", "x", "fetch_name_0"), Model("text_recognition", "x", "fetch_name_0"), ["", *characters, " "], pages)
    return entries, reader


def labelled_photos(data):
    lines = (data / "images/imagenet_labeled/labels.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    reference = (data / "images/imagenet_labeled/reference_top1.tsv").read_text().splitlines()
    columns = reference[0].split("\t")
    best = {row.split("\t")[0]: dict(zip(columns, row.split("\t"))) for row in reference[1:]}
    names = {int(row[1]): row[3] for row in rows}
    for line in (data / "text/imagenet1000_clsidx_to_labels.txt").read_text().strip("{} \n").splitlines():
        index, _, text = line.partition(":")
        names.setdefault(int(index), text.strip(" ,'\""))
    return rows, best, [names[i] for i in range(1000)]


def image_classifiers(folder, data):
    rows, best, labels = labelled_photos(data)

    def photos(column):
        """Photos on which the published model itself is right: a wrong answer then is the server's."""
        chosen = [row for row in rows if best[row[0]][column] == row[1]]
        return [Photo(data / "images/imagenet_labeled" / row[0], labels[int(row[1])]) for row in chosen[:12]]

    models = data / "models/classification"
    entries = [
        {"name": "squeezenet", "base_path": link_version(folder, "squeezenet", models / "squeezenet/SqueezeNet_fp32_dynbatch.onnx"),
         "layout": "NHWC:NCHW", "mean": "[104,117,123]"},
        {"name": "mobilenet_v2", "base_path": link_version(folder, "mobilenet_v2", models / "mobilenet_v2_quant_tflite/mobilenet_v2_1.0_224_quant.tflite"),
         "layout": "NHWC:NHWC", "color_format": "BGR:RGB"},
    ]
    classifiers = [
        Classifier(Model("squeezenet", "data_0", "softmaxout_1"), labels, 0, photos("squeezenet_fp32")),
        Classifier(Model("mobilenet_v2", "input", "output"), labels, 1, photos("mobilenet_v2_quant_tflite")),
    ]
    return entries, classifiers


def prepare(root, output):
    data = pathlib.Path(os.environ.get("OCELLI_TEST_DATA", root.parent / "shared" / "data"))
    data = data if data.is_dir() else None
    folder = output / "models"
    entries, reader = text_reader(folder, output, data)
    classifiers = []
    if data:
        more, classifiers = image_classifiers(folder, data)
        entries += more
    config = output / "config.json"
    config.write_text(json.dumps({"model_config_list": [{"config": entry} for entry in entries]}, indent=1))
    return Repository(config, reader, classifiers, data)
