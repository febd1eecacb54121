"""Small ONNX detectors, one a family, and what they say of a photograph.

    pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 pillow
    python detectors.py FOLDER IMAGE

writes FOLDER/*.onnx, FOLDER/photo.png (IMAGE, 60×40) and FOLDER/expected.json. Every graph has the
operators of its family's exports on random weights. ONNX Runtime runs it; what follows here, from
photograph to input and from outputs to boxes, is a plain form of what the family's authors publish.
expected.json has, by file, the options that are given, the names, the lowest score, and the boxes:
class, score, and corners in pixels of the photograph. FOLDER/refused/*.onnx are graphs that are no
detectors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 64
STRIDES = (8, 16, 32)
WIDTH = 6
ANCHORS = {8: [(10, 13), (16, 30), (33, 23)], 16: [(30, 61), (62, 45), (59, 119)],
           32: [(116, 90), (156, 198), (373, 326)]}


# --- graphs -----------------------------------------------------------------------------------------

class Builder:
    """Nodes and initialisers, named as they come."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.names = [], [], 0

    def name(self):
        self.names += 1
        return f"t{self.names}"

    def constant(self, values, dtype=np.float32):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def weights(self, *shape, scale):
        return self.constant(self.random.normal(0, scale, shape))

    def add(self, kind, *inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, channels, out, side, scale, spread=0.5):
        weights = self.weights(out, channels, side, side, scale=scale)
        bias = self.weights(out, scale=spread)
        return self.add("Conv", x, weights, bias, kernel_shape=[side, side], strides=[side, side])

    def ints(self, *values):
        return self.constant(values, np.int64)

    def reshape(self, x, *shape):
        return self.add("Reshape", x, self.ints(*shape))

    def slice(self, x, start, end, axis):
        return self.add("Slice", x, self.ints(start), self.ints(end), self.ints(axis))

    def pyramid(self, x, scale):
        """Features on grids of 8, 16 and 32 pixels."""
        x = self.conv(x, 3, WIDTH, 8, scale)
        x = self.add("Mul", x, self.add("Sigmoid", x))
        levels = [x]
        for _ in range(2):
            levels.append(self.add("MaxPool", levels[-1], kernel_shape=[2, 2], strides=[2, 2]))
        return levels

    def queries(self, x, scale, count=12, width=8):
        """Attention of a few queries to the image's patches."""
        x = self.conv(x, 3, width, 16, scale)
        memory = self.reshape(x, 1, width, -1)
        asked = self.weights(1, count, width, scale=1.0)
        weights = self.add("Softmax", self.add("MatMul", asked, memory), axis=-1)
        seen = self.add("MatMul", weights, self.add("Transpose", memory, perm=[0, 2, 1]))
        return self.add("Relu", self.add("Add", seen, asked))

    def dense(self, x, width, out, scale=1.0, shift=0.0):
        weights = self.weights(width, out, scale=scale)
        bias = self.constant(self.random.normal(shift, 0.3, out))
        return self.add("Add", self.add("MatMul", x, weights), bias)


def save(path, builder, inputs, outputs, metadata=None, opset=13):
    """`inputs` and `outputs` are (name, type, shape); outputs take the tensors' names."""
    value = lambda entry: helper.make_tensor_value_info(*entry)
    graph = helper.make_graph(builder.nodes, path.stem, [value(entry) for entry in inputs],
                              [value(entry) for entry in outputs], builder.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return model


F32, F16, I64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
IMAGE = ("images", F32, [1, 3, SIDE, SIDE])


def yolox(path):
    b, classes = Builder(1), 3
    flat = []
    for level in b.pyramid("images", 0.002):
        boxes = b.conv(level, WIDTH, 4, 1, 0.4)
        scores = b.add("Sigmoid", b.conv(level, WIDTH, 1 + classes, 1, 1.2))
        flat.append(b.reshape(b.add("Concat", boxes, scores, axis=1), 1, 5 + classes, -1))
    out = b.add("Transpose", b.add("Concat", *flat, axis=2), perm=[0, 2, 1])
    save(path, b, [IMAGE], [(out, F32, [1, 84, 5 + classes])])


def yolov5(path):
    b, classes, flat = Builder(2), 2, []
    for level, stride in zip(b.pyramid("images", 0.3), STRIDES):
        cells = SIDE // stride
        values = b.conv(level, WIDTH, 3 * (5 + classes), 1, 0.7)
        values = b.reshape(values, 1, 3, 5 + classes, cells, cells)
        values = b.add("Sigmoid", b.add("Transpose", values, perm=[0, 1, 3, 4, 2]))
        x, y = np.meshgrid(np.arange(cells), np.arange(cells))
        grid = b.constant(np.stack([x, y], -1)[None, None] - 0.5)
        anchors = b.constant(np.array(ANCHORS[stride]).reshape(1, 3, 1, 1, 2))
        two, step = b.constant(2.0), b.constant(float(stride))
        xy = b.add("Mul", b.slice(values, 0, 2, 4), two)
        xy = b.add("Mul", b.add("Add", xy, grid), step)
        wh = b.add("Pow", b.add("Mul", b.slice(values, 2, 4, 4), two), two)
        wh = b.add("Mul", wh, anchors)
        whole = b.add("Concat", xy, wh, b.slice(values, 4, 99, 4), axis=4)
        flat.append(b.reshape(whole, 1, -1, 5 + classes))
    out = b.add("Concat", *flat, axis=1)
    save(path, b, [IMAGE], [(out, F32, [1, 252, 5 + classes])], {"names": "{0: 'cat', 1: 'dog'}"},
         opset=12)


def halve(b):
    """Weights in half precision, cast back where they are used."""
    for place, tensor in enumerate(b.constants):
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.size > 64:
            narrow = tensor.name + "_f16"
            b.constants[place] = numpy_helper.from_array(array.astype(np.float16), narrow)
            b.nodes.insert(0, helper.make_node("Cast", [narrow], [tensor.name], to=F32))


def anchor_points():
    points, strides = [], []
    for stride in STRIDES:
        cells = SIDE // stride
        x, y = np.meshgrid(np.arange(cells), np.arange(cells))
        points.append(np.stack([x.ravel(), y.ravel()]) + 0.5)
        strides.append(np.full(cells * cells, stride))
    return np.concatenate(points, 1)[None], np.concatenate(strides)[None, None]


def yolo_head(b, classes, bins=4):
    """Distances as distributions, as YOLOv8 has them: boxes 1×4×N in pixels, scores 1×C×N."""
    boxes, scores = [], []
    for level in b.pyramid("images", 0.1):
        boxes.append(b.reshape(b.conv(level, WIDTH, 4 * bins, 1, 1.0), 1, 4 * bins, -1))
        scores.append(b.reshape(b.conv(level, WIDTH, classes, 1, 1.2), 1, classes, -1))
    boxes = b.reshape(b.add("Concat", *boxes, axis=2), 1, 4, bins, -1)
    boxes = b.add("Softmax", b.add("Transpose", boxes, perm=[0, 2, 1, 3]), axis=1)
    places = b.constant(np.arange(bins).reshape(1, bins, 1, 1))
    sums = b.add("Conv", boxes, places, kernel_shape=[1, 1])
    distances = b.reshape(sums, 1, 4, -1)
    points, strides = anchor_points()
    points, strides = b.constant(points), b.constant(strides)
    first = b.add("Sub", points, b.slice(distances, 0, 2, 1))
    last = b.add("Add", points, b.slice(distances, 2, 4, 1))
    return first, last, strides, b.add("Sigmoid", b.add("Concat", *scores, axis=2))


def yolo(path, narrow=False):
    b, classes = Builder(3), 3
    first, last, strides, scores = yolo_head(b, classes)
    centre = b.add("Div", b.add("Add", first, last), b.constant(2.0))
    sides = b.add("Sub", last, first)
    boxes = b.add("Mul", b.add("Concat", centre, sides, axis=1), strides)
    out = b.add("Concat", boxes, scores, axis=1)
    names = {"names": "{0: 'hot dog', 1: \"driver's seat\", 2: 'cat'}", "stride": "32"}
    if narrow:
        halve(b)
        save(path, b, [IMAGE], [(out, F32, [1, 4 + classes, 84])], names, opset=17)
    else:
        open_image = ("images", F32, ["batch", 3, "height", "width"])
        save(path, b, [open_image], [(out, F32, ["batch", 4 + classes, "anchors"])], names, opset=17)


def yolo_half(path):
    yolo(path, narrow=True)


def all_half(path):
    """Half precision from input to output."""
    b, classes = Builder(10), 2
    first, last, strides, scores = yolo_head(b, classes)
    boxes = b.add("Concat", b.add("Add", first, last), b.add("Sub", last, first), axis=1)
    parts = b.constant(np.array([0.5, 0.5, 1, 1]).reshape(1, 4, 1))
    out = b.add("Concat", b.add("Mul", b.add("Mul", boxes, parts), strides), scores, axis=1)
    for place, tensor in enumerate(b.constants):
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32:
            b.constants[place] = numpy_helper.from_array(array.astype(np.float16), tensor.name)
    save(path, b, [("images", F16, [1, 3, SIDE, SIDE])], [(out, F16, [1, 4 + classes, 84])], opset=17)


def end_to_end(path):
    """The best 20 of all boxes, without NMS (YOLOv10)."""
    b, classes, count = Builder(4), 3, 20
    first, last, strides, scores = yolo_head(b, classes)
    boxes = b.add("Mul", b.add("Concat", first, last, axis=1), strides)
    boxes = b.add("Transpose", boxes, perm=[0, 2, 1])
    scores = b.add("Transpose", scores, perm=[0, 2, 1])
    highest = b.add("ReduceMax", scores, axes=[-1], keepdims=0)
    _, places = b.add("TopK", highest, b.ints(count), outputs=2, axis=-1)
    wide = lambda width: b.add("Tile", b.add("Unsqueeze", places, b.ints(-1)), b.ints(1, 1, width))
    boxes = b.add("GatherElements", boxes, wide(4), axis=1)
    scores = b.add("GatherElements", scores, wide(classes), axis=1)
    values, index = b.add("TopK", b.reshape(scores, 1, -1), b.ints(count), outputs=2, axis=-1)
    number = b.ints(classes)
    which = b.add("Mod", index, number)
    row = b.add("Unsqueeze", b.add("Div", index, number), b.ints(-1))
    boxes = b.add("GatherElements", boxes, b.add("Tile", row, b.ints(1, 1, 4)), axis=1)
    last_axis = b.ints(-1)
    which = b.add("Cast", b.add("Unsqueeze", which, last_axis), to=F32)
    out = b.add("Concat", boxes, b.add("Unsqueeze", values, last_axis), which, axis=-1)
    save(path, b, [IMAGE], [(out, F32, [1, count, 6])], {"names": "['a', 'b', 'c']"}, opset=13)


def nms(path):
    """NMS by the standard operator: as many boxes as it leaves."""
    b, classes = Builder(5), 2
    first, last, strides, scores = yolo_head(b, classes)
    boxes = b.add("Mul", b.add("Concat", first, last, axis=1), strides)
    boxes = b.add("Transpose", boxes, perm=[0, 2, 1])
    most, overlap, floor = b.ints(10), b.constant([0.5]), b.constant([0.2])
    chosen = b.add("NonMaxSuppression", boxes, scores, most, overlap, floor)
    which = b.add("Gather", chosen, b.ints(1), axis=1)
    place = b.add("Gather", chosen, b.ints(2), axis=1)
    pair = b.add("Concat", which, place, axis=1)
    flat = b.reshape(boxes, -1, 4)
    boxes = b.add("Gather", flat, b.add("Squeeze", place, b.ints(1)), axis=0)
    table = b.add("Squeeze", scores, b.ints(0))
    values = b.add("Unsqueeze", b.add("GatherND", table, pair), b.ints(1))
    out = b.add("Concat", boxes, values, b.add("Cast", which, to=F32), axis=1)
    save(path, b, [IMAGE], [(out, F32, ["boxes", 6])], opset=13)


def detr(path):
    """Softmax over COCO's ids and "nothing"; told which pixels are image."""
    b = Builder(6)
    mask = b.add("Cast", "pixel_mask", to=F32)
    ratio = b.add("Div", b.constant(1.0), b.add("ReduceMean", mask, axes=[1, 2], keepdims=0))
    x = b.add("Mul", "pixel_values", b.reshape(ratio, 1, 1, 1, 1))
    x = b.queries(x, 0.05)
    logits = b.dense(x, 8, 92, scale=1.5)
    boxes = b.add("Sigmoid", b.dense(x, 8, 4, scale=0.5))
    inputs = [("pixel_values", F32, ["batch", 3, "height", "width"]),
              ("pixel_mask", I64, ["batch", "height", "width"])]
    save(path, b, inputs, [(logits, F32, ["batch", 12, 92]), (boxes, F32, ["batch", 12, 4])])


def d_fine(path):
    """Sigmoid over COCO's 80, as RT-DETR and D-FINE come out of transformers."""
    b = Builder(7)
    x = b.queries("pixel_values", 0.1)
    logits = b.dense(x, 8, 80, scale=1.0, shift=-2.0)
    boxes = b.add("Sigmoid", b.dense(x, 8, 4, scale=0.5))
    save(path, b, [("pixel_values", F32, [1, 3, SIDE, SIDE])],
         [(logits, F32, [1, 12, 80]), (boxes, F32, [1, 12, 4])], opset=16)


def rt_detr(path):
    b, classes = Builder(8), 4
    x = b.queries("images", 0.1)
    scores = b.add("Sigmoid", b.dense(x, 8, classes))
    boxes = b.add("Sigmoid", b.dense(x, 8, 4, scale=0.5))
    out = b.add("Concat", boxes, scores, axis=-1)
    save(path, b, [IMAGE], [(out, F32, [1, 12, 4 + classes])],
         {"names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"}, opset=16)


def postprocessed(path):
    """Told the image's width and height; gives the best 16 of all queries and classes."""
    b, classes, count = Builder(9), 5, 16
    x = b.queries("images", 0.1)
    scores = b.reshape(b.add("Sigmoid", b.dense(x, 8, classes)), 1, -1)
    boxes = b.add("Sigmoid", b.dense(x, 8, 4, scale=0.5))
    half_sides = b.add("Mul", b.slice(boxes, 2, 4, 2), b.constant(0.5))
    centre = b.slice(boxes, 0, 2, 2)
    corners = b.add("Concat", b.add("Sub", centre, half_sides), b.add("Add", centre, half_sides),
                    axis=2)
    size = b.add("Cast", "orig_target_sizes", to=F32)
    size = b.add("Unsqueeze", b.add("Tile", size, b.ints(1, 2)), b.ints(1))
    corners = b.add("Mul", corners, size)
    values, index = b.add("TopK", scores, b.ints(count), outputs=2, axis=-1)
    number = b.ints(classes)
    labels = b.add("Mod", index, number)
    row = b.add("Unsqueeze", b.add("Div", index, number), b.ints(-1))
    corners = b.add("GatherElements", corners, b.add("Tile", row, b.ints(1, 1, 4)), axis=1)
    inputs = [("images", F32, ["N", 3, SIDE, SIDE]), ("orig_target_sizes", I64, ["N", 2])]
    save(path, b, inputs, [(labels, I64, ["N", count]), (corners, F32, ["N", count, 4]),
                           (values, F32, ["N", count])], opset=16)


# --- what surrounds them ----------------------------------------------------------------------------

def resize(photo, width, height):
    """Linear between the four nearest pixels, outline on outline."""
    for axis, side in ((0, height), (1, width)):
        size = photo.shape[axis]
        place = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
        low = np.floor(place).astype(int)
        part = (place - low).reshape([-1 if i == axis else 1 for i in range(3)])
        high = np.minimum(low + 1, size - 1)
        photo = photo.take(low, axis) * (1 - part) + photo.take(high, axis) * part
    return photo


def prepare(photo, how, pixels):
    """The input, and its pixels an image pixel and offset, across and down."""
    height, width = photo.shape[:2]
    ratio = min(SIDE / width, SIDE / height)
    inner = {"letterbox": (round(width * ratio), round(height * ratio)),
             "letterbox-corner": (int(width * ratio), int(height * ratio)),
             "stretch": (SIDE, SIDE)}[how]
    left, top = [(SIDE - side) // 2 if how == "letterbox" else 0 for side in inner]
    canvas = np.full((SIDE, SIDE, 3), 114.0)
    canvas[top:top + inner[1], left:left + inner[0]] = resize(photo.astype(float), *inner)
    if pixels == "bgr-byte":
        canvas = canvas[:, :, ::-1]
    if pixels in ("rgb-unit", "imagenet"):
        canvas = canvas / 255
    if pixels == "imagenet":
        canvas = (canvas - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    scale = (SIDE / width, SIDE / height) if how == "stretch" else (ratio, ratio)
    return canvas.transpose(2, 0, 1)[None].astype(np.float32), scale, (left, top)


def corners(boxes):
    xy, wh = boxes[..., :2], boxes[..., 2:4]
    return np.concatenate([xy - wh / 2, xy + wh / 2], -1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def best(scores):
    return scores.argmax(-1), scores.max(-1)


def after_yolox(out):
    out = out[0].astype(float)
    grids, steps = [], []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(SIDE // stride), np.arange(SIDE // stride))
        grids.append(np.stack([x, y], 2).reshape(-1, 2))
        steps.append(np.full((len(grids[-1]), 1), stride))
    grids, steps = np.concatenate(grids), np.concatenate(steps)
    boxes = np.concatenate([(out[:, :2] + grids) * steps, np.exp(out[:, 2:4]) * steps], 1)
    return (*best(out[:, 4:5] * out[:, 5:]), corners(boxes))


def after_yolov5(out):
    out = out[0].astype(float)
    return (*best(out[:, 4:5] * out[:, 5:]), corners(out[:, :4]))


def after_yolo(out):
    out = out[0].T.astype(float)
    return (*best(out[:, 4:]), corners(out[:, :4]))


def after_end_to_end(out):
    out = out.reshape(-1, 6)
    return out[:, 5].astype(int), out[:, 4], out[:, :4]


def every(scores, boxes):
    """A box for each query and class."""
    queries, classes = scores.shape
    boxes = corners(boxes.astype(float)) * SIDE
    return np.tile(np.arange(classes), queries), scores.ravel(), np.repeat(boxes, classes, 0)


def after_detr(logits, boxes):
    return every(softmax(logits[0].astype(float))[:, :-1], boxes[0])


def after_d_fine(logits, boxes):
    return every(sigmoid(logits[0].astype(float)), boxes[0])


def after_rt_detr(out):
    return every(out[0, :, 4:].astype(float), out[0, :, :4])


def after_postprocessed(labels, boxes, scores):
    return labels[0], scores[0], boxes[0]


# file: graph, family, resize, pixels, what follows, options that are given
CASES = {
    "yolox": (yolox, "yolox", "letterbox-corner", "bgr-byte", after_yolox, {}),
    "yolov5": (yolov5, "yolov5", "letterbox", "rgb-unit", after_yolov5, {}),
    "yolo": (yolo, "yolo", "letterbox", "rgb-unit", after_yolo, {"input_size": SIDE}),
    "yolo-half": (yolo_half, "yolo", "letterbox", "rgb-unit", after_yolo, {}),
    "all-half": (all_half, "yolo", "letterbox", "rgb-unit", after_yolo, {}),
    "end-to-end": (end_to_end, "end-to-end", "letterbox", "rgb-unit", after_end_to_end, {}),
    "nms": (nms, "end-to-end", "letterbox", "rgb-unit", after_end_to_end, {}),
    "detr": (detr, "detr", "stretch", "imagenet", after_detr, {"input_size": SIDE}),
    "d-fine": (d_fine, "detr", "stretch", "rgb-unit", after_d_fine, {}),
    "rt-detr": (rt_detr, "rt-detr", "stretch", "rgb-unit", after_rt_detr, {}),
    "postprocessed": (postprocessed, "postprocessed", "stretch", "rgb-unit", after_postprocessed, {}),
}


def floor_of(scores):
    """In the widest gap around the 40th best score, so that rounding decides nothing."""
    ordered = np.sort(scores)[::-1]
    window = ordered[:min(len(ordered), 60)]
    start = min(30, len(window) - 2)
    gaps = window[start:-1] - window[start + 1:]
    place = start + int(gaps.argmax())
    return float(ordered[place] + ordered[place + 1]) / 2


def run(folder, name, photo, how=None, pixels=None):
    _, family, usual_how, usual_pixels, after, options = CASES[name]
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    values, scale, offset = prepare(photo, how or usual_how, pixels or usual_pixels)
    height, width = photo.shape[:2]
    first = session.get_inputs()[0]
    feed = {first.name: values.astype(np.float16 if "float16" in first.type else np.float32)}
    for entry in session.get_inputs()[1:]:
        feed[entry.name] = {"pixel_mask": np.ones((1, SIDE, SIDE), np.int64),
                            "orig_target_sizes": np.array([[width, height]])}[entry.name]
    classes, scores, boxes = after(*session.run(None, feed))
    boxes = np.asarray(boxes, float)
    if family != "postprocessed":
        boxes = (boxes - np.tile(offset, 2)) / np.tile(scale, 2)
    floor = floor_of(scores)
    found = [[int(c), round(float(s), 6), *(round(float(v), 4) for v in box)]
             for c, s, box in zip(classes, scores, boxes) if s >= floor]
    options = dict(options, **({"resize": how} if how else {}), **({"pixels": pixels} if pixels else {}))
    return {"model": name, "family": family, "options": options, "floor": round(floor, 6), "found": found}


# --- graphs that are no detectors -------------------------------------------------------------------

def refused(folder):
    folder.mkdir(exist_ok=True)

    def simple(name, inputs, shape, outputs=1, kind=None, dtype=F32, nodes=()):
        b = Builder(0)
        x = inputs[0][0]
        if dtype != F32 or inputs[0][1] != F32:
            x = b.add("Cast", x, to=F32)
        mean = b.add("ReduceMean", x, keepdims=0)
        for entry in inputs[1:]:
            other = b.add("ReduceMean", b.add("Cast", entry[0], to=F32), keepdims=0)
            mean = b.add("Add", mean, other)
        if kind:
            mean = b.add(*kind[:1], mean, domain=kind[1])
        out = b.add("Expand", mean, b.ints(*shape))
        b.nodes.extend(nodes)
        save(folder / f"{name}.onnx", b, inputs, [(out, F32, list(shape))])

    detector = (1, 20, 6)
    simple("classifier", [IMAGE], (1, 1000))
    simple("encoder", [IMAGE], (1, 8, 4, 4))
    simple("tokens", [IMAGE], (1, 50, 12))
    simple("boxes-only", [IMAGE], (1, 20, 4))
    simple("unknown-operator", [IMAGE], detector, kind=("EfficientNMS_TRT", "trt.plugins"))
    simple("rank-3", [("images", F32, [3, SIDE, SIDE])], detector)
    simple("one-channel", [("images", F32, [1, 1, SIDE, SIDE])], detector)
    simple("channels-last", [("images", F32, [1, SIDE, SIDE, 3])], detector)
    simple("batch-of-4", [("images", F32, [4, 3, SIDE, SIDE])], detector)
    simple("bytes", [("images", TensorProto.UINT8, [1, 3, SIDE, SIDE])], detector)
    simple("unknown-second", [IMAGE, ("prompt_ids", I64, [1, 7])], detector)
    simple("three-inputs", [IMAGE, ("im_shape", F32, [1, 2]), ("scale_factor", F32, [1, 2])], detector)
    inner = helper.make_node("MagicSort", ["t1"], ["inside"], domain="com.example")
    body = lambda name: helper.make_graph(
        [inner, helper.make_node("Identity", ["inside"], [name])], name, [],
        [helper.make_tensor_value_info(name, F32, None)])
    branch = helper.make_node("If", ["yes"], ["chosen"], then_branch=body("then_out"),
                              else_branch=body("else_out"))
    yes = helper.make_node("Constant", [], ["yes"],
                           value=helper.make_tensor("v", TensorProto.BOOL, [], [True]))
    simple("unknown-inside-if", [IMAGE], detector, nodes=(yes, branch))


def main():
    folder, image = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    Image.open(image).convert("RGB").resize((60, 40), Image.LANCZOS).save(folder / "photo.png")
    photo = np.asarray(Image.open(folder / "photo.png"))
    for name, (build, *_) in CASES.items():
        build(folder / f"{name}.onnx")
        onnx.checker.check_model(str(folder / f"{name}.onnx"))
    cases = [run(folder, name, photo) for name in CASES]
    cases.append(run(folder, "yolo-half", photo, "letterbox-corner", "imagenet"))
    cases.append(run(folder, "yolox", photo, "stretch", "rgb-byte"))
    cases.append(run(folder, "rt-detr", photo, "letterbox", "imagenet"))
    lines = ",\n".join(json.dumps(case) for case in cases)
    (folder / "expected.json").write_text(f"[\n{lines}\n]\n")
    refused(folder / "refused")


main()
