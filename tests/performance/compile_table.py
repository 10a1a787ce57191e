"""Cold compile (a fresh process, no cache), a hit in the disk cache, and the host time of a call, for some patterns."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

import torch

import maskloom
from cases import FILES

PATTERNS = {"causal": {}, "sliding_window": {"window": 100}, "s2_local_stride": {"local": 8}, "two_range": {}, "documents": {}}


def command():
    library = pathlib.Path(maskloom.lib._name).resolve()
    found = [path for path in (library.with_name("maskloom"), library.parent.parent / "bin" / "maskloom", library.parent.parent / "maskloom") if path.is_file()]
    return found[0] if found else None


def host_time(name, params):
    """Microseconds of host time of one forward call on a shape that keeps the GPU idle between calls; parameters change at every call."""
    q, k, v = (torch.randn(1, 1, 64, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    o = torch.empty_like(q)
    aux = {"doc": torch.zeros(1, 64, dtype=torch.int32, device="cuda")} if name == "documents" else {}
    attention = maskloom.Attention(str(FILES / f"{name}.mask"), 1, 1, 64, 64)
    calls = [attention.bind(q[:, :, :n], k[:, :, :n], v[:, :, :n], o[:, :, :n], params={key: value + n for key, value in params.items()}, aux=aux)
             for n in range(33, 65)]
    for call in calls:
        call()
    best = float("inf")
    for _ in range(20):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(5):
            for call in calls:
                call()
        best = min(best, (time.perf_counter() - begin) / (5 * len(calls)) * 1e6)
    torch.cuda.synchronize()
    return best


def compile_rows():
    program = command()
    if not program:
        print("no maskloom program beside the library: no compile table")
        return
    for name, params in PATTERNS.items():
        with tempfile.TemporaryDirectory() as folder:
            def run():
                arguments = [program, "compile", str(FILES / f"{name}.mask"), "-o", f"{folder}/f.cubin", "--arch", "sm_90a", "--json"]
                return json.loads(subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, "MASKLOOM_CACHE_DIR": f"{folder}/cache"}).stdout)
            cold, hit = run(), run()
        assert hit["source"] == "disk", hit
        yield {"kind": "compile", "pattern": name, "mlir_ms": cold["codegen_ms"], "nvrtc_ms": cold["nvrtc_ms"], "disk_ms": hit["cache_ms"],
               "host_us": host_time(name, params)}
