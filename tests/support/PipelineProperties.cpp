#include "tests/support/PipelineProperties.h"

#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Print.h"
#include "maskloom/program/BoxEvaluator.h"
#include "maskloom/program/PredicateEvaluation.h"
#include "tests/support/ExprPredicate.h"
#include "tests/support/SamePattern.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace maskloom::testing {

namespace {

/// Reads decisions off bytes; behind their end every decision is 0.
class Decisions {
public:
  Decisions(const uint8_t *data, size_t size) : data_(data), size_(size) {}
  int64_t below(int64_t count) { return next() % count; }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool ended() const { return at_ >= size_; }

private:
  int64_t next() { return at_ < size_ ? data_[at_++] : 0; }
  const uint8_t *data_;
  size_t size_, at_ = 0;
};

class Spelled {
public:
  Spelled(const uint8_t *data, size_t size) : bytes_(data, size) { far_ = bytes_.below(8) == 7; }

  /// Numbers may be near the ends of 64 bits; predicates compute without checks and are left out then.
  bool far() const { return far_; }

  Pattern pattern() {
    Layout layout;
    switch (bytes_.below(4)) {
    case 1: layout.heads(0, 1, mask(3)).heads(2, 3, mask(3)); break;
    case 2: layout.kvHeads(0, 0, mask(3)).kvHeads(1, 1, mask(3)); break;
    case 3: layout.heads(3, 3, mask(2)).heads(0, 0, mask(2)).heads(1, 2, mask(2)); break;
    default: break;
    }
    Pattern result("spelled", mask(5), layout);
    if (bytes_.below(3) == 1) result.modifyScore(real(3));
    return result;
  }

  Problem problem() {
    Problem result;
    result.heads = 4;
    result.kvHeads = 2;
    result.queries = bytes_.between(1, 12);
    result.keys = bytes_.between(1, 16);
    result.queryOffset = bytes_.between(-20, 60);
    result.keyOffset = bytes_.between(0, 40);
    result.params = {{"window", bytes_.between(0, 64)}, {"block", bytes_.between(1, 16)}};
    const int64_t positions = 80;
    AuxValue doc{{1, positions}, {}, {}}, slope{{4}, {}, {0.5f, 0.25f, -1.0f, 0.0f}};
    for (int64_t i = 0; i < positions; ++i) doc.ints.push_back(static_cast<int32_t>(i / 7 - 3));
    result.aux = {{"doc", doc}, {"slope", slope}};
    return result;
  }

private:
  int64_t number() {
    if (!far_) return bytes_.between(-40, 80);
    static constexpr int64_t kFar[] = {INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MIN / 3, int64_t{1} << 31};
    int64_t base = kFar[bytes_.below(5)];
    return base > 0 ? base - bytes_.below(4) : base + bytes_.below(4);
  }

  Index divisor() {
    return bytes_.below(8) == 1
               ? Index(block_)
               : Index(makeInt(far_ ? std::max<int64_t>(number(), 1) : bytes_.between(1, 20)));
  }

  Index integer(int depth) {
    int64_t kind = bytes_.below(depth > 0 && !bytes_.ended() ? 18 : 8);
    switch (kind) {
    case 0: return query();
    case 1: return key();
    case 2: return head();
    case 3: return kvHead();
    case 4: return bytes_.below(2) ? queryLength() : keyLength();
    case 5: return window_;
    case 6: return Index(makeInt(number()));
    case 7: return bytes_.below(2) ? doc_(batch(), query()) : doc_(batch(), key());
    default: break;
    }
    Index first = integer(depth - 1);
    switch (kind) {
    case 8: return floordiv(first, divisor());
    case 9: return first % divisor();
    case 10: return bytes_.between(-9, 9) * first;
    case 11: return -first;
    case 12: return abs(first);
    default: break;
    }
    Index second = integer(depth - 1);
    switch (kind) {
    case 13: return min(first, second);
    case 14: return max(first, second);
    case 15: return select(mask(1), first, second);
    case 16: return first - second;
    default: return first + second;
    }
  }

  Mask mask(int depth) {
    int64_t kind = bytes_.below(depth > 0 && !bytes_.ended() ? 16 : 8);
    if (kind == 6) return all();
    if (kind == 7) return none();
    if (kind < 6) {
      Index first = integer(depth), second = integer(1);
      switch (kind) {
      case 0: return first >= second;
      case 1: return first > second;
      case 2: return first <= second;
      case 3: return first < second;
      case 4: return first == second;
      default: return first != second;
      }
    }
    Mask first = mask(depth - 1);
    if (kind == 8) return !first;
    Mask second = mask(depth - 1);
    if (kind == 9) return select(mask(depth - 1), first, second);
    return kind % 2 ? first && second : first || second;
  }

  Score real(int depth) {
    int64_t kind = bytes_.below(depth > 0 && !bytes_.ended() ? 8 : 3);
    switch (kind) {
    case 0: return score();
    case 1: return slope_(head()) + toScore(static_cast<double>(bytes_.between(-8, 8)) / 4);
    case 2: return toScore(integer(2));
    default: break;
    }
    Score first = real(depth - 1);
    if (kind == 3) return -first;
    Score second = real(depth - 1);
    switch (kind) {
    case 4: return select(mask(2), first, second);
    case 5: return first * second;
    case 6: return max(first, second);
    default: return first + second;
    }
  }

  Decisions bytes_;
  bool far_;
  Param window_ = Param("window", 5, 0, 64), block_ = Param("block", 4, 1, 16);
  AuxInt doc_ = AuxInt("doc", {axis::batch(), axis::query()});
  AuxFloat slope_ = AuxFloat("slope", {axis::head()});
};

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string brokenText(const Pattern &pattern) {
  std::string text = toText(pattern);
  ParseResult parsed = parsePatterns(text, "printed.mask");
  if (!parsed.ok() || parsed.patterns.size() != 1) return "printed text does not parse";
  std::string differs = difference(parsed.patterns[0], pattern);
  if (!differs.empty()) return "printed text differs in " + differs;
  if (patternHash(canonicalize(parsed.patterns[0])) != patternHash(canonicalize(pattern)))
    return "printed text has another hash";
  return "";
}

std::string brokenCanonical(const Pattern &pattern, const Problem &problem) {
  Pattern canonical = canonicalize(pattern, problem.params);
  if (canonicalText(canonicalize(canonical, problem.params)) != canonicalText(canonical))
    return "the canonical form is not its own:\n" + canonicalText(canonical);
  Interpreter written(pattern, problem), simplified(canonical, problem);
  for (int64_t h = 0; h < problem.heads; ++h)
    for (int64_t row = 0; row < problem.queries; ++row)
      for (int64_t column = 0; column < problem.keys; ++column) try {
          if (written.visible(0, h, row, column) != simplified.visible(0, h, row, column) ||
              !same(written.score(0.5, 0, h, row, column), simplified.score(0.5, 0, h, row, column)))
            return fmt::format("the canonical form differs at head {}, row {}, column {}:\n{}", h, row,
                               column, canonicalText(canonical));
        } catch (const std::overflow_error &) { // a number leaves 64 bits: means nothing
        }
  return "";
}

std::string brokenPredicate(const Pattern &pattern, const Problem &problem) {
  Program program = programOf(pattern, problem);
  Interpreter interpreter(pattern, problem);
  for (int64_t h = 0; h < problem.heads; ++h) {
    ContextOf context(program, problem, 0, h);
    const Predicate &predicate = program.groups[groupOf(program, h, context->kvHead)].predicate;
    BoxEvaluator boxes(program, predicate, *context);
    const int64_t q = context->queryOffset, k = context->keyOffset;
    const int64_t rows = (problem.queries + 1) / 2, columns = (problem.keys + 2) / 3;
    for (int64_t row = 0; row < problem.queries; row += rows)
      for (int64_t column = 0; column < problem.keys; column += columns) {
        int64_t rowEnd = std::min(row + rows, problem.queries),
                columnEnd = std::min(column + columns, problem.keys);
        TileClass kind = boxes.classify(row + q, rowEnd - 1 + q, column + k, columnEnd - 1 + k);
        for (int64_t r = row; r < rowEnd; ++r)
          for (int64_t c = column; c < columnEnd; ++c) {
            bool visible = interpreter.visible(0, h, r, c);
            if (evaluate(program, predicate, *context, r + q, c + k) != visible)
              return fmt::format("the predicate differs at head {}, row {}, column {}", h, r, c);
            if (kind == (visible ? TileClass::Empty : TileClass::Full))
              return fmt::format("the class of a box is wrong at head {}, row {}, column {}", h, r, c);
          }
      }
  }
  return "";
}

} // namespace

std::string brokenPipeline(const uint8_t *data, size_t size) {
  Spelled spelled(data, size);
  Problem problem = spelled.problem();
  Pattern pattern = spelled.pattern();
  if (hasErrors(checkPattern(pattern))) return "";
  std::map<std::string, int64_t> params;
  for (const auto &param : pattern.params) params[param->name] = problem.params.at(param->name);
  problem.params = params;
  std::map<std::string, AuxValue> aux;
  for (const auto &tensor : pattern.auxes) aux[tensor->name] = problem.aux.at(tensor->name);
  problem.aux = aux;
  std::string broken = brokenText(pattern);
  if (broken.empty()) broken = brokenCanonical(pattern, problem);
  if (broken.empty() && !spelled.far()) broken = brokenPredicate(pattern, problem);
  return broken.empty() ? "" : broken + "\n" + toText(pattern);
}

} // namespace maskloom::testing
