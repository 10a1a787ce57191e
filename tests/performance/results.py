"""The rows that a run writes, one JSON object a line, and what is computed from them. No torch.

    {"kind": "header", "gpu", "commit", "date", "torch", "driver", ...}    what follows was measured there
    {"kind": "case", "case", "group", "batch", "heads", "tokens", "dim", "flops", "config", "rounds": {contestant: [ms, ...]}, ...}
    {"kind": "wrong" | "skipped", "case", "group", "why"}
    {"kind": "variants", "configs": {contestant: config}, ...as case}     our kernel under several configurations; in no report
    {"kind": "compile", "pattern", "mlir_ms", "nvrtc_ms", "disk_ms", "host_us"}"""
import json
import pathlib
import statistics

SAME = ("gpu", "date", "torch", "driver", "cold")  # what rows of one report have in common


def read(paths):
    """The header and the rows of files, the last row of each case. Files of different runs may be joined when their headers agree;
    where the commits differ, the header's names each with what was measured there."""
    header, rows, commits = None, {}, {}
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            row = json.loads(line)
            if row["kind"] == "header":
                if header and any(header.get(key) != row.get(key) for key in SAME):
                    raise SystemExit(f"{path}: measured elsewhere: {[(key, header.get(key), row.get(key)) for key in SAME if header.get(key) != row.get(key)]}")
                header = row
                continue
            commits.setdefault(header["commit"] if header else "", set())
            if row["kind"] == "compile":
                rows["compile", row["pattern"]] = row | {"commit": header["commit"]}
            elif row["kind"] == "variants":
                continue
            elif row["kind"] != "skipped" or ("case", row["case"]) not in rows:
                rows["case", row["case"]] = row | {"commit": header["commit"]}
    for row in rows.values():
        commits[row["commit"]].add(row.get("group", row["kind"]))
    if len(commits) > 1:
        header = header | {"commit": ", ".join(f"{commit} ({', '.join(sorted(groups))})" for commit, groups in commits.items() if groups)}
    return header or {}, list(rows.values())


def ms(row, contestant="maskloom"):
    return statistics.median(row["rounds"][contestant])


def tflops(row, contestant="maskloom"):
    flops = row["baseline_flops"] if contestant == "baseline" else row["flops"]
    return flops / ms(row, contestant) / 1e9


def over(row, contestant):
    """The contestant's time over ours: the median over rounds of the ratio within a round. None when it was not timed."""
    theirs = row["rounds"].get(contestant)
    return statistics.median(a / b for a, b in zip(theirs, row["rounds"]["maskloom"])) if theirs else None


def of_baseline(row):
    """Our TFLOP/s as a fraction of the baseline's."""
    ratio = over(row, "baseline")
    return ratio * row["flops"] / row["baseline_flops"] if ratio else None


def cost(row):
    """What the modification costs: the share of the baseline's rate that is lost, at the same visible pairs."""
    ratio = over(row, "baseline")
    return 1 - ratio if ratio else None
