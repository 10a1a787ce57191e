"""Times our kernels beside the peers in one process on one GPU, and writes docs/performance.md.

Usage: benchmark.py [--only GROUP|REGEX|GROUP/REGEX ...] [options]      groups: dense sparse modifications compile

Rows go to $OUT/benchmark.jsonl (or --rows FILE), appended as they are measured: report.py joins the rows of several runs. A whole run
writes docs/performance.md; one with --only, --budget or --configs writes a report only where -o says. With --configs FILE.json, a list of
objects such as {"tile_queries": 128, "stages": 3}, our kernel is timed under each of those configurations beside the default one."""
import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(ROOT / "tests" / "gpu")]

import torch

import bars
import check
import contestants
import gpu
import report
import results
from cases import all_cases, select
from compile_table import compile_rows
from timing import measure

FLEX_WORKER_SECONDS = 150
PEERS = {"fa2": "FA2", "cudnn": "cuDNN", "flex": "Flex"}


def arguments_of(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="CASES",
                        help="GROUP, a regular expression over names, GROUP/expression, or compile: the table of compile times")
    parser.add_argument("-o", "--output", help="the report; default: docs/performance.md for a whole run, none otherwise")
    parser.add_argument("--rows", default=os.path.join(os.environ.get("OUT", "."), "benchmark.jsonl"), help="JSON lines are appended here")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=5, help="a contestant's samples in each round")
    parser.add_argument("--batch-ms", type=float, default=15, help="length of a sample")
    parser.add_argument("--peers", default="fa2,cudnn,flex", help="'' for none; with --configs there are none")
    parser.add_argument("--no-flex", action="store_true")
    parser.add_argument("--flex-workers", type=int, default=4, help="processes that compile Flex's kernels into its cache beforehand; 0: none")
    parser.add_argument("--cold", action="store_true", help="rotate among input sets beyond the L2 cache")
    parser.add_argument("--budget", type=float, default=0, metavar="SECONDS", help="skip what does not fit")
    parser.add_argument("--configs", metavar="FILE.json", help="time these configurations of our kernel")
    parser.add_argument("--no-compile-table", action="store_true")
    parser.add_argument("--commit", default="")
    parser.add_argument("--compile-flex", default="", help=argparse.SUPPRESS)  # I/N: this process is one of the workers
    arguments = parser.parse_args(argv)
    names = [name for name in arguments.peers.split(",") if name]
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"--peers: expected some of {', '.join(PEERS)}, found {', '.join(unknown)}")
    arguments.peers = [PEERS[name] for name in names if not (arguments.no_flex and name == "flex")]
    if arguments.configs:
        arguments.peers = []
    return arguments


def header_of(arguments):
    commit = arguments.commit or subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    driver, limit = (gpu.query("driver_version,power.limit") + ["", ""])[:2]
    return {"kind": "header", "gpu": torch.cuda.get_device_name(), "date": str(datetime.date.today()), "commit": commit or "unknown",
            "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "driver": driver,
            "power_limit": float(limit) if limit.replace(".", "").isdigit() else None,
            "rounds": arguments.rounds, "samples": arguments.samples, "batch_ms": arguments.batch_ms, "cold": arguments.cold}


def compile_flex(cases, share):
    """As one of the workers: compiles Flex's kernels for every N-th case; what stays is Inductor's cache on disk."""
    index, count = map(int, share.split("/"))
    for case in [case for case in cases if "Flex" in case.peers][index::count]:
        try:
            contestants.flex(case, contestants.Inputs(case))
        except Exception as error:
            print(f"    Flex, {case.name}: {str(error).splitlines()[0][:160]}", flush=True)
        torch.cuda.empty_cache()


def start_flex_workers(cases, arguments):
    """Processes that compile Flex's kernels side by side; this one then finds them in the cache."""
    count = min(arguments.flex_workers, sum("Flex" in case.peers for case in cases)) if "Flex" in arguments.peers else 0
    command = [sys.executable, __file__, *(["--only", *arguments.only] if arguments.only else [])]
    environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": "2"}
    return [subprocess.Popen([*command, "--compile-flex", f"{i}/{count}"], env=environment, stderr=subprocess.DEVNULL) for i in range(count)]


def finish(workers, seconds):
    """What a worker has not done in time is compiled when its case comes."""
    until = time.time() + seconds
    for worker in workers:
        try:
            worker.wait(max(0, until - time.time()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


class Kernels:
    """Our kernels, compiled by a pool of threads before anything is timed; equal ones once."""

    def __init__(self, cases, configs):
        self._configs, self._jobs = configs, {}
        with concurrent.futures.ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
            for case in cases:
                for config in configs:
                    self._submit(pool, case, config)
                if case.baseline:
                    self._submit(pool, case.baseline, None)

    def _submit(self, pool, case, config):
        key = self._key(case, config)
        if key not in self._jobs:
            self._jobs[key] = pool.submit(contestants.attention, case, config)

    @staticmethod
    def _key(case, config):
        return json.dumps([case.pattern, case.heads, case.dim, case.constants, config])

    def of(self, case, config=None):
        return self._jobs[self._key(case, config)].result()


def estimate(case, peers, arguments):
    """Seconds that a case takes, from below: the budget's measure."""
    causal = 4 * case.batch * case.heads * case.tokens**2 * case.dim / (2 if case.dense_causal else 1)
    per_call = [causal / 3.2e11 if peer == "FA2" else causal / 5.5e11 if peer == "cuDNN" else 5 for peer in peers] + [15]
    samples = arguments.rounds * (arguments.samples + 1)
    return 3 + sum(max(arguments.batch_ms, ms) for ms in per_call) * samples / 1e3 + (5 if "Flex" in peers else 0)


def run_case(case, ours, baseline, arguments, monitor):
    """The row of a case. `ours`: our kernels by the name of the contestant; `baseline`: the kernel of case.baseline, or None."""
    begin = time.time()
    row = {"kind": "case", "case": case.name, "group": case.group, "batch": case.batch, "heads": case.heads, "tokens": case.tokens, "dim": case.dim}
    inputs = contestants.Inputs(case, arguments.cold)
    for name, kernel in list(ours.items()):
        if wrong := check.problem(case, contestants.ours(case, kernel, inputs).calls[0], inputs):
            print(f"WRONG {case.name} ({name}): {wrong}", flush=True)
            del ours[name]
            row |= {"kind": "wrong", "why": wrong}
    if not ours:
        return row
    field, flex_seconds = contestants.field(case, ours, inputs, [peer for peer in case.peers if peer in arguments.peers])
    row |= {"kind": "case", "flops": case.flops(inputs.aux), "config": next(iter(ours.values())).config()}
    if baseline:
        beside = contestants.Inputs(case.baseline, arguments.cold)
        field["baseline"] = contestants.ours(case.baseline, baseline, beside)
        row |= {"baseline": case.baseline.name, "baseline_flops": case.baseline.flops(beside.aux)}
    timing = time.time()
    times = measure(field, arguments.rounds, arguments.samples, arguments.batch_ms)
    return row | {"rounds": {name: found.rounds for name, found in times.items()}, "graphs": [name for name, found in times.items() if found.captured],
                  "flex_seconds": flex_seconds, "seconds": time.time() - begin, **monitor.since(timing)}


def print_row(row):
    if row["kind"] == "case":
        parts = [f"{results.ms(row):.3f} ms", f"{results.tflops(row):.0f} TFLOP/s"]
        parts += [f"{peer} {results.over(row, peer):.2f}" for peer in PEERS.values() if peer in row["rounds"]]
        if "baseline" in row["rounds"]:
            parts.append(f"{results.of_baseline(row):.2f} of dense" if row["group"] == "sparse" else f"cost {results.cost(row):+.1%}")
        clocks = f", {row['sm_mhz']:.0f} MHz {row['watts']:.0f} W" if "sm_mhz" in row else ""
        print(f"{row['case']}: {', '.join(parts)}  ({row['seconds']:.0f} s{clocks})", flush=True)


def print_variants(row, configs):
    """One line a configuration, with its speed over the default's."""
    print(row["case"])
    for name, config in configs.items():
        if name in row["rounds"]:
            faster = f"x {1 / results.over(row, name):.3f}" if "maskloom" in row["rounds"] else ""
            print(f"  {results.ms(row, name):9.3f} ms {results.tflops(row, name):6.0f} TFLOP/s  {faster}  {json.dumps(config) if config else 'default'}", flush=True)


def main(argv=None):
    arguments = arguments_of(argv)
    began = time.time()
    torch.manual_seed(0)
    only = [part for part in arguments.only if part != "compile"]
    cases = select(all_cases(), only) if only or not arguments.only else []
    if only and not cases:
        raise SystemExit(f"no case matches {' '.join(only)}")
    if arguments.compile_flex:
        return compile_flex(cases, arguments.compile_flex)
    configs = {"maskloom": None}
    if arguments.configs:
        configs |= {f"config {i}": config for i, config in enumerate(json.loads(pathlib.Path(arguments.configs).read_text()), 1)}

    workers = start_flex_workers(cases, arguments)
    kernels = Kernels(cases, list(configs.values()))
    print(f"our kernels compiled after {time.time() - began:.0f} s", flush=True)
    if workers:
        finish(workers, FLEX_WORKER_SECONDS)
        print(f"Flex's kernels compiled after {time.time() - began:.0f} s", flush=True)

    header, rows, monitor = header_of(arguments), [], gpu.Monitor()
    whole = not (arguments.only or arguments.budget or arguments.configs)
    output = arguments.output or (str(report.DEFAULT) if whole else None)

    def keep(row):
        rows.append(row)
        with open(arguments.rows, "a") as file:
            file.write(json.dumps(row) + "\n")
        if output and row["kind"] != "header":
            pathlib.Path(output).write_text(report.text(header, rows[1:]))

    keep(header)
    for case in cases:
        left = arguments.budget - (time.time() - began)
        needed = estimate(case, [peer for peer in case.peers if peer in arguments.peers], arguments)
        if arguments.budget and needed > left:
            print(f"SKIPPED {case.name}: needs about {needed:.0f} s, {left:.0f} s are left", flush=True)
            keep({"kind": "skipped", "case": case.name, "group": case.group, "why": f"did not fit in {arguments.budget:.0f} s"})
            continue
        ours = {}
        for name, config in configs.items():
            try:
                ours[name] = kernels.of(case, config)
            except contestants.maskloom.Error as error:
                print(f"WRONG {case.name} {json.dumps(config) if config else ''}: not compiled: {str(error).strip().splitlines()[0][:200]}", flush=True)
        try:
            row = run_case(case, ours, kernels.of(case.baseline) if case.baseline and not arguments.configs else None, arguments, monitor)
        except Exception as error:
            print(f"WRONG {case.name}: {str(error).strip()[:300]}", flush=True)
            row = {"kind": "wrong", "case": case.name, "group": case.group, "why": str(error).strip().split("\n")[0][:200]}
        if arguments.configs and "rounds" in row:
            print_variants(row, configs)
            keep(row | {"kind": "variants", "configs": configs})
        else:
            keep(row)
            print_row(row)
        torch.cuda.empty_cache()
    if (whole or "compile" in arguments.only) and not arguments.no_compile_table:
        for row in compile_rows():
            keep(row)
            print(row, flush=True)
    monitor.stop()
    if not arguments.configs:
        bars.print_bars(rows)
    print(f"{time.time() - began:.0f} s; rows in {arguments.rows}" + (f", report in {output}" if output else ""))


if __name__ == "__main__":
    with torch.cuda.stream(torch.cuda.Stream()):  # CUDA graphs cannot be captured on the default stream
        main()
