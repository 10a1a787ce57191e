#include "maskloom/analysis/DeriveRuns.h"

#include "maskloom/analysis/Disjunction.h"
#include "maskloom/analysis/ExtractRuns.h"

#include <algorithm>

namespace maskloom {

using namespace analysis;

namespace {

/// Everything that one derivation shares between its two sets.
class Derivation {
public:
  Derivation(const Program &program, const Predicate &predicate, TileShape tile, Orientation orientation,
             const DeriveLimits &limits)
      : limits_(limits), arena_(program, predicate), table_(program, tile, orientation, limits.maxVariables),
        budget_{limits.maxProofWork}, prover_(table_, budget_), eliminator_(table_, prover_, limits) {
    schedule_.orientation = orientation;
    schedule_.tile = tile;
  }

  Schedule run() {
    std::vector<TileSet> touched = tileSets(false), notFull = tileSets(true);
    // A not-full run outside T is never asked for.
    if (touched.size() * notFull.size() <= kMaxPairs)
      std::erase_if(notFull, [&](const TileSet &n) {
        return std::none_of(touched.begin(), touched.end(), [&](const TileSet &t) { return meet(t, n); });
      });
    RunExtractor extractor(table_, schedule_, limits_.defect);
    extract(extractor, touched, schedule_.touched);
    extract(extractor, notFull, schedule_.notFull);
    return std::move(schedule_);
  }

private:
  static constexpr size_t kMaxPairs = 64;

  /// The union of tile sets that holds the tiles with a point where the predicate is true (or false).
  std::vector<TileSet> tileSets(bool negate) {
    Disjunction disjunction(table_, arena_, prover_, limits_.maxDisjuncts);
    std::optional<Disjuncts> disjuncts = disjunction.expand(arena_.normalForm(arena_.root(), negate));
    if (arena_.truncated()) remark("the mask has too many cases");
    if (disjunction.dropped() && disjunction.tooLarge())
      remark("part of the mask has too large numbers or too many divisions");
    else if (disjunction.dropped())
      remark("part of the mask is not quasi-affine (an aux load that depends on q or k, or a product of two "
             "run-time values)");
    if (!disjuncts) {
      remark("the mask has too many cases");
      return {TileSet{.constraints = {}, .gaps = {}, .exact = false}};
    }
    PlantedDefect loss = negate ? PlantedDefect::DropNotFullDisjunct : PlantedDefect::DropTouchedDisjunct;
    if (limits_.defect == loss && !disjuncts->empty()) disjuncts->pop_back();
    std::vector<TileSet> sets;
    for (System &system : *disjuncts) {
      bool closed = table_.close(system);
      std::optional<TileSet> set = eliminator_.project(std::move(system));
      if (!set) continue;
      set->exact &= closed;
      // Candidate tiles will be evaluated anyway: precision is no longer worth many proofs.
      if (!set->exact) budget_.work = std::min(budget_.work, limits_.maxProofWorkOnceInexact);
      sets.push_back(std::move(*set));
    }
    dropSubsumed(sets);
    for (const TileSet &set : sets)
      if (!set.exact) remark("elimination of the position inside the tile is not exact");
    return sets;
  }

  /// Drops sets that are inside another one.
  void dropSubsumed(std::vector<TileSet> &sets) const {
    for (size_t i = 0; i < sets.size();) {
      bool inside = false;
      for (size_t j = 0; j < sets.size() && !inside; ++j) inside = j != i && implies(sets[i], sets[j]);
      if (inside)
        sets.erase(sets.begin() + i);
      else
        ++i;
    }
  }

  bool implies(const TileSet &small, const TileSet &large) const {
    for (const GapForm &gap : large.gaps)
      if (std::find(small.gaps.begin(), small.gaps.end(), gap) == small.gaps.end()) return false;
    System system = small.asSystem();
    for (const Constraint &c : large.constraints) {
      if (!prover_.implies(system, c.form)) return false;
      Form opposite;
      if (c.equality && (!opposite.add(c.form, -1) || !prover_.implies(system, opposite))) return false;
    }
    return true;
  }

  bool meet(const TileSet &a, const TileSet &b) const {
    TileSet both = a;
    both.constraints.insert(both.constraints.end(), b.constraints.begin(), b.constraints.end());
    both.gaps.insert(both.gaps.end(), b.gaps.begin(), b.gaps.end());
    return !prover_.rationallyEmpty(both.asSystem());
  }

  void extract(RunExtractor &extractor, const std::vector<TileSet> &sets, std::vector<Run> &runs) {
    for (const TileSet &set : sets)
      if (std::optional<Run> run = extractor.extract(set)) {
        if (!run->exact) remark("a bound is out of range");
        runs.push_back(std::move(*run));
      }
  }

  /// The first reason is the one people want to hear.
  void remark(const char *reason) {
    schedule_.closedForm = false;
    if (schedule_.remark.empty()) schedule_.remark = reason;
  }

  const DeriveLimits &limits_;
  ExpressionArena arena_;
  VariableTable table_;
  Budget budget_;
  Prover prover_;
  Eliminator eliminator_;
  Schedule schedule_;
};

} // namespace

Schedule deriveSchedule(const Program &program, const Predicate &predicate, TileShape tile,
                        Orientation orientation, const DeriveLimits &limits) {
  return Derivation(program, predicate, tile, orientation, limits).run();
}

} // namespace maskloom
