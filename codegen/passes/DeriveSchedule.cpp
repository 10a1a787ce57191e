// mask-derive-schedule.
#include "maskloom/analysis/DeriveRuns.h"
#include "maskloom/codegen/Passes.h"
#include "maskloom/codegen/PredicateOf.h"
#include "maskloom/codegen/ir/ScheduleConversion.h"

#include <fmt/format.h>

using namespace mlir;

namespace maskloom {

#define GEN_PASS_DEF_MASKDERIVESCHEDULE
#include "maskloom-ir/Passes.h.inc"

namespace {

struct MaskDeriveSchedule : impl::MaskDeriveScheduleBase<MaskDeriveSchedule> {
  using impl::MaskDeriveScheduleBase<MaskDeriveSchedule>::MaskDeriveScheduleBase;

  void runOnOperation() override {
    bool forward = orientations.empty(), transposed = orientations.empty();
    for (const std::string &orientation : orientations) {
      forward |= orientation == "forward";
      transposed |= orientation == "transposed";
      if (orientation == "forward" || orientation == "transposed") continue;
      emitError(getOperation().getLoc())
          << "expected orientations forward or transposed, found '" << orientation << "'";
      return signalPassFailure();
    }
    TileShape shape{tileQueries, tileKeys};
    if (shape.queries <= 0 || shape.keys <= 0) {
      emitError(getOperation().getLoc())
          << "expected positive tile extents, found " << shape.queries << " x " << shape.keys;
      return signalPassFailure();
    }
    for (auto pattern : llvm::make_early_inc_range(getOperation().getOps<mask::PatternOp>())) {
      Program program = programOf(pattern);
      OpBuilder builder(pattern->getContext());
      builder.setInsertionPointAfter(pattern);
      for (size_t group = 0; group < program.groups.size(); ++group) {
        if (forward) derive(builder, pattern.getLoc(), program, group, Orientation::Forward, "forward");
        if (transposed)
          derive(builder, pattern.getLoc(), program, group, Orientation::Transposed, "transposed");
      }
    }
  }

private:
  void derive(OpBuilder &builder, Location loc, const Program &program, size_t group, Orientation orientation,
              const char *prefix) {
    Schedule schedule = deriveSchedule(program, program.groups[group].predicate,
                                       TileShape{tileQueries, tileKeys}, orientation);
    runs += schedule.touched.size() + schedule.notFull.size();
    notClosed += !schedule.closedForm;
    toOp(builder, loc, fmt::format("{}_{}", prefix, group), schedule);
  }
};

} // namespace
} // namespace maskloom
