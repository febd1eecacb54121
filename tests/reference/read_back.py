"""Reads every annotation format that samkit writes with the tools it is for, and compares the masks.

usage: read_back.py FOLDER [--images DIR] [--truth FILE]

FOLDER is an output folder of `samkit`, or what `cargo run -p samkit-io --example write_annotations --
FOLDER` makes. Files are recognised by what they hold or how their names end, so any part of the
formats may be there; at least one COCO data set with run-length codes must be, which is the truth that
everything else is compared with (`--truth` names one of several). `--images` is the folder of the
images, for supervision and the colours of cut-outs; FOLDER/input is taken when it is there.

Prints a line a format: how many objects were compared, the mean and the worst IoU with the truth, the
worst of objects of more than 400 pixels, and the least that is good enough for those. Ends with 1 when
something is worse than that, or cannot be read. Exact formats must give 1 for every object. Polygons
are filled by every tool in its own way: pycocotools asks at the centres of pixels, as samkit means it;
labelme (Pillow) and supervision (OpenCV) also fill the pixels under the line itself, one too many on
the right and below, and those under bridges to holes, so that less is asked of them.

Needs: pip install numpy pillow pycocotools shapely labelme supervision
"""

import argparse
import collections
import contextlib
import csv
import io
import json
import re
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

LARGE = 400
EXACT, FAITHFUL, DRAWN = 1.0, 0.97, 0.6
# How the program or the example names the files of an image.
LABELS = re.compile(r"(.+)\.labels\.png$")
COLORS = re.compile(r"(.+)\.(?:labels?[-.])?colou?rs\.png$")
CLASSES = re.compile(r"(.+)\.classes\.png$")
MASK = re.compile(r"(.+)\.masks?[-./]0*(\d+)\.png$")
CUTOUT = re.compile(r"(.+)\.cut-?outs?[-./]0*(\d+)\.png$")
LOGITS = re.compile(r"(.+?)(?:\.logits)?\.npz$")
GEOJSON = re.compile(r"(.+)\.geojson$")
LABELME = re.compile(r"(.+)\.labelme(?:[-.]masks)?\.json$")

Thing = collections.namedtuple("Thing", "label score bbox area mask")


class Report:
    """One line for every format and tool, however many files it has."""

    def __init__(self):
        self.lines = {}

    def line(self, name, tool):
        empty = {"ious": [], "least": None, "count": 0, "wrong": []}
        return self.lines.setdefault((name, tool), empty)

    def masks(self, name, tool, ious, least):
        """`ious` are pairs of an IoU and the area of the true mask."""
        line = self.line(name, tool)
        line["ious"] += ious
        line["count"] += len(ious)
        line["least"] = least

    def facts(self, name, tool, count, wrong):
        """A format without masks of its own: `wrong` are sentences."""
        line = self.line(name, tool)
        line["count"] += count
        line["wrong"] += wrong

    def print(self):
        """Prints the table and says whether all is well."""
        print(f"{'format':36}{'objects':>8}{'mean':>8}{'worst':>8}{'large':>8}{'least':>7}  read by")
        well = True
        for (name, tool), line in self.lines.items():
            numbers, wrong = "", line["wrong"]
            if line["ious"]:
                values = [iou for iou, _ in line["ious"]]
                large = min([iou for iou, area in line["ious"] if area > LARGE], default=1.0)
                worst, least = min(values), line["least"]
                numbers = f"{np.mean(values):>8.4f}{worst:>8.4f}{large:>8.4f}{least:>7.2f}"
                if (worst if least == EXACT else large) < least:
                    wrong = [*wrong, "masks differ"]
            well &= not wrong
            state = f"  WRONG: {'; '.join(wrong[:3])}" if wrong else ""
            print(f"{name:36}{line['count']:>8}{numbers:31}  {tool}{state}")
        return well


def iou(a, b):
    union = np.logical_or(a, b).sum()
    return 1.0 if union == 0 else float(np.logical_and(a, b).sum() / union)


def quiet(make):
    """What `make()` returns, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def stem(file_name):
    return str(Path(file_name).with_suffix(""))


class Truth:
    """What is in every image, from a data set with run-length codes."""

    def __init__(self, path):
        self.coco = quiet(lambda: COCO(str(path)))
        self.names = {c["id"]: c["name"] for c in self.coco.dataset["categories"]}
        self.images, self.sizes, self.ids = {}, {}, {}
        for image in self.coco.dataset["images"]:
            # `a.jpg` beside `a.png` keep their endings in names of results.
            for key in (stem(image["file_name"]), image["file_name"]):
                self.sizes[key] = (image["height"], image["width"])
                self.images[key] = [
                    self.thing(a) for a in self.coco.imgToAnns.get(image["id"], [])
                ]
            self.ids[image["id"]] = stem(image["file_name"])

    def thing(self, annotation):
        mask = None
        if annotation["segmentation"]:
            mask = self.coco.annToMask(annotation).astype(bool)
        label = self.names[annotation["category_id"]]
        return Thing(label, annotation.get("score"), annotation["bbox"], annotation["area"], mask)

    def masks(self, key):
        return [thing.mask for thing in self.images[key] if thing.mask is not None]


def by_image(folder, pattern, truth):
    """Files of images that the truth knows: path, key of the image, number in the name."""
    for path in sorted(folder.rglob("*")):
        match = pattern.match(path.relative_to(folder).as_posix())
        if match and match[1] in truth.images:
            yield path, match[1], int(match[2]) if pattern.groups > 1 else None


def data_sets(folder):
    """COCO's files: path and what they are."""
    for path in sorted(folder.rglob("*.json")):
        try:
            content = json.loads(path.read_text())
        except (json.JSONDecodeError, UnicodeDecodeError):
            continue
        if isinstance(content, dict) and "annotations" in content:
            shapes = [a["segmentation"] for a in content["annotations"]]
            is_polygons = any(isinstance(shape, list) and shape for shape in shapes)
            yield path, "polygons" if is_polygons else "codes"
        elif isinstance(content, list) and content and "image_id" in content[0]:
            yield path, "results"


def check_coco(report, path, kind, truth):
    name = path.name
    if kind == "results":
        results = quiet(lambda: truth.coco.loadRes(str(path)))
    else:
        results = quiet(lambda: COCO(str(path)))
    ious, count = [], collections.Counter()
    for annotation in results.dataset["annotations"]:
        key = truth.ids[annotation["image_id"]]
        thing = truth.images[key][count[key]]
        count[key] += 1
        if thing.mask is not None:
            ious.append((iou(results.annToMask(annotation), thing.mask), thing.mask.sum()))
            if kind == "codes":
                box = list(coco_mask.toBbox(annotation["segmentation"]))
                assert np.allclose(box, annotation["bbox"], atol=1e-3), f"box {box} of {annotation}"
                assert annotation["area"] == thing.mask.sum(), f"area of {annotation}"
    assert sum(count.values()) == len(truth.coco.dataset["annotations"]), "objects are lost"
    least = FAITHFUL if kind == "polygons" else EXACT
    report.masks(f"COCO {kind}: {name}", "pycocotools", ious, least)


def compare_with_supervision(dataset, truth, folder):
    ious = []
    for path, _, found in dataset:
        key = stem(Path(path).resolve().relative_to(folder.resolve()))
        things = truth.images[key]
        assert len(found) == len(things), f"{len(found)} of {len(things)} objects in {key}"
        for index, thing in enumerate(things):
            label = dataset.classes[found.class_id[index]]
            assert label == thing.label, f"`{label}` is `{thing.label}`"
            if thing.mask is not None:
                ious.append((iou(found.mask[index], thing.mask), thing.mask.sum()))
    return ious


def check_supervision_coco(report, path, kind, truth, images):
    import supervision

    dataset = quiet(
        lambda: supervision.DetectionDataset.from_coco(str(images), str(path), force_masks=True)
    )
    ious = compare_with_supervision(dataset, truth, images)
    least = DRAWN if kind == "polygons" else EXACT
    report.masks(f"COCO {kind}: {path.name}", "supervision", ious, least)


def check_yolo(report, yaml, truth):
    import supervision

    folder = yaml.parent
    for key in set(truth.ids.values()):
        lines = (folder / "labels" / f"{key}.txt").read_text().splitlines()
        numbers = [[float(number) for number in line.split()[1:]] for line in lines]
        assert len(lines) == len(truth.images[key]), f"{key} has {len(lines)} lines"
        assert all(0 <= number <= 1 for line in numbers for number in line), f"{key} is outside"
    # supervision looks at the folder itself only, not below it.
    ious, folders = [], {path.parent for path in (folder / "images").rglob("*.*")}
    for images in sorted(folders):
        labels = folder / "labels" / images.relative_to(folder / "images")
        dataset = quiet(
            lambda: supervision.DetectionDataset.from_yolo(
                str(images), str(labels), str(yaml), force_masks=True
            )
        )
        ious += compare_with_supervision(dataset, truth, folder / "images")
    report.masks("YOLO", "supervision", ious, DRAWN)


def load_labelme(path):
    try:
        from labelme.label_file import LabelFile
    except ImportError:
        from labelme._label_file import LabelFile
    return LabelFile(str(path)).shapes


def check_labelme(report, path, key, truth):
    import labelme.utils

    (height, width), objects = truth.sizes[key], {}
    shapes = load_labelme(path)
    for index, shape in enumerate(shapes):
        group = shape["group_id"]
        name = ("one", index) if group is None else group
        mask = objects.setdefault(name, np.zeros((height, width), bool))
        if shape["shape_type"] == "mask":
            (x0, y0), (x1, y1) = np.array(shape["points"]).astype(int)
            mask[y0 : y1 + 1, x0 : x1 + 1] |= shape["mask"]
        else:
            corners, kind = shape["points"], shape["shape_type"]
            mask |= labelme.utils.shape_to_mask((height, width), corners, kind)
    things = truth.images[key]
    assert len(objects) == len(things), f"{len(objects)} of {len(things)} objects"
    pairs = zip(objects.values(), things)
    is_exact = any(shape["shape_type"] == "mask" for shape in shapes)
    ious = [(iou(mask, t.mask), t.mask.sum()) for mask, t in pairs if t.mask is not None]
    name, least = ("labelme, masks", EXACT) if is_exact else ("labelme, polygons", DRAWN)
    report.masks(name, "labelme", ious, least)


def topmost(masks, shape):
    """The number of the mask at every pixel, the smallest on top."""
    numbers = np.zeros(shape, int)
    for index in sorted(range(len(masks)), key=lambda index: -masks[index].sum()):
        numbers[masks[index]] = index + 1
    return numbers


def check_labels(report, path, key, truth):
    with Image.open(path) as image:
        wrong = [] if image.mode.startswith("I") else [f"the mode of {path.name} is {image.mode}"]
        found = np.array(image).astype(int)
    masks = truth.masks(key)
    if (found != topmost(masks, found.shape)).any():
        wrong.append(f"numbers in {path.name} differ")
    report.facts("numbers of masks", "Pillow", len(masks), wrong)


def check_colors(report, path, key, truth):
    found = np.array(Image.open(path).convert("RGB")).astype(int) @ [65536, 256, 1]
    numbers = topmost(truth.masks(key), found.shape)
    wrong = [f"black inside a mask of {path.name}"] if (found[numbers > 0] == 0).any() else []
    wrong += [f"a colour outside the masks of {path.name}"] if found[numbers == 0].any() else []
    several = [n for n in np.unique(numbers) if len(np.unique(found[numbers == n])) > 1]
    wrong += [f"mask {number} of {path.name} has several colours" for number in several]
    report.facts("colours of masks", "Pillow", len(truth.masks(key)), wrong)


def check_classes(report, path, legend):
    with Image.open(path) as image:
        found = set(np.unique(np.array(image)).tolist()) - {0}
    unknown = sorted(found - legend)
    wrong = [f"{unknown} of {path.name} are not in the legend"] if unknown else []
    report.facts("numbers of classes", "Pillow, csv", len(found), wrong)


def check_masks(report, folder, truth):
    ious = []
    for path, key, number in by_image(folder, MASK, truth):
        found = np.array(Image.open(path))
        assert set(np.unique(found)) <= {0, 255}, f"{path.name} is not black and white"
        mask = truth.masks(key)[number - 1]
        ious.append((iou(found > 0, mask), mask.sum()))
    if ious:
        report.masks("masks, one a file", "Pillow", ious, EXACT)


def check_cutouts(report, folder, truth, images):
    wrong, count = [], 0
    pictures = {stem(p.relative_to(images)): p for p in images.rglob("*.*")} if images else {}
    for path, key, number in by_image(folder, CUTOUT, truth):
        count += 1
        found = np.array(Image.open(path))
        mask = truth.masks(key)[number - 1]
        rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        expected = np.zeros((*mask[box].shape, 4), np.uint8)
        expected[mask[box], 3] = 255
        source = pictures.get(key)
        if source is None:
            expected[..., :3] = np.where(mask[box][..., None], found[..., :3], 0)
        else:
            picture = np.array(Image.open(source).convert("RGB"))[box]
            expected[mask[box], :3] = picture[mask[box]]
        # Two decoders of JPEG may differ by a few levels.
        most = 0 if source is None or source.suffix == ".png" else 6
        if found.shape != expected.shape or np.abs(found.astype(int) - expected).max() > most:
            wrong.append(f"{path.name} differs")
    if count:
        report.facts("cut-outs", "Pillow", count, wrong)


def check_logits(report, path, key, truth):
    arrays = np.load(path)
    count = len(arrays["scores"])
    shapes = {"logits": (count, 256, 256), "boxes": (count, 4), "scores": (count,)}
    wrong = [
        f"{name} of {path.name} is {arrays[name].dtype} of {arrays[name].shape}"
        for name, shape in shapes.items()
        if arrays[name].shape != shape or arrays[name].dtype != np.float32
    ]
    corners = [t.bbox for t in truth.images[key] if t.mask is not None]
    boxes = [[x, y, x + w, y + h] for x, y, w, h in corners]
    boxes = np.array(boxes).reshape(-1, 4)
    if not np.allclose(arrays["boxes"], boxes, atol=1.01):
        wrong.append(f"boxes of {path.name} are not those of the masks")
    report.facts("logits", "numpy.load", count, wrong)


def check_geojson(report, path, key, truth):
    import shapely
    from shapely.geometry import shape

    features = json.loads(path.read_text())["features"]
    (height, width), things = truth.sizes[key], truth.images[key]
    assert len(features) == len(things), f"{len(features)} of {len(things)} objects"
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ious = []
    for number, (feature, thing) in enumerate(zip(features, things), start=1):
        properties = feature["properties"]
        assert properties["id"] == feature["id"] == number and properties["label"] == thing.label
        assert np.isclose(properties["area"], thing.area), f"area of object {number}"
        if feature["geometry"] is None:
            assert thing.area == 0, f"object {number} has no geometry"
            continue
        geometry = shape(feature["geometry"])
        assert geometry.is_valid, f"object {number}: {shapely.is_valid_reason(geometry)}"
        for part in getattr(geometry, "geoms", [geometry]):
            assert part.exterior.is_ccw, f"object {number} runs the wrong way round"
            assert not any(hole.is_ccw for hole in part.interiors), f"a hole of object {number}"
        if thing.mask is not None:
            assert geometry.area == thing.mask.sum(), f"area of object {number}"
            shapely.prepare(geometry)
            ious.append((iou(shapely.contains_xy(geometry, x, y), thing.mask), thing.mask.sum()))
    report.masks("GeoJSON", "shapely", ious, EXACT)


def check_csv(report, path, truth):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    annotations = truth.coco.dataset["annotations"]
    wrong = [] if len(rows) == len(annotations) else [f"{len(rows)} of {len(annotations)} lines"]
    for row, expected in zip(rows, annotations):
        box = [float(row[name]) for name in ("x", "y", "width", "height")]
        same = (
            np.allclose(box, expected["bbox"], atol=1e-3)
            and np.isclose(float(row["area"]), expected["area"])
            and int(row["image_id"]) == expected["image_id"]
            and int(row["category_id"]) == expected["category_id"]
            and row["label"] == truth.names[expected["category_id"]]
            and stem(row["image"]) == truth.ids[expected["image_id"]]
        )
        if not same:
            wrong.append(f"object {row['object']} of {row['image']} differs")
    report.facts(f"CSV: {path.name}", "csv", len(rows), wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--truth", type=Path)
    arguments = parser.parse_args()
    folder, images = arguments.folder, arguments.images
    if images is None and (folder / "input").is_dir():
        images = folder / "input"
    found = list(data_sets(folder))
    codes = [path for path, kind in found if kind == "codes"]
    path = arguments.truth or next(iter(codes), None)
    if path is None:
        sys.exit(f"`{folder}` holds no COCO data set with run-length codes, with which to compare")
    truth = Truth(path)
    report = Report()

    def check(name, tool, run, *rest):
        try:
            run(report, *rest)
        except Exception as error:  # noqa: BLE001: the next format may be all right
            report.facts(name, tool, 0, [f"{type(error).__name__}: {error}"])

    for path, kind in found:
        check(path.name, "pycocotools", check_coco, path, kind, truth)
        if images is not None and kind != "results":
            check(path.name, "supervision", check_supervision_coco, path, kind, truth, images)
    for yaml in sorted(folder.rglob("data.yaml")):
        check("YOLO", "supervision", check_yolo, yaml, truth)
    for pattern, tool, run in [
        (LABELME, "labelme", check_labelme),
        (GEOJSON, "shapely", check_geojson),
        (LABELS, "Pillow", check_labels),
        (COLORS, "Pillow", check_colors),
        (LOGITS, "numpy.load", check_logits),
    ]:
        for path, key, _ in by_image(folder, pattern, truth):
            check(path.name, tool, run, path, key, truth)
    check("masks, one a file", "Pillow", check_masks, folder, truth)
    check("cut-outs", "Pillow", check_cutouts, folder, truth, images)
    for path in sorted(folder.rglob("*.csv")):
        with open(path, newline="") as file:
            columns = next(csv.reader(file), [])
        if "image_id" in columns:
            check(path.name, "csv", check_csv, path, truth)
        elif columns == ["id", "name"]:
            with open(path, newline="") as file:
                legend = {int(row["id"]) for row in csv.DictReader(file)}
            for picture, _, _ in by_image(path.parent, CLASSES, truth):
                check(picture.name, "Pillow, csv", check_classes, picture, legend)
    sys.exit(0 if report.print() else 1)


main()
