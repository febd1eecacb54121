"""Training pictures: crops around one region, as a text-to-mask pipeline shows them to CLIP.

A crop shows one object, a piece of background, a part of an object or several objects. What lies
outside of the region is kept, dimmed, blurred or filled; the region's border is never quite right.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from shapes import COLOURS, CORNERS, HELD_OUT, SEEN, SHAPES, distance

SIZE = 48
SINGLE, NOTHING, PIECE, GROUP = range(4)
COLOUR_NAMES = list(COLOURS)
PALETTE = torch.tensor(list(COLOURS.values()), dtype=torch.float32) / 255
SEEN_IDS = torch.tensor([(COLOUR_NAMES.index(c), SHAPES.index(s)) for c, s in SEEN])
# The colours that a shape is never painted in, in its row; shapes with one have it twice.
AVOIDED = torch.stack(
    [
        torch.stack(([PALETTE[COLOUR_NAMES.index(c)] for c, s in HELD_OUT if s == shape] * 2)[:2])
        for shape in SHAPES
    ]
)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
SLOTS = 5


@dataclass
class Batch:
    """`pixels` B×3×48×48 in 0..1; `kind`, `colour` and `shape` of what the crop shows; `odd` where
    the object has a colour without a name."""

    pixels: torch.Tensor
    kind: torch.Tensor
    colour: torch.Tensor
    shape: torch.Tensor
    odd: torch.Tensor


class Painter:
    """Draws batches; the same seed draws the same pictures."""

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)
        axis = torch.arange(SIZE, dtype=torch.float32) + 0.5 - SIZE / 2
        self.y, self.x = torch.meshgrid(axis, axis, indexing="ij")

    def uniform(self, low, high, *shape):
        return torch.rand(*shape, generator=self.random) * (high - low) + low

    def chance(self, p, *shape):
        return torch.rand(*shape, generator=self.random) < p

    def pick(self, n, *shape):
        return torch.randint(n, shape, generator=self.random)

    def batch(self, n):
        kind = torch.multinomial(
            torch.tensor([0.69, 0.1, 0.11, 0.1]), n, replacement=True, generator=self.random
        )
        objects = self.layout(kind)
        d = self.distances(objects)
        pixels = self.background(n)
        for slot in range(SLOTS):
            alpha = (0.5 - d[:, slot]).clamp(0, 1)[:, None]
            colour = objects["rgb"][:, slot, :, None, None]
            pixels = pixels * (1 - alpha) + colour * alpha
        mask = self.region(kind, objects, d)
        pixels = self.wear(self.outside(pixels, mask, self.unclear(kind, objects)))
        return Batch(pixels, kind, objects["colour"][:, 0], objects["shape"][:, 0], objects["odd"])

    def layout(self, kind):
        """Where each object lies: slot 0 is the crop's own object, the others are around it."""
        n = len(kind)
        pair = SEEN_IDS[self.pick(len(SEEN_IDS), n, SLOTS)]
        o = {
            "colour": pair[..., 0],
            "shape": pair[..., 1],
            "turn": self.uniform(-math.pi, math.pi, n, SLOTS),
            "shown": torch.ones(n, SLOTS, dtype=torch.bool),
        }
        # Half of the objects stand nearly upright.
        upright = self.chance(0.5, n, SLOTS)
        o["turn"] = torch.where(upright, o["turn"] * 0.08, o["turn"])
        jitter = self.uniform(-14, 14, n, SLOTS, 3) / 255
        o["rgb"] = (PALETTE[o["colour"]] + jitter).clamp(0, 1)
        # Shapes in colours without a name, so that a shape is not learned colour by colour.
        o["odd"] = (kind == SINGLE) & self.chance(0.4, n)
        o["rgb"][:, 0] = torch.where(o["odd"][:, None], self.odd_colour(o["shape"][:, 0]), o["rgb"][:, 0])

        middle, half = self.extent(o["shape"][:, 0], o["turn"][:, 0])
        radius = (self.uniform(13.5, 23, n) / half)[:, None].expand(n, SLOTS).clone()
        shift = self.uniform(-0.1, 0.1, n, 2) - middle
        x, y = shift[:, :1] * radius, shift[:, 1:] * radius
        # Neighbours: so far away that they touch nothing.
        scale = self.uniform(0.45, 2.2, n, SLOTS - 1)
        around = radius[:, 1:] * (1 + scale + self.uniform(0.1, 0.9, n, SLOTS - 1))
        where = self.uniform(0, 1, n, 1) * 2 * math.pi + torch.arange(SLOTS - 1) * math.pi / 2
        where = where + self.uniform(-0.3, 0.3, n, SLOTS - 1)
        x[:, 1:], y[:, 1:] = around * where.cos(), around * where.sin()
        radius[:, 1:] *= scale
        o["shown"][:, 1:] = self.chance(0.4, n, SLOTS - 1)

        # Several: two to four on a circle.
        several = kind == GROUP
        count = 2 + self.pick(3, n, 1)
        index = torch.arange(SLOTS)
        angle = self.uniform(-math.pi, math.pi, n, 1) + index * 2 * math.pi / count
        share = (math.pi / count).sin() * 0.97
        ring = self.uniform(17, 25, n, 1) / (1 + share)
        size = ring * share * self.uniform(0.7, 1, n, SLOTS)
        several = several[:, None]
        # Background: without its own object, or as the rest of a scene of several.
        rest = ((kind == NOTHING) & self.chance(0.3, n))[:, None]
        spread = several | rest
        x = torch.where(spread, ring * angle.cos() + self.uniform(-1, 1, n, SLOTS), x)
        y = torch.where(spread, ring * angle.sin() + self.uniform(-1, 1, n, SLOTS), y)
        radius = torch.where(spread, size, radius)
        o["shown"] = torch.where(spread, index < count, o["shown"])
        o["shown"][:, 0] &= ~((kind == NOTHING) & ~rest[:, 0])
        o["rest"] = rest[:, 0]

        self.cut_parts(kind, o, x, y, radius)
        o["x"], o["y"], o["radius"] = x, y, radius
        return o

    def odd_colour(self, shape):
        """Any colour, but no grey, that is far from those that the shape is never painted in."""
        tried = self.uniform(0, 1, len(shape), 16, 3)
        far = (tried[:, :, None] - AVOIDED[shape][:, None]).norm(dim=3).amin(2) > 0.42
        tinted = tried.amax(2) - tried.amin(2) > 0.3
        return tried[torch.arange(len(shape)), (far & tinted).int().argmax(1)]

    def extent(self, shape, turn):
        """The middle and half of the longer side of the turned shape's box, in radii."""
        cos, sin = turn.cos()[:, None], turn.sin()[:, None]
        px, py = CORNERS[shape, :, 0], CORNERS[shape, :, 1]
        turned = torch.stack([cos * px - sin * py, sin * px + cos * py], 2)
        low, high = turned.amin(1), turned.amax(1)
        middle, half = (low + high) / 2, ((high - low) / 2).amax(1)
        is_round = (shape == SHAPES.index("circle")) | (shape == SHAPES.index("ring"))
        return middle * ~is_round[:, None], torch.where(is_round, 1.0, half)

    def cut_parts(self, kind, o, x, y, radius):
        """A part is what lies beyond a straight cut; the crop is centred on it.

        Cuts that leave a smaller triangle or square are not made.
        """
        n = len(kind)
        piece = kind == PIECE
        shape = o["shape"][:, 0]
        quarter = math.pi / 2 * self.pick(4, n) + self.uniform(-0.5, 0.5, n)
        edge = math.pi / 2 + math.pi * 2 / 3 * self.pick(3, n) + self.uniform(-0.5, 0.5, n)
        free = self.uniform(-math.pi, math.pi, n)
        local = torch.where(shape == SHAPES.index("square"), quarter, free)
        local = torch.where(shape == SHAPES.index("triangle"), edge, local)
        o["cut"] = local + o["turn"][:, 0]
        far = self.uniform(-0.05, 0.4, n)
        near = self.uniform(-0.05, 0.15, n)
        thin = (shape == SHAPES.index("star")) | (shape == SHAPES.index("cross"))
        near_edge = (shape == SHAPES.index("triangle")) | (shape == SHAPES.index("square"))
        o["offset"] = torch.where(thin | near_edge, near, far)
        size = self.uniform(22, 46, n)
        middle = (o["offset"] + torch.where(shape == SHAPES.index("triangle"), 0.5, 0.9)) / 2 * size
        radius[:, 0] = torch.where(piece, size, radius[:, 0])
        x[:, 0] = torch.where(piece, -middle * o["cut"].cos() + self.uniform(-2, 2, n), x[:, 0])
        y[:, 0] = torch.where(piece, -middle * o["cut"].sin() + self.uniform(-2, 2, n), y[:, 0])
        # Neighbours of a part would lie on top of its object.
        o["shown"][:, 1:] &= ~piece[:, None]

    def distances(self, o):
        """Signed distances in pixels of every shown object, B×5×48×48; far away where none is."""
        n = len(o["x"])
        out = torch.full((n * SLOTS, SIZE, SIZE), 1e3)
        flat = {key: o[key].reshape(-1) for key in ("x", "y", "radius", "turn", "shape", "shown")}
        for index, name in enumerate(SHAPES):
            which = (flat["shown"] & (flat["shape"] == index)).nonzero()[:, 0]
            if len(which):
                out[which] = self.field(name, *(flat[k][which] for k in ("x", "y", "radius", "turn")))
        return out.reshape(n, SLOTS, SIZE, SIZE)

    def field(self, name, x, y, radius, turn):
        x, y, radius = x[:, None, None], y[:, None, None], radius[:, None, None]
        cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
        dx, dy = (self.x - x) / radius, (self.y - y) / radius
        return distance(name, cos * dx + sin * dy, cos * dy - sin * dx) * radius

    def background(self, n):
        """Grey with a tint: plain, a gradient, soft noise or grain."""
        grey = self.uniform(30, 230, n, 1) / 255
        base = (grey + self.uniform(-16, 16, n, 3) / 255)[:, :, None, None]
        kind = self.pick(4, n)[:, None, None, None]
        angle = self.uniform(-math.pi, math.pi, n)[:, None, None]
        ramp = (self.x * angle.cos() + self.y * angle.sin())[:, None] / SIZE
        gradient = ramp * self.uniform(-0.35, 0.35, n, 3)[:, :, None, None]
        cells = 3 + int(self.pick(7))
        lattice = self.uniform(-0.13, 0.13, n, 1, cells, cells)
        soft = F.interpolate(lattice, (SIZE, SIZE), mode="bilinear", align_corners=True)
        grain = self.uniform(-0.08, 0.08, n, 3, SIZE, SIZE) * self.uniform(0.3, 1, n)[:, None, None, None]
        zero = torch.zeros(())
        more = torch.where(kind == 1, gradient, zero) + torch.where(kind == 2, soft, zero)
        return (base + more + torch.where(kind == 3, grain, zero)).clamp(0, 1)

    def region(self, kind, o, d):
        """How much of each pixel is in the region, B×48×48."""
        n = len(kind)
        own = d[:, 0]
        # A ring's mask often comes with its hole.
        filled = (o["shape"][:, 0] == SHAPES.index("ring")) & self.chance(0.4, n)
        disc = self.field("circle", o["x"][:, 0], o["y"][:, 0], o["radius"][:, 0], o["turn"][:, 0])
        own = torch.where(filled[:, None, None], disc, own)

        cut_x, cut_y = o["cut"].cos()[:, None, None], o["cut"].sin()[:, None, None]
        line = (self.x - o["x"][:, :1, None]) * cut_x + (self.y - o["y"][:, :1, None]) * cut_y
        line = o["offset"][:, None, None] * o["radius"][:, :1, None] - line
        own = torch.where((kind == PIECE)[:, None, None], torch.maximum(own, line), own)

        union = d.amin(1)
        own = torch.where((kind == GROUP)[:, None, None], union, own)

        # Background regions: a blob, everything, or all but the objects.
        blob = torch.full_like(own, 1e3)
        forms = self.pick(len(SHAPES) + 1, n)
        for index, name in enumerate(SHAPES):
            which = ((kind == NOTHING) & (forms == index)).nonzero()[:, 0]
            if len(which):
                args = (o["x"][which, 0], o["y"][which, 0], o["radius"][which, 0], o["turn"][which, 0])
                blob[which] = self.field(name, *args)
        blob = torch.where((forms == len(SHAPES))[:, None, None], torch.tensor(-1e3), blob)
        blob = torch.maximum(blob, -union)
        blob = torch.where(o["rest"][:, None, None], -union, blob)
        own = torch.where((kind == NOTHING)[:, None, None], blob, own)

        wobble = F.interpolate(
            self.uniform(-1, 1, n, 1, 7, 7), (SIZE, SIZE), mode="bilinear", align_corners=True
        )[:, 0]
        grow = self.uniform(-1.0, 2.2, n)[:, None, None] + wobble * self.uniform(0, 1.2, n)[:, None, None]
        # A rest of a scene shows no rim of the objects that were cut out.
        grow = torch.where(o["rest"][:, None, None], grow - 2, grow)
        softness = self.uniform(0.5, 2, n)[:, None, None]
        return (0.5 - (own - grow) / softness).clamp(0, 1)

    def unclear(self, kind, o):
        """Crops that would show something else if the outside stayed visible."""
        return o["rest"] | ((kind == PIECE) & (o["radius"][:, 0] < 32))

    def outside(self, pixels, mask, unclear):
        """Keeps, dims, fades, blurs or fills what is outside of the region."""
        n = len(pixels)
        mask = mask[:, None]
        mode = torch.multinomial(
            torch.tensor([0.22, 0.2, 0.08, 0.16, 0.28, 0.06]), n, replacement=True, generator=self.random
        )
        mode = torch.where(unclear & (mode < 4), 4, mode)[:, None, None, None]
        dim = pixels * self.uniform(0, 0.75, n)[:, None, None, None]
        constant = self.constant(n)
        share = self.uniform(0.3, 0.9, n)[:, None, None, None]
        fade = pixels * (1 - share) + constant * share
        blur = self.blur_some(pixels, mode[:, 0, 0, 0] == 3, float(self.uniform(1, 6, 1)))
        mean = pixels.mean((2, 3), keepdim=True).expand_as(pixels)
        fill = pixels
        for index, other in enumerate((dim, fade, blur, constant.expand_as(pixels), mean), 1):
            fill = torch.where(mode == index, other, fill)
        pixels = pixels * mask + fill * (1 - mask)
        # A crop that reaches over the picture's border is padded on one or two sides.
        reach = self.uniform(0, 14, n, 2)[:, :, None, None]
        padded = self.chance(0.18, n, 2)[:, :, None, None]
        flip_x = torch.where(self.chance(0.5, n), 1.0, -1.0)[:, None, None]
        flip_y = torch.where(self.chance(0.5, n), 1.0, -1.0)[:, None, None]
        over = (padded[:, 0] & (self.x * flip_x > SIZE / 2 - reach[:, 0])) | (
            padded[:, 1] & (self.y * flip_y > SIZE / 2 - reach[:, 1])
        )
        over = over[:, None] & (mask < 0.5)
        return torch.where(over, self.constant(n), pixels)

    def constant(self, n):
        """Black, white, CLIP's mean or some grey."""
        which = self.pick(4, n)
        table = torch.stack([torch.zeros(3), torch.ones(3), torch.tensor(CLIP_MEAN), torch.zeros(3)])
        grey = self.uniform(0, 1, n, 1).expand(n, 3)
        return torch.where((which == 3)[:, None], grey, table[which])[:, :, None, None]

    def blur_some(self, pixels, which, sigma):
        pixels = pixels.clone()
        pixels[which] = self.blur(pixels[which], sigma)
        return pixels

    def blur(self, pixels, sigma):
        half = max(1, min(int(2.5 * sigma + 0.5), SIZE // 2 - 1))
        kernel = torch.exp(-0.5 * (torch.arange(-half, half + 1) / sigma) ** 2)
        kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
        pixels = F.pad(pixels, (half, half, half, half), mode="replicate")
        pixels = F.conv2d(pixels, kernel, groups=3)
        return F.conv2d(pixels, kernel.transpose(2, 3), groups=3)

    def wear(self, pixels):
        """A little softness, brightness, contrast and noise."""
        n = len(pixels)
        pixels = self.blur_some(pixels, self.chance(0.3, n), float(self.uniform(0.3, 0.9, 1)))
        gain = self.uniform(0.92, 1.08, n)[:, None, None, None]
        lift = self.uniform(-0.05, 0.05, n)[:, None, None, None]
        noise = torch.randn(pixels.shape, generator=self.random)
        noise = noise * self.uniform(0, 0.02, n)[:, None, None, None]
        return (pixels * gain + lift + noise).clamp(0, 1)


def normalise(pixels):
    """CLIP's mean and standard deviation of each channel."""
    mean, std = torch.tensor(CLIP_MEAN), torch.tensor(CLIP_STD)
    return (pixels - mean[:, None, None]) / std[:, None, None]
