// What tests of proofs share: a pattern with its predicates, the answers, and the interpreter's word on them.
#pragma once

#include "maskloom/analysis/Prove.h"
#include "tests/support/ExprPredicate.h"

#include <gtest/gtest.h>

#include <array>

namespace maskloom::testing {

struct Answers {
  Proof causal, rows, cover, kv;
  ProofContext context = ProofContext::All;
  std::array<const Proof *, 4> all() const { return {&causal, &rows, &cover, &kv}; }
};

/// A pattern and what proofs need of it.
struct Subject {
  Pattern pattern;
  Program program;
  ProofScope scope;

  Subject(const Pattern &p, const Problem &problem) : pattern(p), program(programOf(p, problem)) {
    scope.heads = problem.heads, scope.kvHeads = problem.kvHeads;
    for (const ProgramParam &param : program.params) {
      auto given = problem.params.find(param.name);
      scope.params.push_back(given == problem.params.end() ? param.defaultValue : given->second);
    }
  }

  Answers prove(const ProofLimits &limits = {}) const {
    Answers answers;
    answers.causal = proveCausal(program, scope, limits);
    if (answers.causal.status == ProofStatus::Proved) answers.context = ProofContext::Causal;
    answers.rows = proveRowsNonempty(program, scope, limits);
    answers.cover = proveHeadsCoverContext(program, scope, answers.context, limits);
    answers.kv = proveKvEfficient(program, scope, limits);
    return answers;
  }
};

/// At the default parameters.
Subject subjectOf(const Pattern &pattern, int64_t heads, int64_t kvHeads = 0);
Problem problemAt(const Subject &subject, const Counterexample &point);

/// The interpreter's word on a counterexample: visible(head, q, k).
class Oracle {
public:
  Oracle(const Subject &subject, const Counterexample &point)
      : problem_(problemAt(subject, point)), pattern_(maskOf(subject.pattern, problem_)),
        interpreter_(pattern_, problem_), batch_(point.batch), offset_(point.keyLength - point.queryLength) {
    auto problems = checkProblem(pattern_, problem_);
    EXPECT_TRUE(problems.empty()) << subject.pattern.name << ": " << problems[0];
  }
  bool operator()(int64_t head, int64_t q, int64_t k) const {
    return interpreter_.visible(batch_, head, q - offset_, k);
  }

private:
  /// The pattern without its scores, and without the aux tensors that only they read.
  static Pattern maskOf(Pattern pattern, const Problem &problem) {
    pattern.scores.clear();
    pattern.sink.reset();
    std::erase_if(pattern.auxes, [&](const auto &aux) { return !problem.aux.contains(aux->name); });
    return pattern;
  }

  Problem problem_;
  Pattern pattern_;
  Interpreter interpreter_;
  int64_t batch_, offset_;
};

void checkCounterexamples(const Subject &subject, const Answers &answers);
/// Looks for a refutation of each proved statement among all points of one length and one set of parameters,
/// with these contents of aux tensors.
void checkProved(const Subject &subject, const Answers &answers, int64_t keys, int64_t queries,
                 std::vector<int64_t> params, std::vector<AuxContents> aux = {});

/// Processor time of this process.
double processorMs();

} // namespace maskloom::testing
