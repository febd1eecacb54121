"""What the Python peers share: the picture, the grid of points, timing, the JSON line."""
import json
import time

import numpy as np
from PIL import Image

SIDE = 1024
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


def formula():
    """The 1024×1024 picture that every compared program makes: (height, width, 3), 8 bits."""
    y, x = np.mgrid[:SIDE, :SIDE]
    planes = [(7 * x + 13 * y + offset) % 256 for offset in (0, 50, 100)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def grid():
    """x, y of the centres of an 8×8 grid."""
    centres = (np.arange(8) + 0.5) * (SIDE / 8)
    return [(x, y) for y in centres for x in centres]


def read(path):
    """An image file as (height, width, 3), 8 bits."""
    return np.asarray(Image.open(path).convert("RGB"))


def input_size(height, width):
    """The size inside the network's padded square."""
    scale = SIDE / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def resized(image):
    """`image` with its longest side at 1024, as the networks expect it."""
    height, width = input_size(*image.shape[:2])
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def measure(runs, run):
    """Milliseconds of every run, after one unmeasured run."""
    run()
    return timed(runs, run)


def timed(runs, run):
    """Milliseconds of every run."""
    ms = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        ms.append((time.perf_counter() - start) * 1e3)
    return ms


def report(program, work, threads, ms, **more):
    """Prints the line that `run.py` reads."""
    print(json.dumps({"program": program, "work": work, "threads": threads, "ms": ms, **more}))
