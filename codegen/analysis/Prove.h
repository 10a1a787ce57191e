// Proofs about masks: for every length at once, not for one.
//
// Each statement is turned into the set of its counterexamples, a Presburger set, and that set is shown to be
// empty (proved), or a point of it is found and checked by evaluating the mask (refuted). Where the set
// cannot be written down exactly (loads from aux tensors, products of two run-time values, an inexact
// projection, a step budget) a superset is taken: if that is empty the statement still holds, otherwise the
// answer is `undecided`, unless a counterexample turns up. docs/proofs.md has the mathematics.
//
// The scope of every answer: all lengths 1 <= Sk <= 2^30 (InputRanges.h); positions 0 <= k < Sk and 0 <= q <
// Sk, with key offset 0 and the queries aligned with the last keys; the number of heads given; parameters
// anywhere in their declared ranges, those inside divisors at their given values; any contents of aux
// tensors.
#pragma once

#include "maskloom/program/Program.h"
#include "maskloom/program/Proof.h"

namespace maskloom {

struct ProofScope {
  int64_t heads = 1, kvHeads = 1;
  std::vector<int64_t> params; ///< given values, by Program::params index
  bool anyParams = true;       ///< false: at the given values only
};

/// Step budgets (never milliseconds: the same input gives the same answer on every machine).
struct ProofLimits {
  int maxWork = 12000; ///< emptiness tests of one search, one for every 64 entries of a matrix
  int maxProjectionWork = 4000;
  int maxDisjuncts = 64;              ///< of a mask whose head or key is projected out
  int64_t quickPoints = 20'000;       ///< evaluated before anything symbolic is tried
  int64_t maxPoints = 1'500'000;      ///< evaluated when symbols alone did not decide
  int64_t maxCheckedPoints = 1 << 18; ///< evaluated to check one counterexample
  int64_t maxContents = 1 << 20;      ///< entries of aux tensors filled in to check those of one search
};

/// No visible key lies after its query: visible(h, q, k) implies k <= q.
Proof proveCausal(const Program &program, const ProofScope &scope, const ProofLimits &limits = {});
/// Every query of every head sees a key.
Proof proveRowsNonempty(const Program &program, const ProofScope &scope, const ProofLimits &limits = {});
/// Every pair (q, k), k <= q for a causal context, is visible to some head.
Proof proveHeadsCoverContext(const Program &program, const ProofScope &scope, ProofContext context,
                             const ProofLimits &limits = {});
/// There are no q1 < q2 < q3 such that a head sees a key at q1, not at q2, and again at q3: a key that is
/// dropped from the KV cache is never needed again.
Proof proveKvEfficient(const Program &program, const ProofScope &scope, const ProofLimits &limits = {});
/// Every head sees the same pairs in the groups of `program` and in `others`, which use the parameters and
/// tensors of `program`.
Proof proveEqual(const Program &program, const std::vector<HeadGroupProgram> &others, bool othersByKvHead,
                 const ProofScope &scope, const ProofLimits &limits = {});

} // namespace maskloom
