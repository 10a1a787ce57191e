// libFuzzer's entry: any bytes are a pattern file. See docs/language.md, Limits, for what bounds the work.
#include "tests/support/FrontProperties.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string broken = maskloom::testing::brokenProperty({reinterpret_cast<const char *>(data), size});
  if (broken.empty()) return 0;
  std::fprintf(stderr, "%s\n", broken.c_str());
  std::abort();
}
