"""Each count of masks.py against counting every pair, and the bars and the report on made-up rows. No torch, no GPU.

Usage: python3 masks_test.py"""
import random
import unittest

import masks


def count(mask, heads, n):
    return sum(bool(mask(0, h, q, k)) for h in range(heads) for q in range(n) for k in range(n))


class Table(dict):
    """Indexed like a tensor: table[a, b, c]."""


class Pairs(unittest.TestCase):
    def test_full_and_causal(self):
        for n in (1, 2, 17):
            self.assertEqual(masks.full_pairs(n), count(lambda b, h, q, k: True, 1, n))
            self.assertEqual(masks.causal_pairs(n), count(masks.causal, 1, n))

    def test_window(self):
        for n in (1, 7, 40):
            for size in (1, 5, 39, 40, 41, 100):
                for sink in (0, 1, 4, 39, 60):
                    with self.subTest(n=n, size=size, sink=sink):
                        self.assertEqual(masks.window_pairs(n, size, sink), count(masks.window(size, sink), 1, n))

    def test_local_stride(self):
        for heads, blocks, block, local, stride in ((5, 12, 4, 2, 3), (3, 9, 2, 1, 16), (4, 6, 4, 6, 4), (1, 20, 1, 3, 1), (7, 11, 3, 4, 5)):
            with self.subTest(heads=heads, blocks=blocks, block=block, local=local, stride=stride):
                self.assertEqual(masks.local_stride_pairs(heads, blocks * block, block, local, stride),
                                 count(masks.local_stride(block, local, stride), heads, blocks * block))

    def test_documents(self):
        for lengths in ((1,), (3, 1, 9), (5, 5, 5)):
            ids = [number for number, length in enumerate(lengths) for _ in range(length)]
            doc = Table({(0, token): number for token, number in enumerate(ids)})
            for is_causal in (False, True):
                self.assertEqual(masks.documents_pairs(lengths, is_causal), count(masks.documents(doc, is_causal), 1, len(ids)))
        for is_causal in (False, True):
            self.assertEqual(masks.documents_pairs([6] * 4, is_causal), count(masks.equal_documents(6, is_causal), 1, 24))

    def test_prefix(self):
        for n in (1, 30):
            for size in (0, 1, 11, n):
                self.assertEqual(masks.prefix_pairs(n, size), count(masks.prefix(size), 1, n))

    def test_block_table(self):
        generator, heads, blocks, block = random.Random(1), 3, 7, 4
        table = Table({(h, q, k): int(q == k and h < 2 or generator.random() < 0.4) for h in range(heads) for q in range(blocks) for k in range(blocks)})
        below = sum(seen for (h, q, k), seen in table.items() if q > k)
        diagonal = sum(seen for (h, q, k), seen in table.items() if q == k)
        self.assertEqual(masks.block_table_pairs(below, diagonal, block), count(masks.block_table(table, block), heads, blocks * block))


if __name__ == "__main__":
    unittest.main()
