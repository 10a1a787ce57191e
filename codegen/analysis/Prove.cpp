#include "maskloom/analysis/Prove.h"

#include "maskloom/analysis/BoundedSearch.h"
#include "maskloom/analysis/Contents.h"
#include "maskloom/analysis/Question.h"
#include "maskloom/analysis/Substitution.h"

#include <algorithm>

namespace maskloom {

using namespace analysis;
using Outcome = CaseSearch::Outcome;

namespace {

/// Groups of up to so many heads are taken head by head where the head cannot be projected out.
constexpr int64_t kMaxSeparateHeads = 8;
/// Contents are tried for so many times more entries on small problems than for the points of one search.
constexpr int64_t kSmallProblems = 8;

class Prove {
public:
  Prove(const Statement &statement, const ProofLimits &limits)
      : statement_(statement), limits_(limits),
        bounded_(statement, limits.maxCheckedPoints, kSmallProblems * limits.maxContents) {}

  Proof run() {
    // The commonest counterexamples are tiny and cheaper to find than to derive.
    if (take(bounded_.run(limits_.quickPoints))) return std::move(proof_);
    Outcome outcome = symbolic();
    if (proof_.status == ProofStatus::Refuted) return std::move(proof_);
    if (outcome == Outcome::Empty) {
      proof_.status = ProofStatus::Proved;
    } else if (!take(bounded_.run(limits_.maxPoints)) && !take(bounded_.scatter(limits_.maxPoints / 8))) {
      explainUndecided();
    }
    return std::move(proof_);
  }

private:
  bool take(std::optional<Counterexample> found) {
    if (!found) return false;
    simplifyContents(statement_, *found, limits_.maxCheckedPoints);
    proof_.status = ProofStatus::Refuted;
    proof_.counterexample = std::move(found);
    proof_.reason.clear(); // of an earlier group that stayed open
    return true;
  }

  Outcome symbolic() {
    switch (statement_.property) {
    case Property::CoversCausal:
    case Property::CoversAll: return coverage();
    case Property::Equal: return equality();
    default: break;
    }
    Outcome result = Outcome::Empty;
    for (size_t group = 0; group < statement_.mask.groups->size(); ++group) {
      auto [first, last] = statement_.mask.headsOf(group, statement_.scope);
      const Predicate &mask = (*statement_.mask.groups)[group].predicate;
      if (!namesOf(mask).head && !namesOf(mask).aux) last = std::min(first, last);
      if (first > last) continue;
      if (statement_.property == Property::RowsNonempty && witnessed(mask, first, last)) continue;
      Question question(statement_, limits_);
      question.head(first, last);
      if (statement_.property == Property::Causal) {
        Form q = question.query(), k = question.key();
        question.at(q, k);
        question.require(Question::atLeast(k, q, 1));
        question.require(question.holds(mask));
      } else if (statement_.property == Property::KvEfficient) {
        askDropped(question, mask);
      } else {
        askEmptyRow(question, mask);
      }
      if (!conclude(question, result)) return Outcome::Found;
    }
    return result;
  }

  void askDropped(Question &question, const Predicate &mask) const {
    Form q1 = question.query(), q2 = question.query(), q3 = question.query(), k = question.key();
    question.require(Question::atLeast(q2, q1, 1));
    question.require(Question::atLeast(q3, q2, 1));
    question.at(q2, k);
    question.require(question.fails(mask));
    question.at(q1, k);
    question.require(question.holds(mask));
    question.at(q3, k);
    question.require(question.holds(mask));
  }

  /// Two keys that are always there: the query itself, and the first.
  Form askWitnesses(Question &question, const Predicate &mask) {
    Form q = question.query();
    question.at(q, q);
    question.require(question.fails(withKeyAtQuery(mask)));
    question.at(q, Form());
    question.require(question.fails(mask));
    return q;
  }

  /// Most rows have one of them; that is far cheaper to show than to project the key out.
  bool witnessed(const Predicate &mask, int64_t first, int64_t last) {
    Question question(statement_, limits_);
    question.head(first, last);
    askWitnesses(question, mask);
    return question.search() == Outcome::Empty;
  }

  void askEmptyRow(Question &question, const Predicate &mask) {
    Form q = askWitnesses(question, mask);
    Form k = question.key(true);
    question.at(q, k);
    question.require(question.failsForAll(mask));
  }

  Outcome coverage() {
    Question question(statement_, limits_);
    Form q = question.query(), k = question.key();
    question.at(q, k);
    if (statement_.property == Property::CoversCausal) question.require(Question::atLeast(q, k, 0));
    for (size_t group = 0; group < statement_.mask.groups->size(); ++group) {
      auto [first, last] = statement_.mask.headsOf(group, statement_.scope);
      const Predicate &mask = (*statement_.mask.groups)[group].predicate;
      if (first > last) continue;
      if (!namesOf(mask).head || first == last) {
        question.certainHead(first, last);
        question.require(question.fails(mask));
        continue;
      }
      if (question.localHead(first, last)) question.require(question.failsForAll(mask));
      for (int64_t head = first;
           !question.approximation().empty() && last - first < kMaxSeparateHeads && head <= last; ++head) {
        question.certainHead(head, head);
        question.require(question.fails(mask));
      }
    }
    Outcome result = Outcome::Empty;
    conclude(question, result);
    return result;
  }

  Outcome equality() {
    Outcome result = Outcome::Empty;
    for (size_t i = 0; i < statement_.mask.groups->size(); ++i)
      for (size_t j = 0; j < statement_.other->groups->size(); ++j) {
        auto [first, last] = statement_.mask.headsOf(i, statement_.scope);
        auto [otherFirst, otherLast] = statement_.other->headsOf(j, statement_.scope);
        first = std::max(first, otherFirst), last = std::min(last, otherLast);
        if (first > last) continue;
        const Predicate &one = (*statement_.mask.groups)[i].predicate,
                        &two = (*statement_.other->groups)[j].predicate;
        for (bool inOne : {true, false}) {
          Question question(statement_, limits_);
          question.head(first, last);
          Form q = question.query(), k = question.key();
          question.at(q, k);
          question.require(inOne ? question.holds(one) : question.fails(one));
          question.require(inOne ? question.fails(two) : question.holds(two));
          if (!conclude(question, result)) return Outcome::Found;
        }
      }
    return result;
  }

  /// False once a counterexample is known.
  bool conclude(Question &question, Outcome &result) {
    Outcome outcome = question.search([&](Counterexample point) {
      if (!refutes(statement_, point, limits_.maxCheckedPoints)) return false;
      return take(std::move(point));
    });
    if (outcome == Outcome::Unknown) {
      result = outcome;
      if (!question.approximation().empty())
        proof_.reason = question.approximation();
      else
        proof_.reason = question.exhausted() ? "the step budget ran out" : "a case is too large to decide";
    }
    return outcome != Outcome::Found;
  }

  void explainUndecided() {
    if (statement_.names.aux) {
      proof_.reason = "the mask depends on the contents of an aux tensor";
      proof_.help = "state the property for the part of the mask without aux tensors, or check it for the "
                    "contents at hand (maskloom mask)";
    } else if (proof_.reason == "part of the mask is not quasi-affine") {
      proof_.help = "make one factor of every product a constant, or declare the parameter in a divisor";
    } else if (proof_.reason == "part of the mask has too large numbers or too many divisions") {
      proof_.help = "smaller constants, or fewer different divisors";
    } else {
      proof_.help =
          "fewer cases: narrower ranges of parameters, fewer bands, min, max and abs, divisors that "
          "divide each other; or give every head group its own pattern";
    }
  }

  const Statement &statement_;
  const ProofLimits &limits_;
  BoundedSearch bounded_;
  Proof proof_;
};

Proof prove(const Statement &statement, const ProofLimits &limits) { return Prove(statement, limits).run(); }

} // namespace

Proof proveCausal(const Program &program, const ProofScope &scope, const ProofLimits &limits) {
  return prove({Property::Causal, program, scope}, limits);
}

Proof proveRowsNonempty(const Program &program, const ProofScope &scope, const ProofLimits &limits) {
  return prove({Property::RowsNonempty, program, scope}, limits);
}

Proof proveHeadsCoverContext(const Program &program, const ProofScope &scope, ProofContext context,
                             const ProofLimits &limits) {
  Property property = context == ProofContext::Causal ? Property::CoversCausal : Property::CoversAll;
  return prove({property, program, scope}, limits);
}

Proof proveKvEfficient(const Program &program, const ProofScope &scope, const ProofLimits &limits) {
  return prove({Property::KvEfficient, program, scope}, limits);
}

Proof proveEqual(const Program &program, const std::vector<HeadGroupProgram> &others, bool othersByKvHead,
                 const ProofScope &scope, const ProofLimits &limits) {
  return prove({Property::Equal, program, scope, MaskView{&others, othersByKvHead}}, limits);
}

} // namespace maskloom
