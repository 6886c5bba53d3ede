"""Pages of text: a sample drawn here, detection boxes from the detector's map, recognition of the lines, and the annotated picture."""
import dataclasses
import io
import pathlib

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import doors

SAMPLE_LINES = ["Ocelli reads this page", "through every door it has:", "KServe v2, REST and gRPC,", "TensorFlow Serving, both.", "Invoice 2026-1187   EUR 49.90"]
# The detector's own settings (PP-OCR): the map's threshold, the least mean score of a box, and how far a box is grown (DB, Liao et al. 2020, eq. 10).
MAP_THRESHOLD, BOX_SCORE, UNCLIP_RATIO = 0.3, 0.5, 1.6
LINE_HEIGHT = 48


@dataclasses.dataclass
class Line:
    box: np.ndarray
    text: str
    score: float
    door: str
    milliseconds: float


def draw_sample_page(folder):
    """A page with a shadow and some noise, as a phone would take it."""
    path = pathlib.Path(folder) / "sample-page.jpg"
    page = Image.new("RGB", (960, 480), (236, 232, 222))
    pen = ImageDraw.Draw(page)
    for index, text in enumerate(SAMPLE_LINES):
        pen.text((60, 40 + index * 84), text, fill=(30, 32, 60), font=ImageFont.load_default(size=46))
    pixels = np.asarray(page, np.float32)
    shadow = np.linspace(1.0, 0.72, pixels.shape[1])[None, :, None]
    noise = np.random.default_rng(7).normal(0, 5, pixels.shape)
    Image.fromarray(np.clip(pixels * shadow + noise, 0, 255).astype(np.uint8)).save(path, quality=88)
    return path


def centre_crop(path):
    """The classifiers' usual preparation: shorter side 256, the middle 224 x 224; encoded without loss."""
    picture = Image.open(path).convert("RGB")
    scale = 256 / min(picture.size)
    picture = picture.resize([round(side * scale) for side in picture.size], Image.Resampling.BILINEAR)
    left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
    encoded = io.BytesIO()
    picture.crop((left, top, left + 224, top + 224)).save(encoded, "PNG")
    return encoded.getvalue()


def fit_to_detector(picture):
    """Sides that are multiples of 32, as the detector wants; the longer one at most 960."""
    height, width = picture.shape[:2]
    scale = min(1.0, 960 / max(height, width))
    size = [max(32, round(side * scale / 32) * 32) for side in (width, height)]
    return cv2.resize(picture, size)


def find_boxes(probability):
    """Corners (4x2) of text lines in the detector's map, top to bottom."""
    contours, _ = cv2.findContours((probability > MAP_THRESHOLD).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < 3:
            continue
        mask = np.zeros(probability.shape, np.uint8)
        cv2.drawContours(mask, [contour], -1, 1, -1)
        if cv2.mean(probability, mask)[0] < BOX_SCORE:
            continue
        grow = width * height * UNCLIP_RATIO / (2 * (width + height))
        boxes.append(cv2.boxPoints((centre, (width + 2 * grow, height + 2 * grow), angle)))
    return sorted(boxes, key=lambda box: box[:, 1].min())


def cut_out(picture, box):
    """The line inside box, upright, LINE_HEIGHT high."""
    order = np.argsort(box.sum(1)), np.argsort(np.diff(box, axis=1)[:, 0])
    corners = np.float32([box[order[0][0]], box[order[1][0]], box[order[0][-1]], box[order[1][-1]]])
    width = max(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[3] - corners[2]))
    height = max(np.linalg.norm(corners[0] - corners[3]), np.linalg.norm(corners[1] - corners[2]), 1)
    size = (int(np.clip(LINE_HEIGHT * width / height, 16, 1600)), LINE_HEIGHT)
    target = np.float32([[0, 0], [size[0], 0], size, [0, size[1]]])
    return cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, target), size, borderMode=cv2.BORDER_REPLICATE)


def spell(scores, alphabet):
    """Greedy CTC: the best class of each step, repeats and blanks dropped."""
    best = scores.argmax(-1)
    kept = [i for i in range(len(best)) if best[i] != 0 and (i == 0 or best[i] != best[i - 1])]
    return "".join(alphabet[best[i]] for i in kept), float(np.mean([scores[i, best[i]] for i in kept])) if kept else 0.0


def read_page(server, reader, path):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    fitted = fit_to_detector(picture)
    encoded = cv2.imencode(".png", fitted)[1].tobytes()
    probability, _ = doors.ALL[0].infer(server, reader.detector, encoded)
    probability = probability.reshape(fitted.shape[:2])
    back = np.float32([picture.shape[1] / fitted.shape[1], picture.shape[0] / fitted.shape[0]])
    lines = []
    for index, box in enumerate(find_boxes(probability)):
        door = doors.ALL[index % len(doors.ALL)]
        line = cv2.imencode(".png", cut_out(picture, box * back))[1].tobytes()
        scores, milliseconds = door.infer(server, reader.recognizer, line)
        text, score = spell(scores.reshape(-1, scores.shape[-1]), reader.alphabet)
        if text.strip():
            lines.append(Line(box * back, text, score, door.name, milliseconds))
    return lines


def draw(path, lines, target):
    picture = Image.open(path).convert("RGB")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(12, picture.height // 40))
    for number, line in enumerate(lines, 1):
        pen.polygon([tuple(corner) for corner in line.box.tolist()], outline=(220, 30, 60), width=2)
        # The built-in font has Latin letters only; other scripts are numbered, as in the table.
        label = f"{number} {line.text}" if line.text.isascii() else str(number)
        pen.text(tuple(line.box.min(0) - [0, font.size]), label, fill=(20, 90, 220), font=font)
    picture.save(target)
