#include "maskloom/analysis/Question.h"

#include "maskloom/analysis/Contents.h"
#include "maskloom/program/PredicateEvaluation.h"

#include <algorithm>

namespace maskloom::analysis {

constexpr int kMaxProofVariables = kMaxVariables - kGapColumns;
/// Groups of heads have a variable each; the rest of the table is for quotients.
constexpr int kMaxLocalHeads = 24;
/// Numbers beyond this are not evaluated: products with coefficients must fit 64 bits.
constexpr int64_t kMaxEvaluated = int64_t(1) << 40;

static Constraint notBelow(const Form &a, const Form &b, int64_t distance) {
  Constraint c{a};
  // Positions, lengths and heads have unit coefficients: no overflow.
  if (!c.form.add(b, -1)) c.form = {};
  c.form.constant -= distance;
  return c;
}

LinearFormula Question::atLeast(const Form &a, const Form &b, int64_t distance) {
  return LinearFormula::of(notBelow(a, b, distance));
}

static Form number(int64_t value) {
  Form form;
  form.constant = value;
  return form;
}

Question::Question(const Statement &statement, const ProofLimits &limits)
    : statement_(statement), limits_(limits), table_(statement.program, kMaxProofVariables),
      loads_(statement.program, table_), contentsLeft_(limits.maxContents),
      projectBudget_{limits.maxProjectionWork}, searchBudget_{limits.maxWork},
      projectProver_(table_, projectBudget_), searchProver_(table_, searchBudget_) {
  const ProofScope &scope = statement.scope;
  derive_.maxDisjuncts = limits.maxDisjuncts;
  table_.bind(Symbol::Heads, 0, number(scope.heads));
  table_.bind(Symbol::KvHeads, 0, number(scope.kvHeads));
  for (size_t i = 0; i < scope.params.size(); ++i)
    if (!scope.anyParams || statement.program.params[i].constant)
      table_.bind(Symbol::Param, static_cast<int32_t>(i), number(scope.params[i]));
  if (statement.names.keyLength) {
    keyLength_ = variable(false, 1, {});
    table_.bind(Symbol::KeyLength, 0, *keyLength_);
  }
  if (statement.names.queryLength) {
    queryLength_ = variable(false, 1, {});
    table_.bind(Symbol::QueryLength, 0, *queryLength_);
    table_.assume(notBelow(*keyLength_, *queryLength_, 0));
  }
}

void Question::head(int64_t first, int64_t last) {
  head_ = first == last ? number(first) : variable(false, first, last);
  bindHead(*head_);
}

bool Question::localHead(int64_t first, int64_t last) {
  std::optional<Form> head;
  if (table_.size() < kMaxLocalHeads) head = table_.addVariable(true, first, last);
  if (head)
    bindHead(*head);
  else
    approximate("there are too many groups of heads");
  return head.has_value();
}

void Question::certainHead(int64_t head, int64_t last) {
  bindHead(number(head));
  place_.heads = last - head + 1;
}

Form Question::variable(bool local, int64_t low, std::optional<int64_t> high) {
  return *table_.addVariable(local, low, high); // at most eight of them, first of all: the table has room
}

void Question::bindHead(const Form &head) {
  const ProofScope &scope = statement_.scope;
  table_.bind(Symbol::Head, 0, head);
  place_.head = head;
  place_.heads = 1;
  if (std::optional<Form> kvHead = table_.floorOf(head, scope.heads / scope.kvHeads)) {
    table_.bind(Symbol::KvHead, 0, *kvHead);
    place_.kvHead = *kvHead;
  }
}

Form Question::query() {
  Form form = variable(false, 0, {});
  if (keyLength_) table_.assume(notBelow(*keyLength_, form, 1));
  if (queryLength_) {
    Constraint aligned = notBelow(form, *keyLength_, 0); // q >= Sk - Sq
    if (aligned.form.add(*queryLength_, 1)) table_.assume(aligned);
  }
  queries_.push_back(form);
  return form;
}

Form Question::key(bool local) {
  Form form = variable(local, 0, {});
  if (local) {
    localKey_ = form;
  } else {
    key_ = form;
    if (keyLength_) table_.assume(notBelow(*keyLength_, form, 1));
  }
  return form;
}

void Question::at(const Form &query, const Form &key) {
  table_.bind(Symbol::QueryPosition, 0, query);
  table_.bind(Symbol::KeyPosition, 0, key);
  place_.query = query;
  place_.key = key;
}

void Question::approximate(const char *why) {
  if (approximation_.empty()) approximation_ = why;
}

/// Says what was left out of a lowered mask.
void Question::approximate(const FormulaLowering &lowering, const ExpressionArena &arena) {
  if (arena.truncated()) approximate("the mask has too many cases");
  if (lowering.approximated())
    approximate(lowering.tooLarge() ? "part of the mask has too large numbers or too many divisions"
                                    : "part of the mask is not quasi-affine");
}

LinearFormula Question::lowered(const Predicate &mask, bool negate) {
  ExpressionArena arena(statement_.program, loads_.name(mask, place_));
  Formula formula = arena.normalForm(arena.root(), negate);
  FormulaLowering lowering(table_, arena, searchProver_, limits_.maxDisjuncts);
  LinearFormula result = lowering.lower(formula);
  approximate(lowering, arena);
  return result;
}

LinearFormula Question::failsForAll(const Predicate &mask) {
  ExpressionArena arena(statement_.program, loads_.name(mask, place_));
  Formula formula = arena.normalForm(arena.root(), false);
  FormulaLowering lowering(table_, arena, projectProver_, limits_.maxDisjuncts);
  std::optional<Disjuncts> disjuncts = lowering.expandSubset(formula);
  approximate(lowering, arena);
  if (!disjuncts) {
    approximate("the mask has too many cases");
    return LinearFormula::constant(true);
  }
  Eliminator eliminator(table_, projectProver_, derive_);
  std::vector<LinearFormula> outside;
  for (System &system : *disjuncts) {
    // Keys that exist; where lengths do not matter, those of the sequence that ends at the query.
    if (localKey_) {
      system.push_back(keyLength_ ? notBelow(*keyLength_, *localKey_, 1)
                                  : notBelow(queries_.front(), *localKey_, 0));
      system.push_back({*localKey_});
    }
    bool closed = table_.close(system);
    std::optional<TileSet> seen = eliminator.project(std::move(system));
    if (!seen) continue;
    if (!closed || !seen->exact || !seen->gaps.empty()) {
      approximate("a head or key cannot be projected out exactly");
      continue;
    }
    outside.push_back(negation(seen->constraints));
  }
  return LinearFormula::all(std::move(outside));
}

std::optional<int64_t> Question::value(const Form &form, const Solution &solution) const {
  int64_t sum = form.constant;
  for (int i = 0; i < table_.size(); ++i) {
    if (form[i] == 0) continue;
    int64_t v = solution.determined[i] ? solution.values[i] : table_[i].low.value_or(0);
    if (std::abs(v) > kMaxEvaluated) return std::nullopt;
    sum += form[i] * v;
  }
  return sum;
}

std::optional<Counterexample> Question::read(const Solution &solution) const {
  bool representable = true;
  auto read = [&](const Form &form) {
    std::optional<int64_t> number = value(form, solution);
    representable &= number.has_value();
    return number.value_or(0);
  };
  Counterexample point;
  point.params = statement_.scope.params;
  for (const Form &query : queries_) point.queries.push_back(read(query));
  if (key_) point.key = read(*key_);
  if (head_) point.head = read(*head_);
  for (int i = 2; i < table_.size(); ++i) { // the first two stand for tiles, which proofs do not have
    const Variable &variable = table_[i];
    if (variable.local || variable.quotient || !solution.determined[i]) continue;
    if (variable.symbol == Symbol::Param) {
      point.params[variable.index] = solution.values[i];
      representable &= std::abs(solution.values[i]) <= kMaxEvaluated;
    }
    if (variable.symbol == Symbol::Batch) point.batch = solution.values[i];
  }
  if (keyLength_) {
    point.keyLength = read(*keyLength_);
  } else {
    point.keyLength = point.key.value_or(0) + 1;
    for (int64_t q : point.queries) point.keyLength = std::max(point.keyLength, q + 1);
  }
  point.queryLength = queryLength_ ? read(*queryLength_) : point.keyLength;
  if (!representable) return std::nullopt;
  return point;
}

void Question::write(const Solution &solution, bool everywhere, Counterexample &point) {
  const PointContext contexts(statement_, point);
  std::vector<bool> filled(point.aux.size(), false);
  std::map<const int32_t *, int> writers;
  for (int i = 2; i < table_.size(); ++i) {
    const Variable &variable = table_[i];
    if (variable.symbol != Symbol::AuxScalar || !solution.determined[i]) continue;
    const auto &[load, place] = loads_.loads()[variable.index];
    const auto number = static_cast<int32_t>(solution.values[i]);
    AuxContents &contents = point.aux[load.aux];
    if (everywhere && !filled[load.aux]) std::fill(contents.values.begin(), contents.values.end(), number);
    filled[load.aux] = true;
    const std::optional<int64_t> query = value(place.query, solution), key = value(place.key, solution),
                                 head = value(place.head, solution);
    if (!query || !key || !head) continue;
    for (int64_t h = *head; h < *head + place.heads; ++h) {
      std::vector<int64_t> indices;
      for (const Predicate &index : load.indices)
        indices.push_back(valueOf(statement_.program, index, contexts.of(h), *query, *key));
      int32_t &entry = entryAt(contents, indices);
      const auto [writer, first] = writers.try_emplace(&entry, variable.index);
      if (!first && entry != number) aliases_.insert(std::minmax(writer->second, variable.index));
      entry = number;
    }
  }
}

std::optional<Form> Question::indexAt(const Place &place, const Predicate &index) {
  at(place.query, place.key);
  bindHead(place.head);
  ExpressionArena arena(statement_.program, loads_.name(index, place));
  return Disjunction(table_, arena, searchProver_, limits_.maxDisjuncts).lower(arena.root());
}

LinearFormula Question::congruence(int load, int other) {
  const NamedLoad one = loads_.loads()[load], two = loads_.loads()[other];
  const auto difference = [](std::optional<Form> a, const std::optional<Form> &b) {
    if (a && (!b || !a->add(*b, -1))) a.reset();
    return a;
  };
  std::vector<LinearFormula> cases;
  for (size_t axis = 0; axis < one.load.indices.size(); ++axis) {
    const std::optional<Form> apart =
        difference(indexAt(one.place, one.load.indices[axis]), indexAt(two.place, two.load.indices[axis]));
    if (!apart) return LinearFormula::constant(true);
    cases.push_back(atLeast(*apart, {}, 1));
    cases.push_back(atLeast({}, *apart, 1));
  }
  const std::optional<Form> unequal =
      difference(table_.lower(Symbol::AuxScalar, load), table_.lower(Symbol::AuxScalar, other));
  if (!unequal) return LinearFormula::constant(true);
  cases.push_back(LinearFormula::of({*unequal, true}));
  return LinearFormula::any(std::move(cases));
}

/// A point over aux tensors needs contents. The solution gives those of the loads that have names; the
/// others, such as those of all keys of a row, decide too, and a few kinds are tried for them.
bool Question::accepted(const Solution &solution, const Accept &accept) {
  std::optional<Counterexample> point = accept ? read(solution) : std::nullopt;
  if (!point) return false;
  if (!statement_.names.aux) return accept(*point);
  const auto tried = [&](int kind, bool everywhere) {
    if (contentsLeft_ <= 0 || !fillContents(statement_, kind, *point)) return false;
    for (const AuxContents &contents : point->aux)
      contentsLeft_ -= 1 + static_cast<int64_t>(contents.values.size());
    write(solution, everywhere, *point);
    return accept(*point);
  };
  if (tried(0, false) || tried(0, true)) return true;
  for (int kind = 1; kind < kUniformContents; ++kind)
    if (tried(kind, false)) return true;
  return false;
}

CaseSearch::Outcome Question::search(const Accept &accept) {
  std::vector<Form> positions = queries_;
  if (key_) positions.push_back(*key_);
  CaseSearch cases(searchProver_, std::move(positions), keyLength_,
                   [&](const Solution &solution) { return accepted(solution, accept); });
  std::vector<LinearFormula> all(std::make_move_iterator(conjuncts_.begin()),
                                 std::make_move_iterator(conjuncts_.end()));
  conjuncts_.clear();
  const LinearFormula required = LinearFormula::all(std::move(all));
  LinearFormula formula = required;
  while (true) {
    const size_t known = aliases_.size();
    const CaseSearch::Outcome outcome = cases.run(formula);
    if (outcome != CaseSearch::Outcome::Unknown || aliases_.size() == known || exhausted()) return outcome;
    // Few loads ever meet: that they agree is only said once a point was lost to it.
    all.assign(1, required);
    for (const auto &[load, other] : aliases_) all.push_back(congruence(load, other));
    formula = LinearFormula::all(std::move(all));
  }
}

} // namespace maskloom::analysis
