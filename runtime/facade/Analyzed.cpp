#include "maskloom/facade/Analyzed.h"

#include "maskloom/codegen/Compile.h"
#include "maskloom/facade/Error.h"

namespace maskloom {

Program analyzed(const Pattern &pattern, TileShape tile, const std::map<std::string, int64_t> &values) {
  CodegenResult result = analyze(pattern, tile, values);
  if (!result.internalError.empty())
    throw Error(ErrorKind::Internal, "internal error, our fault, not the pattern's: " + result.internalError,
                result.reproducer);
  if (!result.program) throw Error(ErrorKind::User, render(result.diagnostics));
  return std::move(*result.program);
}

} // namespace maskloom
