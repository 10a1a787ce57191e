// Places in the user's pattern: from the DSL to MLIR and back.
#pragma once

#include "maskloom/dsl/Diagnostic.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"

namespace maskloom {

mlir::Location toMlir(mlir::MLIRContext *context, const Location &loc);
/// The innermost place in a file; names and fusions are looked through. Unknown: an empty file.
Location fromMlir(mlir::Location loc);
/// An MLIR diagnostic as one of ours, with the line of source for the caret where the file can be read.
Diagnostic fromMlir(mlir::Diagnostic &diagnostic);

} // namespace maskloom
