// libFuzzer's entry: any bytes spell an expression tree, which goes through canonical form, printing,
// parsing, interpreter, predicates and the classes of boxes.
#include "tests/support/PipelineProperties.h"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string broken = maskloom::testing::brokenPipeline(data, size);
  if (broken.empty()) return 0;
  std::fprintf(stderr, "%s\n", broken.c_str());
  std::abort();
}
