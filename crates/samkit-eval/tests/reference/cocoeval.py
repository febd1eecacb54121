"""A small data set with results, and what pycocotools says of them: the fixture of `instances.rs`.

usage: cocoeval.py FOLDER

Writes `coco-truth.json`, `coco-results.json` and `coco-expected.json`. The data set has what makes
scores differ: crowds, things of every size, a class without annotations and one without
results, images without either, equal scores, duplicates, and more than 100 results for an image.

Needs: pip install pycocotools numpy
"""

import contextlib
import io
import json
import random
import sys
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIDE = 240
CLASSES = {1: "cat", 3: "dog", 7: "cup", 9: "never annotated", 12: "never found"}


def disc(x, y, rx, ry):
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    inside = ((columns - x) / rx) ** 2 + ((rows - y) / ry) ** 2 <= 1
    code = coco_mask.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": code["size"], "counts": code["counts"].decode()}


def box(code):
    return [float(side) for side in coco_mask.toBbox(code)]


def main():
    folder = Path(sys.argv[1])
    chance = random.Random(7)
    images = [
        {"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE}
        for number in range(1, 9)
    ]
    annotations, results = [], []
    for image in images[:-1]:
        for _ in range(chance.randint(2, 6)):
            kind = chance.choice([1, 3, 7, 12])
            x, y = chance.uniform(40, 200), chance.uniform(40, 200)
            rx, ry = chance.choice([(4, 5), (15, 22), (75, 60)])
            code = disc(x, y, rx, ry)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "category_id": kind}
                | {"segmentation": code, "area": int(coco_mask.area(code)), "bbox": box(code)}
                | {"iscrowd": int(chance.random() < 0.15)}
            )
            for _ in range(chance.randint(0, 3)):
                shift = chance.choice([0, 1, 3, 9])
                found = disc(x + shift, y, rx * chance.uniform(0.8, 1.2), ry)
                if kind != 12 and coco_mask.area(found):
                    results.append(
                        {"image_id": image["id"], "category_id": chance.choice([kind, kind, 9])}
                        | {"segmentation": found, "bbox": box(found)}
                        | {"score": round(chance.choice([0.5, chance.random()]), 3)}
                    )
    for number in range(120):
        found = disc(20 + number, 60, 9, 9)
        results.append(
            {"image_id": 1, "category_id": 3, "segmentation": found, "bbox": box(found)}
            | {"score": round(number / 200, 3)}
        )
    truth = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in CLASSES.items()],
    }
    (folder / "coco-truth.json").write_text(json.dumps(truth, indent=0))
    (folder / "coco-results.json").write_text(json.dumps(results, indent=0))

    expected = {}
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(folder / "coco-truth.json")
        for kind in ("bbox", "segm"):
            evaluation = COCOeval(data, data.loadRes(str(folder / "coco-results.json")), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            precision = evaluation.eval["precision"][:, :, :, 0, -1]
            recall = evaluation.eval["recall"][:, :, 0, -1]
            classes = {}
            for place, number in enumerate(evaluation.params.catIds):
                known = precision[:, :, place][precision[:, :, place] > -1]
                if known.size:
                    classes[CLASSES[number]] = [
                        float(np.mean(known)),
                        float(np.mean(precision[0, :, place])),
                        float(np.mean(precision[5, :, place])),
                        float(np.mean(recall[:, place])),
                    ]
            expected[kind] = {"summary": [float(n) for n in evaluation.stats], "classes": classes}
    (folder / "coco-expected.json").write_text(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main()
