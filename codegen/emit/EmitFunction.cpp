#include "maskloom/codegen/emit/EmitFunction.h"

#include "maskloom/codegen/emit/OperationPrinter.h"

#include <fmt/format.h>

namespace maskloom::emit {

bool emitFunction(mlir::func::FuncOp function, const std::string &name, const Program &program,
                  std::string &text, std::string &error) {
  if (function.isExternal() || !llvm::hasSingleElement(function.getBody())) {
    error = fmt::format("emission: function '{}' must have one block", function.getName().str());
    return false;
  }
  mlir::Block &block = function.getBody().front();
  mlir::Value result = block.getTerminator()->getOperand(0);
  OperationPrinter printer(function, program);
  if (!printer.require(result)) {
    error = printer.error();
    return false;
  }
  bool isScore = block.getNumArguments() == 3;
  text = fmt::format("  static MASKLOOM_DEVICE {} {}({}const Context &c, int q, int k) {{\n"
                     "    (void)c, (void)q, (void)k;\n{}    return {};\n  }}\n",
                     isScore ? "float" : "bool", name, isScore ? "float s, " : "", printer.locals(),
                     printer.text(result).text);
  return true;
}

} // namespace maskloom::emit
