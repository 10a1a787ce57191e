#include "maskloom/codegen/ir/MaskDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstdint>

using namespace mlir;
using namespace maskloom::mask;

#include "maskloom-ir/MaskDialect.cpp.inc"
#include "maskloom-ir/MaskEnums.cpp.inc"

//===-- Pieces of the assembly formats
//--------------------------------------------------------------------===//

namespace {

// Axis kinds count as maskloom::ProgramAux::Axis::Kind does; the last one is a fixed extent.
constexpr llvm::StringLiteral kAxisNames[] = {"batch", "head", "kv_head", "query", "key"};
constexpr int64_t kFixedAxis = 5;

ParseResult parseAxes(AsmParser &parser, SmallVector<int64_t> &axes) {
  return parser.parseCommaSeparatedList([&]() -> ParseResult {
    int64_t block = 1, extent = 0;
    OptionalParseResult fixed = parser.parseOptionalInteger(extent);
    if (fixed.has_value()) {
      axes.append({kFixedAxis, block, extent});
      return *fixed;
    }
    StringRef name;
    auto loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&name)) return failure();
    const auto *found = llvm::find(kAxisNames, name);
    if (found == std::end(kAxisNames))
      return parser.emitError(loc,
                              "expected an axis (batch, head, kv_head, query, key or an extent), found '")
             << name << "'";
    if (succeeded(parser.parseOptionalKeyword("by")) && parser.parseInteger(block)) return failure();
    axes.append({found - std::begin(kAxisNames), block, extent});
    return success();
  });
}
void printAxes(AsmPrinter &printer, ArrayRef<int64_t> axes) {
  for (size_t i = 0; i < axes.size(); i += 3) {
    if (i > 0) printer << ", ";
    if (axes[i] == kFixedAxis) {
      printer << axes[i + 2];
      continue;
    }
    printer << kAxisNames[axes[i]];
    if (axes[i + 1] != 1) printer << " by " << axes[i + 1];
  }
}

ParseResult parseHeads(OpAsmParser &parser, IntegerAttr &first, IntegerAttr &last) {
  int64_t from = 0, to = INT64_MAX;
  if (failed(parser.parseOptionalKeyword("all")))
    if (parser.parseInteger(from) || parser.parseKeyword("to") || parser.parseInteger(to)) return failure();
  first = parser.getBuilder().getI64IntegerAttr(from);
  last = parser.getBuilder().getI64IntegerAttr(to);
  return success();
}
void printHeads(OpAsmPrinter &printer, Operation *, IntegerAttr first, IntegerAttr last) {
  if (first.getInt() == 0 && last.getInt() == INT64_MAX)
    printer << "all";
  else
    printer << first.getInt() << " to " << last.getInt();
}

} // namespace

#define GET_TYPEDEF_CLASSES
#include "maskloom-ir/MaskTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "maskloom-ir/MaskAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "maskloom-ir/MaskOps.cpp.inc"

void MaskDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "maskloom-ir/MaskTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "maskloom-ir/MaskAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "maskloom-ir/MaskOps.cpp.inc"
      >();
}

Operation *MaskDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  if (isa<IntType>(type)) return ConstOp::create(builder, loc, type, cast<IntegerAttr>(value));
  if (type.isInteger(1)) return BoolOp::create(builder, loc, cast<BoolAttr>(value).getValue());
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

//===-- Attributes
//----------------------------------------------------------------------------------------===//

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

LogicalResult ParamAttr::verify(EmitError emitError, StringRef name, int64_t low, int64_t high) {
  if (name.empty()) return emitError() << "expected a parameter name";
  if (low > high) return emitError() << "expected low <= high, found " << low << ", " << high;
  return success();
}

LogicalResult AuxAttr::verify(EmitError emitError, StringRef name, ArrayRef<int64_t> axes, Type elementType) {
  if (name.empty()) return emitError() << "expected the name of an aux tensor";
  if (axes.empty() || axes.size() > 9 || axes.size() % 3 != 0)
    return emitError() << "expected one to three axes, found " << axes.size() / 3;
  for (size_t i = 0; i < axes.size(); i += 3) {
    if (axes[i] < 0 || axes[i] > kFixedAxis) return emitError() << "expected an axis kind, found " << axes[i];
    if (axes[i + 1] <= 0) return emitError() << "expected a positive block, found " << axes[i + 1];
    if (axes[i] == kFixedAxis && axes[i + 2] <= 0)
      return emitError() << "expected a positive extent, found " << axes[i + 2];
  }
  if (!elementType.isSignlessInteger(32) && !elementType.isF32())
    return emitError() << "expected element type i32 or f32, found " << elementType;
  return success();
}

//===-- Structure
//-----------------------------------------------------------------------------------------===//

LogicalResult PatternOp::verifyRegions() {
  SmallVector<GroupOp> groups;
  ScoreOp score;
  for (Operation &op : getBody().front()) {
    if (auto group = dyn_cast<GroupOp>(op)) {
      for (GroupOp other : groups) {
        if (group.getLast() < other.getFirst() || other.getLast() < group.getFirst()) continue;
        InFlightDiagnostic error = group.emitOpError("expected heads that are in no other group");
        error.attachNote(other.getLoc()) << "the other group";
        return error;
      }
      groups.push_back(group);
    } else if (auto next = dyn_cast<ScoreOp>(op)) {
      if (score) {
        InFlightDiagnostic error = next.emitOpError("expected one score in a pattern");
        error.attachNote(score.getLoc()) << "the first score";
        return error;
      }
      score = next;
    } else {
      return op.emitOpError("expected mask.group or mask.score in a pattern");
    }
  }
  if (groups.empty()) return emitOpError("expected at least one group");
  return success();
}

/// The last operation of a region must yield one value of this type.
static LogicalResult verifyYield(Operation *op, Region &region, Type type) {
  auto yield = region.front().empty() ? YieldOp() : dyn_cast<YieldOp>(region.front().back());
  if (!yield) return op->emitOpError("expected a region that ends in mask.yield");
  if (yield.getValue().getType() == type) return success();
  InFlightDiagnostic error = op->emitOpError("expected to yield ") << type;
  error.attachNote(yield.getLoc()) << "yields " << yield.getValue().getType();
  return error;
}

LogicalResult GroupOp::verifyRegions() {
  int64_t first = getFirst(), last = getLast();
  if (first < 0 || last < first)
    return emitOpError("expected 0 <= first <= last, found ") << first << " to " << last;
  if (getBody().front().getNumArguments() != 0) return emitOpError("expected a region without arguments");
  for (Operation &op : getBody().front()) {
    if (!isa_and_nonnull<MaskDialect>(op.getDialect()))
      return op.emitOpError("expected an operation of the mask dialect in a mask");
    for (Type type : op.getResultTypes())
      if (isa<FloatType>(type)) return op.emitOpError("expected no float in a mask");
  }
  return verifyYield(*this, getBody(), IntegerType::get(getContext(), 1));
}

LogicalResult ScoreOp::verifyRegions() {
  Type f32 = Float32Type::get(getContext());
  Block &body = getBody().front();
  if (body.getNumArguments() != 1 || body.getArgument(0).getType() != f32)
    return emitOpError("expected one argument of type f32");
  return verifyYield(*this, getBody(), f32);
}

ParseResult ScoreOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  return failure(parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren, /*allowType=*/true) ||
                 parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parser.parseRegion(*result.addRegion(), arguments));
}

void ScoreOp::print(OpAsmPrinter &printer) {
  printer << " (";
  llvm::interleaveComma(getBody().front().getArguments(), printer,
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ") ";
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===-- Leaves and divisions
//------------------------------------------------------------------------------===//

LogicalResult ParamOp::verify() {
  auto pattern = (*this)->getParentOfType<PatternOp>();
  int64_t index = static_cast<int32_t>(getIndex());
  if (!pattern || (index >= 0 && index < static_cast<int64_t>(pattern.getParams().size()))) return success();
  return emitOpError("expected the index of a declared parameter, found ") << index;
}

LogicalResult AuxLoadOp::verify() {
  auto pattern = (*this)->getParentOfType<PatternOp>();
  if (!pattern) return success();
  int64_t index = static_cast<int32_t>(getAux());
  if (index < 0 || index >= static_cast<int64_t>(pattern.getAuxes().size()))
    return emitOpError("expected the index of a declared aux tensor, found ") << index;
  auto aux = cast<AuxAttr>(pattern.getAuxes()[index]);
  if (static_cast<int64_t>(getIndices().size()) != aux.getRank())
    return emitOpError("expected ") << aux.getRank() << " indices for '" << aux.getName() << "', found "
                                    << getIndices().size();
  if (isa<FloatType>(getType()) != isa<FloatType>(aux.getElementType()))
    return emitOpError("expected a result for elements of type ") << aux.getElementType();
  return success();
}

static LogicalResult verifyDivisor(Operation *op, int64_t divisor) {
  if (divisor > 0) return success();
  return op->emitOpError("expected a positive divisor, found ") << divisor;
}

LogicalResult FloorDivOp::verify() { return verifyDivisor(*this, getDivisor()); }
LogicalResult ModOp::verify() { return verifyDivisor(*this, getDivisor()); }
