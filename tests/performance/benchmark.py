"""Times our kernels beside the peers in one process on one GPU, and writes docs/performance.md.

Peers: FlashAttention-2 and cuDNN through PyTorch's SDPA, FlexAttention through torch.compile. Calls are queued back to back in batches, so
nobody's host time counts as kernel time; rounds of all contestants are interleaved; the figure is the median over rounds. Inputs are
random, caches warm. TFLOP/s counts visible (q, k) pairs only.

Usage: benchmark.py [-o docs/performance.md] [--rounds 5] [--no-flex] [case ...]"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import maskloom
from patterns import FILES, documents, s2

dev = "cuda"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def s2_pairs(heads, n, block=64, local=16, stride=16):
    """Visible pairs of the local-stride pattern, summed over heads: whole blocks below the diagonal, a triangle on it."""
    total = 0
    for h in range(heads):
        for qb in range(n // block):
            old, first = max(0, qb - local + 1), -h % stride
            far = 0 if old <= first else (old - first - 1) // stride + 1
            total += (min(qb, local - 1) + far) * block * block + block * (block + 1) // 2
    return total


def window_pairs(heads, n, window, sink=0):
    rows = torch.arange(n, dtype=torch.int64)
    near = torch.minimum(rows + 1, torch.tensor(window))
    return int((near + torch.clamp(torch.minimum(rows + 1 - window, torch.tensor(sink)), min=0)).sum()) * heads


def case_list():
    causal = lambda n: n * (n + 1) // 2
    f = lambda name: str(FILES / name)
    cases = {}
    for n, batch in ((2048, 16), (8192, 4), (16384, 2)):
        cases[f"causal {n // 1024}k d128"] = dict(pattern=f("causal.mask"), batch=batch, heads=16, n=n, d=128, pairs=16 * causal(n),
                                                  dense=True, flex=lambda b, h, q, k: q >= k)
    cases["full 8k d128"] = dict(pattern="pattern full { mask all; }", batch=4, heads=16, n=8192, d=128, pairs=16 * 8192**2, dense=False)
    cases["causal 8k d64"] = dict(pattern=f("causal.mask"), batch=4, heads=32, n=8192, d=64, pairs=32 * causal(8192), dense=True)
    cases["causal 8k d256"] = dict(pattern=f("causal.mask"), batch=4, heads=8, n=8192, d=256, pairs=8 * causal(8192), dense=True)
    cases["window 1024 32k"] = dict(pattern=f("sliding_window.mask"), params={"window": 1024}, batch=1, heads=16, n=32768, d=128,
                                    pairs=window_pairs(16, 32768, 1024), dense=True, flex=lambda b, h, q, k: (q >= k) & (q - k < 1024))
    cases["sink 64 + window 4096 128k"] = dict(pattern=f("sink_window.mask"), params={"sink": 64, "window": 4096}, batch=1, heads=16,
                                               n=131072, d=128, pairs=window_pairs(16, 131072, 4096, 64), dense=True,
                                               flex=lambda b, h, q, k: (q >= k) & ((q - k < 4096) | (k < 64)))
    for n in (32768, 131072):
        cases[f"S2 (64, 16, 16) {n // 1024}k"] = dict(pattern=f("s2_local_stride.mask"), batch=1, heads=16, n=n, d=128, pairs=s2_pairs(16, n),
                                                      dense=True, flex=lambda b, h, q, k: s2()(q, k, h, h, b, None), flex_heads=True)
    docs = documents(1, 32768, dev, 12)["doc"]
    per_doc = torch.bincount(docs[0].long()).double()
    cases["12 documents 32k"] = dict(pattern=f("documents.mask"), aux={"doc": docs}, batch=1, heads=16, n=32768, d=128,
                                     pairs=int((per_doc * (per_doc + 1) / 2).sum()) * 16, dense=True,
                                     flex=lambda b, h, q, k: (q >= k) & (docs[0][q] == docs[0][k]))
    return cases


def contestants(case, with_flex):
    b, h, n, d = case["batch"], case["heads"], case["n"], case["d"]
    q, k, v = (torch.randn(b, h, n, d, device=dev, dtype=torch.bfloat16) for _ in range(3))
    o = torch.empty_like(q)
    ours = maskloom.Attention(case["pattern"], h, h, d, d)
    runs = {"maskloom": ours.bind(q, k, v, o, params=case.get("params"), aux=case.get("aux"))}
    for name, backend in (("FA2", SDPBackend.FLASH_ATTENTION), ("cuDNN", SDPBackend.CUDNN_ATTENTION)):
        def run(backend=backend):
            with sdpa_kernel(backend):
                F.scaled_dot_product_attention(q, k, v, is_causal=case["dense"])
        runs[name] = run
    if with_flex and "flex" in case:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
        torch._dynamo.reset()
        blocks = torch.compile(create_block_mask)(case["flex"], None, h if case.get("flex_heads") else None, n, n, device=dev)
        flex = torch.compile(flex_attention, dynamic=False)
        runs["Flex"] = lambda: flex(q, k, v, block_mask=blocks)
    return runs


def measure(runs, rounds):
    """Median over rounds of the milliseconds of one call, contestants interleaved."""
    batch, times = {}, {name: [] for name in runs}
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for name, run in list(runs.items()):
        try:
            run(); run()
            torch.cuda.synchronize()
            start.record(); run(); end.record(); torch.cuda.synchronize()
            batch[name] = max(1, min(40, int(25 / max(1e-3, start.elapsed_time(end)))))
        except Exception as error:
            print(f"  {name}: {str(error)[:120]}")
            del runs[name]
    for _ in range(rounds):
        for name, run in runs.items():
            start.record()
            for _ in range(batch[name]):
                run()
            end.record(); torch.cuda.synchronize()
            times[name].append(start.elapsed_time(end) / batch[name])
    return {name: sorted(times[name])[len(times[name]) // 2] for name in runs}


def host_time(file, params=None):
    """Microseconds of host time of one forward call on a shape that keeps the GPU idle between calls; parameters change at every call."""
    q, k, v = (torch.randn(1, 1, 64, 64, device=dev, dtype=torch.bfloat16) for _ in range(3))
    o = torch.empty_like(q)
    attention = maskloom.Attention(file, 1, 1, 64, 64)
    calls = [attention.bind(q[:, :, :n], k[:, :, :n], v[:, :, :n], o[:, :, :n], params={name: base + n for name, base in (params or {}).items()})
             for n in range(33, 65)]
    for call in calls:
        call()
    best = 1e9
    for _ in range(20):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(5):
            for call in calls:
                call()
        best = min(best, (time.perf_counter() - begin) / (5 * len(calls)) * 1e6)
    torch.cuda.synchronize()
    return best


def compile_table():
    """Cold compile (a fresh process, no cache), a hit in the disk cache, and the host time of a call, for some patterns."""
    command = pathlib.Path(maskloom.lib._name).with_name("maskloom")
    if not command.exists():
        return []
    lines = ["", "## Compile and launch", "",
             "Cold: a fresh process, an empty cache, d 128, bf16, sm_90a. Hit: a fresh process, the kernel in the disk cache. Host: one forward call through the C API,",
             "lengths and parameters changing at every call (ctypes included).", "", "| pattern | MLIR ms | NVRTC ms | disk hit ms | host us |", "|---|---|---|---|---|"]
    for name, params in (("causal", None), ("sliding_window", {"window": 100}), ("s2_local_stride", {"local": 8}), ("two_range", None)):
        with tempfile.TemporaryDirectory() as folder:
            def run():
                return json.loads(subprocess.run([command, "compile", str(FILES / f"{name}.mask"), "-o", f"{folder}/f.cubin", "--json"], check=True,
                                                 capture_output=True, env={**os.environ, "MASKLOOM_CACHE_DIR": f"{folder}/cache"}).stdout)
            cold, hit = run(), run()
        assert hit["source"] == "disk", hit
        lines.append(f"| {name} | {cold['codegen_ms']:.1f} | {cold['nvrtc_ms']:.0f} | {hit['cache_ms']:.1f} | {host_time(str(FILES / f'{name}.mask'), params):.1f} |")
        print(lines[-1], flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", default=str(ROOT / "docs" / "performance.md"))
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--commit", default="")
    parser.add_argument("--no-flex", action="store_true")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    commit = arguments.commit or subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    lines = ["# Performance", "",
             "Written by tests/gpu/benchmark.py; nothing here is edited by hand. One row a case: milliseconds of one forward call (median), and a",
             "peer's time over ours (above 1: we are faster). FA2 and cuDNN run dense causal attention where the pattern is sparse: that is what a",
             "user without a sparse kernel would run. FlexAttention runs the same mask. TFLOP/s counts visible pairs only.", "",
             f"{torch.cuda.get_device_name()}, {datetime.date.today()}, commit {commit or 'unknown'}, PyTorch {torch.__version__}, bf16, inputs random, "
             f"caches warm, calls back to back, {arguments.rounds} interleaved rounds.", "",
             "| case | batch x heads | ms | TFLOP/s | FA2 / ours | cuDNN / ours | Flex / ours |", "|---|---|---|---|---|---|---|"]
    write = lambda: pathlib.Path(arguments.output).write_text("\n".join(lines) + "\n")  # after each case: an interrupted run keeps its rows
    for name, case in case_list().items():
        if arguments.cases and not any(part in name for part in arguments.cases):
            continue
        began = time.time()
        try:
            times = measure(contestants(case, not arguments.no_flex), arguments.rounds)
            ours = times["maskloom"]
        except Exception as error:
            print(f"{name}: {str(error)[:300]}", flush=True)
            continue
        flops = 4.0 * case["batch"] * case["pairs"] * case["d"]
        ratio = lambda peer: f"{times[peer] / ours:.2f}" if peer in times else ""
        lines.append(f"| {name} | {case['batch']} x {case['heads']} | {ours:.3f} | {flops / ours / 1e9:.0f} | {ratio('FA2')} | {ratio('cuDNN')} | {ratio('Flex')} |")
        print(lines[-1], f"  ({time.time() - began:.0f} s)", flush=True)
        write()
        torch.cuda.empty_cache()
    if not arguments.cases:
        lines += compile_table()
    write()


if __name__ == "__main__":
    main()
