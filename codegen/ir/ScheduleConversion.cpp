#include "maskloom/codegen/ir/ScheduleConversion.h"

#include "maskloom/codegen/ir/AffineText.h"

using namespace mlir;

namespace maskloom {

using tile::flatten;
using tile::unflatten;

namespace {

template <typename T, typename F>
ArrayAttr arrayOf(OpBuilder &builder, const std::vector<T> &parts, F convert) {
  SmallVector<Attribute> attributes;
  for (const T &part : parts) attributes.push_back(convert(part));
  return builder.getArrayAttr(attributes);
}

ArrayAttr boundsOf(OpBuilder &builder, const std::vector<Bound> &bounds) {
  return arrayOf(builder, bounds, [&](const Bound &bound) {
    return tile::BoundAttr::get(builder.getContext(), flatten(bound.numerator), bound.denominator);
  });
}

ArrayAttr conditionsOf(OpBuilder &builder, const std::vector<Condition> &conditions) {
  return arrayOf(builder, conditions, [&](const Condition &condition) {
    return tile::ConditionAttr::get(builder.getContext(), flatten(condition.affine), condition.equality);
  });
}

void addRun(OpBuilder &builder, Location loc, tile::RunSet set, const Run &run) {
  MLIRContext *context = builder.getContext();
  ArrayAttr congruences = arrayOf(builder, run.congruences, [&](const Congruence &c) {
    return tile::CongruenceAttr::get(context, c.a, flatten(c.phase), c.period, flatten(c.width));
  });
  ArrayAttr gaps = arrayOf(builder, run.gaps, [&](const Gap &gap) {
    return tile::GapAttr::get(context, flatten(gap.lower), gap.a, flatten(gap.upper), gap.b);
  });
  tile::RunOp::create(builder, loc, set, boundsOf(builder, run.lower), boundsOf(builder, run.upper),
                      conditionsOf(builder, run.guards), congruences, gaps,
                      conditionsOf(builder, run.filters), run.exact);
}

std::vector<Bound> toBounds(ArrayAttr attributes) {
  std::vector<Bound> bounds;
  for (auto bound : attributes.getAsRange<tile::BoundAttr>())
    bounds.push_back({unflatten(bound.getNumerator()), bound.getDenominator()});
  return bounds;
}

std::vector<Condition> toConditions(ArrayAttr attributes) {
  std::vector<Condition> conditions;
  for (auto condition : attributes.getAsRange<tile::ConditionAttr>())
    conditions.push_back({unflatten(condition.getAffine()), condition.getEquality()});
  return conditions;
}

Run toRun(tile::RunOp op) {
  Run run;
  run.lower = toBounds(op.getLower());
  run.upper = toBounds(op.getUpper());
  run.guards = toConditions(op.getGuards());
  for (auto c : op.getCongruences().getAsRange<tile::CongruenceAttr>())
    run.congruences.push_back({c.getA(), unflatten(c.getPhase()), c.getPeriod(), unflatten(c.getWidth())});
  for (auto gap : op.getGaps().getAsRange<tile::GapAttr>())
    run.gaps.push_back({unflatten(gap.getUpper()), gap.getB(), unflatten(gap.getLower()), gap.getA()});
  run.filters = toConditions(op.getFilters());
  run.exact = op.getExact();
  return run;
}

} // namespace

tile::ScheduleOp toOp(OpBuilder &builder, Location loc, StringRef name, const Schedule &schedule) {
  auto orientation = schedule.orientation == Orientation::Forward ? tile::ScheduleOrientation::Forward
                                                                  : tile::ScheduleOrientation::Transposed;
  StringAttr remark = schedule.remark.empty() ? StringAttr() : builder.getStringAttr(schedule.remark);
  auto op = tile::ScheduleOp::create(builder, loc, name, orientation, schedule.tile.queries,
                                     schedule.tile.keys, schedule.closedForm, remark);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  for (const FloorScalar &floor : schedule.floors)
    tile::FloorOp::create(
        builder, loc, tile::BoundAttr::get(builder.getContext(), flatten(floor.numerator), floor.denominator),
        floor.dependsOnInner);
  for (const Run &run : schedule.touched) addRun(builder, loc, tile::RunSet::Touched, run);
  for (const Run &run : schedule.notFull) addRun(builder, loc, tile::RunSet::NotFull, run);
  return op;
}

Schedule toSchedule(tile::ScheduleOp op) {
  Schedule schedule;
  schedule.orientation = op.getOrientation() == tile::ScheduleOrientation::Forward ? Orientation::Forward
                                                                                   : Orientation::Transposed;
  schedule.tile = {static_cast<int64_t>(op.getTileQueries()), static_cast<int64_t>(op.getTileKeys())};
  schedule.closedForm = op.getClosedForm();
  schedule.remark = op.getRemark().value_or("").str();
  for (Operation &part : op.getBody().front()) {
    if (auto floor = dyn_cast<tile::FloorOp>(part)) {
      tile::BoundAttr value = floor.getValue();
      schedule.floors.push_back(
          {unflatten(value.getNumerator()), value.getDenominator(), floor.getDependsOnInner()});
    } else if (auto run = dyn_cast<tile::RunOp>(part)) {
      auto &set = run.getSet() == tile::RunSet::Touched ? schedule.touched : schedule.notFull;
      set.push_back(toRun(run));
    }
  }
  return schedule;
}

} // namespace maskloom
