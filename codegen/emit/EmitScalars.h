// Run-time scalars as C++ locals: what schedules and classifiers may read besides positions. Only the symbols
// that are used become locals, each under a readable name.
#pragma once

#include "maskloom/codegen/emit/CppText.h"
#include "maskloom/program/Program.h"

#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace maskloom::emit {

/// The locals of one function body. Declarations come out in the order of first use.
class Scalars {
public:
  /// `schedule` must outlive this.
  Scalars(const Program &program, const Schedule &schedule);

  /// The value of a symbol.
  CppExpr value(Symbol symbol, int32_t index);
  /// sum of coefficient * symbol + constant, in the narrowest type that cannot overflow.
  CppExpr affine(const Affine &form);
  /// The values an affine form may take; declares nothing.
  Range range(const Affine &form) const;
  /// Introduces a local that holds `value`.
  CppExpr local(std::string_view name, const CppExpr &value);

  /// Introduces a local of any type; returns its name.
  std::string declare(std::string_view type, std::string_view name, std::string_view text);

  /// The declarations so far, one a line, each after `indent`.
  std::string declarations(std::string_view indent) const;

  static std::string outerName(Orientation orientation) {
    return orientation == Orientation::Forward ? "q_tile" : "kv_tile";
  }

private:
  /// A symbol as its source: the text that its local is initialised with, and the local's name. Text of
  /// floors and loads is filled by value().
  struct Source {
    CppExpr expr;
    std::string name;
  };
  Source source(Symbol symbol, int32_t index) const;
  CppExpr scalarExpression(const Predicate &predicate);

  const Program &program_;
  const Schedule &schedule_;
  Names names_;
  std::map<std::pair<Symbol, int32_t>, CppExpr> values_;
  std::vector<std::string> declarations_;
};

/// An element of an i32 auxiliary tensor, or of an f32 one: aux_load(c, aux, i, j, ...). An index outside the
/// tensor reads the nearest entry; indices that are batch entries or heads are always inside.
struct AuxIndex {
  std::string text;
  bool inside = false;
};
std::string auxLoad(int64_t aux, bool isFloat, const std::vector<AuxIndex> &indices);

/// One node of a predicate, free of positions and of loads, as a C++ expression over its operands'. `divisor`
/// is the constant second operand of FloorDiv and Mod; `symbol` prints leaves. Arithmetic is 64-bit: these
/// values are computed once a tile at most.
CppExpr scalarOperation(const PredicateNode &node, const std::vector<CppExpr> &operands, int64_t divisor,
                        const std::function<CppExpr(Symbol, int32_t)> &symbol);

} // namespace maskloom::emit
