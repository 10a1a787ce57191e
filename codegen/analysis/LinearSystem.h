// Affine forms with integer coefficients over one derivation's variables, and conjunctions of constraints on
// them.
//
// Variables are of two kinds. *Outer* ones exist when a kernel runs: the tile indices Q and K, the head,
// lengths, offsets, parameters, and floors of affine forms over those. *Local* ones are the row r and column
// c inside a tile and the quotients of floor divisions that involve them (or the unknown inner tile);
// elimination removes them. With M x N tiles a position is
//
//   q = M*Q + r + query offset,  0 <= r < M        k = N*K + c + key offset,  0 <= c < N.
//
// floor(e / d) is lowered by splitting e = d*s + t, with each coefficient of t the residue of smallest
// absolute value: floor(e / d) = s + floor(t / d). (128Q + r)/64 becomes 2Q + r/64: without the split, and
// with non-negative residues, later eliminations meet large coefficients. Arithmetic is checked: an operation
// that would leave the range of coefficients reports failure and its caller over-approximates.
#pragma once

#include "maskloom/analysis/DeriveRuns.h"

#include <array>
#include <compare>
#include <optional>
#include <vector>

namespace maskloom::analysis {

constexpr int kMaxVariables = 64;
/// The last columns are no variables of a table: they stand for the quotients of gaps in emptiness tests.
constexpr int kGapColumns = 12;
/// Coefficients stay below this so that sums of products with run-time values fit 64 bits.
constexpr int64_t kMaxCoefficient = int64_t(1) << 26;
constexpr int64_t kMaxConstant = int64_t(1) << 56;

struct Form {
  std::array<int64_t, kMaxVariables> coefficients{};
  int64_t constant = 0;

  int64_t operator[](int variable) const { return coefficients[variable]; }
  int64_t &operator[](int variable) { return coefficients[variable]; }
  /// this += factor * other; false when out of range (this is then unusable).
  [[nodiscard]] bool add(const Form &other, int64_t factor);
  bool isConstant() const;
  bool sameCoefficients(const Form &other) const { return coefficients == other.coefficients; }
  auto operator<=>(const Form &) const = default;
};

/// form >= 0, or form == 0.
struct Constraint {
  Form form;
  bool equality = false;
  auto operator<=>(const Constraint &) const = default;
};
using System = std::vector<Constraint>;

/// Divides by the gcd of the coefficients (bounds are rounded to integers), keeps the tightest of parallel
/// inequalities, turns e >= 0 and -e >= 0 into e == 0. False when the system has no integer solution.
[[nodiscard]] bool normalise(System &system);

struct Variable {
  Symbol symbol = Symbol::OuterTile; ///< outer variables that are not quotients
  int32_t index = 0;
  bool local = false;
  bool quotient = false; ///< floor(numerator / denominator)
  Form numerator;
  int64_t denominator = 1;
  std::optional<int64_t> low, high; ///< declared or implied range
};

class VariableTable {
public:
  VariableTable(const Program &program, TileShape tile, Orientation orientation, int maxVariables);
  /// Without tiles: whoever asks a question adds its variables and says what the symbols stand for.
  VariableTable(const Program &program, int maxVariables);

  /// A variable in [low, high]; nothing when the table is full.
  std::optional<Form> addVariable(bool local, std::optional<int64_t> low, std::optional<int64_t> high);
  /// `symbol` stands for `form` from now on.
  void bind(Symbol symbol, int32_t index, const Form &form);
  /// A constraint on outer variables that always holds: part of facts() from now on.
  void assume(const Constraint &constraint) { assumptions_.push_back(constraint); }

  int size() const { return static_cast<int>(variables_.size()); }
  const Variable &operator[](int variable) const { return variables_[variable]; }
  int outerTile() const { return 0; }
  int innerTile() const { return 1; }

  /// Forms of the symbols a predicate may use; nothing when the table is full.
  std::optional<Form> lower(Symbol symbol, int32_t index);
  /// floor(form / divisor), divisor > 0.
  std::optional<Form> floorOf(const Form &form, int64_t divisor);

  /// Interval of a form from the ranges of its variables.
  std::optional<int64_t> lowest(const Form &form) const;
  std::optional<int64_t> highest(const Form &form) const;
  bool hasLocal(const Form &form) const;

  /// Adds what defines the local variables that the system uses: ranges and quotients, transitively.
  bool close(System &system) const;
  /// What is known of the outer variables that `system` uses: ranges, tiles exist, floors. Never weakens.
  System facts(const System &system) const;

private:
  std::optional<int> add(Variable variable);
  std::optional<int> symbol(Symbol symbol, int32_t index);
  bool defineQuotient(int variable, System &system) const;

  const Program &program_;
  TileShape tile_;
  int queryTile_, keyTile_;
  int row_ = -1, column_ = -1; ///< -1: the tile has a single row / column
  int maxVariables_;
  std::vector<Variable> variables_;
  System assumptions_;
  struct Binding {
    Symbol symbol;
    int32_t index;
    Form form;
  };
  std::vector<Binding> bindings_;
};

} // namespace maskloom::analysis
