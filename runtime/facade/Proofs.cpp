#include "maskloom/facade/Proofs.h"

#include "maskloom/facade/Analyzed.h"
#include "maskloom/facade/Error.h"

#include "maskloom/analysis/Prove.h"
#include "maskloom/dsl/Canonical.h"
#include "maskloom/dsl/Check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace maskloom {

namespace {

/// A counterexample as a problem for the interpreter.
Problem problemAt(const Program &program, const ProofScope &scope, const Counterexample &point) {
  Problem problem;
  problem.batch = point.batch + 1;
  problem.heads = scope.heads;
  problem.kvHeads = scope.kvHeads;
  problem.queries = point.queryLength;
  problem.keys = point.keyLength;
  for (size_t i = 0; i < program.params.size(); ++i) problem.params[program.params[i].name] = point.params[i];
  for (size_t i = 0; i < point.aux.size(); ++i)
    problem.aux[program.auxes[i].name] = {point.aux[i].extents, point.aux[i].values, {}};
  return problem;
}

/// The pattern as it was written, at the problem of a counterexample: visible(head, q, k).
class Oracle {
public:
  Oracle(const Pattern &pattern, const Problem &problem)
      : interpreter_(pattern, problem), batch_(problem.batch - 1), offset_(problem.keys - problem.queries) {}
  bool operator()(int64_t head, int64_t q, int64_t k) const {
    return interpreter_.visible(batch_, head, q - offset_, k);
  }

private:
  Interpreter interpreter_;
  int64_t batch_, offset_;
};

using Confirms = std::function<bool(const Oracle &, const Counterexample &)>;

/// The evaluation that found a counterexample is the analysis's own; the interpreter has the last word.
Proof confirmed(Proof proof, const std::function<bool(const Counterexample &)> &confirms) {
  if (proof.status != ProofStatus::Refuted) return proof;
  bool real = false;
  try {
    real = confirms(*proof.counterexample);
  } catch (const std::overflow_error &) { // integers of the pattern leave 64 bits there
  }
  if (real) return proof;
  Proof undecided;
  undecided.reason = "a counterexample was found that the interpreter does not confirm";
  undecided.help = "please report the pattern";
  return undecided;
}

ProofScope scopeOf(const Program &program, int64_t heads, int64_t kvHeads) {
  ProofScope scope;
  scope.heads = heads;
  scope.kvHeads = kvHeads;
  for (const ProgramParam &param : program.params) scope.params.push_back(param.defaultValue);
  return scope;
}

void checkOrThrow(const Pattern &pattern, int64_t heads, int64_t kvHeads) {
  auto diagnostics = checkPattern(pattern);
  if (!hasErrors(diagnostics)) diagnostics = checkHeads(pattern, heads, kvHeads);
  if (hasErrors(diagnostics)) throw Error(ErrorKind::User, render(diagnostics));
}

bool namesParameters(const Program &program) {
  for (const HeadGroupProgram &group : program.groups)
    for (const PredicateNode &node : group.predicate.nodes)
      if (node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::Param &&
          !program.params[node.value].constant)
        return true;
  return false;
}

/// Predicates of two patterns over one list of parameters, tensors and aux scalars.
class Merged {
public:
  Merged(Program a, const Program &b)
      : program(std::move(a)), others(b.groups), othersByKvHead(b.groupsByKvHead) {
    std::vector<int64_t> params, auxes, scalars;
    for (const ProgramParam &param : b.params) params.push_back(place(param));
    for (const ProgramAux &aux : b.auxes) auxes.push_back(place(aux));
    for (AuxScalar scalar : b.auxScalars) {
      scalar.aux = static_cast<int32_t>(auxes[scalar.aux]);
      auto known = std::find(program.auxScalars.begin(), program.auxScalars.end(), scalar);
      scalars.push_back(known - program.auxScalars.begin());
      if (known == program.auxScalars.end()) program.auxScalars.push_back(std::move(scalar));
    }
    for (HeadGroupProgram &group : others)
      for (PredicateNode &node : group.predicate.nodes) {
        if (node.op == PredicateNode::Op::AuxLoad) node.value = auxes[node.value];
        if (node.op != PredicateNode::Op::Symbol) continue;
        if (node.symbol == Symbol::Param) node.value = params[node.value];
        if (node.symbol == Symbol::AuxScalar) node.value = scalars[node.value];
      }
  }

  Program program;
  std::vector<HeadGroupProgram> others;
  bool othersByKvHead;

private:
  int64_t place(const ProgramParam &param) {
    for (size_t i = 0; i < program.params.size(); ++i) {
      ProgramParam &known = program.params[i];
      if (known.name != param.name) continue;
      known.low = std::max(known.low, param.low);
      known.high = std::min(known.high, param.high);
      // Compiled in on one side: a number on both.
      if (param.constant && !known.constant) known.defaultValue = param.defaultValue;
      bool differ = known.constant && param.constant && known.defaultValue != param.defaultValue;
      known.constant |= param.constant;
      if (differ || known.low > known.high || known.defaultValue < known.low ||
          known.defaultValue > known.high)
        throw Error(
            ErrorKind::User,
            fmt::format("parameter '{}' has no value that both patterns allow and start from: give one "
                        "with --set {}=VALUE, or make the ranges overlap",
                        param.name, param.name));
      return static_cast<int64_t>(i);
    }
    program.params.push_back(param);
    return static_cast<int64_t>(program.params.size()) - 1;
  }

  int64_t place(const ProgramAux &aux) {
    for (size_t i = 0; i < program.auxes.size(); ++i) {
      if (program.auxes[i].name != aux.name) continue;
      if (program.auxes[i] != aux)
        throw Error(ErrorKind::User,
                    fmt::format("the aux tensor '{}' is declared differently in the two patterns", aux.name));
      return static_cast<int64_t>(i);
    }
    program.auxes.push_back(aux);
    return static_cast<int64_t>(program.auxes.size()) - 1;
  }
};

/// Only what a pattern does to scores.
std::string scoreText(Pattern pattern, const std::map<std::string, int64_t> &params) {
  pattern.mask = makeBool(true);
  pattern.layout = {};
  pattern.blocks = nullptr;
  return canonicalText(canonicalize(pattern, params));
}

/// The values that a pattern knows.
std::map<std::string, int64_t> valuesOf(const Pattern &pattern,
                                        const std::map<std::string, int64_t> &params) {
  std::map<std::string, int64_t> values;
  for (const auto &[name, value] : params)
    if (pattern.findParam(name)) values[name] = value;
  return values;
}

/// Written differently at most: the same canonical form.
bool sameText(const Pattern &a, const Pattern &b, const std::map<std::string, int64_t> &params) {
  return canonicalText(canonicalize(a, valuesOf(a, params))) ==
         canonicalText(canonicalize(b, valuesOf(b, params)));
}

} // namespace

PatternProofs prove(const Pattern &pattern, const Program &program, const Problem &problem) {
  Program named = program;
  for (ProgramParam &param : named.params)
    if (auto given = problem.params.find(param.name); given != problem.params.end())
      param.defaultValue = given->second;
  PatternProofs out;
  out.heads = problem.heads;
  out.kvHeads = problem.kvHeads;
  out.params = named.params;
  for (const ProgramAux &aux : named.auxes) out.auxes.push_back(aux.name);

  ProofScope any = scopeOf(named, problem.heads, problem.kvHeads), given = any;
  given.anyParams = false;
  bool parameters = namesParameters(named);
  auto both = [&](auto statement, const Confirms &confirms) {
    auto real = [&](const Counterexample &point) {
      Problem at = problemAt(named, any, point);
      return confirms(Oracle(pattern, at), point);
    };
    StatementProof result{confirmed(statement(any), real), {}};
    if (parameters && result.proof.status != ProofStatus::Proved)
      result.given = confirmed(statement(given), real);
    return result;
  };
  out.causal = both([&](const ProofScope &scope) { return proveCausal(named, scope); },
                    [](const Oracle &visible, const Counterexample &c) {
                      return *c.key > c.queries[0] && visible(*c.head, c.queries[0], *c.key);
                    });
  if (out.causal.proof.status == ProofStatus::Proved) out.context = ProofContext::Causal;
  out.rowsNonempty = both([&](const ProofScope &scope) { return proveRowsNonempty(named, scope); },
                          [](const Oracle &visible, const Counterexample &c) {
                            for (int64_t k = 0; k < c.keyLength; ++k)
                              if (visible(*c.head, c.queries[0], k)) return false;
                            return true;
                          });
  out.headsCoverContext =
      both([&](const ProofScope &scope) { return proveHeadsCoverContext(named, scope, out.context); },
           [&](const Oracle &visible, const Counterexample &c) {
             for (int64_t h = 0; h < problem.heads; ++h)
               if (visible(h, c.queries[0], *c.key)) return false;
             return true;
           });
  out.kvEfficient = both([&](const ProofScope &scope) { return proveKvEfficient(named, scope); },
                         [](const Oracle &visible, const Counterexample &c) {
                           return visible(*c.head, c.queries[0], *c.key) &&
                                  !visible(*c.head, c.queries[1], *c.key) &&
                                  visible(*c.head, c.queries[2], *c.key);
                         });
  return out;
}

PatternProofs prove(const Pattern &pattern, const Problem &problem) {
  checkOrThrow(pattern, problem.heads, problem.kvHeads);
  return prove(pattern, analyzed(pattern, {1, 1}, problem.params), problem);
}

Equality compare(const Pattern &a, const Pattern &b, int64_t heads, int64_t kvHeads,
                 const std::map<std::string, int64_t> &params) {
  for (const Pattern *pattern : {&a, &b}) checkOrThrow(*pattern, heads, kvHeads);
  auto programOf = [&](const Pattern &pattern) {
    Program program = analyzed(pattern, {1, 1}, valuesOf(pattern, params));
    for (ProgramParam &param : program.params)
      if (auto given = params.find(param.name); given != params.end())
        param.defaultValue = given->second, param.constant = true;
    return program;
  };
  Merged merged(programOf(a), programOf(b));
  Equality out;
  out.heads = heads;
  out.kvHeads = kvHeads;
  out.params = merged.program.params;
  for (const ProgramAux &aux : merged.program.auxes) out.auxes.push_back(aux.name);
  ProofScope scope = scopeOf(merged.program, heads, kvHeads);
  if (sameText(a, b, params)) {
    out.masks.status = ProofStatus::Proved;
    return out;
  }
  out.sameScores = scoreText(a, valuesOf(a, params)) == scoreText(b, valuesOf(b, params));
  out.masks = confirmed(
      proveEqual(merged.program, merged.others, merged.othersByKvHead, scope), [&](const Counterexample &c) {
        Problem at = problemAt(merged.program, scope, c);
        return Oracle(a, at)(*c.head, c.queries[0], *c.key) != Oracle(b, at)(*c.head, c.queries[0], *c.key);
      });
  return out;
}

} // namespace maskloom
