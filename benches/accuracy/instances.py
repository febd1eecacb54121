"""Scores detectors and masks of boxes on a COCO data set, with pycocotools and `samkit eval instances`.

usage: instances.py --samkit PROGRAM --coco DIR [--onnx FILE …] [--detections FILE] [--cache DIR]
           [--only TEXT] [--images N]

DIR holds `val2017` and `annotations/instances_val2017.json`. Prints three tables in Markdown:
1. box AP of the built-in detector and of each ONNX file;
2. masks of the annotated boxes: mean IoU with the annotated masks, for every way of asking;
3. masks of the 30 best boxes an image of the first ONNX file, and of the COCO results FILE: mask AP,
   for every way of asking and of scoring.
Every AP is computed by pycocotools and by samkit; a difference from the fifth decimal on ends the
program.

Needs: pip install pycocotools numpy
"""

import argparse
import contextlib
import io
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# Ways of asking, as parameters of the task `instances`.
ONE_PASS = {"refine": False, "rank": "box", "clip_margin": None}
REFINED = ONE_PASS | {"refine": True, "refine_from": "predicted-iou"}
BY_BOX = REFINED | {"refine_from": "box-agreement"}
WAYS = {
    "one pass, single mask": ONE_PASS,
    "one pass, best of three by predicted IoU": ONE_PASS | {"choice": "predicted-iou"},
    "one pass, best of three by box": ONE_PASS | {"choice": "box-agreement"},
    "refined from the best by predicted IoU": REFINED | {"refine_from": "predicted-iou"},
    "refined from the best by box": BY_BOX,
    "refined from the single mask": REFINED | {"refine_from": "single"},
    "refined, best of three by predicted IoU": REFINED | {"choice": "predicted-iou"},
    "refined, best of three by box": REFINED | {"choice": "box-agreement"},
    "refined from the best by box, best of three by box": BY_BOX | {"choice": "box-agreement"},
    "refined, boxes 5 % smaller": REFINED | {"box_padding": -0.05},
    "refined, boxes 5 % larger": REFINED | {"box_padding": 0.05},
    "refined, boxes 10 % larger": REFINED | {"box_padding": 0.1},
    "refined from the best by box, small regions removed": BY_BOX | {"min_region_area": 100},
    "refined from the best by box, cut 5 % outside": BY_BOX | {"clip_margin": 0.05},
    "refined from the best by box, cut at the box (default)": BY_BOX | {"clip_margin": 0.0},
}
# Only the score differs.
RANKS = {
    f"the same, scored by {rank}": BY_BOX | {"clip_margin": 0.0, "rank": rank}
    for rank in ["predicted-iou", "product"]
}
NUMBERS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def run(samkit, recipe, folder):
    """Runs a recipe, given as a dictionary; JSON is YAML too."""
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    subprocess.run([samkit, "--quiet", "run", path], check=True)


def recipe(args, output, steps):
    engine = {"cache": str(args.cache)} if args.cache else {}
    images = sorted((args.coco / "val2017").glob("*.jpg"))[: args.images]
    inputs = [str(path.resolve()) for path in images]
    return {"version": 1, "input": inputs, "output": str(output), "engine": engine, "steps": steps}


def steps_of(finder, ways):
    masks = [
        {"id": f"way-{number}", "task": "instances", "inputs": {"boxes": finder["id"]}}
        | {"params": params, "save": ["masks", "results"]}
        for number, params in enumerate(ways.values())
    ]
    return [finder, *masks]


def scores(args, truth, results, kind):
    """The twelve numbers, by both programs."""
    found = json.loads(results.read_text())
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(found), kind)
        if args.images:
            evaluation.params.imgIds = sorted({entry["image_id"] for entry in found})
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    if not args.images:
        command = [args.samkit, "eval", "instances", "--gt", args.annotations]
        command += ["--results", results, "--iou", kind, "--json"]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for name, reference in zip(NUMBERS, evaluation.stats):
            own = ours["summary"][name]
            own = -1.0 if own is None else own
            assert abs(own - reference) < 5e-5, f"{name}: {own}, pycocotools {reference}"
    return dict(zip(NUMBERS, evaluation.stats))


def detectors(args, truth, folder):
    print("| detector | box AP | AP50 | AP75 | small | medium | large |\n|---|---|---|---|---|---|---|")
    for model in ["ssdlite-mobilenet-v2", *args.onnx]:
        params = {"model": str(model), "score_threshold": 0.001, "max_detections": 300}
        params |= {"iou_threshold": 0.65} if model in args.onnx else {"iou_threshold": 0.6}
        step = {"task": "detect", "params": params, "save": ["results"]}
        run(args.samkit, recipe(args, folder / "boxes", [step]), folder)
        found = scores(args, truth, folder / "boxes/results.json", "bbox")
        numbers = " | ".join(f"{found[name]:.4f}" for name in NUMBERS[:6])
        print(f"| {Path(model).name} | {numbers} |", flush=True)


def mean_iou(truth, folder):
    """Of the masks of all annotated things that are no crowds."""
    ious = []
    for image in truth.loadImgs(truth.getImgIds()):
        path = folder / f"{Path(image['file_name']).stem}.instances.json"
        if not path.exists():
            continue
        found = {}
        for mask in json.loads(path.read_text()):
            corners = [mask[f"box_{side}"] for side in ("x0", "y0", "x1", "y1")]
            found[tuple(round(side) for side in corners)] = mask["segmentation"]
        for thing in truth.loadAnns(truth.getAnnIds(imgIds=[image["id"]], iscrowd=False)):
            x, y, w, h = thing["bbox"]
            size = [image["width"], image["height"]] * 2
            box = tuple(round(min(max(s, 0), m)) for s, m in zip((x, y, x + w, y + h), size))
            near = [b for b in found if max(abs(p - q) for p, q in zip(b, box)) <= 1]
            own = truth.annToRLE(thing)
            if coco_mask.area(own) == 0:
                continue
            iou = coco_mask.iou([found[near[0]]], [own], [0])[0][0] if near else 0.0
            ious.append(iou)
    return float(np.mean(ious)), len(ious)


def masks_of_truth(args, truth, folder, ways):
    finder = {"id": "boxes", "task": "boxes", "params": {"file": str(args.annotations.resolve())}}
    finder |= {"save": []}
    limits = {"max_instances": 1000}
    ways = {name: params | limits for name, params in ways.items()}
    run(args.samkit, recipe(args, folder / "truth", steps_of(finder, ways)), folder)
    print("\n| annotated boxes | things | mean IoU |\n|---|---|---|")
    for number, name in enumerate(ways):
        iou, count = mean_iou(truth, folder / f"truth/way-{number}")
        print(f"| {name} | {count} | {iou:.4f} |", flush=True)


def boxes_of_onnx(model):
    params = {"model": str(model), "score_threshold": 0.001, "max_detections": 30}
    return {"id": "boxes", "task": "detect", "params": params | {"iou_threshold": 0.65}, "save": []}


def boxes_of_file(args):
    params = {"file": str(args.detections), "images": str(args.annotations.resolve())}
    return {"id": "boxes", "task": "boxes", "params": params, "save": []}


def masks_of_boxes(args, truth, folder, finder, name, ways):
    ways = {name: params | {"max_instances": 30} for name, params in ways.items()}
    run(args.samkit, recipe(args, folder / "chain", steps_of(finder, ways)), folder)
    print(f"\n| boxes of {name} | mask AP | AP50 | AP75 | small | medium | large |")
    print("|---|---|---|---|---|---|---|")
    for number, name in enumerate(ways):
        found = scores(args, truth, folder / f"chain/way-{number}/results.json", "segm")
        numbers = " | ".join(f"{found[name]:.4f}" for name in NUMBERS[:6])
        print(f"| {name} | {numbers} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samkit", required=True)
    parser.add_argument("--coco", type=Path, required=True)
    parser.add_argument("--onnx", type=lambda path: Path(path).resolve(), nargs="*", default=[])
    parser.add_argument("--detections", type=lambda path: Path(path).resolve())
    parser.add_argument("--cache", type=lambda path: Path(path).resolve())
    parser.add_argument("--only", default="", help="ways whose names contain this")
    parser.add_argument("--images", type=int, help="only so many images")
    args = parser.parse_args()
    args.annotations = args.coco / "annotations/instances_val2017.json"
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(args.annotations)
    ways = {name: params for name, params in WAYS.items() if args.only in name}
    ranked = {name: params for name, params in (WAYS | RANKS).items() if args.only in name}
    with tempfile.TemporaryDirectory() as folder:
        detectors(args, truth, Path(folder))
        masks_of_truth(args, truth, Path(folder), ways)
        if args.onnx:
            name = args.onnx[0].name
            masks_of_boxes(args, truth, Path(folder), boxes_of_onnx(args.onnx[0]), name, ranked)
        if args.detections:
            name = args.detections.name
            masks_of_boxes(args, truth, Path(folder), boxes_of_file(args), name, ranked)


if __name__ == "__main__":
    main()
