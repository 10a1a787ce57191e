// The parts of a mask, or of a condition of it, that depend on one position alone.
#pragma once

#include "maskloom/codegen/emit/Dependence.h"
#include "maskloom/codegen/emit/OperationPrinter.h"

#include "llvm/ADT/SetVector.h"

#include <string>
#include <vector>

namespace maskloom::emit {

/// What crosses from the parts on one position to the rest of a mask, and how large the rest is.
class Frontier {
public:
  Frontier(const Dependence &dependence, llvm::ArrayRef<mlir::Value> results);

  llvm::SetVector<mlir::Value> rows, columns;
  int operations = 0, comparisons = 0;
  bool loads = false;
  bool usesQuery = false; ///< the rest reads q itself
};

/// How one part is called in emitted code.
struct PartNames {
  const char *type, *function, *local, *position;
};
constexpr PartNames kRowPart = {"Row", "row", "row", "q"}, kColumnPart = {"Column", "column", "column", "k"};

/// The fields of one part's struct: values and their names, in the order of the function.
struct PartFields {
  PartFields(mlir::func::FuncOp function, const llvm::SetVector<mlir::Value> &chosen);

  /// Appends `struct Row { ... };` and row(), and names the fields. On an operation that has no C++ form
  /// returns false.
  bool print(OperationPrinter &printer, const PartNames &part, std::string &text);

  llvm::SmallVector<mlir::Value> values;
  std::vector<std::string> names;
};

} // namespace maskloom::emit
