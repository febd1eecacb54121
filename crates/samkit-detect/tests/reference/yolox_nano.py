"""What YOLOX-Nano says of photographs, by ONNX Runtime.

    pip install numpy==2.4.6 onnxruntime==1.32.0 pillow
    python yolox_nano.py MODEL.onnx OUT.json IMAGE.png…

The photograph lies in the top left corner of 416×416 pixels of grey (114), blue first, from 0 to 255;
it is resized linearly between the four nearest pixels. Boxes are the output's (x + column)·stride,
(y + line)·stride, exp(w)·stride, exp(h)·stride, row by row on grids of 8, 16 and 32 pixels; the score
is objectness times the best class. OUT.json holds, by photograph, a lowest score, and of every box
above it, before NMS, class, score, and corners in pixels of the photograph.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SIDE = 416


def resize(photo, width, height):
    for axis, side in ((0, height), (1, width)):
        size = photo.shape[axis]
        place = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
        low = np.floor(place).astype(int)
        part = (place - low).reshape([-1 if i == axis else 1 for i in range(3)])
        photo = photo.take(low, axis) * (1 - part) + photo.take(np.minimum(low + 1, size - 1), axis) * part
    return photo


def boxes(session, photo):
    height, width = photo.shape[:2]
    ratio = min(SIDE / width, SIDE / height)
    inner = int(width * ratio), int(height * ratio)
    canvas = np.full((SIDE, SIDE, 3), 114.0)
    canvas[:inner[1], :inner[0]] = resize(photo.astype(float), *inner)
    values = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    out = session.run(None, {session.get_inputs()[0].name: values})[0][0].astype(float)
    cells = [(stride, x, y) for stride in (8, 16, 32)
             for y in range(SIDE // stride) for x in range(SIDE // stride)]
    steps, columns, lines = np.array(cells, float).T
    x, y = (out[:, 0] + columns) * steps, (out[:, 1] + lines) * steps
    w, h = np.exp(out[:, 2]) * steps, np.exp(out[:, 3]) * steps
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1) / ratio
    scores = out[:, 4:5] * out[:, 5:]
    return scores.argmax(1), scores.max(1), corners


def main():
    model, out, *images = sys.argv[1:]
    session = onnxruntime.InferenceSession(model)
    results = {}
    for image in images:
        classes, scores, corners = boxes(session, np.asarray(Image.open(image).convert("RGB")))
        # Between the 40th and the 60th best score, where the gap is widest: rounding decides nothing.
        best = np.sort(scores)[::-1]
        place = 40 + int((best[40:59] - best[41:60]).argmax())
        floor = (best[place] + best[place + 1]) / 2
        found = [[int(c), round(float(s), 6), *(round(float(v), 3) for v in box)]
                 for c, s, box in zip(classes, scores, corners) if s >= floor]
        results[Path(image).stem] = {"floor": round(float(floor), 7), "found": found}
    Path(out).write_text(json.dumps(results) + "\n")


main()
