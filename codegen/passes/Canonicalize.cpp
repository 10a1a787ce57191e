// mask-canonicalize. Only the mask dialect's own patterns are collected, and CSE is called directly: the
// upstream canonicalizer gathers the patterns of every loaded dialect, which costs more than the work here.
#include "maskloom/codegen/Passes.h"
#include "maskloom/codegen/ir/MaskDialect.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace maskloom {

#define GEN_PASS_DEF_MASKCANONICALIZE
#include "maskloom-ir/Passes.h.inc"

namespace {

size_t countOperations(Operation *root) {
  size_t count = 0;
  root->walk([&](Operation *) { ++count; });
  return count;
}

struct MaskCanonicalize : impl::MaskCanonicalizeBase<MaskCanonicalize> {
  using impl::MaskCanonicalizeBase<MaskCanonicalize>::MaskCanonicalizeBase;

  void runOnOperation() override {
    size_t before = countOperations(getOperation());
    RewritePatternSet collected(&getContext());
    mask::AddOp::getCanonicalizationPatterns(collected, &getContext());
    mask::SubOp::getCanonicalizationPatterns(collected, &getContext());
    mask::FloorDivOp::getCanonicalizationPatterns(collected, &getContext());
    mask::NotOp::getCanonicalizationPatterns(collected, &getContext());
    FrozenRewritePatternSet patterns(std::move(collected));
    if (failed(applyPatternsGreedily(getOperation(), patterns))) return signalPassFailure();

    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
    removed = before - std::min(before, countOperations(getOperation()));
  }
};

} // namespace
} // namespace maskloom
