"""PyTorch's flash backend on the shapes of ForwardBench.cu: median of CUDA event times."""
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

for dim in (32, 64, 80, 96, 128, 192, 256):
    for tokens, batch in ((8192, 2), (16384, 1)) + (((131072, 1),) if dim == 128 else ()):
        q, k, v = (torch.randn(batch, tokens, 16, dim, device="cuda", dtype=torch.bfloat16).transpose(1, 2) for _ in range(3))
        times = []
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            for i in range(18 if tokens < 100000 else 6):
                start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                start.record()
                torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                stop.record()
                stop.synchronize()
                times.append(start.elapsed_time(stop))
        median = sorted(times[3:])[len(times[3:]) // 2]
        flop = 2.0 * batch * 16 * tokens * tokens * dim
        print(f"torch flash d{dim:<3} tokens {tokens:6}: {median:7.3f} ms {flop / median * 1e-9:6.1f} TFLOP/s", flush=True)
