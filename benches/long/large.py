#!/usr/bin/env python3
"""The most memory that large images take, whatever is saved of them.

    python3 benches/long/large.py --samkit target/release/samkit

Needs Pillow. Makes a photograph-like image of 8000×6000 pixels (48 megapixels) as JPEG and one of
20000×200 as PNG, runs tasks on them one by one, and then on four of the first in one run.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

from PIL import Image, ImageDraw, ImageFilter

EVERYTHING = "masks,overlay,labels,pngs,cutouts,geojson,labelme,coco,coco-polygons,yolo,csv"
RUNS = [
    ("everything", ["--points-per-side", "8", "--save", EVERYTHING]),
    ("edges", ["--points-per-side", "8", "--save", "thinned,raw,overlay"]),
]


def picture(width, height):
    """Blobs on a slope, blurred: many sizes of things, compressible as photographs are."""
    small = Image.new("RGB", (width // 8, height // 8), (90, 120, 150))
    draw = ImageDraw.Draw(small)
    state = 7
    for _ in range(80):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        x, y, r = state % small.width, state // 7 % small.height, 4 + state % (small.height // 5 + 1)
        color = (state & 255, state >> 8 & 255, state >> 16 & 255)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=color)
    return small.filter(ImageFilter.GaussianBlur(1)).resize((width, height), Image.BICUBIC)


def peak(command, folder):
    """Seconds, and the most resident memory in MiB."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    start, most = time.monotonic(), 0
    while process.poll() is None:
        try:
            for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    most = max(most, int(line.split()[1]) // 1024)
        except (OSError, ProcessLookupError):
            pass
        time.sleep(0.02)
    assert process.returncode == 0, process.returncode
    return time.monotonic() - start, most


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samkit", default="target/release/samkit", type=pathlib.Path)
    args = parser.parse_args()
    samkit = args.samkit.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        large = picture(8000, 6000)
        large.save(folder / "48mp.jpg", quality=90)
        picture(20_000, 200).save(folder / "long.png")
        (folder / "four").mkdir()
        for number in range(4):
            large.save(folder / "four" / f"{number}.jpg", quality=90)
        for image in ["48mp.jpg", "long.png", "four"]:
            for task, flags in RUNS:
                command = [samkit, task, image, "-q", "--output", f"out-{image}-{task}", *flags]
                seconds, most = peak(command, folder)
                print(f"{task} {image}: {most} MiB, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
