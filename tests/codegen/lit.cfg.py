# Tests of dialects and passes: RUN lines with maskloom-opt and FileCheck.
import os

import lit.formats

config.name = "maskloom"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.environ["MASKLOOM_LIT_OUTPUT"]
tools = [os.environ["MASKLOOM_OPT_DIR"], os.environ["MASKLOOM_LLVM_TOOLS"]]
config.environment["PATH"] = os.pathsep.join(tools + [config.environment["PATH"]])
