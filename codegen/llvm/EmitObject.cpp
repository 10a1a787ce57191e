#include "maskloom/codegen/llvm/EmitObject.h"

#include "maskloom/codegen/llvm/CompileObject.h"
#include "maskloom/codegen/llvm/TranslateFunction.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace maskloom {

bool emitObject(mlir::ModuleOp lowered, Program &program, std::string &error) {
  llvm::LLVMContext context;
  llvm::Module module("maskloom", context);
  size_t groups = 0;
  for (;; ++groups) {
    auto function = lowered.lookupSymbol<mlir::func::FuncOp>("visible_" + std::to_string(groups));
    if (!function) break;
    if (!translateMask(function, module, "maskloom_mask_" + std::to_string(groups), error)) return false;
  }
  if (groups == 0) {
    error = "the lowered module has no function 'visible_0'";
    return false;
  }
  if (auto function = lowered.lookupSymbol<mlir::func::FuncOp>("score"))
    if (!translateScore(function, module, "maskloom_score", error)) return false;
  return compileObject(module, program.cpuObject, error);
}

} // namespace maskloom
