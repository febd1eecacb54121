#!/usr/bin/env python3
"""What many images cost beside the network: memory and time of a run over generated pictures.

    python3 benches/long/run.py --samkit target/release/samkit --images 10000

The task is `boxes`, which reads boxes from a file and needs no network, so that all that is left is the
pipeline: finding, reading, decoding, writing, hashing, the journal, and the files of all images. Prints
the resident memory in every tenth of the run, and the time an image.
"""

import argparse
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import threading
import time
import zlib


def png(width, height, seed):
    """A picture of random blocks, as PNG."""
    generator = random.Random(seed)
    blocks = [[generator.randbytes(3) for _ in range(width // 8)] for _ in range(height // 8)]
    rows = b"".join(
        b"\0" + b"".join(blocks[y // 8][x // 8] for x in range(width)) for y in range(height)
    )

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def make(folder, count):
    pictures = [png(96, 64, seed) for seed in range(64)]
    (folder / "in").mkdir()
    lines = ["image,label,x_min,y_min,x_max,y_max"]
    for number in range(count):
        (folder / "in" / f"{number:05}.png").write_bytes(pictures[number % 64])
        lines += [f"{number:05}.png,thing,{4 + k},{3 + k},{50 + k},{40 + k}" for k in range(5)]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    (folder / "r.yaml").write_text(
        "version: 1\ninput: in\nsteps:\n  - task: boxes\n    params: { file: boxes.csv }\n"
        "    save: [overlay, labelme, coco, results, csv]\n"
    )


def resident(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found.group(1)) / 1024 if found else None


def run(samkit, folder, count, more):
    """Seconds, and the greatest memory in every tenth of the images and after the last, in MiB."""
    command = [samkit, "run", "r.yaml", "--output", "out", *more]
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    done = [0]

    def follow():
        for line in process.stderr:
            found = re.match(r"\[(\d+)/", line)
            done[0] = int(found.group(1)) if found else done[0]

    thread = threading.Thread(target=follow)
    thread.start()
    most = [0.0] * 11
    while process.poll() is None:
        tenth = 10 * done[0] // count
        try:
            most[tenth] = max(most[tenth], resident(process) or 0.0)
        except (OSError, ProcessLookupError):
            pass
        time.sleep(0.02)
    thread.join()
    assert process.returncode == 0, process.returncode
    return time.monotonic() - start, most


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samkit", default="target/release/samkit", type=pathlib.Path)
    parser.add_argument("--images", default=10_000, type=int)
    parser.add_argument("more", nargs="*", help="further flags, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make(folder, args.images)
        samkit = args.samkit.resolve()
        seconds, most = run(samkit, folder, args.images, args.more)
        print(f"{args.images} images in {seconds:.1f} s: {1000 * seconds / args.images:.2f} ms each")
        shown = " ".join(f"{mib:.1f}" for mib in most)
        print(f"memory in every tenth, and while the files of all are written, MiB: {shown}")
        print(f"last tenth to second tenth: {most[9] / most[1]:.3f}")
        again, _ = run(samkit, folder, args.images, [*args.more, "--resume"])
        print(f"resumed when everything is done: {again:.1f} s")


if __name__ == "__main__":
    main()
