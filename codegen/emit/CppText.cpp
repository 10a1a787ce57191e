#include "maskloom/codegen/emit/CppText.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>

namespace maskloom::emit {

static int64_t saturate(__int128 value) {
  return static_cast<int64_t>(std::clamp<__int128>(value, -Range::kLimit, Range::kLimit));
}

Range operator+(Range a, Range b) {
  return {saturate(__int128{a.low} + b.low), saturate(__int128{a.high} + b.high)};
}

Range operator*(Range a, int64_t factor) {
  int64_t x = saturate(__int128{a.low} * factor), y = saturate(__int128{a.high} * factor);
  return {std::min(x, y), std::max(x, y)};
}

Range floorDiv(Range a, int64_t divisor) {
  auto divide = [divisor](int64_t value) { return value / divisor - (value % divisor < 0); };
  return {divide(a.low), divide(a.high)};
}

Range join(Range a, Range b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

std::string CppExpr::at(Precedence place) const {
  return precedence < place ? fmt::format("({})", text) : text;
}

static Precedence tighter(Precedence p) {
  return p == Precedence::Primary ? p : static_cast<Precedence>(static_cast<int>(p) + 1);
}

CppExpr binary(const CppExpr &a, std::string_view op, const CppExpr &b, Precedence precedence) {
  Precedence left = precedence, right = tighter(precedence);
  bool bitwise = precedence >= Precedence::BitOr && precedence <= Precedence::BitAnd;
  auto clearer = [&](const CppExpr &operand, Precedence place) {
    if (operand.precedence == precedence) return place; // a + b + c, a | b | c
    if (bitwise || precedence == Precedence::Shift) return Precedence::Unary;
    if (precedence == Precedence::LogicalOr && operand.precedence == Precedence::LogicalAnd)
      return Precedence::BitOr;
    return place;
  };
  CppExpr result;
  result.text = fmt::format("{} {} {}", a.at(clearer(a, left)), op, b.at(clearer(b, right)));
  result.precedence = precedence;
  result.wide = a.wide || b.wide;
  return result;
}

CppExpr unary(std::string_view op, const CppExpr &a) {
  CppExpr result = a;
  bool signs = a.precedence == Precedence::Unary && op == "-" && a.text[0] == '-'; // never '--a'
  result.text = fmt::format("{}{}", op, a.at(signs ? Precedence::Primary : Precedence::Unary));
  result.precedence = Precedence::Unary;
  return result;
}

CppExpr widened(const CppExpr &a) {
  bool isNumber = a.text.find_first_not_of("0123456789") == std::string::npos;
  CppExpr result = a.wide || isNumber ? a : unary("(long long)", a);
  if (isNumber) result.text += "LL";
  result.wide = true;
  return result;
}

CppExpr literal(int64_t value) {
  CppExpr result;
  result.range = {value, value};
  result.wide = !result.range.fitsInt();
  result.precedence = value < 0 ? Precedence::Unary : Precedence::Primary;
  result.text = fmt::format("{}{}", value, result.wide ? "LL" : "");
  if (value == INT32_MIN) // the literal of the absolute value would be a long
    result.text = "(-2147483647 - 1)", result.precedence = Precedence::Primary;
  if (value == INT64_MIN)
    result.text = "(-9223372036854775807LL - 1)", result.precedence = Precedence::Primary;
  return result;
}

/// A divisor as a literal of the dividend's type: both arguments of floor_div and floor_mod have one type.
static std::string like(const CppExpr &dividend, int64_t divisor) {
  return fmt::format("{}{}", divisor, dividend.wide || divisor > INT32_MAX ? "LL" : "");
}

CppExpr floorDivText(const CppExpr &a, int64_t divisor) {
  Range quotient = floorDiv(a.range, divisor);
  if (quotient.low == quotient.high) return literal(quotient.low);
  if (divisor == 1) return a;
  CppExpr result;
  if (std::has_single_bit(static_cast<uint64_t>(divisor)))
    result = binary(a, ">>", literal(std::countr_zero(static_cast<uint64_t>(divisor))), Precedence::Shift);
  else
    result = {fmt::format("floor_div({}, {})", a.text, like(a, divisor))};
  result.range = quotient;
  result.wide = a.wide;
  return result;
}

CppExpr floorModText(const CppExpr &a, int64_t divisor) {
  if (divisor == 1) return literal(0);
  if (a.range.low >= 0 && a.range.high < divisor) return a;
  CppExpr result;
  if (std::has_single_bit(static_cast<uint64_t>(divisor)))
    result = binary(a, "&", literal(divisor - 1), Precedence::BitAnd);
  else
    result = {fmt::format("floor_mod({}, {})", a.text, like(a, divisor))};
  result.range = {0, divisor - 1};
  result.wide = a.wide;
  return result;
}

CppExpr clampToInt(const CppExpr &a) {
  if (!a.wide) return a;
  CppExpr result;
  if (a.range.fitsInt())
    result = unary("(int)", a);
  else
    result = {fmt::format("clamp_to_int({})", a.text)};
  result.wide = false;
  result.range = {std::clamp<int64_t>(a.range.low, INT32_MIN, INT32_MAX),
                  std::clamp<int64_t>(a.range.high, INT32_MIN, INT32_MAX)};
  return result;
}

CppExpr conditional(const CppExpr &condition, const CppExpr &yes, const CppExpr &no) {
  CppExpr result;
  result.wide = yes.wide || no.wide;
  auto side = [&](const CppExpr &value) {
    return (result.wide ? widened(value) : value).at(Precedence::LogicalOr);
  };
  result.text = fmt::format("{} ? {} : {}", condition.at(Precedence::LogicalOr), side(yes), side(no));
  result.precedence = Precedence::Conditional;
  result.range = join(yes.range, no.range);
  return result;
}

CppExpr minMaxText(std::string_view function, const CppExpr &a, const CppExpr &b) {
  CppExpr result;
  result.wide = a.wide || b.wide;
  auto operand = [&](const CppExpr &value) { return result.wide ? widened(value).text : value.text; };
  result.text = fmt::format("{}({}, {})", function, operand(a), operand(b));
  bool isMin = function == "min";
  auto pick = [isMin](int64_t x, int64_t y) { return isMin ? std::min(x, y) : std::max(x, y); };
  result.range = {pick(a.range.low, b.range.low), pick(a.range.high, b.range.high)};
  return result;
}

CppExpr sumText(std::vector<Multiple> terms, int64_t constant) {
  if (terms.empty()) return literal(constant);
  Range total = {constant, constant};
  // Every partial sum lies within the sums of the parts' magnitudes, whatever the order.
  __int128 magnitude = constant < 0 ? -__int128{constant} : __int128{constant};
  bool wide = false;
  for (const auto &[value, coefficient] : terms) {
    Range range = value.range * coefficient;
    total = total + range;
    magnitude += std::max<__int128>(range.high, -__int128{range.low});
    wide |= value.wide;
  }
  wide |= magnitude > INT32_MAX;

  // A positive term first reads best: 'q_tile + 1 - window'.
  std::stable_partition(terms.begin(), terms.end(), [](const Multiple &m) { return m.coefficient > 0; });
  CppExpr result;
  // Wide sums: one of the first two terms must be wide by itself; products must be where they would not fit
  // an int.
  bool widenFirst = wide && !terms[0].value.wide && !(terms.size() > 1 && terms[1].value.wide);
  for (size_t i = 0; i < terms.size(); i++) {
    const auto &[value, coefficient] = terms[i];
    bool negative = coefficient < 0;
    uint64_t factor = negative ? -static_cast<uint64_t>(coefficient) : static_cast<uint64_t>(coefficient);
    // The product is computed without the sign: it may be 2^31 where the term is -2^31, and the reverse.
    bool fits = (value.range * coefficient).fitsInt() && coefficient != INT64_MIN &&
                (value.range * std::abs(coefficient)).fitsInt();
    bool widen = wide && !value.wide && ((i == 0 && widenFirst) || !fits);
    CppExpr product = widen && factor == 1 ? widened(value) : value;
    if (factor != 1) {
      product.text = fmt::format("{}{} * {}", factor, widen || factor > INT32_MAX ? "LL" : "",
                                 value.at(Precedence::Unary));
      product.precedence = Precedence::Multiplicative;
      product.wide |= widen;
    }
    if (i == 0)
      result = negative ? unary("-", product) : product;
    else
      result = binary(result, negative ? "-" : "+", product, Precedence::Additive);
  }
  if (constant) {
    bool negative = constant < 0;
    uint64_t size = negative ? -static_cast<uint64_t>(constant) : static_cast<uint64_t>(constant);
    CppExpr number = {fmt::format("{}{}", size, size > INT32_MAX ? "LL" : "")};
    result = binary(result, negative ? "-" : "+", number, Precedence::Additive);
  }
  result.wide = wide;
  result.range = total;
  return result;
}

std::string identifier(std::string_view text) {
  std::string result;
  for (char c : text) {
    bool valid = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    if (valid)
      result += c;
    else if (!result.empty() && result.back() != '_')
      result += '_';
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  if (result.empty()) return "value";
  if (std::isdigit(static_cast<unsigned char>(result[0]))) return fmt::format("v{}", result);
  return result;
}

Names::Names() {
  // Keywords, types and functions of the templates, and the parameters of every emitted function.
  for (const char *word : {"alignas",
                           "alignof",
                           "and",
                           "asm",
                           "auto",
                           "bool",
                           "break",
                           "case",
                           "catch",
                           "char",
                           "class",
                           "const",
                           "continue",
                           "default",
                           "delete",
                           "do",
                           "double",
                           "else",
                           "enum",
                           "explicit",
                           "export",
                           "extern",
                           "false",
                           "float",
                           "for",
                           "friend",
                           "goto",
                           "if",
                           "inline",
                           "int",
                           "long",
                           "mutable",
                           "namespace",
                           "new",
                           "not",
                           "operator",
                           "or",
                           "private",
                           "protected",
                           "public",
                           "register",
                           "return",
                           "short",
                           "signed",
                           "sizeof",
                           "static",
                           "struct",
                           "switch",
                           "template",
                           "this",
                           "throw",
                           "true",
                           "try",
                           "typedef",
                           "typeid",
                           "typename",
                           "union",
                           "unsigned",
                           "using",
                           "virtual",
                           "void",
                           "volatile",
                           "while",
                           "xor",
                           "min",
                           "max",
                           "abs",
                           "floor_div",
                           "floor_mod",
                           "ceil_div",
                           "clamp_to_int",
                           "interval",
                           "constant",
                           "negate",
                           "all_of",
                           "any_of",
                           "decided",
                           "less",
                           "less_equal",
                           "equal",
                           "not_equal",
                           "hull",
                           "aux_load",
                           "aux_load_f32",
                           "aux_range",
                           "nearest",
                           "row",
                           "column",
                           "first",
                           "last",
                           "intervals",
                           "kIntervals",
                           "flags",
                           "combine",
                           "kFlags",
                           "kCongruences",
                           "Congruences",
                           "congruences",
                           "kPairs",
                           "kColumnLoads",
                           "pairs",
                           "same",
                           "pair_row",
                           "pair_column",
                           "PairRow",
                           "PairColumn",
                           "kFirstPosition",
                           "kLastPosition",
                           "Row",
                           "Column",
                           "runs",
                           "touched",
                           "not_full",
                           "visible",
                           "classify",
                           "score",
                           "scalars",
                           "kept",
                           "sink",
                           "exp2",
                           "exp",
                           "log",
                           "tanh",
                           "sqrt",
                           "exp2f",
                           "expf",
                           "logf",
                           "fast_tanh",
                           "fmaf",
                           "fminf",
                           "fmaxf",
                           "sqrtf",
                           "fabsf",
                           "c",
                           "q",
                           "k",
                           "s",
                           "x",
                           "run",
                           "box",
                           "outer",
                           "Run",
                           "Box",
                           "Context",
                           "Interval",
                           "Config",
                           "Pattern",
                           "maskloom",
                           "TileClass",
                           "kEmpty",
                           "kPartial",
                           "kFull",
                           "linux",
                           "unix"})
    reserve(word);
}

std::string Names::fresh(std::string_view wanted) {
  std::string base = identifier(wanted);
  std::string name = base;
  for (int n = 2; used_.contains(name); n++)
    name = fmt::format("{}{}{}", base, std::isdigit(static_cast<unsigned char>(base.back())) ? "_" : "", n);
  used_.insert(name);
  return name;
}

} // namespace maskloom::emit
