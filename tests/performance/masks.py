"""Masks as functions of positions, and the exact number of pairs each one shows.

A mask is `f(b, h, q, k)`, true where query q of head h sees key k. The same function runs on Python's integers (masks_test.py counts it
pair by pair), on tensors of positions (the oracle) and under FlexAttention's tracing, so it uses `&` and `|` and nothing of torch.
The counts are Python's integers: no rounding at any length."""


def full_pairs(n):
    return n * n


def causal(b, h, q, k):
    return q >= k


def causal_pairs(n):
    return n * (n + 1) // 2


def window(size, sink=0):
    """The last `size` keys, and the first `sink`."""
    if not sink:
        return lambda b, h, q, k: (q >= k) & (q - k < size)
    return lambda b, h, q, k: (q >= k) & ((q - k < size) | (k < sink))


def _ramp(n, top):
    """min(1, top) + min(2, top) + ... + min(n, top)"""
    if n <= 0:
        return 0
    return causal_pairs(n) if n <= top else causal_pairs(top) + (n - top) * top


def window_pairs(n, size, sink=0):
    return _ramp(n, size) + _ramp(n - size, sink)


def local_stride(block, local, stride):
    """S2-Attention: the nearest `local` blocks, and every `stride`-th one beyond, another set for each head."""
    return lambda b, h, q, k: (q >= k) & ((q // block - k // block < local) | ((k // block + h) % stride == 0))


def local_stride_pairs(heads, n, block, local, stride):
    """Summed over heads; n is a multiple of the block. Whole blocks below the diagonal, a triangle on it."""
    assert n % block == 0 and local >= 1
    blocks = 0
    for h in range(heads):
        first = -h % stride
        for row in range(n // block):
            beyond = max(0, row - local + 1)
            blocks += min(row, local - 1) + (0 if beyond <= first else (beyond - first - 1) // stride + 1)
    return blocks * block * block + heads * (n // block) * causal_pairs(block)


def documents(doc, is_causal=True):
    """Packed documents; doc[b, q] is the number of the document of a token."""
    if is_causal:
        return lambda b, h, q, k: (q >= k) & (doc[b, q] == doc[b, k])
    return lambda b, h, q, k: doc[b, q] == doc[b, k]


def equal_documents(length, is_causal=True):
    """Documents of one length: known without a tensor."""
    if is_causal:
        return lambda b, h, q, k: (q >= k) & (q // length == k // length)
    return lambda b, h, q, k: q // length == k // length


def documents_pairs(lengths, is_causal=True):
    return sum(map(causal_pairs if is_causal else full_pairs, lengths))


def prefix(size):
    """A prefix that every query sees whole, causal behind it."""
    return lambda b, h, q, k: (k < size) | (q >= k)


def prefix_pairs(n, size):
    size = min(size, n)
    return size * size + causal_pairs(n) - causal_pairs(size)


def block_table(table, block):
    """Blocks given by a table [h, q / block, k / block], under a causal mask."""
    return lambda b, h, q, k: (q >= k) & (table[h, q // block, k // block] != 0)


def block_table_pairs(below, diagonal, block):
    """`below`: visible blocks strictly below the diagonal, summed over heads; `diagonal`: those on it."""
    return below * block * block + diagonal * causal_pairs(block)
