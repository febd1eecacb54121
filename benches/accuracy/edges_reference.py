"""Scores edge maps with `samkit eval edges` and with pyEdgeEval, and prints the differences.

usage: edges_reference.py --samkit PROGRAM --images DIR --gt DIR [--pred DIR] [--count N] [--only NAME]

Takes N images evenly out of a folder (BSDS500's `images/val` and `groundTruth/val`). Maps are a Canny
detector's, the Sobel magnitude, and those in `--pred` (as `samkit edges` writes them). pyEdgeEval, from
PyPI, solves the benchmark's own assignment problem; it takes half a minute an image.

Needs: pip install pyEdgeEval opencv-python-headless scikit-image scipy pillow
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from pyEdgeEval.common.binary_label.evaluate_boundaries import (
    evaluate_boundaries_threshold_multiple_gts,
)
from pyEdgeEval.common.metrics import compute_rec_prec_f1, interpolated_max_scores
from scipy.io import loadmat
from skimage import feature, filters

THRESHOLDS = np.arange(1, 100) / 100


def canny(grey):
    """Canny's lines, as strong as the largest smoothing that still finds them."""
    strength = np.zeros_like(grey)
    for step, sigma in enumerate((1.0, 1.5, 2.0, 3.0, 4.0), start=1):
        strength[feature.canny(grey, sigma)] = step / 5
    return strength


def sobel(grey):
    magnitude = filters.sobel(filters.gaussian(grey, 1.0))
    return magnitude / magnitude.max()


def truths(path):
    people = loadmat(path)["groundTruth"][0]
    return np.stack([person["Boundaries"][0, 0].astype(bool) for person in people])


def reference(job):
    """pyEdgeEval's four sums at every threshold."""
    map_path, truth_path = job
    values = np.asarray(Image.open(map_path), dtype=np.float64)
    values /= 255 if values.max() <= 255 else 65535
    result = evaluate_boundaries_threshold_multiple_gts(
        THRESHOLDS, values, truths(truth_path), max_dist=0.0075, apply_thinning=True
    )
    return np.array(result[:4])


def reference_scores(folder, stems, gt):
    jobs = [(folder / f"{stem}.png", gt / f"{stem}.mat") for stem in stems]
    with ProcessPoolExecutor() as pool:
        counts = []
        for stem, sums in zip(stems, pool.map(reference, jobs)):
            print(f"  {stem}", file=sys.stderr, flush=True)
            counts.append(sums)
    recall, precision, _ = compute_rec_prec_f1(*np.sum(counts, axis=0))
    ods = interpolated_max_scores(THRESHOLDS, recall, precision)[3]
    best = np.zeros(4)
    for one in counts:
        best += one[:, np.argmax(compute_rec_prec_f1(*one)[2])]
    ois = compute_rec_prec_f1(*best)[2]
    unique, index = np.unique(recall, return_index=True)
    at = np.linspace(0, 1, 101)
    ap = np.interp(at, unique, precision[index], left=0, right=0).sum() / 100
    return {"ods": ods, "ois": ois, "ap": ap}


def samkit_scores(program, images, gt, folder):
    command = [program, "eval", "edges", "--json"]
    command += ["--images", images, "--gt", gt, "--pred", folder]
    out = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {"ods": out["ods"]["f"], "ois": out["ois"], "ap": out["ap"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samkit", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--gt", type=Path, required=True)
    parser.add_argument("--pred", type=Path)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", help="Canny, Sobel or samkit")
    args = parser.parse_args()

    images = sorted(args.images.glob("*.jpg"))
    images = images[:: max(1, len(images) // args.count)][: args.count]
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        chosen = place / "images"
        chosen.mkdir()
        folders = {"Canny": place / "canny", "Sobel": place / "sobel"}
        if args.pred:
            folders["samkit"] = place / "samkit"
        for folder in folders.values():
            folder.mkdir()
        for path in images:
            (chosen / path.name).symlink_to(path.resolve())
            grey = np.asarray(Image.open(path).convert("L"), dtype=np.float64) / 255
            for name, detector in (("Canny", canny), ("Sobel", sobel)):
                map_ = Image.fromarray((detector(grey) * 255).round().astype(np.uint8))
                map_.save(folders[name] / f"{path.stem}.png")
            if args.pred:
                source = args.pred / f"{path.stem}.edges.png"
                (folders["samkit"] / f"{path.stem}.png").symlink_to(source.resolve())
        print(f"{len(images)} images; samkit, pyEdgeEval, difference")
        for name, folder in folders.items():
            if args.only not in (None, name):
                continue
            ours = samkit_scores(args.samkit, chosen, args.gt, folder)
            theirs = reference_scores(folder, [path.stem for path in images], args.gt)
            for score in ours:
                difference = ours[score] - theirs[score]
                print(f"{name:7} {score.upper():4} {ours[score]:.4f} {theirs[score]:.4f} {difference:+.4f}", flush=True)


if __name__ == "__main__":
    main()
