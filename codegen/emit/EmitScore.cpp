#include "maskloom/codegen/emit/EmitScore.h"

#include "maskloom/codegen/emit/EmitFunction.h"
#include "maskloom/codegen/emit/OperationPrinter.h"
#include "maskloom/codegen/emit/ScoreParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <fmt/format.h>

namespace maskloom::emit {
namespace {

namespace arith = mlir::arith;

/// What is computed less often than once a point, and kept.
struct Kept {
  llvm::SetVector<mlir::Value> scalars; ///< the same for a (batch entry, head)
  llvm::SetVector<mlir::Value> rows;    ///< the same for a q
  llvm::SetVector<mlir::Value> origins; ///< positions as floats, at a row's origin
};

class KeptFinder {
public:
  /// With `byRow`, `roots` are computed point by point, and rows keep what they can.
  KeptFinder(const Dependence &dependence, llvm::ArrayRef<mlir::Value> roots, bool byRow)
      : dependence_(dependence) {
    llvm::SmallVector<std::pair<mlir::Value, bool>> open; // bool: computed once a row anyway
    for (mlir::Value root : roots)
      if (root) open.push_back({root, !byRow});
    while (!open.empty()) {
      auto [value, inRow] = open.pop_back_val();
      mlir::Operation *op = value.getDefiningOp();
      if (!op || !seen_[inRow].insert(value).second) continue;
      bool isScalar = dependence_.positions(value) == kNoPosition && !dependence_.onScore(value);
      if (isScalar && isDear(op)) {
        kept.scalars.insert(value);
        continue;
      }
      if (!inRow && !isScalar && !dependence_.onScore(value)) {
        if (mlir::isa<arith::SIToFPOp>(op) && (dependence_.positions(value) & kOnKey) &&
            keyCoefficient(op->getOperand(0), dependence_)) {
          kept.origins.insert(value);
          inRow = true;
        } else if (dependence_.positions(value) == kOnQuery && !mlir::isa<arith::ExtSIOp>(op)) {
          kept.rows.insert(value);
          inRow = true;
        }
      }
      for (mlir::Value operand : op->getOperands()) open.push_back({operand, inRow});
    }
  }

  Kept kept;

private:
  /// Loads, and what is more than a few instructions.
  bool isDear(mlir::Operation *op) const {
    return dependence_.loads(op->getResult(0)) ||
           mlir::isa<arith::DivFOp, mlir::math::ExpOp, mlir::math::Exp2Op, mlir::math::LogOp,
                     mlir::math::SqrtOp, mlir::math::TanhOp>(op);
  }

  const Dependence &dependence_;
  llvm::DenseSet<mlir::Value> seen_[2]; ///< by whether they are computed once a row
};

class ScorePrinter {
public:
  ScorePrinter(mlir::func::FuncOp function, const Program &program)
      : function_(function), program_(program) {}

  std::string text, error;

  /// ScoreScalars, ScoreRow: the struct, and the function `name` that fills it.
  bool parts(const char *type, const char *name, const char *parameters, llvm::ArrayRef<mlir::Value> values) {
    OperationPrinter printer(function_, program_);
    bind(printer);
    Names names;
    std::string members, assignments;
    std::vector<Field> fields;
    if (!printer.require(values)) return failed(printer);
    for (mlir::Value value : values) {
      std::string field = fieldName(printer, value, names);
      members += fmt::format("    {} {};\n", typeName(value.getType()), field);
      assignments += fmt::format("    kept.{} = {};\n", field, printer.text(value).text);
      fields.push_back({value, fmt::format("{}.{}", name == kScalars ? "scalars" : "row", field)});
    }
    text += values.empty() ? fmt::format("  struct {} {{}};\n", type)
                           : fmt::format("  struct {} {{\n{}  }};\n", type, members);
    text += fmt::format("  static MASKLOOM_DEVICE {} {}({}) {{\n", type, name, parameters);
    text += unused(parameters);
    text += values.empty() ? "    return {};\n  }\n"
                           : fmt::format("{}    {} kept;\n{}    return kept;\n  }}\n", printer.locals(), type,
                                         assignments);
    fields_.insert(fields_.end(), fields.begin(), fields.end());
    return true;
  }

  /// A member function that returns `values`, in braces when they are several. Null is 0.
  bool function(const char *type, const char *name, const char *parameters,
                llvm::ArrayRef<mlir::Value> values) {
    OperationPrinter printer(function_, program_);
    bind(printer);
    for (auto [value, coefficient] : origins_) shift(printer, value, coefficient);
    llvm::SmallVector<mlir::Value> present;
    for (mlir::Value value : values)
      if (value) present.push_back(value);
    if (!printer.require(present)) return failed(printer);
    std::string result;
    for (mlir::Value value : values)
      result += (result.empty() ? "" : ", ") + (value ? printer.text(value).text : "0.0f");
    if (values.size() > 1) result = "{" + result + "}";
    text += fmt::format("  static MASKLOOM_DEVICE {} {}({}) {{\n{}{}    return {};\n  }}\n", type, name,
                        parameters, unused(parameters), printer.locals(), result);
    return true;
  }

  /// `value`, a field of the row, is read at the point, `coefficient` * x further.
  void addOrigin(mlir::Value value, int64_t coefficient) { origins_.push_back({value, coefficient}); }

  static constexpr const char *kScalars = "score_scalars", *kRow = "score_row";

private:
  struct Field {
    mlir::Value value;
    std::string text;
  };

  /// After the integer that a float is, 'inverse' of what is divided by.
  static std::string fieldName(const OperationPrinter &printer, mlir::Value value, Names &names) {
    mlir::Operation *op = value.getDefiningOp();
    if (auto division = mlir::dyn_cast<arith::DivFOp>(op))
      if (division.getLhs().getDefiningOp<arith::ConstantOp>()) return names.fresh("inverse");
    if (mlir::isa<arith::SIToFPOp>(op) && op->getOperand(0).getDefiningOp())
      return printer.nameFor(op->getOperand(0), names);
    return printer.nameFor(value, names);
  }

  void bind(OperationPrinter &printer) const {
    for (const Field &field : fields_) printer.bind(field.value, field.text);
  }

  static void shift(OperationPrinter &printer, mlir::Value value, int64_t coefficient) {
    CppExpr origin = {printer.text(value).text};
    CppExpr shifted;
    if (coefficient == 1 || coefficient == -1)
      shifted = binary(origin, coefficient < 0 ? "-" : "+", {"x"}, Precedence::Additive);
    else
      shifted = {fmt::format("fmaf({}.0f, x, {})", coefficient, origin.text)};
    std::string name = origin.text.substr(origin.text.find('.') + 1);
    printer.bind(value, printer.local("float", name, shifted).text);
  }

  /// '(void)c, (void)scalars;' for what a body may leave out.
  static std::string unused(llvm::StringRef parameters) {
    std::string names;
    while (!parameters.empty()) {
      auto [first, rest] = parameters.split(", ");
      names += fmt::format("{}(void){}", names.empty() ? "" : ", ",
                           first.drop_front(first.find_last_of(" &") + 1).str());
      parameters = rest;
    }
    return "    " + names + ";\n";
  }

  bool failed(const OperationPrinter &printer) {
    error = printer.error();
    return false;
  }

  mlir::func::FuncOp function_;
  const Program &program_;
  std::vector<Field> fields_;
  std::vector<std::pair<mlir::Value, int64_t>> origins_;
};

llvm::SmallVector<mlir::Value> inOrder(mlir::func::FuncOp function,
                                       const llvm::SetVector<mlir::Value> &values) {
  llvm::SmallVector<mlir::Value> ordered;
  for (mlir::Operation &op : function.getBody().front())
    if (op.getNumResults() == 1 && values.contains(op.getResult(0))) ordered.push_back(op.getResult(0));
  return ordered;
}

constexpr const char *kScalarParameters = "const Context &c";
constexpr const char *kFormParameters = "const Context &c, const ScoreScalars &scalars";
constexpr const char *kRowParameters = "const Context &c, const ScoreScalars &scalars, int q, int k";
constexpr const char *kPointParameters =
    "float s, const Context &c, const ScoreScalars &scalars, const ScoreRow &row, int q, int k, float x";

/// The members of an affine or a capped score.
bool printFolded(mlir::func::FuncOp score, const ScoreParts &parts, const Dependence &dependence,
                 ScorePrinter &printer) {
  Kept kept = KeptFinder(dependence, {parts.factor, parts.base, parts.slope, parts.gain}, false).kept;
  if (!printer.parts("ScoreScalars", ScorePrinter::kScalars, kScalarParameters, inOrder(score, kept.scalars)))
    return false;
  if (parts.capped)
    return printer.function("SoftCap", "soft_cap", kFormParameters, {parts.factor, parts.gain});
  return printer.function("float", "score_factor", kFormParameters, {parts.factor}) &&
         printer.function("ScoreBias", "score_bias", kRowParameters, {parts.base, parts.slope});
}

/// The members of a score that is computed point by point.
bool printGeneral(mlir::func::FuncOp score, ScorePrinter &printer) {
  Dependence dependence(score);
  mlir::Value result = score.getBody().front().getTerminator()->getOperand(0);
  Kept kept = KeptFinder(dependence, {result}, true).kept;
  if (!printer.parts("ScoreScalars", ScorePrinter::kScalars, kScalarParameters, inOrder(score, kept.scalars)))
    return false;
  llvm::SetVector<mlir::Value> rows = kept.rows;
  rows.insert(kept.origins.begin(), kept.origins.end());
  if (!printer.parts("ScoreRow", ScorePrinter::kRow, kRowParameters, inOrder(score, rows))) return false;
  for (mlir::Value origin : kept.origins)
    printer.addOrigin(origin, *keyCoefficient(origin.getDefiningOp()->getOperand(0), dependence));
  return printer.function("float", "score", kPointParameters, {result});
}

std::string formLine(const char *form) {
  return fmt::format("  static constexpr ScoreForm kScoreForm = ScoreForm::{};\n", form);
}

} // namespace

bool emitScore(mlir::func::FuncOp score, const Program &program, std::string &text, std::string &error) {
  if (!score) {
    text = formLine("kPlain") +
           "  static MASKLOOM_DEVICE float score(float s, const Context &, int, int) { return s; }\n";
    return true;
  }
  std::string whole;
  if (!emitFunction(score, "score", program, whole, error)) return false;

  mlir::OwningOpRef<mlir::func::FuncOp> copy = score.clone(); // grows, while the module stays as it is
  Dependence dependence(*copy);
  std::optional<ScoreParts> parts = scoreParts(*copy, dependence);
  if (!parts) {
    copy = score.clone();
    prepareForRows(*copy);
  }
  ScorePrinter printer(*copy, program);
  if (!(parts ? printFolded(*copy, *parts, dependence, printer) : printGeneral(*copy, printer))) {
    error = printer.error;
    return false;
  }
  text = formLine(!parts ? "kGeneral" : parts->capped ? "kCapped" : "kAffine") + printer.text + whole;
  return true;
}

} // namespace maskloom::emit
