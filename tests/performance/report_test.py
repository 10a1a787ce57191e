"""Bars, report and joining of rows, on made-up rows that reach every bar exactly. No torch, no GPU.

Usage: python3 report_test.py"""
import json
import pathlib
import tempfile
import unittest

import bars
import report
import results
from cases import all_cases, select

HEADER = {"kind": "header", "gpu": "GPU", "commit": "abc", "date": "2000-01-01", "torch": "2", "driver": "1", "cold": False, "rounds": 2, "samples": 5, "batch_ms": 15}


def row(case, dense_tflops=500.0):
    """A case at 1 ms with every peer at 30 ms; sparse ones at the speed of their baseline, modifications free."""
    made = {"kind": "case", "case": case.name, "group": case.group, "batch": case.batch, "heads": case.heads, "tokens": case.tokens, "dim": case.dim,
            "flops": 5e11, "config": {"kernel": "k", "tile_queries": 128, "tile_keys": 64, "dtype": "bf16", "ping_pong": True},
            "rounds": {"maskloom": [1.0, 1.0], **{peer: [30.0, 30.0] for peer in case.peers}}, "sm_mhz": 1500, "watts": 690}
    if case.baseline:
        made |= {"baseline": case.baseline.name, "baseline_flops": 5e11}
        made["rounds"]["baseline"] = [1.0, 1.0]
    return made


def verdicts(rows):
    return {what: holds for what, _, _, holds in bars.bars(rows)}


class Report(unittest.TestCase):
    def setUp(self):
        self.rows = [row(case) for case in all_cases()]
        self.by_name = {row["case"]: row for row in self.rows}

    def test_every_bar_names_cases_that_exist(self):
        self.assertEqual(set(verdicts(self.rows).values()), {True})
        self.assertEqual(set(verdicts([]).values()), {None})

    def test_a_slow_case_misses(self):
        self.by_name["causal 2k d128"]["rounds"]["cuDNN"] = [1.0, 1.0]
        self.by_name["ALiBi causal 8k"]["rounds"]["baseline"] = [0.88, 0.88]  # 12 %
        self.by_name["prefix 4096 16k"]["rounds"]["baseline"] = [0.9, 0.9]
        missed = {what for what, holds in verdicts(self.rows).items() if holds is False}
        self.assertEqual(missed, {"cuDNN / ours, dense d 128, each", "ALiBi causal 8k: share of the rate lost", "prefix 4096 16k: TFLOP/s of our dense causal 16k's"})

    def test_a_bar_over_cases_needs_all_of_them_to_pass(self):
        rows = [row for row in self.rows if row["case"] != "full 2k d128"]
        self.assertIsNone(verdicts(rows)["cuDNN / ours, dense d 128, each"])
        self.by_name["causal 2k d128"]["rounds"]["cuDNN"] = [1.0, 1.0]
        self.assertIs(verdicts(rows)["cuDNN / ours, dense d 128, each"], False)

    def test_figures(self):
        case = {"flops": 4e11, "baseline_flops": 1e12, "rounds": {"maskloom": [1.0, 2.0, 4.0], "FA2": [3.0, 8.0, 20.0], "baseline": [2.0, 4.0, 8.0]}}
        self.assertEqual(results.ms(case), 2.0)
        self.assertEqual(results.tflops(case), 200)
        self.assertEqual(results.over(case, "FA2"), 4.0)
        self.assertIsNone(results.over(case, "Flex"))
        self.assertAlmostEqual(results.of_baseline(case), 0.8)
        self.assertAlmostEqual(results.cost(case), -1.0)

    def test_the_report_has_every_case(self):
        text = report.text(HEADER, self.rows + [{"kind": "wrong", "case": "x", "group": "dense", "why": "NaN"}])
        for name in self.by_name:
            self.assertIn(f"| {name} |", text)
        self.assertIn("- x: wrong: NaN", text)
        self.assertIn("30.00*", text)  # window at 128k has no cuDNN of its own
        self.assertIn("k 128x64, ping_pong true", text)

    def test_rows_of_runs_are_joined(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [pathlib.Path(folder) / name for name in ("a", "b", "c")]
            write = lambda file, *rows: file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            write(files[0], HEADER, self.rows[0], self.rows[1])
            write(files[1], HEADER | {"rounds": 9}, self.rows[1] | {"flops": 1}, {"kind": "skipped", "case": self.rows[0]["case"], "group": "dense", "why": ""})
            write(files[2], HEADER | {"commit": "def"}, self.rows[2])
            header, rows = results.read(files[:2])
            self.assertEqual(header["rounds"], 9)
            self.assertEqual([row["flops"] for row in rows], [5e11, 1])
            header, rows = results.read(files)
            groups = [row["group"] for row in self.rows]
            self.assertEqual(header["commit"], f"abc ({', '.join(sorted(set(groups[:2])))}), def ({groups[2]})")
            write(files[2], HEADER | {"gpu": "another"}, self.rows[2])
            with self.assertRaises(SystemExit):
                results.read(files)

    def test_selection(self):
        cases = all_cases()
        names = lambda *only: [case.name for case in select(cases, only)]
        self.assertEqual(len({case.name for case in cases}), len(cases))
        self.assertEqual(names(), [case.name for case in cases])
        self.assertTrue(all(case.group == "sparse" for case in select(cases, ["sparse"])))
        self.assertEqual(names("dense/128k", "sparse/^12"), ["causal 128k d128", "12 documents 32k"])
        self.assertEqual(names("causal 16k d64"), ["causal 16k d64"])
        self.assertEqual(names("nothing"), [])


if __name__ == "__main__":
    unittest.main()
