#!/usr/bin/env python3
"""docs/gallery.md is complete, and all of it can be drawn: gallery_test.py MASKLOOM SOURCE_FOLDER"""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

MASKLOOM, SOURCE = map(os.path.abspath, sys.argv[1:3])
SVG = "{http://www.w3.org/2000/svg}"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Gallery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.entries = {}  # name: text
        for part in re.split(r"^### ", read(os.path.join(SOURCE, "docs", "gallery.md")), flags=re.M)[1:]:
            name, text = part.split("\n", 1)
            assert name not in cls.entries, name
            cls.entries[name] = re.split(r"^## ", text, flags=re.M)[0]
        lines = [line for text in cls.entries.values() for line in re.findall(r"^    (maskloom show .*)", text, flags=re.M)]
        cls.commands = [shlex.split(line) for line in lines]

    def make(self, folder, maskloom):
        script = os.path.join(SOURCE, "scripts", "make_gallery")
        return subprocess.run(
            [sys.executable, "-B", script, "--maskloom", maskloom, "--output", folder], capture_output=True, text=True
        )

    def declared(self):
        """(file, pattern) of every pattern, and of the file itself where it declares none."""
        files = sorted(glob.glob(os.path.join(SOURCE, "examples", "patterns", "*.mask")))
        self.assertGreaterEqual(len(files), 30)
        for path in files:
            file = os.path.basename(path)
            for name in re.findall(r"^pattern (\w+)", read(path), flags=re.M) or [file.removesuffix(".mask")]:
                yield file, name

    def test_every_pattern_has_an_entry(self):
        declared = dict((name, file) for file, name in self.declared())
        self.assertEqual(sorted(declared), sorted(self.entries))
        for name, file in declared.items():
            text = " ".join(self.entries[name].split())
            self.assertIn("File: [%s](../examples/patterns/%s)." % (file, file), text)
            self.assertRegex(text, r"Source: [^.]{8,}")
            self.assertGreater(text.index("Source: "), 20, "%s: what it means comes first" % name)
            self.assertIn("maskloom show examples/patterns/%s" % file, text)

    def test_all_of_it_is_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.make(folder, MASKLOOM)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            pictures = [words[words.index("-o") + 1] for words in self.commands]
            self.assertEqual(len(pictures), len(set(pictures)), "two commands write one picture")
            self.assertEqual(sorted(pictures), sorted(os.path.basename(f) for f in glob.glob(os.path.join(folder, "*.svg"))))
            for picture in pictures:
                root = xml.parse(os.path.join(folder, picture)).getroot()
                self.assertTrue(root.findall(SVG + "g"), picture)
                self.assertTrue(list(root.iter(SVG + "path")), picture + " shows nothing")
            index = read(os.path.join(folder, "index.html"))
            page = xml.fromstring(index.split("\n", 1)[1])  # well-formed, behind the doctype
            self.assertEqual([image.get("src") for image in page.iter("img")], pictures)
            self.assertEqual([heading.text for heading in page.iter("h3")], list(self.entries))

    def test_a_command_that_fails_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.make(folder, "/bin/false")
        self.assertEqual(result.returncode, 1)
        self.assertIn("0 pictures", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
