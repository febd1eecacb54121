"""Trains the small CLIP of coloured shapes and writes its folder in the form of OpenAI's.

Needs torch, transformers and tokenizers. Run it in this folder: `python train.py`. A step takes
about 0.15 s of one core. The same versions on the same machine give the same weights.
"""

import argparse
import json
import math
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPConfig, CLIPModel

from crops import (
    CLIP_MEAN,
    CLIP_STD,
    COLOUR_NAMES,
    GROUP,
    NOTHING,
    PIECE,
    SEEN_IDS,
    SINGLE,
    SIZE,
    Painter,
    normalise,
)
from shapes import (
    ABSENT,
    BACKGROUND,
    HELD_OUT,
    OTHER,
    PART,
    REFUSALS,
    SEEN,
    SEVERAL,
    SHAPES,
    TEMPLATES,
    caption,
    colour_phrases,
    pair_phrases,
    shape_phrases,
)
from tokens import END, LENGTH, START, make_tokenizer

SEED = 7
BATCH = 112
# Steps in which the learning rate rises.
WARM = 150
# Right captions lie above this cosine, wrong ones below.
THRESHOLD = 0.6
STEEPNESS = 14.0

COLOURS_N, SHAPES_N, PAIRS_N = len(COLOUR_NAMES), len(SHAPES), len(SEEN)
ASKED = PAIRS_N + COLOURS_N + SHAPES_N
NOUNS_N = 8


def words_of_captions():
    """Counts that make the words of captions whole tokens and leave rare nouns in pieces."""
    counts = Counter()
    phrases = BACKGROUND + PART + SEVERAL + OTHER + TEMPLATES
    for colour in COLOUR_NAMES:
        phrases = phrases + colour_phrases(colour)
    for shape in SHAPES:
        phrases = phrases + shape_phrases(shape)
    for phrase in phrases:
        for word in phrase.replace("{}", " ").replace(".", " ").replace("-", " ").split():
            counts[word] += 100
    for noun in ABSENT:
        counts[noun] += 1
    return counts


def make_model(tokenizer):
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    text = dict(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        hidden_act="quick_gelu",
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        projection_dim=64,
    )
    vision = dict(
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=12,
        hidden_act="quick_gelu",
        projection_dim=64,
    )
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=64)
    config.bos_token_id, config.eos_token_id, config.pad_token_id = start, end, end
    return CLIPModel(config)


class Pictures:
    """Batches of crops: most are earlier ones again, mirrored, since painting is slow."""

    def __init__(self):
        self.painter = Painter(SEED)
        self.rng = np.random.default_rng(SEED + 1)
        self.kept = []

    def draw(self):
        if len(self.kept) < 8 or self.rng.random() < 0.4:
            batch = self.painter.batch(BATCH)
            small = (batch.pixels * 255).round().to(torch.uint8)
            self.kept = [*self.kept[-500:], replace(batch, pixels=small)]
            return batch
        batch = self.kept[self.rng.integers(len(self.kept))]
        pixels = batch.pixels / 255
        if self.rng.random() < 0.5:
            pixels = pixels.flip(2)
        if self.rng.random() < 0.5:
            pixels = pixels.transpose(2, 3)
        return replace(batch, pixels=pixels)


class Texts:
    """One caption of every kind for each step: what is asked, then what refuses."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.rng = np.random.default_rng(SEED)
        self.end = tokenizer.token_to_id(END)

    def draw(self):
        rng = self.rng
        asked = [caption(pair_phrases(*pair), rng) for pair in SEEN]
        asked += [caption(colour_phrases(colour), rng) for colour in COLOUR_NAMES]
        asked += [caption(shape_phrases(shape), rng) for shape in SHAPES]
        nouns = rng.choice(ABSENT, NOUNS_N, replace=False)
        asked += [caption([("an " if n[0] in "aeiou" else "a ") + n, n], rng) for n in nouns]
        refusing = [caption(group, rng) for group in (BACKGROUND, BACKGROUND, PART, SEVERAL, OTHER, OTHER)]
        return self.ids(asked + refusing + REFUSALS)

    def ids(self, texts):
        rows = [e.ids for e in self.tokenizer.encode_batch(texts)]
        ids = torch.full((len(rows), max(map(len, rows))), self.end)
        for row, to in zip(rows, ids):
            to[: len(row)] = torch.tensor(row)
        return ids


# Which kind of crop each of the refusing captions names.
NAMES = torch.tensor(
    [NOTHING, NOTHING, PIECE, GROUP, -1, -1] + [NOTHING, NOTHING, PIECE, GROUP, -1]
)
PAIR_OF = {(COLOUR_NAMES.index(c), SHAPES.index(s)): i for i, (c, s) in enumerate(SEEN)}

NONE_COLOUR, NONE_SHAPE = COLOURS_N, SHAPES_N
# The colour and the shape that each asked caption names; nouns name neither.
NAMED_COLOUR = torch.cat([
    SEEN_IDS[:, 0], torch.arange(COLOURS_N), torch.full((SHAPES_N + NOUNS_N,), NONE_COLOUR)
])
NAMED_SHAPE = torch.cat([
    SEEN_IDS[:, 1],
    torch.full((COLOURS_N,), NONE_SHAPE),
    torch.arange(SHAPES_N),
    torch.full((NOUNS_N,), NONE_SHAPE),
])
LEFT_OUT = torch.zeros(COLOURS_N + 1, SHAPES_N + 1, dtype=torch.bool)
for _colour, _shape in HELD_OUT:
    LEFT_OUT[COLOUR_NAMES.index(_colour), SHAPES.index(_shape)] = True


def untold(batch):
    """Crops and asked captions that would tell the network that a pair does not exist.

    Cyan things are never stars in training. If `a star` and `a yellow star` counted as wrong for
    every cyan thing, the network would learn that cyan means no star.
    """
    colour = torch.where(batch.odd, NONE_COLOUR, batch.colour)[:, None]
    barred = LEFT_OUT[colour, NAMED_SHAPE[None]] | LEFT_OUT[NAMED_COLOUR[None], batch.shape[:, None]]
    return barred & ((batch.kind == SINGLE) | (batch.kind == PIECE))[:, None]


def truths(batch):
    """For each crop and asked caption: 1 right, 0 wrong, -1 undecided."""
    n = len(batch.kind)
    single = (batch.kind == SINGLE) & ~batch.odd
    right = torch.zeros(n, ASKED + NOUNS_N)
    pair = torch.tensor([PAIR_OF[c, s] for c, s in zip(batch.colour.tolist(), batch.shape.tolist())])
    rows = torch.arange(n)[single]
    right[rows, pair[single]] = 1
    right[rows, PAIRS_N + batch.colour[single]] = 1
    right[rows, PAIRS_N + COLOURS_N + batch.shape[single]] = 1
    # An odd colour may be near to a named one.
    rows = torch.arange(n)[batch.odd]
    right[rows, PAIRS_N : PAIRS_N + COLOURS_N] = -1
    same = SEEN_IDS[None, :, 1] == batch.shape[rows, None]
    right[rows, :PAIRS_N] = torch.where(same, -1.0, 0.0)
    right[rows, PAIRS_N + COLOURS_N + batch.shape[rows]] = 1
    right[untold(batch)] = -1
    # A part or a group may well be called red, and stars are among several shapes.
    right[(batch.kind == PIECE) | (batch.kind == GROUP), PAIRS_N:ASKED] = -1
    return right, pair


def loss_of(cosines, scale, batch):
    """Four questions about the same cosines."""
    right, pair = truths(batch)
    single = (batch.kind == SINGLE) & ~batch.odd
    whole = batch.kind == SINGLE
    logits = scale * cosines
    asked, refusing = logits[:, : ASKED + NOUNS_N], logits[:, ASKED + NOUNS_N :]
    prompts = refusing[:, -len(REFUSALS) :]

    # Which pair, colour, shape, or which kind of crop?
    told = asked.masked_fill(untold(batch), -1e4)
    pairs = told[:, :PAIRS_N]
    which = F.cross_entropy(torch.cat([pairs, prompts], 1)[single], pair[single])
    colours = told[single, PAIRS_N : PAIRS_N + COLOURS_N]
    shapes = told[whole, PAIRS_N + COLOURS_N : ASKED]
    which = which + 0.5 * F.cross_entropy(colours, batch.colour[single])
    which = which + F.cross_entropy(shapes, batch.shape[whole])
    everything = torch.cat([pairs, refusing], 1)[~whole]
    fits = NAMES[None] == batch.kind[~whole][:, None]
    named = everything[:, PAIRS_N:].masked_fill(~fits, -1e4).logsumexp(1)
    which = which + (everything.logsumexp(1) - named).mean()

    # Which crops belong to this caption?
    mine = right[:, :ASKED].T == 1
    met = mine.any(1)
    per_text = asked[:, :ASKED].T[met]
    # Crops that are undecided for a caption are not in its question.
    per_text = per_text.masked_fill((right[:, :ASKED].T == -1)[met], -1e4)
    back = per_text.logsumexp(1) - per_text.masked_fill(~mine[met], -1e4).logsumexp(1)

    # Does the caption beat the prompts that refuse?
    margin = asked - prompts.logsumexp(1, keepdim=True)
    beats = balanced(margin, right)

    # Is the cosine itself on the right side of the threshold?
    level = STEEPNESS * (cosines[:, : ASKED + NOUNS_N] - THRESHOLD)
    level = balanced(level, right)
    return which + 0.5 * back.mean() + beats + level


def composed(text):
    """How far a pair's caption lies from the sum of its colour's and its shape's captions.

    What is left out is then understood from its parts.
    """
    colours = text[PAIRS_N : PAIRS_N + COLOURS_N]
    shapes = text[PAIRS_N + COLOURS_N : ASKED]
    sums = F.normalize(colours[SEEN_IDS[:, 0]] + shapes[SEEN_IDS[:, 1]], dim=1)
    return (1 - (text[:PAIRS_N] * sums).sum(1)).mean()


def balanced(logits, right):
    """Cross-entropy of yes and no: the mean of the right ones, the sum over a crop's wrong ones."""
    loss = F.binary_cross_entropy_with_logits(logits, right.clamp(min=0), reduction="none")
    yes, no = right == 1, right == 0
    return loss[yes].mean() + (loss * no).sum(1).mean() * 0.5


def embed(model, tokenizer_texts, pixels):
    image = model.visual_projection(model.vision_model(pixel_values=normalise(pixels)).pooler_output)
    text = model.text_projection(model.text_model(input_ids=tokenizer_texts).pooler_output)
    return F.normalize(image, dim=1), F.normalize(text, dim=1)


def optimiser_of(model):
    """Adam, with weight decay for matrices alone."""
    plain = [p for p in model.parameters() if p.ndim < 2]
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98))


def train(steps, rate, start):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer(words_of_captions())
    model = CLIPModel.from_pretrained(start).train() if start else make_model(tokenizer)
    print(sum(p.numel() for p in model.parameters()), "parameters")
    optimiser = optimiser_of(model)
    pictures, texts = Pictures(), Texts(tokenizer)
    began = time.time()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min((step + 1) / WARM, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        batch = pictures.draw()
        image, text = embed(model, texts.draw(), batch.pixels)
        cosines = image @ text.T
        loss = loss_of(cosines, model.logit_scale.exp(), batch) + 8 * composed(text)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(60))
        if step % 100 == 0 or step == steps - 1:
            tell(step, time.time() - began, loss.item(), cosines, batch)
    return model.eval(), tokenizer


def tell(step, seconds, loss, cosines, batch):
    single = (batch.kind == SINGLE) & ~batch.odd
    _, pair = truths(batch)
    hit = (cosines[single, :PAIRS_N].argmax(1) == pair[single]).float().mean().item()
    print(f"{step} {seconds:.0f} s loss {loss:.3f} top-1 {hit:.3f}", flush=True)


def save(model, tokenizer, folder="."):
    model.save_pretrained(folder)
    # With every value, also those that are the defaults.
    dump(f"{folder}/config.json", model.config.to_dict())
    tokenizer.save(f"{folder}/tokenizer.json")
    dump(f"{folder}/tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    })
    dump(f"{folder}/preprocessor_config.json", {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIZE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    })
    dump(f"{folder}/held-out.json", [list(pair) for pair in HELD_OUT])


def dump(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def main():
    arguments = argparse.ArgumentParser(description="Trains the small CLIP of coloured shapes.")
    arguments.add_argument("--steps", type=int, default=4000)
    arguments.add_argument("--rate", type=float, default=1.6e-3, help="the highest learning rate")
    arguments.add_argument("--start", help="a folder whose weights to go on from")
    arguments.add_argument("--out", default=".", help="the folder to write")
    arguments = arguments.parse_args()
    save(*train(arguments.steps, arguments.rate, arguments.start), arguments.out)


if __name__ == "__main__":
    main()
