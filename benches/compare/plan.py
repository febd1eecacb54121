"""What is measured, section by section."""
from dataclasses import dataclass
from pathlib import Path

from machine import instruction_sets
from prepare import HERE, MODEL
from programs import BF16, CANDLE, ORT, SAMKIT, TORCH

GRIDS = (8, 16, 32, 64)


@dataclass
class Entry:
    """One program at one work. The first program of a work is what the others are compared with."""

    work: str
    program: str
    command: list
    prompts: int = 1
    """Over which the time is shared out."""
    is_whole: bool = False
    """Timed from start to exit, with `--output` and an empty folder at the end of the command."""
    is_slow: bool = False
    """One run a round."""


class Plan:
    """Every method but the private ones is a section: its works, in order."""

    def __init__(self, tools, args):
        self.tools, self.args = tools, args

    def encode(self):
        everyone = (SAMKIT, ORT, TORCH, CANDLE)
        work = "encode 1024×1024"
        yield from self._peers(work, everyone, "encode")
        if "avx512_bf16" in instruction_sets():
            bf16 = [self.tools.measure, "--bf16", self.tools.weights, "{runs}", "encode"]
            yield Entry(work, BF16, bf16)
        yield from self._peers("encode, then decode 1 point", everyone, "first")

    def click(self):
        truck = self._picture("truck")
        work = f"decode 1 point, one mask upsampled to {size(truck)}"
        yield from self._peers(work, (SAMKIT, ORT, TORCH), "click", truck["path"])
        yield from self._peers("decode 1 point", (SAMKIT, TORCH, CANDLE), "point")

    def batch(self):
        yield from self._peers("decode 64 points", (SAMKIT, TORCH, CANDLE), "batch", prompts=64)

    def masks(self):
        for role, side in (("dog", 16), ("truck", 32)):
            picture = self._picture(role)
            work = f"{side}×{side} points, {label(picture)}"
            yield from self._peers(
                work, (SAMKIT, TORCH), "masks", picture["path"], str(side), prompts=side * side
            )

    def programs(self):
        truck, photograph = self._picture("truck"), self._picture("photograph")
        point = f"{truck['width'] // 2},{truck['height'] // 2}"
        commands = [
            ("edges", photograph, []),
            ("segment", truck, ["--point", point]),
            ("everything", truck, ["--points-per-side", "32"]),
        ]
        for name, picture, flags in commands:
            work = " ".join([f"samkit {name}", *flags]) + f", {label(picture)}"
            common = ["--model", MODEL, "--device", "cpu", "--offline", "--quiet"]
            threads = ["--threads", str(self.args.threads)]
            command = [self.tools.samkit, name, picture["path"], *flags, *common, *threads]
            yield Entry(work, SAMKIT, command, is_whole=True)

    def linearity(self):
        picture = self._picture("groceries")
        for side in GRIDS:
            work = f"{side}×{side} points, {label(picture)}"
            yield self._samkit(work, SAMKIT, "masks", picture["path"], str(side), prompts=side**2)

    def native(self):
        dog = self._picture("dog")
        works = [
            ("encode 1024×1024", 1, ["encode"]),
            ("decode 64 points", 64, ["batch"]),
            (f"16×16 points, {label(dog)}", 256, ["masks", dog["path"], "16"]),
        ]
        for work, prompts, rest in works:
            yield self._samkit(work, "plain build", *rest, prompts=prompts)
            native = [self.tools.native, self.tools.weights, "{runs}", *rest]
            yield Entry(work, "target-cpu=native", native, prompts)

    def generic(self):
        works = [("encode 1024×1024", "encode", 1), ("decode 64 points", "batch", 64)]
        for work, name, prompts in works:
            yield self._samkit(work, "fast path", name, prompts=prompts)
            generic = [self.tools.measure, "--generic", self.tools.weights, "{runs}", name]
            yield Entry(work, "generic path", generic, prompts)

    def vit(self):
        if self.args.vit:
            command = [self.tools.measure, self.args.vit, "{runs}", "encode"]
            yield Entry("encode 1024×1024", SAMKIT, command, is_slow=True)

    def _picture(self, role):
        return self.tools.pictures[role]

    def _samkit(self, work, program, *rest, prompts=1):
        command = [self.tools.measure, self.tools.weights, "{runs}", *rest]
        return Entry(work, program, command, prompts)

    def _peers(self, work, programs, *rest, prompts=1):
        """One entry a program; all take RUNS and the work in the same form."""
        for program in programs:
            if program == SAMKIT:
                yield self._samkit(work, SAMKIT, *rest, prompts=prompts)
                continue
            start = {
                ORT: lambda: [self.tools.python, HERE / "peer_ort.py", self.tools.onnx],
                TORCH: lambda: [self.tools.python, HERE / "peer_torch.py", self.tools.weights],
                CANDLE: lambda: [self.tools.stock_candle, self.tools.weights],
            }[program]()
            is_slow = program == TORCH and rest[0] == "masks"
            yield Entry(work, program, [*start, "{runs}", *rest], prompts, is_slow=is_slow)


def size(picture):
    return f"{picture['width']}×{picture['height']}"


def label(picture):
    return f"{Path(picture['path']).name} {size(picture)}"


SECTIONS = {
    "encode": "Image encoder",
    "click": "One click",
    "batch": "Many prompts",
    "masks": "Automatic masks",
    "programs": "Whole processes",
    "linearity": "Time against the number of prompts",
    "native": "Plain build and build for this processor",
    "generic": "Fast path and generic path",
    "vit": "ViT image encoder",
}

NOTES = {
    "encode": "8-bit values to embedding, on a picture that needs no resizing. ONNX Runtime gets the "
    "normalised picture: the time of normalising is not in its figures.",
    "click": "The image is encoded beforehand. Every program decodes several masks and takes the one "
    "with the highest predicted IoU. samkit prepares an image on its first prompt; what that takes "
    "is in *encode, then decode 1 point*.",
    "batch": "64 separate points on one encoded image, three masks each.",
    "masks": "Default parameters; encoding, decoding, filters and run-length codes are in the time.",
    "programs": "From the start of the process to its end: reading the weights and the image, all "
    "work, writing the files.",
    "linearity": "Automatic masks with samkit on one image.",
    "native": "samkit chooses instruction sets when it runs; `-C target-cpu=native` chooses them when "
    "it is built.",
    "generic": "The same network on samkit's kernels for CPUs and in candle operations.",
    "vit": "samkit on one of the larger published networks.",
}
