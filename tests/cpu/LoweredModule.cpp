#include "tests/cpu/LoweredModule.h"

#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/codegen/llvm/EmitObject.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

namespace maskloom::testing {

std::string compileLowered(const std::string &text, Program &program) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                      tile::TileDialect>();
  std::string error;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { error += diagnostic.str(); });
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) return error.empty() ? "does not parse" : error;
  if (!emitObject(*module, program, error)) return error.empty() ? "unknown failure" : error;
  return {};
}

} // namespace maskloom::testing
