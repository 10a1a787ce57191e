"""Random patterns and shapes on the GPU through `maskloom run --check`: the oracle is the interpreter and fp64.

Usage: random_test.py [--count 200] [--seed N] [--jobs 16] [--only I] [--keep DIR] [--device gpu]

A case is drawn from (seed, index) alone: `--seed N --only I` repeats one, and `--keep DIR` leaves its files. K and V beyond the lengths
of a batch entry are NaN. --check compares every row of O and LSE where that costs little, else an even sample that visits every head;
how many rows it compared is printed last. Of every row this program checks that O and LSE are finite, that an empty row has O = 0, and
that rows beyond the query length have O = 0 and LSE = -inf.
Needs numpy and the command line program: MASKLOOM_CLI, or dist/maskloom, or build/dev/maskloom.
Prints one paragraph a failure, and 'N passed, N failed' last; exit code 1 when something failed."""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
POWERS, OTHERS = (2, 4, 8, 16, 32, 64, 128), (3, 5, 6, 7, 12, 20, 24, 48, 80, 96, 100, 192)
# --check spends about this many multiply-adds and compares a sample of the rows beyond; heads and batch
# are drawn such that most cases stay below.
WORK = 1.5e9
# The GPU computes a soft cap to 2^-13 of a score.
CAP_ERROR = 2.0**-13


class Case:
    """A pattern file's text, the shapes, the parameters' values and the aux tensors."""

    def __init__(self, seed, index):
        self.random = r = random.Random(f"{seed} {index}")
        self.numbers = np.random.default_rng([seed, index])
        self.index = index
        self.items, self.params, self.aux = [], {}, {}
        self.capped = False
        self.shapes()
        masks = [self.atom() for _ in range(r.choice((1, 1, 2, 2, 3)))]
        mask = masks[0]
        for other in masks[1:]:
            mask = f"({mask} {r.choice(('||', '||', '&&'))} {other})"
        body = ["causal;"] if r.random() < 0.6 else []
        groups = self.groups() if r.random() < 0.25 else []
        if not groups or r.random() < 0.4:
            body.append(f"mask {mask};")
        if r.random() < 0.08:
            body.append(self.blocks())
        body += groups
        if r.random() < 0.4:
            body += [f"score {self.score()};" for _ in range(r.choice((1, 1, 2)))]
        if r.random() < 0.2:
            self.aux["sinks"] = "sinks[h]: f32", self.numbers.normal(1, 1, self.heads).astype(np.float32)
            body.append("sink sinks;")
        used = set(re.findall(r"\w+", " ".join(self.items + body)))  # several of which one is chosen are drawn at times
        self.params = {n: p for n, p in self.params.items() if n in used}
        self.aux = {n: a for n, a in self.aux.items() if n in used}
        head = [f"param {n} in {low}..{high} = {default};" for n, (low, high, default, _) in self.params.items()]
        head += [f"aux {declaration};" for declaration, _ in self.aux.values() if declaration]
        self.text = f"pattern random_{index} {{\n  " + "\n  ".join(head + self.items + body) + "\n}\n"

    # ---- shapes ----

    def length(self):
        r = self.random
        kind = r.random()
        if kind < 0.1:
            return r.randint(1, 16)
        if kind < 0.3:
            return r.choice((63, 64, 65, 127, 128, 129, 191, 193, 255, 256, 257, 383, 384, 385, 512, 513, 640, 769, 1024, 1025))
        return r.randint(1, 600) if kind < 0.6 else r.randint(300, 1500)

    def shapes(self):
        r = self.random
        self.dim = r.choice((8, 40, 64, 64, 80, 96, 128, 128, 128, 192, 256))
        self.value_dim = r.choice((8, 40, 64, 80, 96, 128, 192, 256)) if r.random() < 0.2 else self.dim
        self.dtype = r.choice(("bf16", "f16"))
        self.keys = self.length()
        self.queries = self.keys if r.random() < 0.5 else self.length()
        for _ in range(20):  # the largest shapes stay too costly, and are sampled
            self.kv_heads = r.choice((1, 1, 2, 2, 3, 4))
            self.heads = self.kv_heads * r.choice((1, 1, 2, 3, 4))
            self.batch = r.choice((1, 1, 2, 3))
            self.rows = self.batch * self.heads * self.queries
            work = self.rows * self.keys * (2 * self.dim + 2 * self.value_dim + 40)
            if self.heads <= 12 and work <= WORK:
                break
        self.lengths = []
        if r.random() < 0.4:
            def ragged(most):
                return [r.choice((most, r.randint(1, most), r.randint(0, most))) for _ in range(self.batch)]
            self.lengths = [ragged(self.queries), ragged(self.keys)]
            if r.random() < 0.2:
                self.lengths[r.randrange(2)] = None
        self.scale = r.choice((0.02, 0.3, -0.1)) if r.random() < 0.15 else None
        self.kernel = r.choices(("auto", "portable"), (0.85, 0.15))[0]
        self.max_blocks = r.choice((1, 2, 3, 5, 16)) if r.random() < 0.35 else 0
        self.positions = max(self.queries, self.keys)

    # ---- numbers ----

    def number(self, low, high):
        """A literal, or a parameter whose value at run time differs from its default."""
        r = self.random
        high = max(low, high)
        if r.random() < 0.7:
            return str(r.randint(low, high))
        name = f"p{len(self.params)}"
        self.params[name] = low, high if r.random() < 0.5 else 1 << 20, r.randint(low, high), r.randint(low, high)
        return name

    def divisor(self):
        r = self.random
        value = r.choice(POWERS if r.random() < 0.6 else OTHERS)
        if r.random() < 0.85:
            return str(value)
        name = f"p{len(self.params)}"  # a compile-time constant
        self.params[name] = 1, 4096, r.choice(POWERS), value
        return name

    def head(self):
        return self.random.choice(("h", "h", "kvh", "2*h", "(h + 1)"))

    # ---- masks ----

    def integers(self, name, axes, shape, low, high):
        if name not in self.aux:
            self.aux[name] = f"{name}[{axes}]: i32", self.numbers.integers(low, high, shape, endpoint=True).astype(np.int32)
        return name

    def documents(self):
        if "doc" not in self.aux:
            ids = self.numbers.random((self.batch, self.positions)) < self.random.choice((0.005, 0.02))
            self.aux["doc"] = "doc[b, q]: i32", ids.cumsum(1).astype(np.int32)
        return "doc"

    def atom(self):
        r, n, most = self.random, self.number, self.positions
        kind = r.randrange(21)
        d = self.divisor() if kind in (4, 5, 6, 7, 8, 9) else None
        if kind == 0:
            return r.choice(("q >= k", "q > k", f"k <= q + {n(0, 70)}", f"q - {n(1, 200)} >= k"))
        if kind in (1, 2):
            return r.choice((f"q - k < {n(0, most // 2)}", f"(q >= k && q - k < {n(1, most)})", f"abs(q - k) <= {n(0, most // 2)}",
                             f"(q - k < {n(1, most)} && k - q < {n(0, 100)})", f"q - k < {r.randint(1, 200)} * ({self.head()} + 1)"))
        if kind == 3:
            return r.choice((f"k < {n(0, most // 2)}", f"(k < {n(0, most // 3)} || q - k < {n(0, most // 3)})",
                             f"k >= Sk - {n(1, 200)}", f"q < {n(0, most // 2)}"))
        if kind == 4:
            return f"q/{d} - k/{d} < {n(1, 8)}"
        if kind == 5:
            return r.choice((f"q/{d} == k/{d}", f"q/{d} >= k/{d}", f"q/{d} != k/{d}", f"q/{d} > k/{d} - {n(0, 3)}"))
        if kind in (6, 7):
            stride = r.randint(2, 9)
            phase = r.choice((f"k/{d}", f"k/{d} + {self.head()}", f"k/{d} + {self.head()} + {r.randint(0, 3)}", f"q/{d} - k/{d}",
                              f"q/{d} + k/{d}", f"k/{d} - {self.head()}"))
            return r.choice((f"({phase}) % {stride} == {r.randrange(stride)}", f"({phase}) % {stride} < {r.randint(1, stride)}",
                             f"({phase}) % {stride} != 0"))
        if kind == 8:
            return r.choice((f"k % {d} < {n(0, 20)}", f"k % {d} == q % {d}", f"(q - k) % {d} == 0", f"(k + {self.head()}) % {d} != 1",
                             f"(k - q) % {d} >= {n(0, 3)}", f"q % {d} == 0"))
        if kind == 9:
            return f"bands q/{d} - k/{d} {{ {n(1, 4)}: all; {r.randint(5, 12)}: (k/{d} + {self.head()}) % {r.randint(2, 4)} == 0; " \
                   f"rest: (k/{d} + h) % {r.randint(3, 8)} == 0 }}"
        if kind in (10, 11):
            return f"{self.documents()}[b, q] == doc[b, k]"
        if kind == 12:
            return f"k < {self.integers('prefix', 'b', self.batch, 0, most)}[b]"
        if kind == 13:
            return f"q - k < {self.integers('limit', 'b, h', (self.batch, self.heads), 0, most)}[b, h]"
        if kind == 14:
            return f"k >= {self.integers('start', 'b, q', (self.batch, most), 0, most)}[b, q]"
        if kind == 15:
            return f"{self.integers('flag', 'k', most, 0, 1)}[k] != 0"
        if kind == 16 and not any("space" in item for item in self.items):
            extents = [r.randint(3, 30), r.randint(3, 30)] if r.random() < 0.5 else [r.randint(2, 12) for _ in range(3)]
            self.items.append(f"space ({', '.join(map(str, extents))});")
            return "(" + " && ".join(f"abs(q.{i} - k.{i}) <= {n(0, 6)}" for i in range(len(extents))) + ")"
        if kind == 17:
            return f"select({self.head()} % 2 == 0, {self.atom()}, {self.atom()})"
        if kind == 18:
            return f"!({self.atom()})"
        if kind == 19:
            width = r.randint(1, 150)
            name = f"low{len(self.items)}"
            self.items.append(f"let {name} = max(min(q - {width // 2}, Sk - {width}), 0);")
            return f"(k >= {name} && k < {name} + {width})"
        return f"(q >= k && (q - k < {n(1, 200)} || (k/64 + {self.head()}) % {r.randint(2, 8)} == 0))"

    def groups(self):
        by_kv = self.random.random() < 0.4
        count = self.kv_heads if by_kv else self.heads
        lines, first = [], 0
        while first < count:
            last = self.random.randint(first, count - 1)
            mask = self.random.choice((self.atom(), self.atom(), self.atom(), "all", "none"))
            lines.append(f"{'kv_heads' if by_kv else 'heads'} {first}..{last}: {mask};")
            first = last + 1
        return lines

    def blocks(self):
        r = self.random
        rows, columns = r.choice((64, 128)), r.choice((64, 128))
        axis, heads = r.choice((("h", self.heads), ("kvh", self.kv_heads)))
        shape = heads, -(-self.positions // rows), -(-self.positions // columns)
        self.aux["table"] = None, (self.numbers.random(shape) < r.choice((0.2, 0.5, 0.9))).astype(np.int32)
        return f"blocks table[{axis}, q/{rows}, k/{columns}];"

    # ---- scores ----

    def score(self):
        r = self.random
        kind = r.randrange(9)
        if kind in (0, 1):
            self.aux["slope"] = "slope[h]: f32", np.float32(2) ** -np.float32(r.choice((4, 8)) * (np.arange(self.heads) + 1) / self.heads)
            return f"s + slope[h] * {r.choice(('(k - q)', '-abs(q - k)', '(q - k)' if self.positions < 400 else '(k - q)'))}"
        if kind in (2, 3):
            self.capped = True
            cap = r.choice(("50.0", "30.0", "5.0", "1.5"))
            return f"{cap} * tanh(s / {cap})"
        if kind == 4:
            self.aux["bias"] = "bias[129]: f32", self.numbers.normal(0, 1, 129).astype(np.float32)
            return "s + bias[max(min(q - k, 64), -64) + 64]"
        if kind == 5:
            return f"select({self.atom()}, s + 1.5, s)"
        if kind == 6:
            return r.choice(("s * 1.25", "s * 0.5 + 2.0", "s - 0.5 * float(h)", "-s", f"s + float(k % {r.randint(2, 20)}) / 8.0"))
        if kind == 7:
            return f"s - {r.choice(('0.01', '0.1', '0.7'))} * abs(q - k)"
        return r.choice(("s - log(1.0 + abs(q - k))", f"s - sqrt(float(abs(q - k)))", f"max(s, {r.choice(('-1.0', '0.0'))})",
                         f"s + exp2(-float(abs(q - k)) / 32.0)"))

    # ---- running ----

    def describe(self):
        q, k = self.lengths or (None, None)
        parts = [f"batch {self.batch}, heads {self.heads}/{self.kv_heads}, Sq {self.queries}, Sk {self.keys}, "
                 f"d {self.dim}/{self.value_dim}, {self.dtype}, {self.kernel}"]
        if q: parts.append(f"query lengths {q}")
        if k: parts.append(f"key lengths {k}")
        if self.scale is not None: parts.append(f"scale {self.scale}")
        if self.max_blocks: parts.append(f"at most {self.max_blocks} blocks")
        parts += [f"{n} = {value}" for n, (_, _, _, value) in self.params.items()]
        return ", ".join(parts)

    def run(self, program, folder, device):
        """Problems found, rows compared, rows."""
        folder.mkdir(parents=True, exist_ok=True)

        def save(name, array):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
            return str(folder / f"{name}.npy")

        (folder / "pattern.mask").write_text(self.text)
        stored = np.float32 if self.dtype == "bf16" else np.float16  # npy has no bf16: f4 holds every value of it

        def tensor(heads, tokens, dim, lengths):
            x = self.numbers.standard_normal((self.batch, heads, tokens, dim), np.float32).astype(stored)
            for b, length in enumerate(lengths or ()):
                x[b, :, length:] = np.nan
            return x

        query_lengths, key_lengths = self.lengths or (None, None)
        q = tensor(self.heads, self.queries, self.dim, query_lengths)
        k, v = (tensor(self.kv_heads, self.keys, d, key_lengths) for d in (self.dim, self.value_dim))
        o, lse = folder / "o.npy", folder / "lse.npy"
        command = [program, "run", str(folder / "pattern.mask"), "--q", save("q", q), "--k", save("k", k), "--v", save("v", v), "-o", str(o),
                   "--lse", str(lse), "--device", device, "--dtype", self.dtype, "--check", "--json", "--no-cache"]
        if device == "gpu": command += ["--kernel", self.kernel]
        for name, (_, _, _, value) in self.params.items():
            command += ["--set", f"{name}={value}"]
        for name, (_, value) in self.aux.items():
            command += ["--aux", f"{name}={save('aux_' + name, value)}"]
        if query_lengths: command += ["--lengths-q", save("lengths_q", np.int32(query_lengths))]
        if key_lengths: command += ["--lengths-k", save("lengths_k", np.int32(key_lengths))]
        if self.scale is not None: command.append(f"--scale={self.scale}")
        if self.max_blocks: command += ["--max-blocks", str(self.max_blocks)]
        (folder / "command.txt").write_text(shlex.join(command) + "\n")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return ["no answer in 120 s"], 0
        if done.returncode not in (0, 5):
            return [f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-1500:]}"], 0
        check = json.loads(done.stdout)["check"]
        problems = self.compare(np.load(o), np.load(lse), query_lengths)
        close = check["max_abs_err"] <= check["tolerance"]
        allowed = check["lse_tolerance"] + (CAP_ERROR if self.capped and device == "gpu" else 0)
        # Beside the tolerances, a failed check means special values where none belong, unless only a cap's error was too large.
        excused = self.capped and close and check["lse_tolerance"] < check["max_lse_err"] <= allowed
        if not check["passed"] and not excused:
            problems.insert(0, ", ".join(f"{n} {check[n]:.3e}" for n in ("max_abs_err", "tolerance", "max_lse_err", "lse_tolerance")) +
                            ("" if not close or check["max_lse_err"] > allowed else ": NaN or infinity"))
        return problems, check["rows_checked"]

    def compare(self, o, lse, query_lengths):
        problems = []
        if not np.isfinite(o).all(): problems.append(f"{(~np.isfinite(o)).sum()} elements of O are not finite")
        if np.isnan(lse).any() or np.isposinf(lse).any(): problems.append("LSE is NaN or +inf")
        if o[np.isneginf(lse)].any(): problems.append("a row with LSE = -inf has O != 0")
        for b, length in enumerate(query_lengths or ()):
            if o[b, :, length:].any() or not np.isneginf(lse[b, :, length:]).all():
                problems.append(f"rows beyond the query length of batch entry {b}")
        return problems


def main():
    parser = argparse.ArgumentParser(description="Random patterns and shapes on the GPU against fp64.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--only", type=int, help="run this case alone")
    parser.add_argument("--keep", help="leave the files of every case in this folder")
    parser.add_argument("--device", default="gpu", choices=("gpu", "cpu"))
    a = parser.parse_args()
    names = [os.environ.get("MASKLOOM_CLI", ""), str(ROOT / "dist" / "maskloom"), str(ROOT / "build" / "dev" / "maskloom")]
    program = next((n for n in names if n and os.access(n, os.X_OK)), None)
    if not program:
        raise SystemExit("the maskloom program was not found: set MASKLOOM_CLI")
    print(f"seed {a.seed}, {program}", flush=True)
    start = time.time()
    passed = failed = compared = rows = 0
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        def one(index):
            case = Case(a.seed, index)
            if a.keep:
                return case, *case.run(program, pathlib.Path(a.keep) / str(index), a.device)
            with tempfile.TemporaryDirectory(dir=temporary) as folder:
                return case, *case.run(program, pathlib.Path(folder), a.device)

        indices = [a.only] if a.only is not None else range(a.count)
        for job in concurrent.futures.as_completed([pool.submit(one, i) for i in indices]):
            case, problems, case_compared = job.result()
            if problems:
                failed += 1
                print(f"FAILED --seed {a.seed} --only {case.index}: {'; '.join(problems)}\n  {case.describe()}\n{case.text}", flush=True)
            else:
                passed += 1
                compared += case_compared
                rows += sum(case.lengths[0]) * case.heads if case.lengths and case.lengths[0] else case.rows
    print(f"{compared} of {rows} rows within the lengths compared, {time.time() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
