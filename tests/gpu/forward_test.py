"""Every pattern on the GPU against dense fp64: dtypes, head dims, ragged lengths, GQA, poisoned memory, empty rows.
Every case is launched twice into outputs poisoned differently: O and LSE must be the same bits.

Usage: forward_test.py [--quick]   Prints one line a failure, and 'N passed, N failed' last."""
import concurrent.futures
import itertools
import sys
import time

import torch

import maskloom
from patterns import CASES
from reference import dense, excess

torch.backends.cuda.matmul.allow_tf32 = False
dev = "cuda"
HEADS, KV_HEADS, BATCH = 4, 2, 2


def poisoned(shape, dtype, generator):
    """Random values in [batch, heads, tokens, dim], with NaN in the memory after the last token of every head."""
    b, h, t, d = shape
    whole = torch.full((b, h, t + 40, d), float("nan"), dtype=dtype, device=dev)
    whole[:, :, :t] = torch.randn(b, h, t, d, generator=generator, device=dev).to(dtype)
    return whole[:, :, :t]


def check(name, attention, dtype, head_dim, value_dim, sq, sk, generator, strided=False, lengths=False):
    case = CASES[name]
    q, k = poisoned((BATCH, HEADS, sq, head_dim), dtype, generator), poisoned((BATCH, KV_HEADS, sk, head_dim), dtype, generator)
    v = poisoned((BATCH, KV_HEADS, sk, value_dim), dtype, generator)
    if strided:  # [batch, tokens, heads, dim] memory with an odd row pitch: no 16-byte alignment anywhere
        def restride(t):
            b, h, s, d = t.shape
            memory = torch.full((b, s, h, d + 3), float("nan"), dtype=t.dtype, device=dev)
            view = memory[..., 1:d + 1].permute(0, 2, 1, 3)
            view.copy_(t)
            return view
        q, k, v = restride(q), restride(k), restride(v)
    # What the first launch leaves unwritten stays NaN; the second must not look like the first by leaving anything.
    runs = [(torch.full((BATCH, HEADS, sq, value_dim), poison, dtype=dtype, device=dev), torch.full((BATCH, HEADS, sq), poison, device=dev))
            for poison in (float("nan"), -7.0)]
    o, lse = runs[0]
    aux = case["aux"](BATCH, HEADS, sq, sk, dev) if "aux" in case else {}
    ql, kl = [sq] * BATCH, [sk] * BATCH
    options = {}
    if lengths:
        ql, kl = [max(1, sq // 2), sq], [max(1, sk // 3), sk]
        options = dict(query_lengths=torch.tensor(ql, dtype=torch.int32, device=dev), key_lengths=torch.tensor(kl, dtype=torch.int32, device=dev))
        for b in range(BATCH):
            k[b, :, kl[b]:] = float("nan")
            v[b, :, kl[b]:] = float("nan")
    for each_o, each_lse in runs:
        attention.forward(q, k, v, each_o, lse=each_lse, params=case.get("params"), aux=aux, **options)
    torch.cuda.synchronize()
    problems = []
    for what, first, second, bits in ("O", o, runs[1][0], torch.int16), ("LSE", lse, runs[1][1], torch.int32):
        differ = (first.view(bits) != second.view(bits)).sum().item()
        if differ:
            problems.append(f"{what} of a second launch differs in {differ} elements")
    for b, h in itertools.product(range(BATCH), range(HEADS)):
        g = h // (HEADS // KV_HEADS)
        rows, cols = torch.arange(ql[b], device=dev)[:, None] + (kl[b] - ql[b]), torch.arange(kl[b], device=dev)[None]
        # With more queries than keys the first positions are negative: a causal mask shows them nothing, and no tensor has an entry there.
        by_token = name in ("documents", "block_table", "kv_blocks")
        mask = case["mask"](rows.clamp_min(0) if by_token else rows, cols, h, g, b, aux)
        if by_token:
            mask = mask & (rows >= 0)
        mask = mask.expand(ql[b], kl[b])
        score = (lambda s: case["score"](s, rows, cols, h, aux)) if "score" in case else None
        args = q[b, h, :ql[b]], k[b, g, :kl[b]], v[b, g, :kl[b]], mask, score
        exact, exact_lse = dense(*args)
        low, _ = dense(*args, rounded=dtype)
        ours = o[b, h, :ql[b]]
        if not torch.isfinite(ours).all():
            problems.append(f"b{b} h{h}: O not finite")
            continue
        beyond = excess(ours, exact, low, dtype)
        if beyond > 0:
            problems.append(f"b{b} h{h}: error {(ours.double() - exact).abs().max().item():.3e}, beyond tolerance by {beyond:.2e}")
        empty = torch.isinf(exact_lse)
        if not torch.equal(torch.isinf(lse[b, h, :ql[b]]), empty) or (ours[empty] != 0).any():
            problems.append(f"b{b} h{h}: empty rows")
        elif (o[b, h, ql[b]:] != 0).any() or not torch.isneginf(lse[b, h, ql[b]:]).all():
            problems.append(f"b{b} h{h}: rows beyond the query length")
        elif (~empty).any() and (lse[b, h, :ql[b]].double() - exact_lse)[~empty].abs().max() > 2e-3:
            problems.append(f"b{b} h{h}: LSE off by {(lse[b, h, :ql[b]].double() - exact_lse)[~empty].abs().max().item():.2e}")
    return problems


def main():
    quick = "--quick" in sys.argv
    seed = int(time.time())
    print("seed", seed)
    generator = torch.Generator(device=dev).manual_seed(seed)
    dims = [64, 128] if quick else [64, 80, 96, 128, 256]
    lengths = [1, 15, 1028] if quick else [1, 15, 1028, 5175, 8192]
    dtypes = {torch.bfloat16: maskloom.BF16, torch.float16: maskloom.F16}
    start = time.time()
    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for name, dtype, dim in itertools.product(CASES, dtypes, dims):
            jobs[name, dtype, dim] = pool.submit(maskloom.Attention, CASES[name]["pattern"], HEADS, KV_HEADS, dim, dim, dtypes[dtype],
                                                 {n: v for n, v in CASES[name].get("constants", {}).items()})
    print(f"{len(jobs)} kernels compiled in {time.time() - start:.1f} s", flush=True)
    passed = failed = 0

    def record(label, problems):
        nonlocal passed, failed
        if problems:
            failed += 1
            print("FAILED", label, "; ".join(problems[:3]), flush=True)
        else:
            passed += 1

    for (name, dtype, dim), job in jobs.items():
        try:
            attention = job.result()
        except maskloom.Error as error:
            record(f"{name} {dtype} d{dim}: compile", [str(error)[:300]])
            continue
        for n in lengths:
            label = f"{name} {str(dtype)[6:]} d{dim} n{n}"
            record(label, check(name, attention, dtype, dim, dim, n, n, generator))
        if dim in (80, 128):
            record(f"{name} {str(dtype)[6:]} d{dim} 300 queries on 1111 keys", check(name, attention, dtype, dim, dim, 300, 1111, generator))
            record(f"{name} {str(dtype)[6:]} d{dim} odd strides", check(name, attention, dtype, dim, dim, 777, 777, generator, strided=True))
            if name != "block_table":
                record(f"{name} {str(dtype)[6:]} d{dim} lengths", check(name, attention, dtype, dim, dim, 700, 900, generator, lengths=True))
    if maskloom.Attention(CASES["causal"]["pattern"], HEADS, KV_HEADS, 128, 128).config().get("kernel") == "hopper_forward":
        for name, case in CASES.items():  # two blocks share their K and V
            clusters = maskloom.Attention(case["pattern"], HEADS, KV_HEADS, 128, 128, constants=case.get("constants"), config={"cluster": 2, "tile_queries": 128, "warps": 8})
            record(f"{name} clusters of 2 n1028", check(name, clusters, torch.bfloat16, 128, 128, 1028, 1028, generator))
            if name != "block_table":
                record(f"{name} clusters of 2 lengths", check(name, clusters, torch.bfloat16, 128, 128, 700, 900, generator, lengths=True))
    for d, dv in ((8, 8), (48, 16), (128, 64), (64, 256), (192, 128), (160, 160)):
        attention = maskloom.Attention(CASES["sink_window"]["pattern"], HEADS, KV_HEADS, d, dv)
        record(f"sink_window d{d} dv{dv}", check("sink_window", attention, torch.bfloat16, d, dv, 1028, 1028, generator))
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
