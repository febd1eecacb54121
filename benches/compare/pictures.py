"""Chooses the pictures, and says their sizes as JSON; needs Pillow.

    python pictures.py IMAGES SCRATCH [PHOTOGRAPH]

IMAGES holds truck.png, dog.png and groceries.png; photographs of examples/images stand in for those
that are not there. Without PHOTOGRAPH, coffee.jpg is scaled to 481×321, the size of the
photographs in the BSDS500 collection, and kept in SCRATCH.
"""
import json
import sys
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "images"
STAND_INS = {"truck": "coffee.jpg", "dog": "chelsea.jpg", "groceries": "rocket.jpg"}


def choose(folder, role):
    given = folder / f"{role}.png"
    return given if given.exists() else EXAMPLES / STAND_INS[role]


def main():
    folder, scratch, *photograph = map(Path, sys.argv[1:])
    paths = {role: choose(folder, role) for role in STAND_INS}
    if photograph:
        paths["photograph"] = photograph[0]
    else:
        paths["photograph"] = scratch / "coffee-481x321.png"
        image = Image.open(EXAMPLES / "coffee.jpg").convert("RGB")
        image.resize((481, 321), Image.Resampling.BICUBIC).save(paths["photograph"])
    found = {}
    for role, path in paths.items():
        width, height = Image.open(path).size
        found[role] = {"path": str(path.absolute()), "width": width, "height": height}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
