"""Dense attention by definition in fp64, and the same in a kernel's precision: scores in fp32, P and O rounded."""
import math

import torch


def dense(q, k, v, mask, score=None, scale=None, rounded=None):
    """One head: q [Sq, d], k [Sk, d], v [Sk, dv], mask [Sq, Sk]. Returns O and the natural-log LSE; an empty row gives 0 and -inf."""
    wide = torch.float32 if rounded else torch.float64
    scale = scale or 1 / math.sqrt(q.shape[-1])
    s = (q.to(wide) @ k.to(wide).T) * scale
    if score:
        s = score(s)
    s = s.masked_fill(~mask, -math.inf)
    top = s.max(dim=-1, keepdim=True).values
    top = torch.where(torch.isinf(top), torch.zeros_like(top), top)
    p = torch.exp(s - top)
    total = p.sum(-1, keepdim=True)
    if rounded:
        p = p.to(rounded).to(wide)
    o = p @ v.to(wide) / torch.where(total == 0, torch.ones_like(total), total)
    if rounded:
        o = o.to(rounded)
    return o.double(), (top + torch.log(total)).squeeze(-1).double()


def ulp(x, dtype):
    """One unit in the last place of |x| in dtype."""
    bits = {torch.bfloat16: 7, torch.float16: 10}[dtype]
    return torch.exp2(torch.floor(torch.log2(x.abs().clamp_min(2.0**-14))) - bits)


def excess(ours, exact, rounded, dtype):
    """How far our error goes beyond 2x the rounded reference's largest error and one ulp: <= 0 is right."""
    own = (ours.double() - exact).abs() - ulp(exact, dtype)
    return (own.max() - 2 * (rounded - exact).abs().max()).item()
