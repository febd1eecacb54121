"""Runs the programs of a plan in turn and keeps every time."""
import json
import os
import subprocess
import sys
import tempfile
import time

from prepare import say


def measure(entries, args):
    """Results of one section: the programs alternate, in rounds, so that a noisy neighbour or a
    changing clock meets them all. Every other round runs backwards."""
    results = [
        {"work": e.work, "program": e.program, "prompts": e.prompts, "ms": [], "peak_bytes": 0}
        for e in entries
    ]
    for turn in range(args.rounds):
        order = list(zip(entries, results))
        for entry, result in order if turn % 2 == 0 else reversed(order):
            if entry.is_slow and args.quick and turn > 0:
                continue
            say(f"round {turn + 1} of {args.rounds}: {entry.work}: {entry.program}")
            runs = 1 if entry.is_slow else args.runs
            lines = whole(entry, runs, args.threads, turn) if entry.is_whole else [
                inside(entry, runs, args.threads)
            ]
            for line in lines:
                result["ms"] += line["ms"]
                result["threads"] = line["threads"]
                result["peak_bytes"] = max(result["peak_bytes"], line["peak_bytes"])
                result |= {key: line[key] for key in ("masks", "network") if line.get(key)}
    return results


def inside(entry, runs, threads):
    """A program that times itself: its JSON line, and the peak memory that the system saw."""
    command = [str(runs) if part == "{runs}" else str(part) for part in entry.command]
    text, _, peak = child(command, threads)
    return json.loads(text.splitlines()[-1]) | {"peak_bytes": peak}


def whole(entry, runs, threads, turn):
    """Processes timed from outside; the very first is not measured."""
    for run in range(runs + (turn == 0)):
        with tempfile.TemporaryDirectory() as folder:
            command = [*map(str, entry.command), "--output", folder]
            _, ms, peak = child(command, threads)
        if turn > 0 or run > 0:
            yield {"ms": [ms], "threads": threads, "peak_bytes": peak}


def child(command, threads):
    """What a process prints, its milliseconds and the most memory that it held, in bytes."""
    count = str(threads)
    env = os.environ | {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "RAYON_NUM_THREADS": count}
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        ms = (time.perf_counter() - start) * 1e3
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed with status {process.returncode}")
        out.seek(0)
        # macOS counts bytes, Linux KiB.
        unit = 1 if sys.platform == "darwin" else 1024
        return out.read(), ms, usage.ru_maxrss * unit
