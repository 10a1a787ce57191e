"""Is a case's output right? Sampled rows against dense attention in fp64, the rest for being finite."""
import torch

from reference import dense, excess

HEADS, ROWS = 4, 16  # 64 rows: the first and the last of each sampled head, and random ones


def problem(case, call, inputs):
    """What is wrong with the output of `call`, which works on the first input set; '' when nothing is."""
    q, k, v = inputs.sets[0]
    inputs.o.fill_(float("nan"))
    call()
    torch.cuda.synchronize()
    if not torch.isfinite(inputs.o).all():
        return f"{int((~torch.isfinite(inputs.o)).any(-1).sum())} rows are not finite"
    results = []
    keys = torch.arange(case.tokens, device="cuda")[None]
    for _ in range(HEADS):
        b, h = int(torch.randint(case.batch, ())), int(torch.randint(case.heads, ()))
        rows = torch.randint(case.tokens, (ROWS,), device="cuda")
        rows[:2] = torch.tensor([0, case.tokens - 1])
        at = rows[:, None]
        mask = case.mask(**inputs.aux)(b, h, at, keys) if case.mask else keys >= 0
        score = (lambda s, f=case.score(**inputs.aux): f(s, b, h, at, keys)) if case.score else None
        arguments = q[b, h, rows], k[b, h], v[b, h], mask.expand(ROWS, case.tokens), score
        results.append((inputs.o[b, h, rows], dense(*arguments)[0], dense(*arguments, rounded=q.dtype)[0]))
    found, exact, rounded = (torch.cat(parts) for parts in zip(*results))
    beyond = excess(found, exact, rounded, q.dtype)
    return f"error {(found.double() - exact).abs().max().item():.2e}, beyond tolerance by {beyond:.1e}" if beyond > 0 else ""
