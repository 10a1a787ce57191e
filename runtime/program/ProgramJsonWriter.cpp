#include "maskloom/program/ProgramJson.h"

#include "maskloom/program/ProgramJsonNames.h"

#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

using nlohmann::json;
using namespace program_json;

template <class E, size_t N>
const char *nameOf(E value, const std::array<const char *, N> &names) {
  return names.at(static_cast<size_t>(value));
}

template <class T, class F>
json listOf(const std::vector<T> &values, F &&convert) {
  json list = json::array();
  for (const T &value : values) list.push_back(convert(value));
  return list;
}

// Small records are arrays: a schedule has many of them, and parsing has a time budget.

json write(const Affine &affine) { // [constant, [symbol, index, coefficient]...]
  json out = json::array({affine.constant});
  for (const Term &term : affine.terms)
    out.push_back(json::array({nameOf(term.symbol, kSymbols), term.index, term.coefficient}));
  return out;
}

json write(const Condition &condition) { return json::array({condition.equality, write(condition.affine)}); }
json write(const Bound &bound) { return json::array({write(bound.numerator), bound.denominator}); }

json write(const Predicate &predicate) { // [[op, symbol, value, operands...]...]
  return listOf(predicate.nodes, [](const PredicateNode &node) {
    return json::array({nameOf(node.op, kOps), nameOf(node.symbol, kSymbols), node.value, node.operands[0],
                        node.operands[1], node.operands[2]});
  });
}

json write(const Run &run) {
  auto bound = [](const Bound &b) { return write(b); };
  auto condition = [](const Condition &c) { return write(c); };
  return {
      {"lower", listOf(run.lower, bound)},
      {"upper", listOf(run.upper, bound)},
      {"guards", listOf(run.guards, condition)},
      {"congruences", listOf(run.congruences,
                             [](const Congruence &c) {
                               return json::array({c.a, write(c.phase), c.period, write(c.width)});
                             })},
      {"gaps", listOf(run.gaps,
                      [](const Gap &g) { return json::array({write(g.upper), g.b, write(g.lower), g.a}); })},
      {"filters", listOf(run.filters, condition)},
      {"exact", run.exact}};
}

json write(const Schedule &schedule) {
  auto run = [](const Run &r) { return write(r); };
  return {{"orientation", nameOf(schedule.orientation, kOrientations)},
          {"tile", {schedule.tile.queries, schedule.tile.keys}},
          {"floors", listOf(schedule.floors,
                            [](const FloorScalar &f) {
                              return json::array({write(f.numerator), f.denominator, f.dependsOnInner});
                            })},
          {"touched", listOf(schedule.touched, run)},
          {"not_full", listOf(schedule.notFull, run)},
          {"closed_form", schedule.closedForm},
          {"remark", schedule.remark}};
}

json write(const KernelConfig &c) {
  return {{"kernel", c.kernel},
          {"dtype", nameOf(c.dtype, kDTypes)},
          {"head_dim", c.headDim},
          {"value_dim", c.valueDim},
          {"tile_queries", c.tileQueries},
          {"tile_keys", c.tileKeys},
          {"warps", c.warps},
          {"stages", c.stages},
          {"align_bytes", c.alignBytes},
          {"gather", c.gather},
          {"ping_pong", c.pingPong},
          {"cluster", c.cluster},
          {"shared_p", c.sharedP},
          {"tile_heads", c.tileHeads}};
}

json write(const KernelProgram &kernel, bool withSource) {
  json out = {{"entry", kernel.entry},
              {"config", write(kernel.config)},
              {"threads", kernel.threads},
              {"shared_bytes", kernel.sharedBytes},
              {"parameter_bytes", kernel.parameterBytes},
              {"plan_entry", kernel.planEntry},
              {"order_entry", kernel.orderEntry},
              {"fields", listOf(kernel.fields, [](const KernelField &f) {
                 return json::array({f.name, f.type, f.offset, f.count});
               })}};
  if (withSource) out["source"] = kernel.source;
  return out;
}

} // namespace

json toJson(const Program &program, bool withSource) {
  return {
      {"schema", int{Program::kSchema}},
      {"name", program.name},
      {"hash", program.hash},
      {"params", listOf(program.params,
                        [](const ProgramParam &p) {
                          return json::array({p.name, p.defaultValue, p.low, p.high, p.constant});
                        })},
      {"auxes", listOf(program.auxes,
                       [](const ProgramAux &a) {
                         return json::array(
                             {a.name, a.isFloat, listOf(a.axes, [](const ProgramAux::Axis &axis) {
                                return json::array({nameOf(axis.kind, kAxisKinds), axis.block, axis.extent});
                              })});
                       })},
      {"aux_scalars", listOf(program.auxScalars,
                             [](const AuxScalar &a) {
                               return json::array(
                                   {a.aux, listOf(a.indices, [](const Predicate &p) { return write(p); })});
                             })},
      {"sink_aux", program.sinkAux},
      {"blocks_aux", program.blocksAux},
      {"groups_by_kv_head", program.groupsByKvHead},
      {"groups", listOf(program.groups,
                        [](const HeadGroupProgram &g) {
                          return json{{"first", g.first},
                                      {"last", g.last},
                                      {"predicate", write(g.predicate)},
                                      {"forward", write(g.forward)},
                                      {"transposed", write(g.transposed)}};
                        })},
      {"has_score", program.hasScore},
      {"kernel", write(program.kernel, withSource)},
      {"remarks", program.remarks}};
}

std::string toJsonText(const KernelConfig &config) { return write(config).dump(); }

} // namespace maskloom
