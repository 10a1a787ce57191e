"""The cases: what is timed, on which shape, beside which peers. Plain data; torch is used only by the functions that make tensors.

The shapes are those at which the peers' figures are known: 2^26 query elements a call (batch x tokens x heads x head dim), or as many
heads and tokens as a sparse pattern needs to matter."""
import dataclasses
import pathlib
import re
from typing import Callable

import masks

FILES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "patterns"
SDPA = ("FA2", "cuDNN")  # dense attention through PyTorch: what a user without a sparse kernel runs
FULL = "pattern full { mask all; }"


@dataclasses.dataclass
class Case:
    name: str
    group: str  # dense, sparse, modifications
    batch: int
    heads: int
    tokens: int
    dim: int
    pattern: str  # a pattern's text, or the path of its file
    pairs: Callable | int  # visible pairs of one batch entry, summed over heads; a function of the aux tensors
    mask: Callable | None = None  # of the aux tensors: mask(b, h, q, k); None: everything is visible
    score: Callable | None = None  # of the aux tensors: score(s, b, h, q, k)
    aux: Callable = dict  # the aux tensors by name, on the GPU
    params: dict = dataclasses.field(default_factory=dict)
    constants: dict = dataclasses.field(default_factory=dict)
    dense_causal: bool = True  # what FA2 and cuDNN run
    peers: tuple = SDPA + ("Flex",)
    flex_heads: bool = False  # the mask differs from head to head
    baseline: "Case | None" = None  # our kernel for another pattern, timed beside this one

    def flops(self, aux):
        pairs = self.pairs(**aux) if callable(self.pairs) else self.pairs
        return 4 * self.batch * pairs * self.dim


def dense(kind, thousands, batch, heads, dim, **more):
    tokens, causal = thousands * 1024, kind == "causal"
    pairs = masks.causal_pairs(tokens) if causal else masks.full_pairs(tokens)
    return Case(f"{kind} {thousands}k d{dim}", "dense", batch, heads, tokens, dim, str(FILES / "causal.mask") if causal else FULL, heads * pairs,
                mask=(lambda: masks.causal) if causal else None, dense_causal=causal, **more)


def dense_cases():
    for thousands, batch in ((2, 16), (8, 4), (16, 2), (32, 1)):
        yield dense("full", thousands, batch, 16, 128)
        yield dense("causal", thousands, batch, 16, 128)
    yield dense("causal", 128, 1, 16, 128)
    for dim, heads in ((64, 32), (256, 8)):
        for thousands, batch in ((8, 4), (16, 2)):
            yield dense("full", thousands, batch, heads, dim)
            yield dense("causal", thousands, batch, heads, dim)
    for dim in (80, 96, 192):
        yield dense("causal", 8, 4, 16, dim)


def document_ids(lengths):
    """Tensor [1, tokens] with the number of each token's document."""
    import torch
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).to(torch.int32)[None].cuda()


def random_documents(tokens, count, seed=0):
    """Lengths of documents cut at random places."""
    import torch
    cuts = torch.sort(torch.randperm(tokens - 1, generator=torch.Generator().manual_seed(seed))[:count - 1] + 1).values.tolist()
    return [end - begin for begin, end in zip([0] + cuts, cuts + [tokens])]


def lengths_of(doc):
    import torch
    return torch.bincount(doc[0].long()).tolist()


def random_blocks(heads, tokens, density, block=128, seed=0):
    """A table [heads, blocks, blocks]; every query sees its own block."""
    import torch
    table = torch.rand(heads, tokens // block, tokens // block, generator=torch.Generator().manual_seed(seed)) < density
    table |= torch.eye(tokens // block, dtype=torch.bool)
    return table.to(torch.int32).cuda()


def table_pairs(table):
    below, diagonal = (int((table.tril(-1) != 0).sum()), int((table.diagonal(dim1=1, dim2=2) != 0).sum()))
    return masks.block_table_pairs(below, diagonal, 128)


def sparse_cases():
    baseline = dense("causal", 16, 2, 16, 128)  # what sparse throughput is a fraction of
    file = lambda name: str(FILES / name)
    more = dict(group="sparse", batch=1, dim=128, baseline=baseline)
    for thousands, peers in ((32, SDPA + ("Flex",)), (128, ("Flex",))):
        n = thousands * 1024
        yield Case(f"window 1024 {thousands}k", heads=16, tokens=n, pattern=file("sliding_window.mask"), params={"window": 1024},
                   pairs=16 * masks.window_pairs(n, 1024), mask=lambda: masks.window(1024), peers=peers, **more)
    yield Case("sink 64 + window 4096 128k", heads=16, tokens=131072, pattern=file("sink_window.mask"), params={"sink": 64, "window": 4096},
               pairs=16 * masks.window_pairs(131072, 4096, 64), mask=lambda: masks.window(4096, 64), peers=("Flex",), **more)
    for thousands, heads, stride, peers in ((32, 16, 16, SDPA + ("Flex",)), (128, 16, 16, SDPA + ("Flex",)), (128, 64, 64, ("Flex",))):
        n = thousands * 1024
        yield Case(f"S2 local 16 stride {stride} {thousands}k", heads=heads, tokens=n, pattern=file("s2_local_stride.mask"),
                   constants={"stride": stride}, pairs=masks.local_stride_pairs(heads, n, 64, 16, stride),
                   mask=lambda stride=stride: masks.local_stride(64, 16, stride), peers=peers, flex_heads=True, **more)
    yield Case("12 documents 32k", heads=16, tokens=32768, pattern=file("documents.mask"), aux=lambda: {"doc": document_ids(random_documents(32768, 12))},
               pairs=lambda doc: 16 * masks.documents_pairs(lengths_of(doc)), mask=lambda doc: masks.documents(doc), **more)
    yield Case("prefix 4096 16k", heads=16, tokens=16384, pattern=file("prefix.mask"), params={"prefix": 4096},
               pairs=16 * masks.prefix_pairs(16384, 4096), mask=lambda: masks.prefix(4096), **more)
    yield Case("random blocks 10% 32k", heads=16, tokens=32768, pattern="pattern random_blocks { blocks table[h, q/128, k/128]; causal; }",
               aux=lambda: {"table": random_blocks(16, 32768, 0.1)}, pairs=lambda table: table_pairs(table),
               mask=lambda table: masks.block_table(table, 128), peers=("Flex",), flex_heads=True, **more)


def alibi_slopes(heads):
    import torch
    return torch.tensor([2.0 ** (-8.0 * (head + 1) / heads) for head in range(heads)]).cuda()


def alibi_score(slope):
    return lambda s, b, h, q, k: s + slope[h].to(s.dtype) * (k - q)


def soft_cap_score(cap):
    import torch
    return lambda s, b, h, q, k: cap * torch.tanh(s / cap)


def modification_cases():
    """What a modification costs: the same visible pairs with and without it."""
    file = lambda name: str(FILES / name)
    for thousands, batch in ((8, 4), (16, 2)):
        plain = dense("causal", thousands, batch, 16, 128)
        more = dict(group="modifications", batch=batch, heads=16, tokens=plain.tokens, dim=128, pairs=plain.pairs,
                    mask=lambda **aux: masks.causal, peers=("Flex",), baseline=plain)
        yield Case(f"ALiBi causal {thousands}k", pattern=file("alibi.mask"), aux=lambda: {"slope": alibi_slopes(16)}, score=alibi_score, **more)
        yield Case(f"soft cap 50 causal {thousands}k", pattern=file("soft_cap.mask"), score=lambda: soft_cap_score(50.0), **more)
    # Documents that end where tiles end: the aux tensor costs its loads, and never a tile.
    for causal in (False, True):
        name, item = ("causal ", "causal; ") if causal else ("", "")
        pairs = 16 * masks.documents_pairs([4096] * 8, causal)
        more = dict(group="modifications", batch=1, heads=16, tokens=32768, dim=128, pairs=pairs)
        baseline = Case(f"8 {name}documents by position 32k", mask=lambda causal=causal: masks.equal_documents(4096, causal), peers=(),
                        pattern="pattern equal_documents { %smask q/4096 == k/4096; }" % item, **more)
        more["pairs"] = lambda doc, pairs=pairs: pairs
        yield Case(f"8 {name}documents by aux 32k", mask=lambda doc, causal=causal: masks.documents(doc, causal), peers=("Flex",), baseline=baseline,
                   pattern="pattern documents { aux doc[b, q]: i32; %smask doc[b, q] == doc[b, k]; }" % item,
                   aux=lambda: {"doc": document_ids([4096] * 8)}, **more)


def all_cases():
    return [*dense_cases(), *sparse_cases(), *modification_cases()]


def select(cases, only):
    """`only`: GROUP, a regular expression over names, or GROUP/expression; several are ORed; none: all."""
    groups = {case.group for case in cases}

    def chosen(case):
        for part in only:
            group, _, rest = part.partition("/")
            if group not in groups:
                group, rest = case.group, part
            if case.group == group and re.search(rest, case.name):
                return True
        return not only
    return [case for case in cases if chosen(case)]
