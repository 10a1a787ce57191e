"""Writes docs/performance.md from the rows of one or more runs on one machine. No torch: rows can be joined anywhere.

Usage: report.py ROWS.jsonl ... [-o docs/performance.md]"""
import argparse
import json
import pathlib
import statistics

import bars
import results

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "performance.md"
INTRODUCTION = """# Performance

Written by tests/performance/benchmark.py; nothing here is edited by hand. One row a case: milliseconds of one forward call (median over
rounds of the medians of a contestant's turn), and a peer's time over ours (above 1: we are faster). All contestants of a case are timed in
one process in interleaved rounds, calls back to back, in a power-limited steady state, inputs random. TFLOP/s counts visible pairs
only. FA2 and cuDNN (through PyTorch's SDPA) run dense attention, causal where the pattern is sparse: what a user without a
sparse kernel would run. FlexAttention runs the same mask. Plans and block masks are made before the timing starts. Every case is
compared with dense fp64 attention at 64 sampled rows before it is timed.
"""


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def rounds_text(header, cases):
    """How many rounds were timed: of all cases, since files of several runs may be put together."""
    counts = {len(times) for row in cases for times in row["rounds"].values()} or {header["rounds"]}
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def header_text(header, cases):
    text = [header["gpu"], header["date"], f"commit {header['commit']}", f"PyTorch {header['torch']}"]
    text += [f"cuDNN {header['cudnn']}"] if header.get("cudnn") else []
    text += [f"driver {header['driver']}"] if header.get("driver") else []
    text += ["bf16", "input sets rotate so that none is in the L2 cache" if header.get("cold") else "caches warm",
             f"{rounds_text(header, cases)} interleaved rounds of {header['samples']} samples of about {header['batch_ms']} ms"]
    lines = [", ".join(text) + "."]
    clocks, watts = ([row[key] for row in cases if row.get(key)] for key in ("sm_mhz", "watts"))
    if clocks:
        limit = f" of {header['power_limit']:.0f} W" if header.get("power_limit") else ""
        lines.append(f"While timing: SM clock {min(clocks):.0f} to {max(clocks):.0f} MHz (median {statistics.median(clocks):.0f}), "
                     f"power {min(watts):.0f} to {max(watts):.0f} W{limit}.")
    return lines


def ratio(row, peer, cases):
    value = results.over(row, peer)
    if value:
        return f"{value:.2f}"
    if row["group"] == "sparse" and peer != "Flex":  # the same dense causal call, timed in its own case
        shape = lambda other: [other[key] for key in ("batch", "heads", "tokens", "dim")]
        for other in cases:
            if other["group"] == "dense" and other["case"].startswith("causal") and shape(other) == shape(row) and peer in other["rounds"]:
                return f"{results.ms(other, peer) / results.ms(row):.2f}*"
    return ""


def case_tables(cases):
    lines = []
    for group, title, extra, value in (
            ("dense", "Dense", [], lambda row: []),
            ("sparse", "Sparse", ["of dense"], lambda row: [f"{results.of_baseline(row):.2f}" if results.of_baseline(row) else ""]),
            ("modifications", "Modifications", ["rate lost"], lambda row: [f"{results.cost(row):+.1%}" if results.cost(row) is not None else ""])):
        rows = [[row["case"], f"{row['batch']} x {row['heads']}", f"{results.ms(row):.3f}", f"{results.tflops(row):.0f}", *value(row),
                 *(ratio(row, peer, cases) for peer in ("FA2", "cuDNN", "Flex"))] for row in cases if row["group"] == group]
        if not rows:
            continue
        lines += [f"## {title}", ""]
        if group == "sparse":
            lines += ["Of dense: our TFLOP/s as a fraction of our dense causal kernel's at 16k, which is timed beside each case. An asterisk: the peer's",
                      "figure is that of the dense causal case of the same shape.", ""]
        if group == "modifications":
            lines += ["Rate lost: the share of the rate of our kernel for the same visible pairs without the modification, timed beside it: the plain causal mask; for",
                      "documents that end where tiles end, the same documents computed from positions.", ""]
        lines += table(["case", "batch x heads", "ms", "TFLOP/s", *extra, "FA2 / ours", "cuDNN / ours", "Flex / ours"], rows)
    return lines


def config_text(config):
    """A configuration as text: its name, then the fields that are no property of the case."""
    text = f"{config.get('kernel', '?')} {config.get('tile_queries')}x{config.get('tile_keys')}"
    return text + "".join(f", {name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in config.items()
                          if name not in ("kernel", "tile_queries", "tile_keys", "dtype", "head_dim", "value_dim"))


def config_table(cases):
    names = {}
    for row in cases:
        if row.get("config"):
            names.setdefault(config_text(row["config"]), []).append(row["case"])
    found = table(["configuration (Q tile x KV tile)", "cases"], [[text, "; ".join(used)] for text, used in names.items()])
    return ["## Kernel configurations", "", *found] if names else []


def compile_lines(rows):
    found = [[row["pattern"], f"{row['mlir_ms']:.1f}", f"{row['nvrtc_ms']:.0f}", f"{row['disk_ms']:.1f}", f"{row['host_us']:.1f}"] for row in rows]
    return ["## Compile and launch", "",
            "Cold: a fresh process, an empty cache, d 128, bf16, sm_90a. Hit: a fresh process, the kernel in the disk cache. Host: one forward call through the C API,",
            "lengths and parameters changing at every call (ctypes included).", "",
            *table(["pattern", "MLIR ms", "NVRTC ms", "disk hit ms", "host us"], found)] if found else []


def text(header, rows):
    cases = [row for row in rows if row["kind"] == "case"]
    lines = [INTRODUCTION, *header_text(header, cases), "", *case_tables(cases)]
    left_out = [f"- {row['case']}: {row['kind']}: {row['why']}" for row in rows if row["kind"] in ("wrong", "skipped")]
    lines += ["## Not timed", "", *left_out, ""] if left_out else []
    found = [[what, needed, measured, bars.verdict(holds)] for what, needed, measured, holds in bars.bars(rows)]
    lines += ["## Bars", "", *table(["bar", "needed", "measured", ""], found)]
    lines += config_table(cases) + compile_lines([row for row in rows if row["kind"] == "compile"])
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="+")
    parser.add_argument("-o", "--output", default=str(DEFAULT))
    arguments = parser.parse_args()
    header, rows = results.read(arguments.rows)
    pathlib.Path(arguments.output).write_text(text(header, rows))
    bars.print_bars(rows)


if __name__ == "__main__":
    main()
