"""Boxes of a YOLOX export by ONNX Runtime and numpy, as COCO results: boxes that samkit had no part in.

usage: yolox_boxes.py MODEL.onnx COCO_DIR OUT.json [--pillow]

Images are scaled as OpenCV does it (between the four nearest pixels), or with `--pillow` as Pillow
does it, which smooths first and costs this detector about 0.01 of AP. Every class with a score of
at least 0.01 counts; NMS is class by class at 0.65; the 300 best an image are kept.

Needs: pip install onnxruntime numpy pillow pycocotools
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image
from pycocotools.coco import COCO

SIDE = 416


def between(image, height, width):
    """Bilinear, without smoothing."""

    def places(count, size):
        where = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
        first = where.astype(int)
        return first, np.minimum(first + 1, size - 1), where - first

    top, bottom, down = places(height, image.shape[0])
    left, right, across = places(width, image.shape[1])
    down, across = down[:, None, None], across[None, :, None]
    upper = image[top][:, left] * (1 - across) + image[top][:, right] * across
    lower = image[bottom][:, left] * (1 - across) + image[bottom][:, right] * across
    return upper * (1 - down) + lower * down


def predict(session, photo, smooth):
    ratio = min(SIDE / photo.height, SIDE / photo.width)
    width, height = int(photo.width * ratio), int(photo.height * ratio)
    if smooth:
        small = np.asarray(photo.resize((width, height), Image.BILINEAR), np.float32)
    else:
        small = np.round(between(np.asarray(photo, np.float32), height, width))
    square = np.full((SIDE, SIDE, 3), 114, np.float32)
    square[:height, :width] = small[:, :, ::-1]
    name = session.get_inputs()[0].name
    rows = session.run(None, {name: square.transpose(2, 0, 1)[None]})[0][0]
    cells = []
    for stride in (8, 16, 32):
        y, x = np.mgrid[0 : SIDE // stride, 0 : SIDE // stride]
        cells.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], 1))
    cells = np.concatenate(cells)
    stride = cells[:, 2:]
    centre, sides = (rows[:, :2] + cells[:, :2]) * stride, np.exp(rows[:, 2:4]) * stride
    boxes = np.concatenate([centre - sides / 2, centre + sides / 2], 1) / ratio
    return boxes, rows[:, 4:5] * rows[:, 5:]


def suppress(boxes, scores, threshold):
    order, kept = scores.argsort()[::-1], []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        both = np.clip(high - low, 0, None).prod(1)
        order = order[both / (areas[best] + areas[order] - both) <= threshold]
    return kept


def main():
    model, folder, out = sys.argv[1:4]
    session = onnxruntime.InferenceSession(model)
    truth = COCO(f"{folder}/annotations/instances_val2017.json")
    ids, results = sorted(truth.getCatIds()), []
    for image in truth.loadImgs(truth.getImgIds()):
        photo = Image.open(f"{folder}/val2017/{image['file_name']}").convert("RGB")
        boxes, scores = predict(session, photo, "--pillow" in sys.argv)
        found = []
        for kind, number in enumerate(ids):
            good = np.flatnonzero(scores[:, kind] > 0.01)
            for place in suppress(boxes[good], scores[good, kind], 0.65):
                x0, y0, x1, y1 = map(float, boxes[good[place]])
                found.append(
                    {"image_id": image["id"], "category_id": number}
                    | {"bbox": [x0, y0, x1 - x0, y1 - y0], "score": float(scores[good[place], kind])}
                )
        results += sorted(found, key=lambda box: -box["score"])[:300]
    with open(out, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
