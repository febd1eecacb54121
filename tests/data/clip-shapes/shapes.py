"""What the small CLIP knows: the colours, the shapes, how each is drawn, and how captions are worded.

`scenes.rs` holds the same tables and the same distances for the tests in Rust; `scenes.py` checks
that both draw the same pictures.
"""

import math

import torch

COLOURS = {
    "red": (215, 35, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 210),
    "yellow": (240, 220, 50),
    "orange": (245, 135, 25),
    "purple": (125, 45, 165),
    "cyan": (60, 205, 220),
    "pink": (250, 145, 190),
}
SHAPES = ["circle", "square", "triangle", "star", "cross", "ring"]

# Never in a training picture and never in a training caption. Each colour is left out once, each
# shape once or twice.
HELD_OUT = [
    ("red", "star"),
    ("green", "square"),
    ("blue", "ring"),
    ("yellow", "cross"),
    ("orange", "circle"),
    ("purple", "triangle"),
    ("cyan", "star"),
    ("pink", "square"),
]
PAIRS = [(colour, shape) for colour in COLOURS for shape in SHAPES]
SEEN = [pair for pair in PAIRS if pair not in HELD_OUT]

# The sizes of the parts of a shape whose outermost point is at distance 1.
SQUARE = math.sqrt(0.5)
ARM_LENGTH, ARM_WIDTH = 0.95, 0.31
RING_MIDDLE, RING_WIDTH = 0.78, 0.22
# The edge of a five-pointed star with inner radius 0.45: its normal and its distance.
STAR_INNER = 0.45
_tip = (1.0, 0.0)
_dent = (STAR_INNER * math.cos(math.pi / 5), STAR_INNER * math.sin(math.pi / 5))
_length = math.hypot(_dent[0] - _tip[0], _dent[1] - _tip[1])
STAR_NORMAL = ((_dent[1] - _tip[1]) / _length, (_tip[0] - _dent[0]) / _length)
STAR_OFFSET = STAR_NORMAL[0] * _tip[0] + STAR_NORMAL[1] * _tip[1]


def corners(shape):
    """Eight points whose box is that of the shape, however it is turned; not so for round ones."""
    angles = {"triangle": [-90, 30, 150], "star": [-90, -18, 54, 126, 198], "square": [45, 135, 225, 315]}
    if shape == "cross":
        points = [(a * ARM_LENGTH, b * ARM_WIDTH) for a in (-1, 1) for b in (-1, 1)]
        return points + [(y, x) for x, y in points]
    angles = angles.get(shape, [0])
    angles = (angles * 8)[:8]
    return [(math.cos(math.radians(a)), math.sin(math.radians(a))) for a in angles]


CORNERS = torch.tensor([corners(shape) for shape in SHAPES])


def distance(shape, x, y):
    """How far (x, y) lies outside of the shape, negative inside, in radii; exact near straight edges."""
    if shape == "circle":
        return torch.hypot(x, y) - 1
    if shape == "square":
        return torch.maximum(x.abs(), y.abs()) - SQUARE
    if shape == "triangle":
        return torch.maximum(y - 0.5, math.sqrt(0.75) * x.abs() - 0.5 * y - 0.5)
    if shape == "star":
        fifth = 2 * math.pi / 5
        angle = torch.atan2(x, -y)
        angle = (angle - fifth * torch.round(angle / fifth)).abs()
        r = torch.hypot(x, y)
        return STAR_NORMAL[0] * r * angle.cos() + STAR_NORMAL[1] * r * angle.sin() - STAR_OFFSET
    x, y = x.abs(), y.abs()
    if shape == "cross":
        long, short = torch.maximum(x, y), torch.minimum(x, y)
        return torch.maximum(long - ARM_LENGTH, short - ARM_WIDTH)
    if shape == "ring":
        return (torch.hypot(x, y) - RING_MIDDLE).abs() - RING_WIDTH
    raise ValueError(shape)


# Captions. A phrase is put into a template; what a crop shows decides which phrases are right.
TEMPLATES = [
    "{}",
    "{}.",
    "a photo of {}.",
    "a photo of {}",
    "a picture of {}.",
    "an image of {}.",
    "a drawing of {}.",
    "a cropped photo of {}.",
    "a close-up photo of {}.",
    "a good photo of {}.",
    "a bad photo of {}.",
    "a photo of one {}.",
    "itap of {}.",
    "there is {} in the picture.",
    "there is {} here",
    "this is {}",
    "i can see {}",
]
BACKGROUND = [
    "the background",
    "background",
    "a plain texture",
    "a plain background",
    "nothing",
    "empty space",
]
PART = ["part of something", "a part of something", "part of a shape", "a piece of something"]
SEVERAL = ["several shapes", "several things", "many shapes", "a group of objects"]
OTHER = ["something else", "something", "an object", "a shape", "a thing"]

# The prompts that a query has to beat.
REFUSALS = ["the background", "a plain texture", "part of something", "several shapes", "something else"]

# Nouns that are in no picture.
ABSENT = """dog cat horse cow bird fish person man woman child car truck bus train boat bicycle plane
tree flower leaf grass river lake mountain cloud sky sun moon house door window chair table bed lamp
cup plate fork knife spoon bottle bowl apple banana pear bread cake pizza book pen pencil paper key
phone camera clock shoe hat shirt coat glove bag box ball kite guitar piano drum road bridge wall
fence stone sand snow fire water computer keyboard mouse screen""".split()
# The same, for the evaluation alone.
ABSENT_UNSEEN = "zebra elephant umbrella laptop toaster sandwich giraffe airplane sofa traffic light".split()


def article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def pair_phrases(colour, shape):
    noun = f"{colour} {shape}"
    return [article(noun), f"the {noun}", noun]


def colour_phrases(colour):
    return [f"something {colour}", *(article(f"{colour} {noun}") for noun in ("object", "shape", "thing"))]


def shape_phrases(shape):
    return [article(shape), f"the {shape}", shape]


def caption(phrases, rng):
    """One phrase in one template, each drawn at random; half of the time without a template."""
    phrase = phrases[rng.integers(len(phrases))]
    template = "{}" if rng.random() < 0.4 else TEMPLATES[rng.integers(len(TEMPLATES))]
    return template.format(phrase)
