"""What is timed: our kernels through the C API, cuDNN and FlashAttention-2 through PyTorch's SDPA, FlexAttention through torch.compile."""
import math
import time

import torch
import torch._dynamo
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import maskloom
from timing import Contestant

L2_BYTES = 50 << 20
BACKENDS = {"FA2": SDPBackend.FLASH_ATTENTION, "cuDNN": SDPBackend.CUDNN_ATTENTION}
torch._dynamo.config.recompile_limit = 256


class Inputs:
    """Random q, k, v and an o full of NaN; with `cold`, as many sets as it takes to find none of them in the L2 cache."""

    def __init__(self, case, cold=False):
        shape = (case.batch, case.heads, case.tokens, case.dim)
        sets = math.ceil(2 * L2_BYTES / (3 * 2 * math.prod(shape))) if cold else 1
        self.sets = [tuple(torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(3)) for _ in range(sets)]
        self.o = torch.full(shape, math.nan, device="cuda", dtype=torch.bfloat16)
        self.aux = case.aux()


def attention(case, config=None):
    return maskloom.Attention(case.pattern, case.heads, case.heads, case.dim, case.dim, constants=case.constants, config=config)


def ours(case, kernel, inputs):
    calls = [kernel.bind(q, k, v, inputs.o, params=case.params, aux=inputs.aux) for q, k, v in inputs.sets]
    # A captured planner would run at each replay; a plan is made once for a shape.
    return Contestant(calls, graph=not kernel.workspace_bytes(*inputs.sets[0][:2]))


def sdpa(case, name, inputs):
    def call(q, k, v):
        with sdpa_kernel(BACKENDS[name]):
            F.scaled_dot_product_attention(q, k, v, is_causal=case.dense_causal)
    return Contestant([lambda q=q, k=k, v=v: call(q, k, v) for q, k, v in inputs.sets])


def flex(case, inputs):
    """Builds the block mask (not timed: like our plan, it is made once for a shape) and compiles the kernel."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    torch._dynamo.reset()
    blocks = None
    if case.mask:
        mask = case.mask(**inputs.aux)
        blocks = torch.compile(create_block_mask)(mask, None, case.heads if case.flex_heads else None, case.tokens, case.tokens, device="cuda")
    score = case.score(**inputs.aux) if case.score else None
    compiled = torch.compile(flex_attention, dynamic=False)
    calls = [lambda q=q, k=k, v=v: compiled(q, k, v, block_mask=blocks, score_mod=score) for q, k, v in inputs.sets]
    calls[0]()
    return Contestant(calls)


def field(case, kernels, inputs, peers, report=print):
    """The contestants of a case by name, and seconds that Flex took to build its mask and kernel. `kernels`: ours, by name."""
    contestants = {name: ours(case, kernel, inputs) for name, kernel in kernels.items()}
    flex_seconds = None
    for name in peers:
        try:
            begin = time.perf_counter()
            contestants[name] = flex(case, inputs) if name == "Flex" else sdpa(case, name, inputs)
            if name == "Flex":
                torch.cuda.synchronize()
                flex_seconds = time.perf_counter() - begin
        except Exception as error:
            report(f"    {name}: {str(error).strip().splitlines()[0][:160]}")
    return contestants, flex_seconds
