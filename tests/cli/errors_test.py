#!/usr/bin/env python3
"""docs/errors.md lists every message, and none that is gone: errors_test.py SOURCE_FOLDER

A message is the text that the sources hold, with {} where a name or a number comes in. It is found in two ways:
  - as the message argument of the functions that make diagnostics and errors (MAKERS);
  - in the files of WHOLE_FILES, which return their problems as text: every literal of at least three words.
The first code span of each table row of the page is compared with what is found.
"""
import glob
import os
import re
import sys
import unittest

SOURCE = os.path.abspath(sys.argv[1])
PAGE = os.path.join(SOURCE, "docs", "errors.md")

# Function: which argument is the message, counted from 0. Several: the first that is made of a text.
MAKERS = {
    "makeError": [1],  # (place, message, hint)
    "makeNote": [1],
    "error": [0, 1],  # without and with a place
    "note": [1],
    "fail": [0, 1],
    "fault": [1],  # (argument, message, hint)
    "faultOf": [0],
    "makeFault": [1],  # (type, {message, hint, ..})
    "add": [2],  # of Legality: (argument, entry, message, hint)
    "report": [1],
    "reject": [0],
    "overflow_error": [0],
    "domain_error": [0],
    "Error": [1],  # (kind, message)
    "ValidationError": [0],  # CLI11's, of the command line
    "userError": [0],
    "print": [1],  # (stderr, message)
}
MADE_IN = [
    "dsl/*.cpp",
    "runtime/facade/*.cpp",
    "runtime/cli/*.cpp",
    "runtime/program/JsonReader.h",
    "runtime/program/ProgramJsonReader.cpp",
    "codegen/Import.cpp",
    "codegen/Compile.cpp",
]
WHOLE_FILES = [
    "runtime/device/*.cpp",
    "runtime/cpu/Executor.cpp",
    "runtime/cpu/ObjectLinker.cpp",
    "runtime/program/ProgramJsonReader.cpp",
    "codegen/RangeAnalysis.cpp",
    "codegen/analysis/Prove.cpp",
    "codegen/analysis/Question.cpp",
    "codegen/analysis/DeriveRuns.cpp",
]
# In whole files, what is no message of its own.
NO_MESSAGES = [
    "runtime/device/Resources.cpp",  # parses what ptxas prints
    "runtime/device/NvrtcSearch.cpp",  # names the places for NVRTC's one message
    "maskloom {} {}",  # goes into a key
    "maskloom: warning: %s\\n",  # stands before each warning
    # Parts of other messages:
    "emission of CUDA C++ (",
    "emission of the CPU object (",
    "or set MASKLOOM_CACHE_TRUST=1 if you trust everybody who can",
    "left where it is",
    " for kernel '{}' on {} ({}): was it compiled for this GPU?",
    " ({} bytes for the plan bitmap)",
    "at least 2^",
    "\\nFound, but not usable:",
    # Hints:
    "declare narrower parameter ranges, or make the constants smaller",
    "state the property for the part of the mask without aux tensors, or check it for the contents at hand (maskloom mask)",
    "make one factor of every product a constant, or declare the parameter in a divisor",
    "smaller constants, or fewer different divisors",
    "fewer cases: narrower ranges of parameters, fewer bands, min, max and abs, divisors that divide each other; or give every head "
    "group its own pattern",
]

# Literals (adjacent ones are one), names, and single signs.
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"\((?P<raw>.*?)\)"|"(?P<text>(?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)+'|(?P<name>[A-Za-z_]\w*)|\d[\w'.]*|\S""",
    re.S,
)


def tokens_of(path):
    """[("text" | "name" | "sign", value)]"""
    with open(path, encoding="utf-8") as file:
        source = re.sub(r"^\s*#include.*$", "", file.read(), flags=re.M)
    tokens = []
    for match in TOKEN.finditer(source):
        if match["text"] is not None or match["raw"] is not None:
            text = match["raw"] if match["text"] is None else match["text"].replace('\\"', '"').replace("\\\\", "\\")
            if tokens and tokens[-1][0] == "text":
                text = tokens.pop()[1] + text
            tokens.append(("text", text))
        elif match["name"]:
            tokens.append(("name", match["name"]))
        elif not match[0].startswith(("//", "/*")):
            tokens.append(("sign", match[0]))
    return tokens


def arguments_of(tokens, begin):
    """The arguments of the call whose '(' is at begin, as lists of tokens."""
    arguments, depth = [[]], 0
    for kind, value in tokens[begin:]:
        if kind == "sign" and value in "([{":
            depth += 1
            if depth == 1:
                continue
        elif kind == "sign" and value in ")]}":
            depth -= 1
            if depth == 0:
                return arguments
        elif kind == "sign" and value == "," and depth == 1:
            arguments.append([])
            continue
        arguments[-1].append((kind, value))
    return arguments


def messages_of(argument):
    """The texts of one argument: of a call inside it only the first, the others are what is filled in."""
    found, depths = [], [True]  # whether a text counts, by depth of parentheses
    for kind, value in argument:
        if kind == "sign" and value in "([{":
            depths.append(True)
        elif kind == "sign" and value in ")]}":
            depths.pop()
        elif kind == "sign" and value == "," and len(depths) > 1:
            depths[-1] = False
        elif kind == "text" and all(depths):
            found.append(value)
    return found


def constants():
    """Messages that have a name: {"kTooLarge": text}"""
    found = {}
    for path in glob.glob(os.path.join(SOURCE, "dsl", "*.h")):
        tokens = tokens_of(path)
        for i in range(len(tokens) - 2):
            if tokens[i][0] == "name" and tokens[i + 1] == ("sign", "=") and tokens[i + 2][0] == "text":
                found[tokens[i][1]] = tokens[i + 2][1]
    return found


def is_sentence(text, words):
    return len(re.findall(r"[^\s]+", text)) >= words and re.search(r"[a-z]{2}", text)


def found_messages():
    """{message: file}"""
    found = {}

    def add(text, path):
        text = " ".join(text.replace("\\n", " ").split()).replace("{{", "{").replace("}}", "}")
        found.setdefault(text.rstrip(": "), path)

    named = constants()
    for path in sources(MADE_IN):
        tokens = [("text", named[value]) if value in named else (kind, value) for kind, value in tokens_of(os.path.join(SOURCE, path))]
        for i, (kind, value) in enumerate(tokens[:-3]):
            if tokens[i + 1 : i + 4] == [("sign", "("), ("sign", "{"), ("name", "Severity")]:  # push_back({severity, place, message, ..})
                candidates = [arguments_of(tokens, i + 2)[2]]
            elif kind == "name" and value in MAKERS and tokens[i + 1] in (("sign", "("), ("sign", "{")):
                arguments = arguments_of(tokens, i + 1)
                if value == "print" and arguments[0] != [("name", "stderr")]:
                    continue
                candidates = [arguments[position] for position in MAKERS[value] if position < len(arguments)]
            else:
                continue
            for argument in candidates:
                texts = [text for text in messages_of(argument) if is_sentence(text, 2) and text not in NO_MESSAGES]
                for text in texts:
                    add(text, path)
                if texts:
                    break
    for path in sources(WHOLE_FILES):
        for kind, value in tokens_of(os.path.join(SOURCE, path)):
            if kind == "text" and is_sentence(value, 3) and path not in NO_MESSAGES and value not in NO_MESSAGES:
                add(value, path)
    return found


def sources(patterns):
    for pattern in patterns:
        files = sorted(glob.glob(os.path.join(SOURCE, pattern)))
        assert files, "no file is called %s any more" % pattern
        for file in files:
            yield os.path.relpath(file, SOURCE)


def listed_messages():
    """The first code span of each row of the page's tables, in order."""
    listed = []
    with open(PAGE, encoding="utf-8") as page:
        for line in page:
            span = re.match(r"\| (`+) ?(.*?) ?\1 \|", line)
            if span:
                listed.append(span[2].replace("\\|", "|"))
    return listed


class Errors(unittest.TestCase):
    def test_every_message_is_listed(self):
        listed = set(listed_messages())
        missing = ["%s: %s" % (path, message) for message, path in found_messages().items() if message not in listed]
        self.assertEqual(missing, [], "add a row to docs/errors.md")

    def test_every_listed_message_exists(self):
        found = found_messages()
        gone = [message for message in listed_messages() if message not in found]
        self.assertEqual(gone, [], "no source says this any more")

    def test_none_is_listed_twice(self):
        listed = listed_messages()
        self.assertEqual([message for message in set(listed) if listed.count(message) > 1], [])

    def test_messages_are_found(self):
        """The search itself: one message of each kind of call."""
        found = found_messages()
        self.assertGreater(len(found), 200)
        for message, path in (
            ("the pattern has no mask", "dsl/Check.cpp"),
            ("this integer does not fit in 64 bits", "dsl/Lexer.cpp"),
            ("unexpected character '{}'", "dsl/Lexer.cpp"),
            ("batch is {}, must be at least 1", "dsl/CheckProblem.cpp"),
            ("the tensor '{}' must have one entry a token", "dsl/Masks.cpp"),
            ("axis {}: the window is {}, must be at least 2", "dsl/Neighborhood.cpp"),
            ("expected parameter '{}' in {}..{}, found {}", "codegen/Import.cpp"),
            ("{} has no data", "runtime/facade/CallArguments.cpp"),
            ("no GPU", "runtime/facade/Attention.cpp"),
            ("{}: cannot be written: {}", "runtime/cli/KernelArguments.cpp"),
            ("kernels are not kept on disk: {}", "runtime/device/KernelCache.cpp"),
        ):
            self.assertEqual(found.get(message), path, message)
        for hint in ("add a mask, or 'mask all;'", "close it with '\"' on the same line", "write '{}'"):
            self.assertNotIn(hint, found)

    def test_rows_say_what_to_do(self):
        with open(PAGE, encoding="utf-8") as page:
            for line in page:
                if re.match(r"\| `", line):
                    cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
                    self.assertEqual(len(cells), 3, line)
                    for cell in cells:
                        self.assertGreater(len(cell.strip()), 2, line)


if __name__ == "__main__":
    if sys.argv[2:] == ["--list"]:
        for message, path in found_messages().items():
            print("%-40s %s" % (path, message))
    else:
        unittest.main(argv=sys.argv[:1])
