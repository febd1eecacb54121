"""Box AP of what the original graph says (`tfjs.mjs --all`), with samkit's selection of boxes.

usage: tfjs_ap.py OUT.json COCO_DIR RESULTS.json

Images have to be called by their COCO numbers. Scores from 0.01, NMS class by class at 0.6, 300 boxes
an image; ids that COCO never used are left out. Writes COCO results and prints pycocotools' summary.

Needs: pip install pycocotools numpy
"""

import json
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def suppress(boxes, scores, threshold):
    order, kept = np.argsort(-scores, kind="stable"), []
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
    found, folder, out = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3]
    truth = COCO(f"{folder}/annotations/instances_val2017.json")
    known, results = set(truth.getCatIds()), []
    for image in truth.loadImgs(truth.getImgIds()):
        size = np.array([image["height"], image["width"]] * 2)
        by_class = {}
        for anchor in found[image["file_name"].removesuffix(".jpg")]:
            box = np.clip(np.array(anchor["box"]) * size, 0, size)
            for kind, score in anchor["scores"]:
                if kind + 1 in known and (box[2:] > box[:2]).all():
                    by_class.setdefault(kind + 1, []).append((score, box))
        kept = []
        for number, boxes in by_class.items():
            scores = np.array([score for score, _ in boxes])
            corners = np.array([box for _, box in boxes])
            for place in suppress(corners, scores, 0.6):
                top, left, bottom, right = map(float, corners[place])
                kept.append(
                    {"image_id": image["id"], "category_id": number, "score": float(scores[place])}
                    | {"bbox": [left, top, right - left, bottom - top]}
                )
        results += sorted(kept, key=lambda box: -box["score"])[:300]
    with open(out, "w") as file:
        json.dump(results, file)
    evaluation = COCOeval(truth, truth.loadRes(out), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()


if __name__ == "__main__":
    main()
