#include "maskloom/codegen/Locations.h"

#include "mlir/IR/Builders.h"

#include <fstream>

namespace maskloom {

mlir::Location toMlir(mlir::MLIRContext *context, const Location &loc) {
  if (loc.file.empty() || loc.line == 0) return mlir::UnknownLoc::get(context);
  return mlir::FileLineColLoc::get(context, loc.file, loc.line, loc.column);
}

Location fromMlir(mlir::Location loc) {
  auto place = loc->findInstanceOf<mlir::FileLineColLoc>();
  if (!place) return {};
  return {place.getFilename().str(), place.getLine(), place.getColumn()};
}

static std::string lineOf(const Location &loc) {
  std::ifstream file(loc.file);
  std::string line;
  for (unsigned i = 0; i < loc.line; ++i)
    if (!std::getline(file, line)) return {};
  return line;
}

Diagnostic fromMlir(mlir::Diagnostic &diagnostic) {
  Diagnostic result;
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Error: result.severity = Severity::Error; break;
  case mlir::DiagnosticSeverity::Warning: result.severity = Severity::Warning; break;
  case mlir::DiagnosticSeverity::Remark: result.severity = Severity::Remark; break;
  case mlir::DiagnosticSeverity::Note: result.severity = Severity::Note; break;
  }
  result.loc = fromMlir(diagnostic.getLocation());
  result.message = diagnostic.str();
  for (mlir::Diagnostic &note : diagnostic.getNotes()) {
    if (!result.hint.empty()) result.hint += "; ";
    result.hint += note.str();
  }
  if (result.loc.line != 0) result.sourceLine = lineOf(result.loc);
  return result;
}

} // namespace maskloom
