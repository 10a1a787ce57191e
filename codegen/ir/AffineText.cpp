#include "maskloom/codegen/ir/AffineText.h"

#include <map>
#include <utility>

using namespace mlir;

namespace maskloom::tile {

namespace {

struct SymbolName {
  Symbol symbol;
  llvm::StringLiteral name;
  bool indexed;
};

constexpr SymbolName kNames[] = {
    {Symbol::OuterTile, "outer", false},
    {Symbol::InnerTile, "inner", false},
    {Symbol::Head, "head", false},
    {Symbol::KvHead, "kv_head", false},
    {Symbol::Batch, "batch", false},
    {Symbol::QueryLength, "query_length", false},
    {Symbol::KeyLength, "key_length", false},
    {Symbol::Heads, "heads", false},
    {Symbol::KvHeads, "kv_heads", false},
    {Symbol::QueryOffset, "query_offset", false},
    {Symbol::KeyOffset, "key_offset", false},
    {Symbol::Param, "param", true},
    {Symbol::Floor, "floor", true},
    {Symbol::AuxScalar, "aux_scalar", true},
};

const SymbolName *find(int64_t symbol) {
  for (const SymbolName &entry : kNames)
    if (static_cast<int64_t>(entry.symbol) == symbol) return &entry;
  return nullptr;
}

const SymbolName *find(StringRef name) {
  for (const SymbolName &entry : kNames)
    if (entry.name == name) return &entry;
  return nullptr;
}

/// symbol or symbol[index]; fails without consuming anything when there is no keyword.
ParseResult parseSymbol(AsmParser &parser, std::pair<int64_t, int64_t> &symbol) {
  StringRef name;
  auto loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name)) return failure();
  const SymbolName *entry = find(name);
  if (!entry) return parser.emitError(loc, "expected a symbol of schedules, found '") << name << "'";
  symbol = {static_cast<int64_t>(entry->symbol), 0};
  if (!entry->indexed) return success();
  return failure(parser.parseLSquare() || parser.parseInteger(symbol.second) || parser.parseRSquare());
}

} // namespace

llvm::SmallVector<int64_t> flatten(const Affine &affine) {
  llvm::SmallVector<int64_t> form{affine.constant};
  for (const Term &term : affine.terms)
    form.append({static_cast<int64_t>(term.symbol), term.index, term.coefficient});
  return form;
}

Affine unflatten(llvm::ArrayRef<int64_t> form) {
  Affine affine;
  affine.constant = form.front();
  for (size_t i = 1; i + 2 < form.size(); i += 3)
    affine.terms.push_back({static_cast<Symbol>(form[i]), static_cast<int32_t>(form[i + 1]), form[i + 2]});
  return affine;
}

bool isScheduleSymbol(int64_t symbol) { return find(symbol) != nullptr; }

bool usesInner(llvm::ArrayRef<int64_t> form) {
  for (size_t i = 1; i + 2 < form.size(); i += 3)
    if (form[i] == static_cast<int64_t>(Symbol::InnerTile)) return true;
  return false;
}

void printAffine(llvm::raw_ostream &out, llvm::ArrayRef<int64_t> form) {
  bool first = true;
  // Magnitudes as unsigned, so that the smallest integer prints.
  auto sign = [&](int64_t value) {
    if (first)
      out << (value < 0 ? "-" : "");
    else
      out << (value < 0 ? " - " : " + ");
    first = false;
    return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  };
  for (size_t i = 1; i + 2 < form.size(); i += 3) {
    const SymbolName *entry = find(form[i]);
    uint64_t magnitude = sign(form[i + 2]);
    if (magnitude != 1) out << magnitude << " * ";
    out << entry->name;
    if (entry->indexed) out << "[" << form[i + 1] << "]";
  }
  if (first || form.front() != 0) out << sign(form.front());
}

ParseResult parseAffine(AsmParser &parser, llvm::SmallVectorImpl<int64_t> &form) {
  std::map<std::pair<int64_t, int64_t>, int64_t> terms;
  uint64_t constant = 0;
  bool negative = succeeded(parser.parseOptionalMinus());
  while (true) {
    auto loc = parser.getCurrentLocation();
    std::pair<int64_t, int64_t> symbol;
    APInt magnitude;
    OptionalParseResult number = parser.parseOptionalInteger(magnitude);
    bool isTerm = true;
    uint64_t value = 1;
    if (number.has_value()) {
      if (failed(*number)) return failure();
      if (magnitude.getActiveBits() > 64) return parser.emitError(loc, "expected a 64-bit integer");
      value = magnitude.getZExtValue();
      isTerm = succeeded(parser.parseOptionalStar());
    }
    if (isTerm && parseSymbol(parser, symbol)) return failure();
    uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
    if (value > limit) return parser.emitError(loc, "expected a 64-bit integer");
    uint64_t signedValue = negative ? 0 - value : value;
    if (isTerm)
      terms[symbol] += static_cast<int64_t>(signedValue);
    else
      constant += signedValue;
    if (succeeded(parser.parseOptionalPlus()))
      negative = false;
    else if (succeeded(parser.parseOptionalMinus()))
      negative = true;
    else
      break;
  }
  form.assign(1, static_cast<int64_t>(constant));
  for (auto [symbol, coefficient] : terms)
    if (coefficient != 0) form.append({symbol.first, symbol.second, coefficient});
  return success();
}

} // namespace maskloom::tile
