"""What the kernels must reach, and whether rows of a run reach it. No torch."""
import math

import results

DENSE_128 = [f"{kind} {n}k d128" for n in (2, 8, 16, 32) for kind in ("full", "causal")] + ["causal 128k d128"]
OF_DENSE = {"window 1024 32k": 0.80, "window 1024 128k": 0.80, "sink 64 + window 4096 128k": 0.90, "S2 local 16 stride 16 32k": 0.80,
            "S2 local 16 stride 16 128k": 0.90, "S2 local 16 stride 64 128k": 0.85, "12 documents 32k": 0.80, "prefix 4096 16k": 0.95,
            "random blocks 10% 32k": 0.85}
COST = {"ALiBi causal 8k": 0.10, "ALiBi causal 16k": 0.10, "soft cap 50 causal 8k": 0.15, "soft cap 50 causal 16k": 0.15,
        "8 documents by aux 32k": 0.15, "8 causal documents by aux 32k": 0.15}


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def bars(rows):
    """(what, needed, measured, True | False | None when it was not measured), for every bar."""
    cases = {row["case"]: row for row in rows if row["kind"] == "case"}
    found = []

    def bar(what, measured, needed, missing=0, below=False, form="{:.2f}", note=""):
        """`missing`: how many of the cases behind it were not measured; a bar that the others miss already is missed."""
        sign = "<" if below else ">="
        holds = None
        if measured is not None:
            holds = measured < needed if below else measured >= needed
            if missing and holds:
                holds = None
        text = (form.format(measured) if measured is not None else "not measured") + (f" ({note})" if note and measured is not None else "")
        found.append((what, f"{sign} {form.format(needed)}", text + (f", {missing} not measured" if missing and measured is not None else ""), holds))

    def ratios(names, peer):
        values = {name: results.over(cases[name], peer) for name in names if name in cases}
        return {name: value for name, value in values.items() if value}

    def over_cases(what, names, peer, needed, combine):
        values = ratios(names, peer)
        worst = min(values, key=values.get, default=None)
        bar(what, combine(values.values()) if values else None, needed, len(names) - len(values), note=f"lowest {values[worst]:.2f}, {worst}" if values else "")

    sizes = lambda kinds, dim: [f"{kind} {n}k d{dim}" for kind in kinds for n in (8, 16)]
    over_cases("cuDNN / ours, dense d 128, geometric mean", DENSE_128, "cuDNN", 1.12, mean)
    over_cases("cuDNN / ours, dense d 128, each", DENSE_128, "cuDNN", 1.05, min)
    over_cases("cuDNN / ours, dense d 64, geometric mean", sizes(("full", "causal"), 64), "cuDNN", 1.12, mean)
    over_cases("cuDNN / ours, full d 256, each", sizes(("full",), 256), "cuDNN", 1.06, min)
    over_cases("cuDNN / ours, causal d 256, each", sizes(("causal",), 256), "cuDNN", 1.10, min)
    for name, needed in OF_DENSE.items():
        bar(f"{name}: TFLOP/s of our dense causal 16k's", results.of_baseline(cases[name]) if name in cases else None, needed)
    s2 = "S2 local 16 stride 16 128k"
    for peer, needed in (("FA2", 23), ("cuDNN", 13)):
        bar(f"{s2}: {peer} dense causal / ours", ratios([s2], peer).get(s2), needed, form="{:.1f}")
    over_cases("Flex / ours, sparse, each", list(OF_DENSE), "Flex", 1.4, min)
    for name, needed in COST.items():
        bar(f"{name}: share of the rate lost", results.cost(cases[name]) if name in cases else None, needed, below=True, form="{:.1%}")
    return found


def verdict(holds):
    return {True: "PASS", False: "MISS", None: "not measured"}[holds]


def print_bars(rows):
    for what, needed, measured, holds in bars(rows):
        if holds is not None:
            print(f"{verdict(holds)}  {what}: {measured}, needed {needed}")
