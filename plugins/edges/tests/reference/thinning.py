"""Makes thinning.json: a small edge map and what OpenCV, NumPy and SciPy make of it.

usage: thinning.py > thinning.json

The map is the maximum over the rims of a few synthetic masks. `structured` follows the edge NMS of
the structured-edges toolbox (r = 2, s = 5, m = 1.01, triangle filter of radius 4 for the
orientation); `margin` says for each pixel by how much, relatively, the decision to keep or suppress
it was taken, so that a test can leave out decisions that hang on rounding.
"""
import json

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

WIDTH, HEIGHT = 46, 38
COMPARE, FADE, FACTOR, TRIANGLE = 2, 5, 1.01, 4


def sobel(image, border):
    dx = cv2.Sobel(image, -1, 1, 0, borderType=border)
    dy = cv2.Sobel(image, -1, 0, 1, borderType=border)
    return np.hypot(dx, dy)


def masks():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    yield np.round(1.5 * (11 - np.hypot(x - 18.3, y - 17.4)), 3)
    yield np.round(0.8 * (9 - np.hypot((x - 30.2) / 1.4, y - 21.3)), 3)
    yield np.round(0.5 * (x * 0.8 + y * 0.6 - 39), 3)
    yield np.round(0.3 * (y - 30.4 + 0.1 * x), 3)


def edge_map(border):
    strongest = np.zeros((HEIGHT, WIDTH), np.float32)
    for logits in masks():
        probability = (1 / (1 + np.exp(-logits))).astype(np.float32)
        rim = sobel((logits > 0).astype(np.float32), border) > 0
        strongest = np.maximum(strongest, np.where(rim, sobel(probability, border), 0))
    return (strongest - strongest.min()) / (strongest.max() - strongest.min())


def structured(raw):
    strength = cv2.GaussianBlur(raw.astype(np.float32), (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    strength = strength.astype(np.float64)
    ramp = np.arange(1, TRIANGLE + 1)
    kernel = np.concatenate([ramp, [TRIANGLE + 1], ramp[::-1]]) / (TRIANGLE + 1) ** 2
    filtered = cv2.sepFilter2D(strength, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    gy, gx = np.gradient(filtered)
    gxx = np.gradient(gx, axis=1)
    gyy, gxy = np.gradient(gy)
    angle = np.mod(np.arctan(gyy * np.sign(-gxy) / (gxx + 1e-5)), np.pi)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    strongest = np.zeros_like(strength)
    for step in range(-COMPARE, COMPARE + 1):
        if step:
            at = [y + step * np.sin(angle), x + step * np.cos(angle)]
            strongest = np.maximum(strongest, map_coordinates(strength, at, order=1, mode="nearest"))
    kept = np.where(strength * FACTOR < strongest, 0, strength)
    for i in range(FADE):
        for side in (kept[i], kept[-1 - i], kept[:, i], kept[:, -1 - i]):
            side *= i / FADE
    margin = np.abs(strength * FACTOR - strongest) / np.maximum(strongest, 1e-9)
    return kept / kept.max(), margin


def numbers(image):
    return [round(float(value), 6) for value in image.flat]


logits = np.stack(list(masks()))
raw = edge_map(cv2.BORDER_REPLICATE)
thinned, margin = structured(np.round(raw, 6))
print(json.dumps({
    "width": WIDTH,
    "height": HEIGHT,
    "logits": [numbers(mask) for mask in logits],
    "raw": numbers(raw),
    "raw_zero_border": numbers(edge_map(cv2.BORDER_CONSTANT)),
    "structured": numbers(thinned),
    "margin": numbers(np.minimum(margin, 1)),
}, separators=(",", ":")))
