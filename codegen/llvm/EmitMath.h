// exp2, exp and tanh as straight-line LLVM IR: a loop that calls libm is not vectorised, and soft-capped
// scores would spend most of their time there. To 2 ulp; infinities, NaN and subnormal results as libm has
// them.
#pragma once

#include "llvm/IR/IRBuilder.h"

namespace maskloom {

llvm::Value *emitExp2(llvm::IRBuilder<> &builder, llvm::Value *x);
llvm::Value *emitExp(llvm::IRBuilder<> &builder, llvm::Value *x);
llvm::Value *emitTanh(llvm::IRBuilder<> &builder, llvm::Value *x);

} // namespace maskloom
