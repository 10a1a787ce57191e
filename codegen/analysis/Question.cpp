#include "maskloom/analysis/Question.h"

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

Question::Question(const Statement &statement, const ProofLimits &limits, bool allHeads)
    : statement_(statement), limits_(limits), allHeads_(allHeads),
      table_(statement.program, kMaxProofVariables), projectBudget_{limits.maxProjectionWork},
      searchBudget_{limits.maxWork}, projectProver_(table_, projectBudget_),
      searchProver_(table_, searchBudget_) {
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

void Question::certainHead(int64_t head) { bindHead(number(head)); }

Form Question::variable(bool local, int64_t low, std::optional<int64_t> high) {
  return *table_.addVariable(local, low, high); // at most eight of them, first of all: the table has room
}

void Question::bindHead(const Form &head) {
  const ProofScope &scope = statement_.scope;
  table_.bind(Symbol::Head, 0, head);
  if (std::optional<Form> kvHead = table_.floorOf(head, scope.heads / scope.kvHeads))
    table_.bind(Symbol::KvHead, 0, *kvHead);
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
}

void Question::approximate(const char *why) {
  if (approximation_.empty()) approximation_ = why;
}

static constexpr const char *kNotAffine = "part of the mask is not quasi-affine";

LinearFormula Question::lowered(const Predicate &mask, bool negate) {
  ExpressionArena arena(statement_.program, mask);
  Formula formula = arena.normalForm(arena.root(), negate);
  FormulaLowering lowering(table_, arena, searchProver_, limits_.maxDisjuncts);
  if (allHeads_) lowering.hide(Symbol::AuxScalar);
  LinearFormula result = lowering.lower(formula, Unknowns::Hold);
  if (lowering.approximated() || arena.truncated()) approximate(kNotAffine);
  return result;
}

LinearFormula Question::failsForAll(const Predicate &mask) {
  ExpressionArena arena(statement_.program, mask);
  Formula formula = arena.normalForm(arena.root(), false);
  FormulaLowering lowering(table_, arena, projectProver_, limits_.maxDisjuncts);
  if (allHeads_) lowering.hide(Symbol::AuxScalar);
  std::optional<Disjuncts> disjuncts = lowering.expandSubset(formula);
  if (lowering.approximated() || arena.truncated()) approximate(kNotAffine);
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

Counterexample Question::read(const Solution &solution) {
  bool representable = true;
  auto value = [&](const Form &form) {
    int64_t sum = form.constant;
    for (int i = 0; i < table_.size(); ++i) {
      if (form[i] == 0) continue;
      int64_t v = solution.determined[i] ? solution.values[i] : table_[i].low.value_or(0);
      representable &= std::abs(v) <= kMaxEvaluated;
      if (representable) sum += form[i] * v;
    }
    return sum;
  };
  Counterexample point;
  point.params = statement_.scope.params;
  for (const Form &query : queries_) point.queries.push_back(value(query));
  if (key_) point.key = value(*key_);
  if (head_) point.head = value(*head_);
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
    point.keyLength = value(*keyLength_);
  } else {
    point.keyLength = point.key.value_or(0) + 1;
    for (int64_t q : point.queries) point.keyLength = std::max(point.keyLength, q + 1);
  }
  point.queryLength = queryLength_ ? value(*queryLength_) : point.keyLength;
  if (!representable) point.queryLength = 0; // no problem at all: it will not be accepted
  return point;
}

CaseSearch::Outcome Question::search(const std::function<bool(const Counterexample &)> &accept) {
  std::vector<Form> small = queries_;
  if (key_) small.push_back(*key_);
  if (keyLength_) small.push_back(*keyLength_);
  CaseSearch cases(searchProver_, std::move(small),
                   [&](const Solution &solution) { return accept(read(solution)); });
  std::vector<LinearFormula> all(std::make_move_iterator(conjuncts_.begin()),
                                 std::make_move_iterator(conjuncts_.end()));
  conjuncts_.clear();
  LinearFormula formula = LinearFormula::all(std::move(all));
  return cases.run(formula);
}

} // namespace maskloom::analysis
