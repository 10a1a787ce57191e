#include "maskloom/analysis/BoundedSearch.h"

#include "maskloom/analysis/Contents.h"
#include "maskloom/analysis/RowEvaluator.h"

#include <algorithm>
#include <cmath>

namespace maskloom::analysis {

constexpr size_t kMaxParameterSets = 9;
constexpr int64_t kMaxHeads = 16;      ///< of a group, looked at one by one
constexpr int64_t kMaxAuxHeads = 2;    ///< the same where it is contents that vary
constexpr int64_t kMaxTogether = 1024; ///< heads whose rows are evaluated side by side
constexpr int64_t kScatteredQueries = 24;
constexpr int64_t kMaxTokens = 320;
constexpr int kMixedContents = 48;      ///< drawn for each tensor, on top of those that are alike in all
constexpr int64_t kMaxMixedTokens = 16; ///< many contents of short sequences find more than few of long ones

std::vector<std::vector<int64_t>> BoundedSearch::parameterSets() const {
  const std::vector<ProgramParam> &params = statement_.program.params;
  std::vector<std::vector<int64_t>> sets{statement_.scope.params};
  if (!statement_.scope.anyParams) return sets;
  auto add = [&](auto value) {
    std::vector<int64_t> set = statement_.scope.params;
    for (size_t i = 0; i < set.size(); ++i)
      if (!params[i].constant) set[i] = std::clamp(value(i), params[i].low, params[i].high);
    if (sets.size() < kMaxParameterSets && std::find(sets.begin(), sets.end(), set) == sets.end())
      sets.push_back(std::move(set));
  };
  add([&](size_t i) { return params[i].low; });
  for (int64_t above : {0, 1, 3})
    for (size_t one = 0; one < params.size(); ++one)
      add([&](size_t i) { return i == one ? params[i].low + above : statement_.scope.params[i]; });
  add([&](size_t i) { return params[i].high; });
  return sets;
}

std::vector<int64_t> BoundedSearch::heads() const {
  const ProofScope &scope = statement_.scope;
  std::vector<int64_t> heads;
  for (const std::optional<MaskView> &view : {std::optional(statement_.mask), statement_.other})
    for (size_t group = 0; view && group < view->groups->size(); ++group) {
      auto [first, last] = view->headsOf(group, scope);
      if (!statement_.names.head && !statement_.names.aux) last = std::min(first, last);
      for (int64_t head = first; head <= last; ++head)
        if (statement_.names.aux ? head - first < kMaxAuxHeads
                                 : head - first < kMaxHeads - 4 || last - head < 4)
          heads.push_back(head);
    }
  std::sort(heads.begin(), heads.end());
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
  return heads;
}

std::optional<Counterexample> BoundedSearch::checked(Counterexample point, int kind) const {
  // The shortest sequence that holds the point, where lengths do not matter.
  if (!statement_.names.keyLength) {
    int64_t last = point.key.value_or(0);
    for (int64_t q : point.queries) last = std::max(last, q);
    Counterexample shorter = point;
    shorter.keyLength = shorter.queryLength = last + 1;
    if (statement_.names.aux) fillContents(statement_, kind, shorter);
    if (refutes(statement_, shorter, maxCheckedPoints_)) return shorter;
  }
  if (refutes(statement_, point, maxCheckedPoints_)) return point;
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scanHead(const Counterexample &problem, int64_t head) {
  PointContext contexts(statement_, problem);
  const ProofScope &scope = statement_.scope;
  int64_t keys = problem.keyLength;
  RowEvaluator rows(statement_.program, statement_.mask.maskOf(head, scope), contexts.of(head), keys);
  std::optional<RowEvaluator> others;
  if (statement_.other)
    others.emplace(statement_.program, statement_.other->maskOf(head, scope), contexts.of(head), keys);
  Counterexample point = problem;
  point.head = head;
  for (int64_t q = keys - problem.queryLength; q < keys; ++q) {
    pointsLeft_ -= keys;
    point.queries = {q};
    const std::span<const int64_t> row = rows.row(q);
    switch (statement_.property) {
    case Property::Causal:
      for (int64_t k = q + 1; k < keys; ++k)
        if (row[k]) {
          point.key = k;
          return point;
        }
      break;
    case Property::Equal: {
      const std::span<const int64_t> other = others->row(q);
      for (int64_t k = 0; k < keys; ++k)
        if ((row[k] != 0) != (other[k] != 0)) {
          point.key = k;
          return point;
        }
      break;
    }
    default: { // RowsNonempty; where lengths do not matter, the sequence that ends at q has the fewest keys
      auto end = row.begin() + (statement_.names.keyLength ? keys : q + 1);
      if (std::none_of(row.begin(), end, [](int64_t seen) { return seen != 0; })) return point;
    }
    }
  }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scanDropped(const Counterexample &problem, int64_t head) {
  PointContext contexts(statement_, problem);
  int64_t keys = problem.keyLength;
  RowEvaluator rows(statement_.program, statement_.mask.maskOf(head, statement_.scope), contexts.of(head),
                    keys);
  std::vector<int64_t> seen(keys, -1), dropped(keys, -1);
  for (int64_t q = keys - problem.queryLength; q < keys; ++q) {
    pointsLeft_ -= keys;
    const std::span<const int64_t> row = rows.row(q);
    for (int64_t k = 0; k < keys; ++k) {
      if (row[k] && dropped[k] >= 0) {
        Counterexample point = problem;
        point.head = head;
        point.queries = {seen[k], dropped[k], q};
        point.key = k;
        return point;
      }
      if (row[k] && dropped[k] < 0) seen[k] = q;
      if (!row[k] && seen[k] >= 0 && dropped[k] < 0) dropped[k] = q;
    }
  }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scanAllHeads(const Counterexample &problem) {
  const ProofScope &scope = statement_.scope;
  if (scope.heads > kMaxTogether) return std::nullopt;
  PointContext contexts(statement_, problem);
  int64_t keys = problem.keyLength;
  std::vector<RowEvaluator> masks;
  bool everyHead = statement_.names.head || statement_.names.aux;
  for (size_t group = 0; group < statement_.mask.groups->size(); ++group) {
    auto [first, last] = statement_.mask.headsOf(group, scope);
    for (int64_t head = first; head <= (everyHead ? last : std::min(first, last)); ++head)
      masks.emplace_back(statement_.program, (*statement_.mask.groups)[group].predicate, contexts.of(head),
                         keys);
  }
  for (int64_t q = keys - problem.queryLength; q < keys; ++q) {
    int64_t end = statement_.property == Property::CoversCausal ? q + 1 : keys;
    std::vector<bool> covered(end, false);
    int64_t left = end;
    for (RowEvaluator &mask : masks) {
      pointsLeft_ -= keys;
      const std::span<const int64_t> row = mask.row(q);
      for (int64_t k = 0; k < end; ++k)
        if (row[k] && !covered[k]) {
          covered[k] = true;
          --left;
        }
      if (left == 0) break;
    }
    if (left == 0) continue;
    Counterexample point = problem;
    point.queries = {q};
    point.key = std::find(covered.begin(), covered.end(), false) - covered.begin();
    return point;
  }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scan(const Counterexample &problem, int kind) {
  if (statement_.property == Property::CoversCausal || statement_.property == Property::CoversAll) {
    std::optional<Counterexample> found = scanAllHeads(problem);
    return found ? checked(std::move(*found), kind) : std::nullopt;
  }
  for (int64_t head : heads()) {
    std::optional<Counterexample> found =
        statement_.property == Property::KvEfficient ? scanDropped(problem, head) : scanHead(problem, head);
    if (found) found = checked(std::move(*found), kind);
    if (found || pointsLeft_ <= 0) return found;
  }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scanLengths(Counterexample problem, int kind, int64_t points,
                                                         int64_t longest) {
  const MaskNames &names = statement_.names;
  bool together = statement_.property == Property::CoversCausal || statement_.property == Property::CoversAll;
  int64_t masks =
      together && (names.head || names.aux) ? statement_.scope.heads : static_cast<int64_t>(heads().size());
  pointsLeft_ = points;
  longest =
      std::clamp<int64_t>(static_cast<int64_t>(std::sqrt(static_cast<double>(points / masks))), 4, longest);
  for (int64_t keys = names.keyLength ? 1 : longest; keys <= longest; keys += 1 + keys / 6)
    for (int64_t queries : {keys, (keys + 1) / 2, int64_t(1)}) {
      if (queries != keys && !names.queryLength) continue;
      problem.keyLength = keys;
      problem.queryLength = queries;
      if (names.aux) {
        if (contentsLeft_ <= 0) return std::nullopt;
        if (!fillContents(statement_, kind, problem)) continue;
        for (const AuxContents &contents : problem.aux)
          contentsLeft_ -= static_cast<int64_t>(contents.values.size());
      }
      if (std::optional<Counterexample> found = scan(problem, kind)) return found;
      if (pointsLeft_ <= 0) return std::nullopt;
    }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::run(int64_t points) {
  const int kinds = statement_.names.aux ? kUniformContents : 1;
  const std::vector<std::vector<int64_t>> sets = parameterSets();
  Counterexample problem;
  for (size_t set = 0; set < sets.size(); ++set) {
    // The given parameters are what people run: half of the points are theirs.
    int64_t share = sets.size() == 1 ? points : set == 0 ? points / 2 : points / 2 / (sets.size() - 1);
    problem.params = sets[set];
    for (int kind = 0; kind < kinds; ++kind)
      if (std::optional<Counterexample> found = scanLengths(problem, kind, share / kinds, kMaxTokens))
        return found;
  }
  for (int mixed = 0; statement_.names.aux && mixed < kMixedContents; ++mixed) {
    problem.params = sets[mixed % 2 ? mixed / 2 % sets.size() : 0];
    if (std::optional<Counterexample> found =
            scanLengths(problem, kUniformContents + mixed, points / kMixedContents, kMaxMixedTokens))
      return found;
  }
  return std::nullopt;
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a number below `bound`.
static int64_t draw(uint64_t &state, int64_t bound) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<int64_t>((z ^ (z >> 31)) % static_cast<uint64_t>(bound));
}

/// One key, seen by queries in ascending order.
std::optional<Counterexample> BoundedSearch::scatterDropped(Counterexample point, int64_t reach,
                                                            uint64_t &random) {
  std::vector<int64_t> queries;
  for (int64_t i = 0; i < kScatteredQueries; ++i)
    queries.push_back(point.keyLength - point.queryLength + draw(random, point.queryLength));
  std::sort(queries.begin(), queries.end());
  point.key = draw(random, reach);
  PointContext contexts(statement_, point);
  ScheduleContext context = contexts.of(*point.head);
  const Predicate &mask = statement_.mask.maskOf(*point.head, statement_.scope);
  int64_t seen = -1, dropped = -1;
  for (int64_t q : queries) {
    bool visible = evaluate(statement_.program, mask, context, q, *point.key);
    if (visible && dropped >= 0) {
      point.queries = {seen, dropped, q};
      return point;
    }
    if (visible) seen = q;
    if (!visible && seen >= 0) dropped = q;
  }
  return std::nullopt;
}

std::optional<Counterexample> BoundedSearch::scatter(int64_t points) {
  if (statement_.names.aux) return std::nullopt; // contents of long tensors
  constexpr int kFirst = 8, kLast = 24, kStep = 2;
  bool together = statement_.property == Property::CoversCausal || statement_.property == Property::CoversAll;
  std::vector<std::vector<int64_t>> sets = parameterSets();
  std::vector<int64_t> some = heads();
  uint64_t random = 1;
  for (int bits = kFirst; bits <= kLast; bits += kStep) {
    int64_t reach = int64_t(1) << bits;
    pointsLeft_ = points / ((kLast - kFirst) / kStep + 1);
    for (size_t i = 0; pointsLeft_ > 0; ++i) {
      Counterexample point;
      point.params = sets[i % 2 ? i / 2 % sets.size() : 0]; // every second time the given ones
      point.keyLength = reach;
      point.queryLength = statement_.names.queryLength ? 1 + draw(random, reach) : reach;
      if (!together) point.head = some[draw(random, static_cast<int64_t>(some.size()))];
      int64_t q = reach - point.queryLength + draw(random, point.queryLength);
      point.queries = {q};
      if (statement_.property == Property::KvEfficient) {
        pointsLeft_ -= kScatteredQueries;
        std::optional<Counterexample> found = scatterDropped(std::move(point), reach, random);
        if (!found) continue;
        point = std::move(*found);
      } else if (statement_.property == Property::RowsNonempty) {
        pointsLeft_ -= reach;
      } else {
        pointsLeft_ -= together ? statement_.scope.heads : 1;
        point.key = draw(random, statement_.property == Property::CoversCausal ? q + 1 : reach);
      }
      if (std::optional<Counterexample> found = checked(std::move(point), 0)) return found;
    }
  }
  return std::nullopt;
}

} // namespace maskloom::analysis
