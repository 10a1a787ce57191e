// mask-check-ranges.
#include "maskloom/codegen/Passes.h"
#include "maskloom/codegen/RangeAnalysis.h"

using namespace mlir;

namespace maskloom {

#define GEN_PASS_DEF_MASKCHECKRANGES
#include "maskloom-ir/Passes.h.inc"

namespace {

struct MaskCheckRanges : impl::MaskCheckRangesBase<MaskCheckRanges> {
  using impl::MaskCheckRangesBase<MaskCheckRanges>::MaskCheckRangesBase;

  void runOnOperation() override {
    for (auto pattern : getOperation().getOps<mask::PatternOp>())
      if (failed(RangeAnalysis(pattern).check())) signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace maskloom
