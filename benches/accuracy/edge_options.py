"""What options of `samkit edges` are worth on BSDS500, and what they cost: a row of docs/accuracy.md each.

usage: edge_options.py --samkit PROGRAM --images DIR --gt DIR [--every N] [--only TEXT]

Takes every N-th image of a folder (4), runs `samkit edges` with each list of options below, scores what it
wrote with `samkit eval edges`, and prints a Markdown table. Times are a mean over the images, without
reading and writing; networks is the part that embedding and decoding take.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

OPTIONS = [
    "--preset paper",
    "--preset paper --thinning canny",
    "--preset paper --border zero",
    "--preset paper --smoothing 1",
    "--points-per-side 8",
    "--points-per-side 12",
    "",
    "--points-per-side 24",
    "--points-per-side 32",
    "--thinning canny",
    "--smoothing 1",
    "--border zero",
    "--pred-iou-thresh 0.7",
    "--stability-score-thresh 0.8",
    "--views mirror",
    "--preset fine",
    "--preset fine --thinning canny",
]


def cost(run):
    """Seconds an image, and those of them that the networks took."""
    count = len(run["images"])
    seconds = sum(run["seconds"][part] for part in ("encode", "decode", "post_process"))
    networks = run["networks"]
    return seconds / count, (networks["encoder_seconds"] + networks["decoder_seconds"]) / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samkit", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--gt", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--only", default="", help="rows with this text in their options")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "images"
        images.mkdir()
        for path in sorted(args.images.glob("*.jpg"))[:: args.every]:
            (images / path.name).symlink_to(path.resolve())
        count = len(list(images.iterdir()))
        print(f"{count} images\n\n| options | ODS | OIS | AP | s an image | networks |\n|---|---|---|---|---|---|")
        for index, options in enumerate(OPTIONS):
            if args.only not in options:
                continue
            maps = Path(place) / str(index)
            command = [args.samkit, "edges", images, *options.split(), "--save", "thinned"]
            command += ["--output", maps, "--timings", "--json"]
            seconds, networks = cost(json.loads(output(command)))
            command = [args.samkit, "eval", "edges", "--json"]
            scores = json.loads(output([*command, "--images", images, "--gt", args.gt, "--pred", maps]))
            numbers = [scores["ods"]["f"], scores["ois"], scores["ap"]]
            numbers = " | ".join(f"{number:.3f}" for number in numbers)
            print(f"| `{options}` | {numbers} | {seconds:.1f} | {networks:.1f} |", flush=True)


def output(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


if __name__ == "__main__":
    main()
