#include "maskloom/codegen/emit/EmitSchedule.h"

#include "maskloom/codegen/emit/EmitScalars.h"

#include <fmt/format.h>

#include <numeric>

namespace maskloom::emit {
namespace {

constexpr int64_t kUnbounded = INT32_MAX;
const char *const kEmptyRun = "Run{1, 0, 1, 0, 0, 0}";

int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }
int64_t floorModulo(int64_t a, int64_t b) { return a - b * floorDivide(a, b); }

/// The same form with every coefficient and the constant replaced by `f` of them.
template <class F>
Affine mapCoefficients(const Affine &form, F f) {
  Affine result;
  for (Term term : form.terms) {
    term.coefficient = f(term.coefficient);
    if (term.coefficient != 0) result.terms.push_back(term);
  }
  result.constant = f(form.constant);
  return result;
}

/// A congruence after step 5: (a*x + phase) mod period <= width with gcd(a, period) = 1 and 0 <= phase <
/// period.
struct ReducedCongruence {
  int64_t a = 0, period = 1;
  CppExpr phase = literal(0), width = literal(0);
  bool always = false; ///< true for every x
  bool never = false;  ///< true for no x
};

ReducedCongruence reduce(Scalars &scalars, const Congruence &congruence) {
  ReducedCongruence result;
  int64_t g = std::gcd(congruence.a, congruence.period); // the period itself when a is 0
  result.period = congruence.period / g;
  result.a = floorModulo(congruence.a / g, result.period);

  bool divides = true;
  for (const Term &term : congruence.phase.terms) divides &= term.coefficient % g == 0;
  if (divides) {
    // The symbols come out of floor and mod: u = g * u' + rest with a constant rest.
    int64_t rest = floorModulo(congruence.phase.constant, g);
    Affine phase = mapCoefficients(congruence.phase,
                                   [&](int64_t v) { return floorModulo(floorDivide(v, g), result.period); });
    result.phase = floorModText(scalars.affine(phase), result.period);
    Affine width = congruence.width;
    width.constant -= rest;
    result.width = floorDivText(scalars.affine(width), g);
  } else {
    Affine phase =
        mapCoefficients(congruence.phase, [&](int64_t v) { return floorModulo(v, congruence.period); });
    CppExpr u = scalars.local("phase", scalars.affine(phase));
    result.phase = floorModText(floorDivText(u, g), result.period);
    CppExpr width = binary(scalars.affine(congruence.width), "-", floorModText(u, g), Precedence::Additive);
    width.range = scalars.affine(congruence.width).range + Range{1 - g, 0};
    result.width = floorDivText(width, g);
  }
  result.phase = clampToInt(result.phase);
  result.always = result.width.range.low >= result.period - 1;
  result.never = result.width.range.high < 0;
  return result;
}

/// Positive terms on the left, negative ones on the right: '7 >= q_tile' rather than '-q_tile + 7 >= 0'.
CppExpr condition(Scalars &scalars, const Condition &condition) {
  Affine left, right;
  for (Term term : condition.affine.terms) {
    (term.coefficient > 0 ? left : right).terms.push_back(term);
    if (term.coefficient < 0) right.terms.back().coefficient = -term.coefficient;
  }
  int64_t constant = condition.affine.constant;
  bool constantOnLeft = left.terms.empty() || (constant > 0 && !right.terms.empty());
  constantOnLeft ? left.constant = constant : right.constant = -constant;
  return binary(scalars.affine(left), condition.equality ? "==" : ">=", scalars.affine(right),
                condition.equality ? Precedence::Equality : Precedence::Relational);
}

/// What is known without running.
enum class Known { True, False, Depends };
Known known(const Scalars &scalars, const Condition &condition) {
  Range range = scalars.range(condition.affine);
  if (condition.equality)
    return range.low == 0 && range.high == 0 ? Known::True
           : range.low > 0 || range.high < 0 ? Known::False
                                             : Known::Depends;
  return range.low >= 0 ? Known::True : range.high < 0 ? Known::False : Known::Depends;
}

void addFactor(std::string &product, const CppExpr &factor) {
  product += (product.empty() ? "" : " && ") + factor.at(Precedence::BitOr);
}

/// max of the lower bounds and 0, or min of the upper bounds, as an int.
CppExpr lowerBound(Scalars &scalars, const std::vector<Bound> &bounds) {
  CppExpr result = literal(0);
  for (const Bound &bound : bounds) {
    Affine roundedUp = bound.numerator;
    roundedUp.constant += bound.denominator - 1;
    if (floorDiv(scalars.range(roundedUp), bound.denominator).high <= 0) continue;
    CppExpr value = floorDivText(scalars.affine(roundedUp), bound.denominator);
    bool onlyBound = result.text == "0" && value.range.low >= 0;
    result = onlyBound ? value : minMaxText("max", value, result);
  }
  return clampToInt(result);
}

CppExpr upperBound(Scalars &scalars, const std::vector<Bound> &bounds) {
  if (bounds.empty()) return literal(kUnbounded);
  CppExpr result;
  for (size_t i = 0; i < bounds.size(); i++) {
    CppExpr value = floorDivText(scalars.affine(bounds[i].numerator), bounds[i].denominator);
    result = i == 0 ? value : minMaxText("min", result, value);
  }
  return clampToInt(result);
}

/// What kernels need to know of all runs together; the names are those of Congruences in schedule.cuh.
enum class Congruences { None, Steps, Any };
const char *name(Congruences congruences) {
  return congruences == Congruences::None    ? "Congruences::kNone"
         : congruences == Congruences::Steps ? "Congruences::kSteps"
                                             : "Congruences::kAny";
}

/// The initialiser of one run of `setName`: "Run{lo, hi, period, a, phase, width}", behind its guards. Widens
/// `congruences` to what it has.
std::string runText(Scalars &scalars, const std::string &setName, const Run &run, Congruences &congruences) {
  std::string guards;
  for (const Condition &guard : run.guards) {
    Known value = known(scalars, guard);
    if (value == Known::False) return kEmptyRun;
    if (value == Known::Depends) addFactor(guards, condition(scalars, guard));
  }
  std::string congruence = "1, 0, 0, 0";
  if (!run.congruences.empty()) {
    ReducedCongruence reduced = reduce(scalars, run.congruences[0]);
    if (reduced.never) return kEmptyRun;
    if (!reduced.always) {
      if (reduced.width.range.low < 0)
        addFactor(guards, binary(reduced.width, ">=", literal(0), Precedence::Relational));
      if (reduced.period > 1) {
        congruences = std::max(congruences, reduced.a == 1 ? Congruences::Steps : Congruences::Any);
        congruence = fmt::format("{}, {}, {}, {}", reduced.period, reduced.a, reduced.phase.text,
                                 clampToInt(reduced.width).text);
      }
    }
  }
  std::string lower = lowerBound(scalars, run.lower).text, upper = upperBound(scalars, run.upper).text;
  constexpr size_t kOneLine = 70;
  bool breaks = lower.size() + upper.size() + guards.size() + congruence.size() > kOneLine;
  // One field group a line, under the opening brace of "    touched[0] = Run{" or "      ? Run{".
  std::string separator =
      breaks ? fmt::format("\n{:{}}", "", guards.empty() ? setName.size() + 14 : 12) : " ";
  std::string text = fmt::format("Run{{{0},{3}{1},{3}{2}}}", lower, upper, congruence, separator);
  if (guards.empty()) return text;
  return fmt::format("{0}{3}? {1}{3}: {2}", guards, text, kEmptyRun, breaks ? "\n      " : " ");
}

bool needsKeep(const Run &run) {
  return run.congruences.size() > 1 || !run.gaps.empty() || !run.filters.empty();
}

/// What the stored run leaves out, as one condition on x.
std::string keepText(Scalars &scalars, const Run &run) {
  std::string result;
  for (size_t i = 1; i < run.congruences.size(); i++) {
    const Congruence &congruence = run.congruences[i];
    Affine sum =
        mapCoefficients(congruence.phase, [&](int64_t v) { return floorModulo(v, congruence.period); });
    sum.terms.insert(sum.terms.begin(), {Symbol::InnerTile, 0, floorModulo(congruence.a, congruence.period)});
    CppExpr value = floorModText(scalars.affine(sum), congruence.period);
    addFactor(result, binary(value, "<=", scalars.affine(congruence.width), Precedence::Relational));
  }
  for (const Gap &gap : run.gaps) {
    Affine lower = gap.lower;
    lower.constant += gap.a - 1;
    addFactor(result, binary(floorDivText(scalars.affine(gap.upper), gap.b),
                             ">=", floorDivText(scalars.affine(lower), gap.a), Precedence::Relational));
  }
  for (const Condition &filter : run.filters) addFactor(result, condition(scalars, filter));
  return result;
}

std::string keepFunction(const Program &program, const Schedule &schedule, const std::vector<Run> &runs,
                         const std::string &name) {
  std::string outer = Scalars::outerName(schedule.orientation);
  std::string cases;
  for (size_t i = 0; i < runs.size(); i++) {
    if (!needsKeep(runs[i])) continue;
    Scalars scalars(program, schedule);
    std::string kept = keepText(scalars, runs[i]);
    cases +=
        fmt::format("    case {}: {{\n{}      return {};\n    }}\n", i, scalars.declarations("      "), kept);
  }
  if (cases.empty())
    return fmt::format(
        "  static MASKLOOM_DEVICE bool {}(const Context &, int, int, int) {{ return true; }}\n", name);
  // A run without a case keeps every tile; parameters that no case reads stay silent.
  return fmt::format("  static MASKLOOM_DEVICE bool {}(const Context &c, int {}, int run, int x) {{\n"
                     "    (void)c, (void){};\n"
                     "    switch (run) {{\n{}    default: return true;\n    }}\n  }}\n",
                     name, outer, outer, cases);
}

} // namespace

std::string emitSchedule(const Program &program, const Schedule &schedule) {
  Scalars scalars(program, schedule);
  std::string assignments;
  bool filtered = false;
  Congruences congruences = Congruences::None;
  auto assign = [&](const char *set, const std::vector<Run> &runs) {
    for (size_t i = 0; i < runs.size(); i++) {
      assignments += fmt::format("    {}[{}] = {};\n", set, i, runText(scalars, set, runs[i], congruences));
      filtered |= needsKeep(runs[i]);
    }
    if (runs.empty()) // arrays of no elements do not exist in C++
      assignments += fmt::format("    {}[0] = {};\n", set, kEmptyRun);
  };
  assign("touched", schedule.touched);
  assign("not_full", schedule.notFull);

  std::string outer = Scalars::outerName(schedule.orientation);
  size_t touched = std::max<size_t>(schedule.touched.size(), 1),
         notFull = std::max<size_t>(schedule.notFull.size(), 1);
  std::string text;
  text += fmt::format("  static constexpr int kTouched = {}, kNotFull = {};\n", touched, notFull);
  text += fmt::format("  static constexpr bool kFiltered = {};\n", filtered);
  text += fmt::format("  static constexpr Congruences kCongruences = {};\n", name(congruences));
  text += fmt::format("  // Run{{lo, hi, period, a, phase, width}}: tiles x in [lo, hi] with (a*x + phase) "
                      "mod period <= width\n"
                      "  static MASKLOOM_DEVICE void runs(const Context &c, int {}, Run (&touched)[{}], Run "
                      "(&not_full)[{}]) {{\n"
                      "    (void)c, (void){};\n{}{}  }}\n",
                      outer, touched, notFull, outer, scalars.declarations("    "), assignments);
  text += keepFunction(program, schedule, schedule.touched, "keep_touched");
  text += keepFunction(program, schedule, schedule.notFull, "keep_not_full");
  return text;
}

} // namespace maskloom::emit
