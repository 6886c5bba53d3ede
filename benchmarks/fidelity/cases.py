"""The real float models of the test data, and what each is fed: pictures in the form that it was trained on."""
import pathlib

import numpy as np
from PIL import Image

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
IMAGENET_SCALE = np.array([0.229, 0.224, 0.225], np.float32) * 255
DLIB_MEAN = np.array([122.782, 117.001, 104.298], np.float32)


def case(path, size, pictures, mean=0.0, scale=1.0, order="RGB"):
    """size: (height, width). order: of the channels; L for one channel of grey."""
    return {"path": path, "size": size, "pictures": pictures, "mean": mean, "scale": scale, "order": order}


def centred(path, size, pictures, order="RGB", middle=127.5, reach=128.0):
    return case(path, size, pictures, middle, reach, order)


CASES = [
    case("classification/mnist/mnist.onnx", (28, 28), "ocr", order="L"),
    case("classification/squeezenet/SqueezeNet_fp16.onnx", (224, 224), "imagenet", IMAGENET_MEAN, IMAGENET_SCALE),
    case("classification/squeezenet/SqueezeNet_fp32_dynbatch.onnx", (224, 224), "imagenet", IMAGENET_MEAN, IMAGENET_SCALE),
    case("face_attributes/antispoof/2.7_80x80_MiniFASNetV2.onnx", (80, 80), "faces", order="BGR"),
    case("face_attributes/antispoof/4_0_0_80x80_MiniFASNetV1SE.onnx", (80, 80), "faces", order="BGR"),
    centred("face_attributes/emotion/fer2013_mini_xception.onnx", (64, 64), "faces", "L", reach=127.5),
    centred("face_attributes/gender/gender_mini_xception.onnx", (64, 64), "faces", "L", reach=127.5),
    centred("face_attributes/mask/RFB-640-masked_face-v2.onnx", (480, 640), "people", middle=127.0),
    case("face_detection/retinaface/FaceDetector.onnx", (640, 640), "people", np.array([104, 117, 123], np.float32), order="BGR"),
    centred("face_detection/scrfd/det_500m.onnx", (640, 640), "people"),
    centred("face_detection/scrfd/scrfd_2.5g_kps.onnx", (640, 640), "people"),
    centred("face_detection/ultraface/version-RFB-320.onnx", (240, 320), "people", middle=127.0),
    centred("face_detection/ultraface/version-slim-320.onnx", (240, 320), "people", middle=127.0),
    case("face_detection/yunet/yunet_n_320_320.onnx", (320, 320), "people", order="BGR"),
    case("face_detection/yunet/yunet_n_640_640.onnx", (640, 640), "people", order="BGR"),
    case("face_detection/yunet/yunet_n_dynamic.onnx", (320, 320), "people", order="BGR"),
    case("face_detection/yunet/yunet_s_dynamic.onnx", (320, 320), "people", order="BGR"),
    case("face_recognition/large/dlib_resnet_v1/dlib_resnet_v1.onnx", (150, 150), "faces", DLIB_MEAN, 256.0),
    centred("face_recognition/medium/mobilefacenet/MobileFaceNet.onnx", (112, 112), "faces"),
    centred("face_recognition/medium/mobilefacenet/MobileFaceNet_dynbatch.onnx", (112, 112), "faces"),
    case("ocr/ppocr_v4_mobile/ch_PP-OCRv4_det_infer.onnx", (640, 640), "ocr", IMAGENET_MEAN, IMAGENET_SCALE, "BGR"),
    centred("ocr/ppocr_v4_mobile/ch_PP-OCRv4_rec_infer.onnx", (48, 320), "ocr", "BGR", reach=127.5),
    centred("ocr/ppocr_v4_mobile/ch_ppocr_mobile_v2.0_cls_infer.onnx", (48, 192), "ocr", "BGR", reach=127.5),
    case("ocr/ppocr_v6_small/PP-OCRv6_det_small.onnx", (640, 640), "ocr", IMAGENET_MEAN, IMAGENET_SCALE, "BGR"),
    centred("ocr/ppocr_v6_small/PP-OCRv6_rec_small.onnx", (48, 320), "ocr", "BGR", reach=127.5),
]


def pictures(data, kind, count):
    """The first `count` pictures of a kind by name, spread over its folder."""
    found = sorted(path for path in (data / "images" / kind).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp"))
    return [found[i * len(found) // count] for i in range(min(count, len(found)))]


def tensor(path: pathlib.Path, one):
    """A picture as the model's NCHW input of one picture, stretched to its size."""
    height, width = one["size"]
    mode = "L" if one["order"] == "L" else "RGB"
    pixels = np.asarray(Image.open(path).convert(mode).resize((width, height), Image.BILINEAR), np.float32).reshape(height, width, -1)
    if one["order"] == "BGR":
        pixels = pixels[:, :, ::-1]
    return np.ascontiguousarray(((pixels - one["mean"]) / one["scale"]).astype(np.float32).transpose(2, 0, 1)[np.newaxis])
