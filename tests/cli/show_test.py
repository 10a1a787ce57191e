#!/usr/bin/env python3
"""`maskloom show` as a user meets it: show_test.py MASKLOOM PATTERNS

Every picture is read by a real XML parser, and what is painted in it is measured: where a cell is one tile, the area of each
colour is the number of tiles of that kind.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

MASKLOOM, PATTERNS = map(os.path.abspath, sys.argv[1:3])
SVG = "{http://www.w3.org/2000/svg}"
FULL, PARTIAL, UNCOVERED = "#0072b2", "#e69f00", "#d55e00"
OK, USER_ERROR, USAGE, MACHINE = 0, 1, 2, 3


def write_ints(path, shape, values):
    header = "{'descr': '<i4', 'fortran_order': False, 'shape': (%s,), }" % ", ".join(map(str, shape))
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        out.write(struct.pack("<%di" % len(values), *values))


def area(path):
    """Of rectangles written as M x y h w v h h -w z."""
    number = r"(-?[0-9.]+)"
    rectangles = re.findall(rf"M{number} {number}h{number}v{number}h-{number}z", path)
    assert "".join("M%s %sh%sv%sh-%sz" % r for r in rectangles) == path
    return sum(int(width) * int(height) for _, _, width, height, _ in rectangles)


class Picture:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.root = xml.fromstring(self.bytes)
        self.groups = self.root.findall(SVG + "g")

    def texts(self):
        return [element.text for element in self.root.iter(SVG + "text")]

    @staticmethod
    def painted(group):
        """Area by colour of a group's cells, in cells."""
        return {path.get("fill"): area(path.get("d")) for grid in group.iter(SVG + "svg") for path in grid}


class Show(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def run_show(self, *arguments):
        return subprocess.run([MASKLOOM, "show", *arguments], cwd=self.folder.name, capture_output=True, text=True)

    def show(self, *arguments):
        """The picture and the JSON."""
        result = self.run_show(*arguments, "-o", "p.svg", "--json")
        self.assertEqual(result.returncode, OK, result.stderr)
        picture = Picture(self.path("p.svg"))
        self.check_labels(picture)
        return picture, json.loads(result.stdout)

    def fails(self, code, text, *arguments, output="f.svg"):
        result = self.run_show(*arguments, "-o", output)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertIn(text, result.stderr)
        self.assertFalse(os.path.exists(self.path("f.svg")), "nothing is written on an error")

    def check_labels(self, picture):
        """No text leaves the picture."""
        width, height = (float(picture.root.get(side)) for side in ("width", "height"))
        self.assertEqual(picture.root.get("viewBox"), "0 0 %g %g" % (width, height))
        for element in picture.root.iter(SVG + "text"):
            size, x, y = (float(element.get(name)) for name in ("font-size", "x", "y"))
            self.assertGreaterEqual(size, 8)
            extent = 0.5 * size * len(element.text)
            before = {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")] * extent
            if element.get("transform"):  # upwards
                self.assertGreaterEqual(y + before, 0)
                self.assertLessEqual(y + before, height)
                continue
            self.assertGreaterEqual(x - before, 0, element.text)
            self.assertLessEqual(x - before + extent, width, element.text)
            self.assertLessEqual(y, height, element.text)
            self.assertGreaterEqual(y - size, 0, element.text)

    def check_areas(self, picture, shown):
        """For cells of one tile: the maps' groups come first, then the cover."""
        self.assertEqual(shown["cell"], [1, 1])
        self.assertEqual(len(picture.groups), len(shown["maps"]) + 1)
        for group, head_map in zip(picture.groups, shown["maps"]):
            painted = Picture.painted(group)
            self.assertEqual(painted.pop(FULL, 0), head_map["tiles"]["full"])
            self.assertEqual(painted.pop(PARTIAL, 0), head_map["tiles"]["partial"])
            self.assertEqual(painted, {})
            self.assertEqual(sum(head_map["tiles"].values()), shown["cells"][0] * shown["cells"][1])
        self.check_cover(picture, shown)

    def check_cover(self, picture, shown, whole_tiles=False):
        """Cells that are painted hold the context; those in pure vermilion hold nothing but uncovered columns."""
        painted = Picture.painted(picture.groups[-1])
        keys = shown["tile"][1]
        cover = shown["cover"]
        self.assertGreaterEqual(sum(painted.values()) * keys, cover["columns"])
        uncovered = painted.pop(UNCOVERED, 0) * keys
        self.assertLessEqual(uncovered, cover["uncovered"])
        if whole_tiles:
            self.assertEqual(uncovered, cover["uncovered"])
            self.assertEqual(sum(painted.values()) * keys, cover["columns"] - cover["uncovered"])

    def pattern(self, name):
        return os.path.join(PATTERNS, name + ".mask")

    def test_areas_are_counts(self):
        for arguments in (
            [self.pattern("causal"), "--seq", "1024"],
            [self.pattern("causal"), "--seq", "5"],
            [self.pattern("causal"), "--seq", "1", "--heads", "3"],
            [self.pattern("sink_window"), "--seq", "1000", "--set", "window=150"],
            [self.pattern("sliding_window"), "--seq", "4096"],
            [self.pattern("s2_local_stride"), "--seq", "4096", "--heads", "4"],
            [self.pattern("s2_local_stride"), "--seq", "4096", "--seq-q", "1", "--heads", "4"],
            [self.pattern("s2_local_stride"), "--seq", "64", "--seq-q", "300"],
            [self.pattern("prefix"), "--seq", "600", "--tiles", "64x16"],
            [self.pattern("neighborhood"), "--pattern", "neighborhood_2d", "--tile-keys", "80"],
        ):
            with self.subTest(arguments=arguments):
                self.check_areas(*self.show(*arguments))

    def test_causal_has_the_tiles_of_a_triangle(self):
        picture, shown = self.show(self.pattern("causal"), "--seq", "1024", "--tiles", "16x16")
        self.assertEqual(shown["maps"][0]["tiles"], {"empty": 2016, "partial": 64, "full": 2016})
        self.assertEqual(shown["maps"][0]["visible_pairs"], 1024 * 1025 // 2)
        self.assertEqual(shown["cover"], {"context": "k <= q", "columns": 2080 * 16, "uncovered": 0, "by_tiles": False})
        self.check_cover(picture, shown, whole_tiles=True)

    def test_random_blocks(self):
        source = random.Random(1)
        table = [int(source.random() < 0.2) for _ in range(3 * 32 * 32)]
        write_ints(self.path("t.npy"), (3, 32, 32), table)
        picture, shown = self.show(
            self.pattern("block_table"), "--seq", "4096", "--heads", "3", "--aux", "table=t.npy", "--tiles", "128x128"
        )
        self.check_areas(picture, shown)
        for head in range(3):
            self.assertEqual(shown["maps"][head]["tiles"]["full"], sum(table[head * 1024 : (head + 1) * 1024]))
        nowhere = sum(not (table[i] or table[1024 + i] or table[2048 + i]) for i in range(1024))
        cover = {"context": "every k", "columns": 1024 * 128, "uncovered": nowhere * 128, "by_tiles": True}
        self.assertEqual(shown["cover"], cover)
        self.check_cover(picture, shown, whole_tiles=True)

    def test_documents(self):
        write_ints(self.path("d.npy"), (1, 640), [i // 64 for i in range(640)])
        picture, shown = self.show(
            self.pattern("documents"), "--seq", "640", "--aux", "doc=d.npy", "--tiles", "64x64", "--heads", "5"
        )
        self.check_areas(picture, shown)
        self.assertEqual(shown["maps"][0]["heads"], [0, 1, 2, 3, 4])
        self.assertEqual(shown["maps"][0]["tiles"]["partial"], 10)

    def test_two_groups(self):
        self.write("two.mask", "pattern two { causal; heads 0..2: q - k < 512; heads 3..3: k/64 % 4 == 0; }")
        picture, shown = self.show("two.mask", "--seq", "4096")
        self.check_areas(picture, shown)
        self.assertEqual([m["heads"] for m in shown["maps"]], [[0, 1, 2], [3]])
        for text in ("heads 0..2", "head 3", "all 4 heads together", "key position", "query position", "two"):
            self.assertIn(text, picture.texts())

    def test_nothing_visible(self):
        self.write("none.mask", "pattern nothing { mask none; }")
        picture, shown = self.show("none.mask", "--seq", "1000", "--tiles", "10x10")
        self.check_areas(picture, shown)
        self.assertEqual(shown["cover"]["uncovered"], 10 * 100 * 101 // 2)
        self.check_cover(picture, shown, whole_tiles=True)
        self.assertIn("100 % of the causal context is not covered", picture.texts())

    def test_a_missing_shard_shows(self):
        # 15 heads of 16 shards of 64 keys: every tile of 128 x 128 is visited, and one key in 16 is still in no head.
        stride = [self.pattern("s2_local_stride"), "--seq", "131072"]
        whole, shown = self.show(*stride, "--heads", "16")
        self.assertEqual(shown["cover"]["uncovered"], 0)
        self.assertIn("all of the causal context is covered", whole.texts())
        picture, shown = self.show(*stride, "--heads", "15")
        self.assertFalse(shown["cover"]["by_tiles"])
        self.assertAlmostEqual(shown["cover"]["uncovered"] / shown["cover"]["columns"], 1 / 16, delta=0.001)
        colors = set(Picture.painted(picture.groups[-1])) - set(Picture.painted(whole.groups[-1]))
        red = lambda color: int(color[1:3], 16) - int(color[5:7], 16)
        self.assertTrue(any(red(color) > 40 for color in colors), colors)

    def test_long_sequences_are_fast_and_small(self):
        for arguments, maps in ((["--heads", "16"], 16), (["--heads", "64", "--set", "stride=64"], 64)):
            picture, shown = self.show(self.pattern("s2_local_stride"), "--seq", "131072", *arguments)
            self.assertLess(len(picture.bytes), 1_000_000)
            self.assertEqual(len(shown["maps"]), maps)
            self.assertEqual(len(picture.groups), maps + 1)
            self.assertEqual(shown["cover"]["uncovered"], 0)
            tiles = 1024 * 1024
            self.assertEqual(sum(shown["maps"][0]["tiles"].values()), tiles)
            rows, columns = shown["cells"]
            self.assertEqual([rows * shown["cell"][0], columns * shown["cell"][1]], [1024, 1024])

    def test_small_parts_stay_visible(self):
        # One column of tiles in 1024, of cells of 8 x 8 tiles: still painted, over the whole height.
        self.write("sink.mask", "pattern sink { mask k < 128; }")
        picture, shown = self.show("sink.mask", "--seq", "131072")
        self.assertEqual(shown["cell"], [8, 8])
        self.assertEqual(sum(Picture.painted(picture.groups[0]).values()), 128)
        # And one tile that no head visits, in a plane that is visited otherwise.
        self.write("hole.mask", "pattern hole { mask !(q / 128 == 500 && k / 128 == 700); }")
        picture, shown = self.show("hole.mask", "--seq", "131072")
        self.assertEqual(shown["cover"]["uncovered"], 128)
        self.assertEqual(len(Picture.painted(picture.groups[1])), 2)

    def test_a_part_is_that_part_of_the_whole(self):
        write_ints(self.path("d.npy"), (1, 1024), [i // 100 for i in range(1024)])
        for pattern in (["s2_local_stride", "--heads", "3", "--set", "local=3"], ["documents", "--aux", "doc=d.npy"]):
            problem = [self.pattern(pattern[0]), "--seq", "1024", *pattern[1:], "--tiles", "16x32"]
            whole = subprocess.run([MASKLOOM, "mask", *problem, "--json"], cwd=self.folder.name, capture_output=True, text=True)
            classes = json.loads(whole.stdout)["heads"]
            picture, shown = self.show(*problem, "--query-range", "512..767", "--key-range", "256..639")
            self.check_areas(picture, shown)
            self.assertEqual([shown["queries"], shown["keys"]], [[512, 767], [256, 639]])
            for head_map in shown["maps"]:
                rows = [row[256 // 32 : 640 // 32] for row in classes[head_map["heads"][0]][512 // 16 : 768 // 16]]
                found = {name: sum(row.count(sign) for row in rows) for name, sign in (("empty", "."), ("partial", "%"), ("full", "#"))}
                self.assertEqual(head_map["tiles"], found)
            for text in ("512", "768", "256"):
                self.assertIn(text, picture.texts())
        _, shown = self.show(self.pattern("causal"), "--seq", "1000", "--query-range", "500..999", "--key-range", "0..499")
        self.assertEqual(shown["maps"][0]["visible_pairs"], 500 * 500)
        _, shown = self.show(self.pattern("causal"), "--seq", "1000", "--seq-q", "10", "--query-range", "995")
        self.assertEqual(shown["maps"][0]["visible_pairs"], 996)

    def test_a_close_up_shows_the_shards(self):
        stride = [self.pattern("s2_local_stride"), "--seq", "131072", "--heads", "15"]
        picture, shown = self.show(*stride, "--query-range", "126976..131071", "--key-range", "65536..69631", "--tiles", "64x64")
        self.check_areas(picture, shown)
        self.check_cover(picture, shown, whole_tiles=True)
        self.assertEqual(shown["maps"][0]["tiles"], {"empty": 64 * 60, "partial": 0, "full": 64 * 4})
        self.assertEqual(shown["cover"]["uncovered"], 64 * 4 * 64)

    def test_parts_that_do_not_exist(self):
        causal = [self.pattern("causal"), "--seq", "1000"]
        self.fails(USER_ERROR, "--query-range 500..1000: the positions are 0..999", *causal, "--query-range", "500..1000")
        self.fails(USER_ERROR, "--key-range 8..7: the positions are 0..999", *causal, "--key-range", "8..7")
        self.fails(USER_ERROR, "--key-range: expected an integer, found ''", *causal, "--key-range", "8..")
        self.fails(USER_ERROR, "--query-range 0: the positions are 990..999", *causal, "--seq-q", "10", "--query-range", "0")
        self.write("last.mask", "pattern last { causal; heads 0..0: k >= Sk - 4; heads 1..1: all; }")
        self.fails(USER_ERROR, "the mask of 'last' depends on the lengths", "last.mask", "--seq", "1000", "--key-range", "0..99")

    def test_heads_can_be_chosen(self):
        stride = [self.pattern("s2_local_stride"), "--seq", "8192", "--heads", "200", "--set", "stride=256"]
        self.fails(USER_ERROR, "heads 0..199 have 200 different tile maps, there is room for 64", *stride)
        _, shown = self.show(*stride, "--show-heads", "10..12")
        self.assertEqual([m["heads"] for m in shown["maps"]], [[10], [11], [12]])
        _, shown = self.show(*stride, "--show-heads", "199")
        self.assertEqual([m["heads"] for m in shown["maps"]], [[199]])
        self.fails(USER_ERROR, "the heads are 0..199", *stride, "--show-heads", "200")
        self.fails(USER_ERROR, "--show-heads: expected an integer, found 'x'", *stride, "--show-heads", "x")
        self.fails(USER_ERROR, "heads 4..3 to show", *stride, "--show-heads", "4..3")

    def test_coordinates(self):
        neighborhood = [self.pattern("neighborhood"), "--pattern", "neighborhood_2d", "--coords"]
        picture, shown = self.show(*neighborhood)
        self.assertEqual([w["keys"] for w in shown["windows"]], [169, 169])
        self.assertEqual([Picture.painted(group) for group in picture.groups], [{FULL: 169}, {FULL: 169}])
        self.assertIn("query (24, 40), position 1960: 169 keys seen", picture.texts())

        video = [self.pattern("neighborhood"), "--pattern", "neighborhood_3d", "--coords"]
        picture, shown = self.show(*video, "--query", "15,24,40", "--query", "0", "--heads", "2")
        self.assertEqual([w["query"] for w in shown["windows"]], [(15 * 48 + 24) * 80 + 40, 0])
        planes = picture.groups[0].findall(SVG + "svg")
        self.assertEqual(len(planes), 9)
        painted = [sum(area(path.get("d")) for path in plane) for plane in planes]
        self.assertEqual(painted, [240] * 9)
        self.assertIn("k.0 = 7", picture.texts())

        self.write("line.mask", "pattern line { space (100); mask k.0 / 10 == q.0 / 10; }")
        picture, _ = self.show("line.mask", "--coords", "--query", "33")
        self.assertEqual(Picture.painted(picture.groups[0]), {FULL: 10})
        self.write("four.mask", "pattern four { space (2, 3, 4, 5); mask k.1 == q.1 && k.3 == q.3; }")
        picture, _ = self.show("four.mask", "--coords", "--query", "1,2,3,4")
        self.assertEqual(len(picture.groups[0].findall(SVG + "svg")), 2)
        self.assertIn("k.0, k.1 = 1, 2", picture.texts())
        self.write("blind.mask", "pattern blind { space (4, 4); mask none; }")
        picture, shown = self.show("blind.mask", "--coords", "--query", "1,1")
        self.assertEqual(shown["windows"][0]["keys"], 0)
        self.assertEqual(Picture.painted(picture.groups[0]), {})

    def test_coordinates_that_do_not_fit(self):
        plane = [self.pattern("neighborhood"), "--pattern", "neighborhood_2d"]
        self.fails(USER_ERROR, "coordinate 1 is 80, must be in 0..79", *plane, "--coords", "--query", "3,80")
        self.fails(USER_ERROR, "has 3 coordinates, the token space has 2", *plane, "--coords", "--query", "3,8,1")
        self.fails(USER_ERROR, "expected an integer, found ''", *plane, "--coords", "--query", "3,")
        self.fails(USER_ERROR, "the queries are the positions 0..3839", *plane, "--coords", "--query", "3840")
        self.fails(USER_ERROR, "declares no token space", self.pattern("causal"), "--seq", "100", "--coords")
        self.fails(USAGE, "--coords", *plane, "--query", "3,8")
        self.fails(USAGE, "--tiles", *plane, "--coords", "--tiles", "16x16")
        self.write("deep.mask", "pattern deep { space (100, 4, 4); mask all; }")
        self.fails(USER_ERROR, "more than 64 planes", "deep.mask", "--coords")
        self.write("wide.mask", "pattern wide { space (4096, 4096); mask all; }")
        self.fails(USER_ERROR, "too many to draw", "wide.mask", "--coords")

    def test_bad_input(self):
        self.fails(USER_ERROR, 'cannot read "none.mask"', "none.mask", "--seq", "100")
        self.fails(USER_ERROR, "give --seq N", self.pattern("causal"))
        self.fails(USAGE, "--seq", self.pattern("causal"), "--seq", "0")
        self.fails(USAGE, "--seq", self.pattern("causal"), "--seq", "99999999999999999999")
        self.fails(USAGE, "--seq", self.pattern("causal"), "--seq", "1073741825")
        self.fails(
            USER_ERROR, "tiles are too many to look at", self.pattern("causal"), "--seq", "1073741824", "--tiles", "128x128"
        )
        self.fails(USER_ERROR, "aux tensor 'doc'", self.pattern("documents"), "--seq", "100")
        self.fails(USER_ERROR, "--tiles", self.pattern("causal"), "--seq", "100", "--tiles", "128")
        self.fails(USAGE, "--tile-keys", self.pattern("causal"), "--seq", "100", "--tile-keys", "0")
        self.fails(USAGE, "--tiles", self.pattern("causal"), "--seq", "100", "--tile-keys", "8", "--tiles", "8x8")
        self.fails(USER_ERROR, "choose one with --pattern", self.pattern("neighborhood"), "--seq", "100")
        self.fails(USER_ERROR, "cannot be shared evenly", self.pattern("causal"), "--seq", "9", "--heads", "6", "--kv-heads", "4")
        self.fails(USER_ERROR, "has no parameter 'w'", self.pattern("causal"), "--seq", "100", "--set", "w=1")
        self.fails(USER_ERROR, "expected a name that ends in .svg", self.pattern("causal"), "--seq", "9", output="f.png")
        self.fails(MACHINE, "no/f.svg", self.pattern("causal"), "--seq", "9", output="no/f.svg")
        self.assertEqual(self.run_show(self.pattern("causal"), "--seq", "9").returncode, USAGE)

    def test_the_longest_sequence(self):
        _, shown = self.show(self.pattern("causal"), "--seq", "1073741824")
        self.assertEqual(shown["maps"][0]["visible_pairs"], (2**30 * (2**30 + 1)) // 2)

    def test_an_accessible_picture(self):
        picture, _ = self.show(self.pattern("causal"), "--seq", "1024")
        self.assertEqual(picture.root.find(SVG + "title").text, "Tile maps of causal")
        self.assertIn("head 0: tiles 50.8 %, pairs 50 %", picture.root.find(SVG + "desc").text)
        self.assertEqual(picture.root.get("role"), "img")
        self.assertFalse(list(picture.root.iter(SVG + "script")) + list(picture.root.iter(SVG + "style")))

    def test_prose(self):
        result = self.run_show(self.pattern("causal"), "--seq", "100", "-o", "p.svg")
        self.assertEqual(result.stdout, "p.svg: 1 tile map and what all heads cover\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
