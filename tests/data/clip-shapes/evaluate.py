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
GREY = tuple(round(255 * c) for c in CLIP_MEAN)


def cut(image, mask, mode, margin):
    """A square around the mask's box, `margin` of the longer side wider on each side; what is not
    in the mask is treated as `mode` says; 48×48 pixels by bicubic resampling."""
    ys, xs = np.nonzero(mask)
    x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    side = max(x1 - x0, y1 - y0) * (1 + 2 * margin)
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    fill = {"white": (255,) * 3, "black": (0,) * 3}.get(mode, GREY)
    if mode == "mean":
        fill = tuple(int(c) for c in image.reshape(-1, 3).mean(0))
    if mode == "keep":
        shown = image
    elif mode == "dim":
        shown = np.where(mask[..., None], image, image * 0.35).astype(np.uint8)
    elif mode == "blur":
        soft = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(float(side) / 10)))
        shown = np.where(mask[..., None], image, soft)
    else:
        shown = np.where(mask[..., None], image, np.array(fill, np.uint8))
    square = Image.new("RGB", (round(side), round(side)), fill)
    square.paste(Image.fromarray(shown), (-left, -top))
    return square


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
            # A kept or dimmed rest of a scene, or part of an object, shows the objects themselves.
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
    against = torch.logsumexp(scale * image @ refusals.T, 1).numpy()
    margin = scale * cosines - against[:, None]
    kinds = np.array([r[0] for r in rows])
    modes = np.array([r[2] for r in rows])
    target = np.array([PAIRS.index(r[1]) if r[1] else -1 for r in rows])
    held = np.array([r[1] in HELD_OUT for r in rows])
    single = kinds == "object"
    best = cosines.argmax(1)
    print(f"\n== {name} ==")
    hit = best == target
    print("top-1 of 48, seen", percent(hit[single & ~held]), "held out", percent(hit[single & held]))
    for mode in MODES:
        m = single & (modes == mode)
        print(f"  {mode}: seen {percent(hit[m & ~held])} held out {percent(hit[m & held])}")

    right = np.zeros_like(cosines, bool)
    right[np.nonzero(single)[0], target[single]] = True
    wrong_single = single[:, None] & ~right
    seen_query = np.array([p not in HELD_OUT for p in PAIRS])

    print("softmax of the query and the five prompts, P > 0.5:")
    yes = margin > 0
    print("  right crop, seen", percent(yes[right & seen_query]), "held out", percent(yes[right & ~seen_query]))
    print("  other object", percent(yes[wrong_single]))
    colour = np.array([p[0] for p in PAIRS])
    shape = np.array([p[1] for p in PAIRS])
    same_colour = wrong_single & (colour[target][:, None] == colour)
    same_shape = wrong_single & (shape[target][:, None] == shape)
    print("    same colour", percent(yes[same_colour]), "same shape", percent(yes[same_shape]))
    print("    neither", percent(yes[wrong_single & ~same_colour & ~same_shape]))
    print("    held-out query", percent(yes[wrong_single & ~seen_query]))
    for kind in ("background", "part", "group"):
        print(f"  {kind}", percent(yes[kinds == kind]))
    own = (kinds == "part", target[kinds == "part"])
    print("  part, asked for its own object", percent(yes[own]))

    whole = scale * cosines
    rival = np.concatenate([whole, (scale * image @ refusals.T).numpy()], 1)
    p = np.exp(whole - torch.logsumexp(torch.tensor(rival), 1).numpy()[:, None])
    print("softmax of all 48 and the five prompts, P > 0.5:")
    print("  right crop, seen", percent(p[right & seen_query] > 0.5), "held out", percent(p[right & ~seen_query] > 0.5), "wrong", percent(p[wrong_single] > 0.5))

    print("cosine alone:")
    quantiles = [0, 0.01, 0.05, 0.5, 0.95, 0.99, 1]
    groups = {
        "right seen": cosines[right & seen_query],
        "right held out": cosines[right & ~seen_query],
        "same colour": cosines[same_colour],
        "same shape": cosines[same_shape],
        "neither": cosines[wrong_single & ~same_colour & ~same_shape],
        "background": cosines[kinds == "background"].ravel(),
        "part": cosines[kinds == "part"].ravel(),
        "group": cosines[kinds == "group"].ravel(),
    }
    for group, values in groups.items():
        row = " ".join(f"{v:6.3f}" for v in np.quantile(values, quantiles))
        print(f"  {group:15} quantiles 0 1 5 50 95 99 100: {row}")
    for t in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75):
        over = cosines > t
        print(f"  > {t}: right", percent(over[right]), "held out", percent(over[right & ~seen_query]), "other object", percent(over[wrong_single]), "background", percent(over[kinds == "background"]), "part", percent(over[kinds == "part"]), "group", percent(over[kinds == "group"]))
    absent(rows, yes, cosines, modes)
    return cosines


def absent(rows, yes, cosines, modes):
    """How often a scene without an object gives a mask for it, over all of its regions."""
    numbers = np.array([r[3] for r in rows])
    print("asked for an object that is not in the scene, any region answers:")
    for mode in MODES:
        answers, over = [], []
        for number in np.unique(numbers):
            mine = (numbers == number) & (modes == mode)
            there = {r[1] for r, m in zip(rows, mine) if m and r[0] == "object"}
            missing = [i for i, pair in enumerate(PAIRS) if pair not in there]
            answers.extend(yes[mine][:, missing].any(0))
            over.extend((cosines[mine][:, missing] > 0.65).any(0))
        print(f"  {mode}: softmax {percent(answers)}, cosine > 0.65 {percent(over)}")


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
    ids = [row[: LIMIT - 1] + [network.end] if len(row) > LIMIT else row for row in (e.ids for e in network.tokenizer.encode_batch(texts))]
    image = network.images(pictures)
    with torch.no_grad():
        text = torch.cat([
            F.normalize(network.model.text_projection(network.model.text_model(input_ids=torch.tensor([row])).pooler_output), dim=1)
            for row in ids
        ])
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


LIMIT = 32


def main():
    arguments = argparse.ArgumentParser()
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
    cosines = report("plain queries", image, rows, network.texts(phrases), refusals, network.scale)
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
