// maskloom-opt: parse, verify, run passes, print. Reads reproducers with --run-reproducer.
#include "maskloom/codegen/Passes.h"
#include "maskloom/codegen/ir/MaskDialect.h"
#include "maskloom/codegen/ir/TileDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<maskloom::mask::MaskDialect, maskloom::tile::TileDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect>();
  maskloom::registerMaskloomPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Maskloom's dialects and passes\n", registry));
}
