// Pieces of C++ text with what is needed to combine them: precedence, width, value range. Shared by the
// printers of schedules, functions and classifiers.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace maskloom::emit {

/// Inclusive bounds of an integer's value. Arithmetic saturates far outside of 32 bits.
struct Range {
  int64_t low = 0, high = 0;
  bool fitsInt() const { return low >= INT32_MIN && high <= INT32_MAX; }
  static Range anyInt() { return {INT32_MIN, INT32_MAX}; }
  static Range anyLong() { return {-kLimit, kLimit}; }
  static constexpr int64_t kLimit = int64_t{1} << 62;
};
Range operator+(Range a, Range b);
Range operator*(Range a, int64_t factor);
Range floorDiv(Range a, int64_t divisor);
Range join(Range a, Range b); ///< the smallest range that holds both

/// Operator precedence, loosest first, as C++ has it.
enum class Precedence : uint8_t {
  Conditional,
  LogicalOr,
  LogicalAnd,
  BitOr,
  BitXor,
  BitAnd,
  Equality,
  Relational,
  Shift,
  Additive,
  Multiplicative,
  Unary,
  Primary,
};

/// An expression's text. `wide`: its C++ type is long long rather than int (integers only).
struct CppExpr {
  std::string text;
  Precedence precedence = Precedence::Primary;
  bool wide = false;
  Range range = Range::anyInt();

  /// The text, in parentheses when it binds looser than its place asks for.
  std::string at(Precedence place) const;
};

/// `a op b` for a left-associative operator of the given precedence. Mixed bit, shift and logical operators
/// get the parentheses that compilers warn about when they are missing.
CppExpr binary(const CppExpr &a, std::string_view op, const CppExpr &b, Precedence precedence);
/// `op a` for a unary operator or a cast in parentheses.
CppExpr unary(std::string_view op, const CppExpr &a);
/// a as a long long.
CppExpr widened(const CppExpr &a);
/// floor(a / divisor), divisor > 0: a shift for powers of two, a literal where the range leaves one value.
CppExpr floorDivText(const CppExpr &a, int64_t divisor);
/// a mod divisor in [0, divisor), divisor > 0: a bit mask for powers of two, `a` itself where it is in range.
CppExpr floorModText(const CppExpr &a, int64_t divisor);
/// The value as an int, clamped to its range.
CppExpr clampToInt(const CppExpr &a);
/// "min" or "max" of two integers of any width.
CppExpr minMaxText(std::string_view function, const CppExpr &a, const CppExpr &b);
/// `condition ? yes : no` of two integers of any width.
CppExpr conditional(const CppExpr &condition, const CppExpr &yes, const CppExpr &no);
/// A term of a sum: value * coefficient, which is not 0.
struct Multiple {
  CppExpr value;
  int64_t coefficient = 1;
};
/// The sum of terms and a constant, in the narrowest type that cannot overflow whatever the order.
CppExpr sumText(std::vector<Multiple> terms, int64_t constant);
/// An integer literal of type int where it fits, else long long.
CppExpr literal(int64_t value);

/// Names of one scope: identifiers that clash with nothing.
class Names {
public:
  Names();
  /// `wanted` made a valid identifier, with a number appended when it is taken.
  std::string fresh(std::string_view wanted);
  void reserve(std::string_view name) { used_.emplace(name); }

private:
  std::set<std::string, std::less<>> used_;
};

/// Turns any text into an identifier: other characters become underscores.
std::string identifier(std::string_view text);

} // namespace maskloom::emit
