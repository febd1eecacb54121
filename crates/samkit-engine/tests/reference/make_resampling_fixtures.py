"""The two resampling steps around the networks, as the published code does them.

    pip install torch torchvision numpy pillow mobilesam-mirror==1.0.0 timm
    python make_resampling_fixtures.py    # writes ../fixtures/resize.json and ../fixtures/upsample.json

resize.json: ResizeLongestSide(1024) on `formula.image(w, h)`.
  targets  [width, height, target width, target height] as get_preprocess_shape gives them. A 0
           among them is where the reference fails; samkit takes 1 there.
  images   `rows` lists every `step`-th row; each row lists [r, g, b] of every `step`-th column of
           the 8-bit result; `sums` is the sum of each channel over the whole result.

upsample.json: Sam.postprocess_masks on `formula.logits()`, from 256x256 to the original size.
  samples  [x, y, value] in the original image, corners included
  single_precision_error  the largest distance between the reference in f32 and in f64 over all
           pixels; the samples are from f64.
"""
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from mobile_sam.modeling import Sam
from mobile_sam.utils.transforms import ResizeLongestSide

import formula

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
RESIZE = ResizeLongestSide(1024)
TARGETS = [(481, 321), (321, 481), (800, 534), (1800, 1200), (1200, 1800), (200, 1000), (37, 4000), (5, 3),
           (1, 1), (1024, 1024), (1023, 1025), (1024, 683), (300, 1), (1, 3000), (3000, 1)]
# Down, up, far up; and one that is a plain copy.
IMAGES = {(481, 321): 61, (1800, 1200): 61, (5, 3): 31, (1024, 64): 61}
ORIGINALS = [(481, 321), (1800, 1200), (1200, 1800), (300, 1)]


def target(width, height):
    h, w = RESIZE.get_preprocess_shape(height, width, 1024)
    return w, h


def resized(width, height, step):
    pixels = RESIZE.apply_image(formula.image(width, height))
    assert pixels.shape == (*target(width, height)[::-1], 3)
    return dict(
        width=width, height=height, step=step, rows=pixels[::step, ::step].tolist(),
        sums=pixels.astype(np.int64).sum((0, 1)).tolist(),
    )


def upsampled(width, height, count=300):
    sam = SimpleNamespace(image_encoder=SimpleNamespace(img_size=1024))
    low = torch.from_numpy(formula.logits())[None, None]
    single, double = (
        Sam.postprocess_masks(sam, low.to(dtype), target(width, height)[::-1], (height, width))[0, 0]
        for dtype in (torch.float32, torch.float64)
    )
    # Corners, then a stride that is coprime to the sizes above.
    corners = [0, width - 1, width * (height - 1), width * height - 1]
    indices = dict.fromkeys(corners + [(7919 * k) % (width * height) for k in range(count - 4)])
    return dict(
        width=width, height=height,
        single_precision_error=float(f"{(single - double).abs().max().item():.2e}"),
        samples=[[i % width, i // width, round(double[i // width, i % width].item(), 6)] for i in indices],
    )


def write(name, document):
    """One line for each innermost list, so that a change can be read."""
    text = json.dumps(document).replace("}, {", "},\n {").replace("]], [[", "]],\n [[")
    (FIXTURES / name).write_text(text + "\n")


def main():
    write("resize.json", dict(
        targets=[[w, h, *target(w, h)] for w, h in TARGETS],
        images=[resized(w, h, step) for (w, h), step in IMAGES.items()],
    ))
    outputs = [upsampled(w, h) for w, h in ORIGINALS]
    for o in outputs:
        print(o["width"], o["height"], o["single_precision_error"], len(o["samples"]))
    write("upsample.json", outputs)


if __name__ == "__main__":
    main()
