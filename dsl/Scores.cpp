#include "maskloom/dsl/Scores.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom::scores {

namespace {

using Kind = AuxAxis::Kind;

Score placed(const Score &score, const At &at) {
  return Score(relocated(score.expr(), At::current().file_name(), here(at)));
}

Score fault(const char *argument, std::string message, std::string hint) {
  return Score(
      makeFault(Type::Float, {std::move(message), std::move(hint), argument, 0}, here(At::current())));
}

bool isOfHeads(Kind kind) { return kind == Kind::Head || kind == Kind::KvHead; }

// bias[h, ...]: what leads is an entry for each head, if there are that many axes at all.
template <typename... Indices>
Score ofHead(const AuxFloat &tensor, const char *argument, Indices... indices) {
  const AuxDecl &decl = *tensor.decl();
  size_t fixed = 0;
  for (const AuxAxis &axis : decl.axes) fixed += axis.kind == Kind::Fixed;
  bool leads = decl.axes.size() == 1 + sizeof...(indices) && isOfHeads(decl.axes[0].kind);
  if (fixed != sizeof...(indices) || !(leads || decl.axes.size() == sizeof...(indices)))
    return fault(
        argument,
        fmt::format("the tensor '{}' must have {} {} of fixed extent, and before {} h or kvh at most",
                    decl.name, sizeof...(indices), sizeof...(indices) == 1 ? "axis" : "axes",
                    sizeof...(indices) == 1 ? "it" : "them"),
        "declare it for example as 'aux bias[h, 255]: f32;'");
  if (!leads) return tensor(indices...);
  if constexpr (sizeof...(indices) < 3)
    return tensor(decl.axes[0].kind == Kind::Head ? head() : kvHead(), indices...);
}

// f32 over heads alone.
Score ofHead(const AuxFloat &tensor, const char *argument) {
  const AuxDecl &decl = *tensor.decl();
  if (decl.axes.size() != 1 || !isOfHeads(decl.axes[0].kind))
    return fault(argument, fmt::format("the tensor '{}' must have one entry a head", decl.name),
                 fmt::format("declare it as 'aux {}[h]: f32;'", decl.name));
  return tensor(decl.axes[0].kind == Kind::Head ? head() : kvHead());
}

// The entry of distance 0 on an axis of fixed extent; `fromLast` counts axes from the last one.
int64_t middle(const AuxFloat &tensor, size_t fromLast) {
  const auto &axes = tensor.decl()->axes;
  return fromLast < axes.size() ? (axes[axes.size() - 1 - fromLast].extent - 1) / 2 : 0;
}

} // namespace

Score alibi(const AuxFloat &slope, At at) {
  return placed(score() + ofHead(slope, "slope") * (key() - query()), at);
}

Score softCap(double cap, At at) { return placed(cap * tanh(score() / cap), at); }

Score relativeBias(const AuxFloat &bias, At at) {
  return placed(score() + ofHead(bias, "bias", key() - query() + middle(bias, 0)), at);
}

Score relativeBias2d(const AuxFloat &bias, const Space &space, At at) {
  if (space.extents().size() != 2)
    return placed(
        fault("", fmt::format("a 2-D bias needs a token space of 2 axes, found {}", space.extents().size()),
              "declare it before: 'space (48, 80);'"),
        at);
  Index rows = space.key(0) - space.query(0) + middle(bias, 1);
  Index columns = space.key(1) - space.query(1) + middle(bias, 0);
  return placed(score() + ofHead(bias, "bias", rows, columns), at);
}

Score sandwich(const AuxFloat &cosines, const AuxFloat &ratio, At at) {
  return placed(score() + ofHead(cosines, "cosines", abs(query() - key())) / ofHead(ratio, "ratio"), at);
}

Score graphBias(const AuxInt &distance, const AuxFloat &bias, At at) {
  std::vector<Expr> indices;
  const AuxDecl &decl = *distance.decl();
  size_t queries = 0, keys = 0;
  for (const AuxAxis &axis : decl.axes) {
    queries += axis.kind == Kind::Query;
    keys += axis.kind == Kind::Key;
    Index index = axis.kind == Kind::Query ? query() : axis.kind == Kind::Key ? key() : batch();
    if (axis.kind == Kind::Batch || axis.block == 1) indices.push_back(index.expr());
  }
  if (queries != 1 || keys != 1 || indices.size() != decl.axes.size())
    return placed(fault("distance",
                        fmt::format("the tensor '{}' must have one entry for two nodes", decl.name),
                        fmt::format("declare it as 'aux {}[b, q, k]: i32;'", decl.name)),
                  at);
  Index entry(makeLoad(distance.decl(), std::move(indices), here(At::current())));
  return placed(score() + ofHead(bias, "bias", entry), at);
}

} // namespace maskloom::scores
