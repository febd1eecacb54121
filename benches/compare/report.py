"""Tables, for the terminal and for docs/performance.md."""
import statistics

from plan import NOTES, SECTIONS


def tables(section, results):
    """(header, rows) of a section, and lines of text that belong below them."""
    if section == "linearity":
        return linear(results)
    header = ["work", "program", "median", "ratio", "from – to", "runs", "threads", "peak memory"]
    has_prompts = any(r["prompts"] > 1 for r in results)
    if has_prompts:
        header.insert(3, "a prompt")
    rows, work = [], None
    for r in results:
        if r["work"] != work:
            work, base = r["work"], median(r)
            is_alone = sum(other["work"] == work for other in results) == 1
        row = [
            work,
            f"{r['program']} ({r['network']})" if section == "vit" else r["program"],
            time(median(r)),
            "" if is_alone else f"{median(r) / base:.2f}",
            f"{time(min(r['ms']))} – {time(max(r['ms']))}",
            str(len(r["ms"])),
            str(r["threads"]),
            f"{r['peak_bytes'] / 2**20:.0f} MiB",
        ]
        if has_prompts:
            row.insert(3, time(median(r) / r["prompts"]))
        rows.append(row)
    return header, rows, []


def linear(results):
    header = ["work", "prompts", "median", "a prompt", "masks", "runs", "peak memory"]
    rows = [
        [
            r["work"],
            str(r["prompts"]),
            time(median(r)),
            time(median(r) / r["prompts"]),
            str(r.get("masks", 0)),
            str(len(r["ms"])),
            f"{r['peak_bytes'] / 2**20:.0f} MiB",
        ]
        for r in results
    ]
    prompts, ms = [r["prompts"] for r in results], [median(r) for r in results]
    line = statistics.linear_regression(prompts, ms)
    off = max(abs(line.intercept + line.slope * n - t) / t for n, t in zip(prompts, ms))
    text = (
        f"Least-squares line: {time(line.intercept)} and {time(line.slope)} a prompt; the medians lie "
        f"within {100 * off:.1f} % of it."
    )
    return header, rows, [text]


def median(result):
    return statistics.median(result["ms"])


def time(ms):
    """Three significant digits."""
    if abs(ms) >= 10_000:
        return f"{ms / 1e3:.1f} s"
    return f"{ms:.{0 if abs(ms) >= 100 else 1 if abs(ms) >= 10 else 2}f} ms"


def plain(title, header, rows, lines):
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    align = lambda row: "  ".join(
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths))
    ).rstrip()
    return "\n".join([title, *map(align, [header, *rows]), *lines, ""])


def markdown_table(header, rows):
    rule = ["---" if index < 2 else "---:" for index in range(len(header))]
    return [f"| {' | '.join(row)} |" for row in [header, rule, *rows]]


def markdown(command, machine, versions, sections):
    """The whole of docs/performance.md."""
    text = [
        "# Performance",
        "",
        "Written by `benches/compare/run.py`; every figure here is one that it printed. All programs",
        "of a table ran in turn, in one session on one machine. Times of other machines and days",
        "cannot be compared with these; ratios can. A ratio is a program's time over the time of the",
        "first program at the same work. Medians are over all runs of all rounds; peak memory is the",
        "most that the process held, loading included.",
        "",
        "To repeat it, with nothing else running:",
        "",
        "```sh",
        command,
        "```",
        "",
        "## Machine and versions",
        "",
        *markdown_table(["what", "value"], [[k, v] for k, v in (machine | versions).items()]),
    ]
    for section, results in sections.items():
        header, rows, lines = tables(section, results)
        text += ["", f"## {SECTIONS[section]}", "", NOTES[section], ""]
        text += markdown_table(header, rows)
        text += ["", *lines] if lines else []
    return "\n".join(text) + "\n"
