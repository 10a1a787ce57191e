#include "maskloom/codegen/ir/TileDialect.h"

#include "maskloom/codegen/ir/AffineText.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstdint>

using namespace mlir;
using namespace maskloom::tile;

#include "maskloom-ir/TileDialect.cpp.inc"
#include "maskloom-ir/TileEnums.cpp.inc"

//===-- Pieces of the assembly formats ------------------------------------------------------------------===//

namespace {

ParseResult parseAffineForm(AsmParser &parser, SmallVector<int64_t> &form) {
  return maskloom::tile::parseAffine(parser, form);
}
void printAffineForm(AsmPrinter &printer, ArrayRef<int64_t> form) {
  maskloom::tile::printAffine(printer.getStream(), form);
}

ParseResult parseQuotient(AsmParser &parser, SmallVector<int64_t> &numerator, int64_t &denominator) {
  denominator = 1;
  if (failed(parser.parseOptionalLParen())) return maskloom::tile::parseAffine(parser, numerator);
  return failure(failed(maskloom::tile::parseAffine(parser, numerator)) || parser.parseRParen() ||
                 parser.parseSlash() || parser.parseInteger(denominator));
}
void printQuotient(AsmPrinter &printer, ArrayRef<int64_t> numerator, int64_t denominator) {
  if (denominator == 1) return maskloom::tile::printAffine(printer.getStream(), numerator);
  printer << "(";
  maskloom::tile::printAffine(printer.getStream(), numerator);
  printer << ") / " << denominator;
}

// Keywords, because `>` would end the attribute.
ParseResult parseRelation(AsmParser &parser, bool &equality) {
  equality = succeeded(parser.parseOptionalKeyword("eq"));
  if (!equality && parser.parseKeyword("ge")) return failure();
  int64_t zero = 0;
  auto loc = parser.getCurrentLocation();
  if (parser.parseInteger(zero)) return failure();
  return zero == 0 ? success() : ParseResult(parser.emitError(loc, "expected 0 after the relation"));
}
void printRelation(AsmPrinter &printer, bool equality) { printer << (equality ? "eq 0" : "ge 0"); }

ParseResult parseHeadRange(AsmParser &parser, int64_t &first, int64_t &last) {
  first = 0;
  last = INT64_MAX;
  if (succeeded(parser.parseOptionalKeyword("all"))) return success();
  return failure(parser.parseInteger(first) || parser.parseComma() || parser.parseInteger(last));
}
void printHeadRange(AsmPrinter &printer, int64_t first, int64_t last) {
  if (first == 0 && last == INT64_MAX)
    printer << "all";
  else
    printer << first << ", " << last;
}

} // namespace

#define GET_ATTRDEF_CLASSES
#include "maskloom-ir/TileAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "maskloom-ir/TileOps.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "maskloom-ir/TileAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "maskloom-ir/TileOps.cpp.inc"
      >();
}

//===-- Attributes
//----------------------------------------------------------------------------------------===//

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyForm(EmitError emitError, ArrayRef<int64_t> form, bool mayUseInner) {
  if (form.empty() || form.size() % 3 != 1)
    return emitError() << "expected a constant and triples of an affine form";
  for (size_t i = 1; i + 2 < form.size(); i += 3) {
    if (!isScheduleSymbol(form[i]))
      return emitError() << "expected a symbol of schedules, found number " << form[i];
    if (form[i + 1] < 0) return emitError() << "expected a symbol index that is not negative";
    if (form[i + 2] == 0) return emitError() << "expected no zero coefficient";
    if (i > 1 && std::pair(form[i - 3], form[i - 2]) >= std::pair(form[i], form[i + 1]))
      return emitError() << "expected terms in the order of their symbols, each once";
    if (!mayUseInner && usesInner(form)) return emitError() << "expected an affine form free of inner";
  }
  return success();
}

static LogicalResult verifyPositive(EmitError emitError, int64_t value, StringRef what) {
  if (value > 0) return success();
  return emitError() << "expected a positive " << what << ", found " << value;
}

LogicalResult BoundAttr::verify(EmitError emitError, ArrayRef<int64_t> numerator, int64_t denominator) {
  return failure(failed(verifyForm(emitError, numerator, true)) ||
                 failed(verifyPositive(emitError, denominator, "denominator")));
}

LogicalResult ConditionAttr::verify(EmitError emitError, ArrayRef<int64_t> affine, bool) {
  return verifyForm(emitError, affine, true);
}

LogicalResult CongruenceAttr::verify(EmitError emitError, int64_t, ArrayRef<int64_t> phase, int64_t period,
                                     ArrayRef<int64_t> width) {
  return failure(failed(verifyForm(emitError, phase, false)) || failed(verifyForm(emitError, width, false)) ||
                 failed(verifyPositive(emitError, period, "period")));
}

LogicalResult GapAttr::verify(EmitError emitError, ArrayRef<int64_t> lower, int64_t a,
                              ArrayRef<int64_t> upper, int64_t b) {
  return failure(failed(verifyForm(emitError, lower, true)) || failed(verifyForm(emitError, upper, true)) ||
                 failed(verifyPositive(emitError, a, "denominator")) ||
                 failed(verifyPositive(emitError, b, "denominator")));
}

LogicalResult GroupAttr::verify(EmitError emitError, int64_t first, int64_t last) {
  if (first < 0 || last < first)
    return emitError() << "expected 0 <= first <= last, found " << first << ", " << last;
  return success();
}

LogicalResult ParamAttr::verify(EmitError emitError, StringRef name, int64_t low, int64_t high) {
  if (name.empty()) return emitError() << "expected a parameter name";
  if (low > high) return emitError() << "expected low <= high, found " << low << ", " << high;
  return success();
}

LogicalResult AuxAttr::verify(EmitError emitError, StringRef name, int64_t rank, Type elementType) {
  if (name.empty()) return emitError() << "expected the name of an aux tensor";
  if (rank < 1 || rank > 3) return emitError() << "expected a rank from 1 to 3, found " << rank;
  if (!elementType.isSignlessInteger(32) && !elementType.isF32())
    return emitError() << "expected element type i32 or f32, found " << elementType;
  return success();
}

template <typename T>
static bool isArrayOf(Attribute attribute) {
  auto array = dyn_cast<ArrayAttr>(attribute);
  return array && llvm::all_of(array, [](Attribute element) { return isa<T>(element); });
}

LogicalResult TileDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  bool known = true, fits = false;
  if (name == kPatternAttr || name == kHashAttr)
    fits = isa<StringAttr>(value);
  else if (name == kGroupsAttr)
    fits = isArrayOf<GroupAttr>(value) && !cast<ArrayAttr>(value).empty();
  else if (name == kGroupsByKvHeadAttr)
    fits = isa<UnitAttr>(value);
  else if (name == kParamsAttr)
    fits = isArrayOf<ParamAttr>(value);
  else if (name == kAuxesAttr)
    fits = isArrayOf<AuxAttr>(value);
  else
    known = false;
  if (!known)
    return op->emitOpError("expected an attribute that the tile dialect knows, found '") << name << "'";
  if (!isa<ModuleOp>(op)) return op->emitOpError("expected '") << name << "' on a module only";
  if (!fits) return op->emitOpError("expected another type of attribute for '") << name << "'";
  return success();
}

//===-- Schedules
//-----------------------------------------------------------------------------------------===//

namespace {

/// Checks the affine forms of one schedule against its floors.
class FormChecker {
public:
  LogicalResult addFloor(FloorOp op) {
    ArrayRef<int64_t> form = op.getValue().getNumerator();
    if (failed(checkIndices(op, form))) return failure();
    if (inner(form) != op.getDependsOnInner())
      return op.emitOpError("expected depends_on_inner exactly where the numerator uses inner");
    dependsOnInner_.push_back(op.getDependsOnInner());
    return success();
  }

  LogicalResult checkRun(RunOp op) {
    for (auto bound : op.getLower().getAsRange<BoundAttr>())
      if (failed(check(op, bound.getNumerator(), "bounds"))) return failure();
    for (auto bound : op.getUpper().getAsRange<BoundAttr>())
      if (failed(check(op, bound.getNumerator(), "bounds"))) return failure();
    for (auto guard : op.getGuards().getAsRange<ConditionAttr>())
      if (failed(check(op, guard.getAffine(), "guards"))) return failure();
    for (auto congruence : op.getCongruences().getAsRange<CongruenceAttr>())
      if (failed(check(op, congruence.getPhase(), "phases")) ||
          failed(check(op, congruence.getWidth(), "widths")))
        return failure();
    for (auto gap : op.getGaps().getAsRange<GapAttr>())
      if (failed(checkIndices(op, gap.getLower())) || failed(checkIndices(op, gap.getUpper())))
        return failure();
    for (auto filter : op.getFilters().getAsRange<ConditionAttr>())
      if (failed(checkIndices(op, filter.getAffine()))) return failure();
    return success();
  }

private:
  LogicalResult checkIndices(Operation *op, ArrayRef<int64_t> form) {
    for (size_t i = 1; i + 2 < form.size(); i += 3)
      if (form[i] == kFloorSymbol && form[i + 1] >= static_cast<int64_t>(dependsOnInner_.size()))
        return op->emitOpError("expected an earlier floor, found floor[") << form[i + 1] << "]";
    return success();
  }
  LogicalResult check(Operation *op, ArrayRef<int64_t> form, StringRef what) {
    if (failed(checkIndices(op, form))) return failure();
    if (inner(form)) return op->emitOpError("expected ") << what << " free of inner";
    return success();
  }
  bool inner(ArrayRef<int64_t> form) const {
    if (usesInner(form)) return true;
    for (size_t i = 1; i + 2 < form.size(); i += 3)
      if (form[i] == kFloorSymbol && dependsOnInner_[form[i + 1]]) return true;
    return false;
  }

  SmallVector<bool> dependsOnInner_;
};

} // namespace

LogicalResult ScheduleOp::verifyRegions() {
  if (getTileQueries() <= 0 || getTileKeys() <= 0)
    return emitOpError("expected positive tile extents, found ")
           << getTileQueries() << " x " << getTileKeys();
  FormChecker checker;
  bool sawRun = false;
  for (Operation &op : getBody().front()) {
    if (auto floor = dyn_cast<FloorOp>(op)) {
      if (sawRun) return floor.emitOpError("expected before the runs of the schedule");
      if (failed(checker.addFloor(floor))) return failure();
    } else if (auto run = dyn_cast<RunOp>(op)) {
      sawRun = true;
      if (failed(checker.checkRun(run))) return failure();
    } else {
      return op.emitOpError("expected tile.floor or tile.run in a schedule");
    }
  }
  return success();
}

//===-- Leaves and division
//-------------------------------------------------------------------------------===//

LogicalResult SymbolOp::verify() {
  static constexpr llvm::StringLiteral known[] = {"batch",    "head",         "kv_head",   "heads",
                                                  "kv_heads", "query_length", "key_length"};
  if (llvm::is_contained(known, getSymbol())) return success();
  return emitOpError(
             "expected one of batch, head, kv_head, heads, kv_heads, query_length, key_length, found '")
         << getSymbol() << "'";
}

/// The i-th element of an array attribute of the enclosing module; null where the module has none.
template <typename T>
static FailureOr<T> declared(Operation *op, StringRef attribute, int64_t index, StringRef what) {
  auto module = op->getParentOfType<ModuleOp>();
  auto array = module ? module->getAttrOfType<ArrayAttr>(attribute) : ArrayAttr();
  if (index < 0 || (array && index >= static_cast<int64_t>(array.size())))
    return op->emitOpError("expected the index of a declared ") << what << ", found " << index;
  return array ? dyn_cast<T>(array[index]) : T();
}

LogicalResult ParamOp::verify() {
  FailureOr<ParamAttr> param = declared<ParamAttr>(*this, kParamsAttr, getIndex(), "parameter");
  if (failed(param)) return failure();
  if (*param && getType().isInteger(32) && (param->getLow() < INT32_MIN || param->getHigh() > INT32_MAX))
    return emitOpError("expected i64 for a range of ") << param->getLow() << " .. " << param->getHigh();
  return success();
}

LogicalResult AuxLoadOp::verify() {
  if (getIndices().empty() || getIndices().size() > 3)
    return emitOpError("expected one to three indices, found ") << getIndices().size();
  FailureOr<AuxAttr> aux = declared<AuxAttr>(*this, kAuxesAttr, getAux(), "aux tensor");
  if (failed(aux)) return failure();
  if (!*aux) return success();
  if (static_cast<int64_t>(getIndices().size()) != aux->getRank())
    return emitOpError("expected ") << aux->getRank() << " indices for '" << aux->getName() << "', found "
                                    << getIndices().size();
  if (getType() != aux->getElementType())
    return emitOpError("expected a result of type ")
           << aux->getElementType() << " for '" << aux->getName() << "'";
  return success();
}

static LogicalResult verifyDivisor(Operation *op, int64_t divisor, Type type) {
  if (divisor <= 0) return op->emitOpError("expected a positive divisor, found ") << divisor;
  if (type.isInteger(32) && divisor > INT32_MAX)
    return op->emitOpError("expected a divisor that fits i32, found ") << divisor;
  return success();
}

LogicalResult FloorDivOp::verify() { return verifyDivisor(*this, getDivisor(), getType()); }
LogicalResult FloorModOp::verify() { return verifyDivisor(*this, getDivisor(), getType()); }

OpFoldResult FloorDivOp::fold(FoldAdaptor) {
  return getDivisor() == 1 ? OpFoldResult(getValue()) : OpFoldResult();
}

OpFoldResult FloorModOp::fold(FoldAdaptor) {
  auto inner = getValue().getDefiningOp<FloorModOp>();
  bool redundant = inner && inner.getDivisor() <= getDivisor();
  return redundant ? OpFoldResult(getValue()) : OpFoldResult();
}
