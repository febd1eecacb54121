"""Writes `fixtures/views.json`: levels of images as CLIP's image tower sees them, by Pillow.

    pip install torch transformers pillow && python make_views.py
"""
from pathlib import Path

import numpy as np

import clip_model

CASES = [
    (640, 480, 224), (481, 321, 224), (321, 481, 224), (225, 500, 224), (100, 37, 224),
    (224, 224, 224), (224, 300, 224), (301, 224, 224), (1600, 1067, 336), (1000, 31, 32),
    (33, 700, 32), (5, 5, 32), (1, 1, 32), (90, 90, 32),
]


def levels(width, height, side):
    processor = clip_model.processor(side)
    image = clip_model.scaled(clip_model.formula(width, height), side)
    pixels = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")
    pixels = np.asarray(pixels["pixel_values"][0]).transpose(1, 2, 0).reshape(-1)
    step = 97 if side > 32 else 1
    levels = [int(level) for level in pixels[::step]]
    return {"width": width, "height": height, "side": side, "step": step, "levels": levels}


path = Path(__file__).parent.parent / "fixtures" / "views.json"
clip_model.write_json(path, [levels(*case) for case in CASES])
