/// @file
/// The oracle: evaluates a pattern as it was written, point by point, in the plainest way. Every backend and
/// every analysis is compared with it. Slow on purpose.
#pragma once

#include "maskloom/dsl/Pattern.h"

#include <map>
#include <string>
#include <vector>

namespace maskloom {

/// An aux tensor's contents on the host. Row-major over `extents`.
struct AuxValue {
  std::vector<int64_t> extents; ///< one an axis
  std::vector<int32_t> ints;    ///< the values of an I32 tensor
  std::vector<float> floats;    ///< the values of an F32 tensor
};

/// One concrete attention problem. Parameters not named take their defaults.
struct Problem {
  int64_t batch = 1;                     ///< entries
  int64_t heads = 1;                     ///< query heads
  int64_t kvHeads = 1;                   ///< KV heads; they divide the query heads
  int64_t queries = 1;                   ///< Sq, the largest over the batch
  int64_t keys = 1;                      ///< Sk, the largest over the batch
  std::vector<int64_t> queryLengths;     ///< per batch entry; empty: queries
  std::vector<int64_t> keyLengths;       ///< per batch entry; empty: keys
  std::optional<int64_t> queryOffset;    ///< position of row 0; default: key length - query length
  int64_t keyOffset = 0;                 ///< position of column 0
  std::map<std::string, int64_t> params; ///< by name
  std::map<std::string, AuxValue> aux;   ///< by name

  /// Queries of batch entry b.
  int64_t queryLength(int64_t b) const { return queryLengths.empty() ? queries : queryLengths[b]; }
  /// Keys of batch entry b.
  int64_t keyLength(int64_t b) const { return keyLengths.empty() ? keys : keyLengths[b]; }
  /// Position of row 0 of batch entry b.
  int64_t queryOffsetOf(int64_t b) const {
    return queryOffset ? *queryOffset : keyLength(b) - queryLength(b);
  }
};

/// What becomes of an aux tensor that a problem does not have.
enum class MissingAux : uint8_t {
  Wrong,  ///< an error
  Allowed ///< nothing: its contents are not needed
};

/// What is wrong with the problem for this pattern (unknown parameter, value out of range, missing or short
/// aux tensor, heads that do not divide); empty when nothing is.
std::vector<std::string> checkProblem(const Pattern &pattern, const Problem &problem,
                                      MissingAux missing = MissingAux::Wrong);

/// Answers for single points. Integers are mathematical as long as they fit in 64 bits; a value that does not
/// throws std::overflow_error. A load outside its tensor (a position before the first token, or an entry that
/// an operand of `&&`, `||` or select guards) reads the nearest entry.
class Interpreter {
public:
  /// The pattern and problem must outlive the interpreter and must have passed their checks.
  Interpreter(const Pattern &pattern, const Problem &problem);
  Interpreter(const Pattern &, const Problem &&) = delete;
  Interpreter(const Pattern &&, const Problem &) = delete;
  Interpreter(const Pattern &&, const Problem &&) = delete;

  /// May query row `row` (0-based, position row + q_offset) of head h see key column `column`? Rows and
  /// columns beyond the batch entry's lengths see and are seen by nothing.
  bool visible(int64_t b, int64_t h, int64_t row, int64_t column) const;
  /// The modified score of a visible pair, given the scaled score.
  double score(double scaled, int64_t b, int64_t h, int64_t row, int64_t column) const;
  /// The sink logit of a head, -inf when the pattern has none.
  double sink(int64_t h) const;

private:
  struct Point;
  int64_t evalInt(const Expr &e, const Point &p) const;
  bool evalBool(const Expr &e, const Point &p) const;
  double evalFloat(const Expr &e, const Point &p) const;
  int64_t elementOf(const ExprNode &load, const Point &p) const;

  const Pattern &pattern_;
  const Problem &problem_;
  std::vector<Expr> groupMasks_;
  std::vector<size_t> groupOfHead_;
  std::map<const ParamDecl *, int64_t> params_;
  std::map<const AuxDecl *, const AuxValue *> aux_;
};

} // namespace maskloom
