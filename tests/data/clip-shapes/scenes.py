"""The scenes of `scenes.rs`, drawn the same way, for the evaluation."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from shapes import COLOURS, SHAPES, distance

WIDTH, HEIGHT = 512, 384
NAMES = list(COLOURS)
GAMMA = 0x9E3779B97F4A7C15
WORD = 2**64 - 1


@dataclass
class Object:
    """`mask` HEIGHT×WIDTH; `place` x, y, radius and turn."""

    colour: str
    shape: str
    mask: np.ndarray
    place: tuple


class Random:
    """SplitMix64; the n-th number depends on n alone, so many come at once."""

    def __init__(self, seed):
        self.state = seed

    def many(self, n):
        z = np.uint64(self.state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GAMMA)
        self.state = (self.state + n * GAMMA) & WORD
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def between(self, low, high, n=None):
        share = (self.many(n or 1) >> np.uint64(11)).astype(np.float64) / 2.0**53
        out = low + (high - low) * share
        return out if n else float(out[0])

    def below(self, n):
        return int(self.many(1)[0]) % n


def scene(number):
    """The picture, HEIGHT×WIDTH×3 bytes, and its objects."""
    random = Random(number)
    canvas = background(random)
    objects = []
    for _ in range(3 + random.below(6)):
        colour, shape = NAMES[random.below(len(NAMES))], SHAPES[random.below(len(SHAPES))]
        rgb = np.minimum(np.array(COLOURS[colour]) + random.between(-12, 12, 3), 255)
        place = find(random, [o.place for o in objects])
        if place:
            cover = coverage(shape, place)
            canvas = canvas * (1 - cover[..., None]) + rgb * cover[..., None]
            objects.append(Object(colour, shape, cover >= 0.5, place))
    return np.floor(canvas + 0.5).astype(np.uint8), objects


def find(random, others):
    radius = random.between(25, 60)
    tilt = 0.08 if random.below(2) == 0 else 1.0
    turn = tilt * random.between(-math.pi, math.pi)
    border = radius + 4
    for _ in range(200):
        x = random.between(border, WIDTH - border)
        y = random.between(border, HEIGHT - border)
        if all(math.hypot(o[0] - x, o[1] - y) >= o[2] + radius + 8 for o in others):
            return x, y, radius, turn
    return None


def background(random):
    kind = random.below(4)
    grey = random.between(60, 205)
    base = grey + random.between(-16, 16, 3)
    angle = random.between(-math.pi, math.pi)
    slope = random.between(-45, 45) + random.between(-8, 8, 3)
    columns, rows = WIDTH // 32 + 1, HEIGHT // 32 + 1
    lattice = random.between(-30, 30, columns * rows).reshape(rows, columns)
    y, x = np.mgrid[:HEIGHT, :WIDTH] / 32
    more = np.zeros((HEIGHT, WIDTH, 3))
    if kind == 1:
        ramp = (x - 8) / 8 * math.cos(angle) + (y - 6) / 8 * math.sin(angle)
        more = ramp[..., None] * slope
    elif kind == 2:
        i, j = x.astype(int), y.astype(int)
        right, down = x - i, y - j
        above = lattice[j, i] * (1 - right) + lattice[j, i + 1] * right
        below = lattice[j + 1, i] * (1 - right) + lattice[j + 1, i + 1] * right
        more = (above * (1 - down) + below * down)[..., None]
    elif kind == 3:
        more = random.between(-18, 18, HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3)
    return np.clip(base + more, 0, 255)


def coverage(shape, place):
    """How much of each pixel the shape covers, HEIGHT×WIDTH."""
    cx, cy, radius, turn = place
    rows = slice(int(cy - radius - 1), int(cy + radius + 2))
    columns = slice(int(cx - radius - 1), int(cx + radius + 2))
    y, x = np.mgrid[rows, columns]
    dx, dy = torch.tensor((x + 0.5 - cx) / radius), torch.tensor((y + 0.5 - cy) / radius)
    cos, sin = math.cos(turn), math.sin(turn)
    outside = distance(shape, cos * dx + sin * dy, cos * dy - sin * dx)
    cover = np.zeros((HEIGHT, WIDTH))
    cover[rows, columns] = np.clip(0.5 - outside.numpy() * radius, 0, 1)
    return cover
