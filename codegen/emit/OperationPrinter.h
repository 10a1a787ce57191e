// Lowered operations as C++ expressions and locals: what masks, their parts and scores are printed with.
#pragma once

#include "maskloom/codegen/emit/CppText.h"
#include "maskloom/program/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <memory>
#include <string>

namespace maskloom::emit {

/// The body of one C++ function over some of the values of a lowered function. Values used once become part
/// of their user's expression; values used several times, parameters and overlong expressions become locals,
/// named by their NameLoc where they have one, else after what they compute.
class OperationPrinter {
public:
  /// `program` names parameters and auxiliary tensors. The arguments of `function` are called as in
  /// emitted code: s, q, k.
  OperationPrinter(mlir::func::FuncOp function, const Program &program);
  ~OperationPrinter();

  /// From here on `value` is read as `text`, which costs nothing to repeat.
  void bind(mlir::Value value, const std::string &text);
  /// Prints what `roots` need and is not printed yet, in the order of the function. With `asNames`, roots
  /// that are more than a name or a number become locals. On an operation that has no C++ form returns false.
  bool require(llvm::ArrayRef<mlir::Value> roots, bool asNames = false);
  /// A value that was required or bound.
  const CppExpr &text(mlir::Value value) const;
  /// The name that `value` would get as a local, made unique among `names`.
  std::string nameFor(mlir::Value value, Names &names) const;
  /// A local that holds an expression of the caller's.
  CppExpr local(const char *type, const std::string &name, const CppExpr &value);

  /// The locals so far, one a line, indented by four spaces.
  const std::string &locals() const;
  const std::string &error() const; ///< why require() failed

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The C++ type of a lowered value: bool, float, int, long long.
const char *typeName(mlir::Type type);

} // namespace maskloom::emit
