"""Asks the small CLIP about crops of the 100 scenes, as a text-to-mask pipeline would, and prints how
often it is right; `--expected` writes expected.json and crops/ for parity tests as well.

Needs what train.py needs, and pillow. Run it in this folder: `python evaluate.py [--expected]`.
"""

import argparse
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from tokenizers import Tokenizer
from transformers import CLIPModel

from crops import CLIP_MEAN, SIZE, normalise
from scenes import HEIGHT, WIDTH, scene
from shapes import ABSENT_UNSEEN, HELD_OUT, PAIRS, REFUSALS, article, pair_phrases

SCENES = 100
MODES = ["keep", "dim", "blur", "white", "black", "grey", "mean"]
MARGINS = [0.1, 0.25]
# Prompts that CLIP users average.
ENSEMBLE = ["a photo of {}.", "a cropped photo of {}.", "a close-up photo of {}.", "itap of {}."]
# The network's longest text in tokens.
LIMIT = 32
GREY = tuple(round(255 * c) for c in CLIP_MEAN)


def cut(image, mask, mode, margin):
    """A square around the mask's box, `margin` of the longer side wider on each side, padded where
    it leaves the picture; what is not in the mask is treated as `mode` says."""
    ys, xs = np.nonzero(mask)
    x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    side = round(float(max(x1 - x0, y1 - y0) * (1 + 2 * margin)))
    left, top = int(x0 + x1 - side) // 2, int(y0 + y1 - side) // 2
    fill = {"white": (255,) * 3, "black": (0,) * 3}.get(mode, GREY)
    if mode == "mean":
        fill = tuple(int(c) for c in image.reshape(-1, 3).mean(0))
    square = Image.new("RGB", (side, side), fill)
    square.paste(Image.fromarray(image), (-left, -top))
    inside = Image.new("1", (side, side))
    inside.paste(Image.fromarray(mask), (-left, -top))
    if mode == "keep":
        return square
    if mode == "dim":
        outside = square.point(lambda value: value * 0.35)
    elif mode == "blur":
        outside = square.filter(ImageFilter.GaussianBlur(side / 10))
    else:
        outside = Image.new("RGB", (side, side), fill)
    return Image.composite(square, outside, inside)


def pixels(crop):
    small = crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return torch.tensor(np.asarray(small)).permute(2, 0, 1) / 255


def changed(mask, by):
    """The mask, grown or shrunk by some pixels."""
    if by == 0:
        return mask
    form = ImageFilter.MaxFilter if by > 0 else ImageFilter.MinFilter
    return np.asarray(Image.fromarray(mask).convert("L").filter(form(2 * abs(by) + 1))) > 0


def regions(image, objects, rng):
    """What a segmenter might return: (kind, pair or None, mask)."""
    everything = np.any([o.mask for o in objects], 0)
    for o in objects:
        pair = (o.colour, o.shape)
        yield "object", pair, changed(o.mask, int(rng.choice([-1, 0, 0, 2])))
        part = half(o, rng)
        if part is not None:
            yield "part", pair, part
        if o.shape == "ring":
            yield "background", None, disc(o.place[0], o.place[1], o.place[2] * 0.55)
    yield "background", None, ~changed(everything, 2)
    for _ in range(2):
        blob = free_blob(everything, rng)
        if blob is not None:
            yield "background", None, blob
    centres = np.array([o.place[:2] for o in objects])
    first = int(rng.integers(len(objects)))
    second = np.argsort(np.hypot(*(centres - centres[first]).T))[1]
    yield "group", None, objects[first].mask | objects[second].mask


def disc(x, y, radius):
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(xs + 0.5 - x, ys + 0.5 - y) < radius


def free_blob(everything, rng):
    for _ in range(50):
        radius = rng.uniform(18, 45)
        x, y = rng.uniform(radius, WIDTH - radius), rng.uniform(radius, HEIGHT - radius)
        blob = disc(x, y, radius)
        if not (disc(x, y, radius + 6) & everything).any():
            return blob
    return None


def half(o, rng):
    """A quarter to three fifths of an object, beyond a straight cut in any direction."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    x, y, radius, _ = o.place
    angle = rng.uniform(-math.pi, math.pi)
    along = (xs - x) * math.cos(angle) + (ys - y) * math.sin(angle)
    part = o.mask & (along > rng.uniform(-0.1, 0.3) * radius)
    share = part.sum() / o.mask.sum()
    return part if 0.25 < share < 0.6 else None


class Network:
    def __init__(self, folder):
        self.model = CLIPModel.from_pretrained(folder).eval()
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.scale = self.model.logit_scale.exp().item()
        self.end = self.model.config.text_config.eos_token_id

    def ids(self, texts):
        rows = [e.ids for e in self.tokenizer.encode_batch(texts)]
        # A longer text loses its tail and keeps its end.
        rows = [row if len(row) <= LIMIT else [*row[: LIMIT - 1], self.end] for row in rows]
        longest = max(map(len, rows))
        return torch.tensor([row + [self.end] * (longest - len(row)) for row in rows])

    @torch.no_grad()
    def texts(self, texts):
        pooled = self.model.text_model(input_ids=self.ids(texts)).pooler_output
        return F.normalize(self.model.text_projection(pooled), dim=1)

    @torch.no_grad()
    def images(self, pictures):
        out = []
        for start in range(0, len(pictures), 256):
            values = normalise(torch.stack(pictures[start : start + 256]))
            pooled = self.model.vision_model(pixel_values=values).pooler_output
            out.append(F.normalize(self.model.visual_projection(pooled), dim=1))
        return torch.cat(out)

    def averaged(self, phrases, templates):
        """Each phrase as the mean over templates."""
        each = [self.texts([t.format(p) for p in phrases]) for t in templates]
        return F.normalize(torch.stack(each).mean(0), dim=1)


def collect(scenes):
    """All crops of all scenes: pictures and rows (kind, pair, mode, scene)."""
    rng = np.random.default_rng(5)
    pictures, rows = [], []
    for number in range(scenes):
        image, objects = scene(number)
        for kind, pair, mask in regions(image, objects, rng):
            for mode in MODES:
                margin = MARGINS[int(rng.integers(2))]
                pictures.append(pixels(cut(image, mask, mode, margin)))
                rows.append((kind, pair, mode, number))
    return pictures, rows


def percent(values):
    return f"{100 * float(np.mean(values)):.2f} %" if len(values) else "none"


def report(name, image, rows, queries, refusals, scale):
    """Figures of one way of asking; `queries` are all pairs in the order of PAIRS."""
    cosines = (image @ queries.T).numpy()
    refused = (scale * image @ refusals.T).numpy()
    kinds, modes = np.array([r[0] for r in rows]), np.array([r[2] for r in rows])
    target = np.array([PAIRS.index(r[1]) if r[1] else -1 for r in rows])
    held = np.array([r[1] in HELD_OUT for r in rows])
    single = kinds == "object"
    print(f"\n== {name} ==")
    hit = cosines.argmax(1) == target
    print("top-1 of 48, seen", percent(hit[single & ~held]), "held out", percent(hit[single & held]))
    for mode in MODES:
        m = single & (modes == mode)
        print(f"  {mode}: seen {percent(hit[m & ~held])} held out {percent(hit[m & held])}")

    groups = questions(kinds, target)
    rules = {"softmax of the query and the five prompts": scale * cosines > logsum(refused)}
    everything = np.concatenate([scale * cosines, refused], 1)
    # More than half of the sum over everything.
    rules["softmax of all 48 and the five prompts"] = scale * cosines - logsum(everything) > math.log(0.5)
    for t in (0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75):
        rules[f"cosine > {t}"] = cosines > t
    for rule, yes in rules.items():
        print(rule)
        print("  " + ", ".join(f"{group} {percent(yes[which])}" for group, which in groups.items()))
    print("cosines: quantiles 0 1 5 50 95 99 100")
    for group, which in groups.items():
        row = " ".join(f"{v:6.3f}" for v in np.quantile(cosines[which], [0, 0.01, 0.05, 0.5, 0.95, 0.99, 1]))
        print(f"  {group:20} {row}")
    absent(rows, rules, modes)


def logsum(logits):
    return torch.logsumexp(torch.tensor(logits), 1, keepdim=True).numpy()


def questions(kinds, target):
    """Which (crop, query) belong to which group."""
    colour, shape = np.array([p[0] for p in PAIRS]), np.array([p[1] for p in PAIRS])
    seen = np.array([p not in HELD_OUT for p in PAIRS])
    single = (kinds == "object")[:, None]
    right = single & (target[:, None] == np.arange(len(PAIRS)))
    wrong = single & ~right
    same_colour = wrong & (colour[target][:, None] == colour)
    same_shape = wrong & (shape[target][:, None] == shape)
    every = np.ones((1, len(PAIRS)), bool)
    return {
        "right, seen": right & seen,
        "right, held out": right & ~seen,
        "wrong object": wrong,
        "same colour": same_colour,
        "same shape": same_shape,
        "neither": wrong & ~same_colour & ~same_shape,
        "wrong, held-out query": wrong & ~seen,
        "background": (kinds == "background")[:, None] & every,
        "group": (kinds == "group")[:, None] & every,
        "part": (kinds == "part")[:, None] & (target[:, None] != np.arange(len(PAIRS))),
        "part, its own object": (kinds == "part")[:, None] & (target[:, None] == np.arange(len(PAIRS))),
    }


def absent(rows, rules, modes):
    """How often a scene without an object gives a mask for it, over all of its regions."""
    numbers = np.array([r[3] for r in rows])
    print("an object that is not in the scene, some region answers (all regions; objects and background)")
    whole = np.array([r[0] in ("object", "background") for r in rows])
    for rule, yes in rules.items():
        found, found_whole = [], []
        for number in np.unique(numbers):
            there = {r[1] for r in rows if r[3] == number and r[0] == "object"}
            missing = [i for i, pair in enumerate(PAIRS) if pair not in there]
            for mode in MODES:
                mine = (numbers == number) & (modes == mode)
                found.extend(yes[mine][:, missing].any(0))
                found_whole.extend(yes[mine & whole][:, missing].any(0))
        print(f"  {rule}: {percent(found)}; {percent(found_whole)}")


def expected(network):
    """Three crops and ten texts with their embeddings."""
    os.makedirs("crops", exist_ok=True)
    wanted = [(0, 0, "dim"), (1, 1, "keep"), (2, 0, "white")]
    pictures, crops = [], []
    for i, (number, index, mode) in enumerate(wanted):
        image, objects = scene(number)
        crop = cut(image, objects[index].mask, mode, 0.15)
        small = crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        crop.save(f"crops/{i}.png")
        small.save(f"crops/{i}.48.png")
        pictures.append(torch.tensor(np.asarray(small)).permute(2, 0, 1) / 255)
        crops.append({
            "crop": f"crops/{i}.png",
            "resized": f"crops/{i}.48.png",
            "shows": f"{objects[index].colour} {objects[index].shape}",
        })
    texts = [
        "a red circle",
        "a photo of a blue square.",
        "There is a GREEN triangle in the picture.",
        "a red star",
        "a yellow cross",
        "the background",
        "something else",
        "a zebra",
        "über 12",
        "several shapes " * 20,
    ]
    ids = [network.ids([text])[0].tolist() for text in texts]
    image, text = network.images(pictures), torch.cat([network.texts([text]) for text in texts])
    rounded = lambda rows: [[round(v, 6) for v in row] for row in rows.tolist()]
    for crop, row in zip(crops, rounded(image)):
        crop["embedding"] = row
    value = {
        "logit_scale": round(network.scale, 5),
        "crops": crops,
        "texts": [{"text": t, "ids": i, "embedding": e} for t, i, e in zip(texts, ids, rounded(text))],
        "cosines": rounded(image @ text.T),
    }
    with open("expected.json", "w") as file:
        json.dump(value, file, ensure_ascii=False)
        file.write("\n")


def main():
    arguments = argparse.ArgumentParser(description="How often the small CLIP is right.")
    arguments.add_argument("--expected", action="store_true")
    arguments.add_argument("--folder", default=".")
    arguments.add_argument("--scenes", type=int, default=SCENES)
    arguments = arguments.parse_args()
    torch.set_num_threads(1)
    network = Network(arguments.folder)
    print("logit scale", round(network.scale, 2))
    if arguments.expected:
        expected(network)
    pictures, rows = collect(arguments.scenes)
    image = network.images(pictures)
    phrases = [pair_phrases(*pair)[0] for pair in PAIRS]
    refusals = network.texts(REFUSALS)
    print(len(rows), "crops")
    report("plain queries", image, rows, network.texts(phrases), refusals, network.scale)
    for form in ("a photo of {}.", ENSEMBLE):
        templates = [form] if isinstance(form, str) else form
        queries = network.averaged(phrases, templates)
        report(str(form), image, rows, queries, network.averaged(REFUSALS, templates), network.scale)
    nouns = network.texts([article(noun) for noun in ABSENT_UNSEEN])
    other = image @ nouns.T
    beats = network.scale * other > torch.logsumexp(network.scale * image @ refusals.T, 1)[:, None]
    print("\nunknown nouns: P > 0.5", percent(beats.numpy()), "highest cosine", round(other.max().item(), 3))


if __name__ == "__main__":
    main()
