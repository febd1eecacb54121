"""Is samkit slower than candle-transformers anywhere? Both, in turn, in one session on this machine.

    python3 benches/compare/run.py WEIGHTS.safetensors [--rounds 3] [--runs 3]

Builds both programs, then alternates them so that a noisy neighbour or a changing clock meets both.
Each program prints JSON lines; a work's time is the median over the rounds of its medians. Exits
with 1 when samkit took longer at any work.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def build(folder, target, *args):
    """Builds in `folder`; both get the same compiler flags from the environment."""
    command = ["cargo", "build", "--release", "--target-dir", str(target), *args]
    subprocess.run(command, cwd=folder, check=True)
    return target / "release"


def measure(program, weights, runs):
    """One program's lines as {work: median in ms}."""
    done = subprocess.run([program, weights, str(runs)], check=True, stdout=subprocess.PIPE, text=True)
    lines = map(json.loads, done.stdout.splitlines())
    return {line["work"]: line["median_ms"] for line in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="mobile-sam as safetensors, with the published tensor names")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="measured runs a round")
    args = parser.parse_args()

    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
    stock = build(HERE / "stock-candle", target / "stock-candle") / "stock-candle"
    ours = build(ROOT, target, "-p", "samkit-engine", "--example", "measure") / "examples" / "measure"

    rounds = []
    for n in range(args.rounds):
        rounds.append((measure(stock, args.weights, args.runs), measure(ours, args.weights, args.runs)))
        print(f"round {n + 1} of {args.rounds} done", file=sys.stderr)

    slower = False
    print(f"{'work':28}{'candle-transformers':>20}{'samkit':>12}{'ratio':>8}")
    for work in rounds[0][0]:
        theirs, mine = (statistics.median(r[side][work] for r in rounds) for side in (0, 1))
        slower |= mine > theirs
        print(f"{work:28}{theirs:17.0f} ms{mine:9.0f} ms{theirs / mine:7.1f}x")
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
