#include "maskloom/program/Describe.h"

#include "maskloom/program/Arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace maskloom {

namespace {

class Printer {
public:
  Printer(const Program &program, const Schedule &schedule, const DescribeOptions &options)
      : program_(program), schedule_(schedule), options_(options) {}

  std::string print() {
    std::string text;
    for (const Run &run : schedule_.touched) text += "T: " + print(run) + "\n";
    for (const Run &run : schedule_.notFull) text += "N: " + print(run) + "\n";
    if (!schedule_.closedForm)
      text += fmt::format("intersected with the evaluation of the mask over each candidate tile: {}\n",
                          schedule_.remark);
    return text;
  }

private:
  /// A sum of named terms.
  struct Sum {
    std::map<std::string, int64_t> terms;
    int64_t constant = 0;

    int64_t divisor() const {
      int64_t g = 0;
      for (const auto &[name, coefficient] : terms) g = std::gcd(g, coefficient);
      return g;
    }
  };

  std::string name(Symbol symbol, int32_t index) const {
    bool forward = schedule_.orientation == Orientation::Forward;
    switch (symbol) {
    case Symbol::QueryPosition: return "q";
    case Symbol::KeyPosition: return "k";
    case Symbol::OuterTile: return forward ? "Q" : "K";
    case Symbol::InnerTile: return forward ? "K" : "Q";
    case Symbol::Head: return "h";
    case Symbol::KvHead: return "kvh";
    case Symbol::Batch: return "b";
    case Symbol::QueryLength: return "Sq";
    case Symbol::KeyLength: return "Sk";
    case Symbol::Heads: return "H";
    case Symbol::KvHeads: return "Hkv";
    case Symbol::QueryOffset: return "q_offset";
    case Symbol::KeyOffset: return "k_offset";
    case Symbol::Param: return program_.params[index].name;
    case Symbol::AuxScalar: return program_.auxes[program_.auxScalars[index].aux].name + "[..]";
    case Symbol::Floor: break;
    }
    return "?";
  }

  Sum collect(const Affine &affine) const {
    Sum sum;
    sum.constant = affine.constant;
    auto add = [&](const std::string &key, int64_t coefficient) {
      if ((sum.terms[key] += coefficient) == 0) sum.terms.erase(key);
    };
    for (const Term &term : affine.terms) {
      if (term.symbol == Symbol::QueryOffset && options_.queryOffset) {
        sum.constant += term.coefficient * *options_.queryOffset;
      } else if (term.symbol == Symbol::KeyOffset && options_.keyOffset) {
        sum.constant += term.coefficient * *options_.keyOffset;
      } else if (term.symbol == Symbol::Floor) {
        const FloorScalar &floor = schedule_.floors[term.index];
        Sum numerator = collect(floor.numerator);
        if (numerator.terms.empty())
          sum.constant += term.coefficient * integer::floorDiv(numerator.constant, floor.denominator);
        else
          add(quotient(numerator, floor.denominator), term.coefficient);
      } else {
        add(name(term.symbol, term.index), term.coefficient);
      }
    }
    return sum;
  }

  static std::string print(const Sum &sum) {
    // Positive terms first: 2Q - h rather than -h + 2Q.
    std::string text;
    for (bool positive : {true, false})
      for (const auto &[name, coefficient] : sum.terms) {
        if ((coefficient > 0) != positive) continue;
        text += text.empty() ? (positive ? "" : "-") : positive ? " + " : " - ";
        // A factor of a rounded quotient: 16*((x)/1024) is not (16x)/1024.
        if (std::abs(coefficient) == 1)
          text += name;
        else if (isQuotient(name))
          text += fmt::format("{}*({})", std::abs(coefficient), name);
        else
          text += fmt::format("{}{}", std::abs(coefficient), name);
      }
    if (text.empty()) return fmt::format("{}", sum.constant);
    if (sum.constant != 0)
      text += fmt::format(" {} {}", sum.constant > 0 ? "+" : "-", std::abs(sum.constant));
    return text;
  }

  static bool isQuotient(const std::string &name) { return name.find('/') != std::string::npos; }

  static std::string quotient(const Sum &sum, int64_t denominator) {
    if (denominator == 1) return print(sum);
    std::string text = print(sum);
    bool atomic = sum.terms.size() == 1 && sum.constant == 0 && sum.terms.begin()->second > 0 &&
                  !isQuotient(sum.terms.begin()->first);
    return atomic ? fmt::format("{}/{}", text, denominator) : fmt::format("({})/{}", text, denominator);
  }

  std::string print(const Affine &affine) const { return print(collect(affine)); }

  std::string print(const Bound &bound, bool lower) const {
    Sum sum = collect(bound.numerator);
    // ceil(a / d) = floor((a + d - 1) / d)
    if (lower) sum.constant += bound.denominator - 1;
    if (sum.terms.empty()) return fmt::format("{}", integer::floorDiv(sum.constant, bound.denominator));
    if (sum.divisor() % bound.denominator == 0) {
      for (auto &[name, coefficient] : sum.terms) coefficient /= bound.denominator;
      sum.constant = integer::floorDiv(sum.constant, bound.denominator);
      return print(sum);
    }
    return quotient(sum, bound.denominator);
  }

  static std::string join(std::vector<std::string> parts, const char *function) {
    std::sort(parts.begin(), parts.end());
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
    std::string list = fmt::format("{}", fmt::join(parts, ", "));
    return parts.size() == 1 ? list : fmt::format("{}({})", function, list);
  }

  std::string print(const Condition &condition) const {
    return fmt::format("{} {} 0", print(condition.affine), condition.equality ? "=" : ">=");
  }

  std::string print(const Run &run) const {
    std::vector<std::string> lower{"0"}, upper;
    for (const Bound &bound : run.lower) lower.push_back(print(bound, true));
    for (const Bound &bound : run.upper) upper.push_back(print(bound, false));
    std::string text =
        fmt::format("[{}, {}", join(lower, "max"), upper.empty() ? ".." : join(upper, "min") + "]");
    std::vector<std::string> conditions;
    std::string inner = name(Symbol::InnerTile, 0);
    for (const Congruence &c : run.congruences) {
      Sum argument = collect(c.phase), width = collect(c.width);
      argument.terms[inner] = c.a;
      argument.constant = integer::floorMod(argument.constant, c.period);
      bool single = width.terms.empty() && width.constant == 0;
      conditions.push_back(
          fmt::format("({}) mod {} {} {}", print(argument), c.period, single ? "=" : "<=", print(width)));
    }
    for (const Gap &gap : run.gaps)
      conditions.push_back(
          fmt::format("an integer in [({})/{}, ({})/{}]", print(gap.lower), gap.a, print(gap.upper), gap.b));
    for (const Condition &filter : run.filters) conditions.push_back(print(filter));
    if (!conditions.empty()) text += fmt::format(" with {}", fmt::join(conditions, " and "));
    std::vector<std::string> guards;
    for (const Condition &guard : run.guards) guards.push_back(print(guard));
    if (!guards.empty()) text += fmt::format(" if {}", fmt::join(guards, " and "));
    return text;
  }

  const Program &program_;
  const Schedule &schedule_;
  const DescribeOptions &options_;
};

} // namespace

std::string describe(const Program &program, const Schedule &schedule, const DescribeOptions &options) {
  return Printer(program, schedule, options).print();
}

} // namespace maskloom
