"""The library patterns with masks and scores written independently in PyTorch: the oracle of the GPU tests.

A case: file, pattern parameters, and `mask(q, k, h, kvh, b, aux)` over position tensors q [R, 1], k [1, C]."""
import pathlib

import torch

FILES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "patterns"


def documents(batch, tokens, device, count=5):
    g = torch.Generator().manual_seed(tokens * 7 + batch)
    ids = torch.zeros(batch, tokens, dtype=torch.int32)
    for b in range(batch):
        if tokens > 1:
            cuts = torch.randint(1, tokens, (min(count, tokens) - 1,), generator=g)
            ids[b, cuts] += 1
    return {"doc": ids.cumsum(1).to(torch.int32).to(device)}


def block_table(heads, queries, keys, device, density=0.35, block=128):
    g = torch.Generator().manual_seed(queries + keys)
    table = torch.rand(heads, -(-queries // block), -(-keys // block), generator=g) < density
    return {"table": table.to(torch.int32).to(device)}


def slopes(heads, device):
    return {"slope": torch.tensor([2.0 ** (-8.0 * (i + 1) / heads) for i in range(heads)], device=device)}


causal = lambda q, k, h, kvh, b, a: q >= k


def s2(block=64, local=16, stride=16, offset=0, by_kv=False):
    def mask(q, k, h, kvh, b, a):
        head = kvh if by_kv else h
        return (q >= k) & ((q // block - k // block < local) | ((k // block + head + offset) % stride == 0))
    return mask


def two_range(q, k, h, kvh, b, a):
    d, kb = q // 64 - k // 64, k // 64
    return (q >= k) & torch.where(d < 16, torch.ones_like(q >= k), torch.where(d < 128, (kb + h) % 4 == 0, (kb + h) % 16 == 0))


CASES = {
    "causal": dict(file="causal.mask", mask=causal),
    "sliding_window": dict(file="sliding_window.mask", params={"window": 300}, mask=lambda q, k, h, kvh, b, a: (q >= k) & (q - k < 300)),
    "window_0": dict(file="sliding_window.mask", params={"window": 0}, mask=lambda q, k, h, kvh, b, a: (q >= k) & (q - k < 0)),
    "sink_window": dict(file="sink_window.mask", params={"sink": 70, "window": 500},
                        mask=lambda q, k, h, kvh, b, a: (q >= k) & ((k < 70) | (q - k < 500))),
    "prefix": dict(file="prefix.mask", params={"prefix": 777}, mask=lambda q, k, h, kvh, b, a: (k < 777) | (q >= k)),
    "s2": dict(file="s2_local_stride.mask", mask=s2()),
    "phi3_small": dict(file="phi3_small.mask", mask=s2(stride=8, offset=1, by_kv=True)),
    "two_range": dict(file="two_range.mask", mask=two_range),
    "block_table": dict(file="block_table.mask", aux=lambda b, h, sq, sk, dev: block_table(h, max(sq, sk), sk, dev),  # indexed by positions
                        mask=lambda q, k, h, kvh, b, a: a["table"][h][q // 128, k // 128] != 0),
    # Two query heads a Q tile, where two share a KV head.
    "kv_blocks": dict(text="pattern kv_blocks { aux table[kvh, q/64, k/64]: i32; causal; mask table[kvh, q/64, k/64] != 0; }",
                      aux=lambda b, h, sq, sk, dev: block_table(h // 2, max(sq, sk), sk, dev, block=64),
                      mask=lambda q, k, h, kvh, b, a: (q >= k) & (a["table"][kvh][q // 64, k // 64] != 0)),
    # A score that loads by positions.
    "biased": dict(text="pattern biased { aux bias[100]: f32; causal; score s + bias[min(q - k, 99)]; }", mask=causal,
                   aux=lambda b, h, sq, sk, dev: {"bias": torch.randn(100, generator=torch.Generator().manual_seed(sk)).to(dev)},
                   score=lambda s, q, k, h, a: s + a["bias"][(q - k).clamp(0, 99)].to(s.dtype)),
    "documents": dict(file="documents.mask", aux=lambda b, h, sq, sk, dev: documents(b, max(sq, sk), dev),
                      mask=lambda q, k, h, kvh, b, a: (q >= k) & (a["doc"][b][q] == a["doc"][b][k])),
    "alibi": dict(file="alibi.mask", aux=lambda b, h, sq, sk, dev: slopes(h, dev), mask=causal,
                  score=lambda s, q, k, h, a: s + a["slope"][h].to(s.dtype) * (k - q)),
    "soft_cap": dict(file="soft_cap.mask", mask=causal, score=lambda s, q, k, h, a: 50.0 * torch.tanh(s / 50.0)),
    "head_groups": dict(text="pattern groups { param w = 200; causal; heads 0..0: all; heads 1..2: q - k < w || k < 64; "
                             "heads 3..3: (q/64 + k/64) % 3 != 1; }",
                        mask=lambda q, k, h, kvh, b, a: (q >= k) & ([None, (q - k < 200) | (k < 64), (q - k < 200) | (k < 64),
                                                                     (q // 64 + k // 64) % 3 != 1][h] if h else (q >= k))),
}
for case in CASES.values():
    case["pattern"] = case.get("text") or str(FILES / case["file"])
