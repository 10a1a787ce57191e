#include "maskloom/program/ProgramJson.h"

#include "maskloom/program/JsonReader.h"
#include "maskloom/program/ProgramJsonNames.h"

namespace maskloom {

namespace {

using nlohmann::json;
using namespace program_json;

/// What references in a Program may point at.
struct Limits {
  size_t params = 0, auxes = 0, auxScalars = 0;
};

void checkIndex(const JsonReader &at, int64_t index, size_t count, const char *what) {
  if (index < 0 || static_cast<uint64_t>(index) >= count)
    at.fail(fmt::format("{} {} does not exist: there are {}", what, index, count));
}

Affine readAffine(const JsonReader &r, const Limits &limits, size_t floors) {
  Affine affine;
  size_t n = r.size();
  if (n == 0) r.fail("an affine form needs its constant");
  affine.constant = r.at(0).integer();
  affine.terms.reserve(n - 1);
  for (size_t i = 1; i < n; ++i) {
    JsonReader t = r.at(i);
    t.record(3);
    Term term;
    term.symbol = t.at(0).enumerator<Symbol>(kSymbols, "symbol");
    term.index = t.at(1).integer<int32_t>();
    term.coefficient = t.at(2).integer();
    if (term.symbol == Symbol::Param) checkIndex(t, term.index, limits.params, "parameter");
    if (term.symbol == Symbol::AuxScalar) checkIndex(t, term.index, limits.auxScalars, "aux scalar");
    if (term.symbol == Symbol::Floor) checkIndex(t, term.index, floors, "floor");
    affine.terms.push_back(term);
  }
  return affine;
}

int32_t operandsOf(PredicateNode::Op op) {
  using Op = PredicateNode::Op;
  switch (op) {
  case Op::Const:
  case Op::Bool:
  case Op::Symbol:
  case Op::AuxLoad: return 0; // a load has as many as its tensor has axes
  case Op::Abs:
  case Op::Neg:
  case Op::Not: return 1;
  case Op::Select: return 3;
  default: return 2;
  }
}

Predicate readPredicate(const JsonReader &r, const Limits &limits) {
  Predicate predicate;
  size_t n = r.size();
  predicate.nodes.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    JsonReader at = r.at(i);
    at.record(6);
    PredicateNode node;
    node.op = at.at(0).enumerator<PredicateNode::Op>(kOps, "operation");
    node.symbol = at.at(1).enumerator<Symbol>(kSymbols, "symbol");
    node.value = at.at(2).integer();
    for (int operand = 0; operand < 3; ++operand) {
      node.operands[operand] = at.at(3 + operand).integer<int32_t>(-1);
      if (node.operands[operand] >= static_cast<int64_t>(i)) at.fail("operand is not an earlier node");
      if (operand < operandsOf(node.op) && node.operands[operand] < 0) at.fail("operand is missing");
    }
    if (node.op == PredicateNode::Op::AuxLoad) checkIndex(at, node.value, limits.auxes, "aux tensor");
    if (node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::Param)
      checkIndex(at, node.value, limits.params, "parameter");
    if (node.op == PredicateNode::Op::Symbol && node.symbol == Symbol::AuxScalar)
      checkIndex(at, node.value, limits.auxScalars, "aux scalar");
    predicate.nodes.push_back(node);
  }
  return predicate;
}

Run readRun(const JsonReader &r, const Limits &limits, size_t floors) {
  r.object(7);
  auto affine = [&](const JsonReader &a) { return readAffine(a, limits, floors); };
  auto bound = [&](const JsonReader &b) {
    b.record(2);
    return Bound{affine(b.at(0)), b.at(1).integer(1)};
  };
  auto condition = [&](const JsonReader &c) {
    c.record(2);
    return Condition{affine(c.at(1)), c.at(0).boolean()};
  };
  Run run;
  run.lower = r["lower"].list(bound);
  run.upper = r["upper"].list(bound);
  run.guards = r["guards"].list(condition);
  run.congruences = r["congruences"].list([&](const JsonReader &c) {
    c.record(4);
    return Congruence{c.at(0).integer(), affine(c.at(1)), c.at(2).integer(1), affine(c.at(3))};
  });
  run.gaps = r["gaps"].list([&](const JsonReader &g) {
    g.record(4);
    return Gap{affine(g.at(0)), g.at(1).integer(1), affine(g.at(2)), g.at(3).integer(1)};
  });
  run.filters = r["filters"].list(condition);
  run.exact = r["exact"].boolean();
  return run;
}

Schedule readSchedule(const JsonReader &r, const Limits &limits) {
  r.object(7);
  Schedule schedule;
  schedule.orientation = r["orientation"].enumerator<Orientation>(kOrientations, "orientation");
  JsonReader tile = r["tile"];
  tile.record(2);
  schedule.tile = {tile.at(0).integer(1), tile.at(1).integer(1)};
  JsonReader floors = r["floors"];
  size_t n = floors.size();
  for (size_t i = 0; i < n; ++i) {
    JsonReader f = floors.at(i);
    f.record(3);
    schedule.floors.push_back({readAffine(f.at(0), limits, i), f.at(1).integer(1), f.at(2).boolean()});
  }
  auto run = [&](const JsonReader &x) { return readRun(x, limits, n); };
  schedule.touched = r["touched"].list(run);
  schedule.notFull = r["not_full"].list(run);
  schedule.closedForm = r["closed_form"].boolean();
  schedule.remark = r["remark"].string();
  return schedule;
}

KernelConfig readConfig(const JsonReader &r) {
  r.object(14);
  KernelConfig config;
  config.kernel = r["kernel"].string();
  config.dtype = r["dtype"].enumerator<DType>(kDTypes, "dtype");
  config.headDim = r["head_dim"].integer<int32_t>(1);
  config.valueDim = r["value_dim"].integer<int32_t>(1);
  config.tileQueries = r["tile_queries"].integer<int32_t>(1);
  config.tileKeys = r["tile_keys"].integer<int32_t>(1);
  config.warps = r["warps"].integer<int32_t>(0);
  config.stages = r["stages"].integer<int32_t>(0);
  config.alignBytes = r["align_bytes"].integer<int32_t>(1);
  config.gather = r["gather"].integer<int32_t>(1);
  config.pingPong = r["ping_pong"].boolean();
  config.cluster = r["cluster"].integer<int32_t>(1);
  config.sharedP = r["shared_p"].boolean();
  config.tileHeads = r["tile_heads"].integer<int32_t>(1);
  return config;
}

KernelProgram readKernel(const JsonReader &r) {
  r.object(r.has("source") ? 9 : 8);
  KernelProgram kernel;
  kernel.entry = r["entry"].string();
  if (r.has("source")) kernel.source = r["source"].string();
  kernel.config = readConfig(r["config"]);
  kernel.threads = r["threads"].integer<int32_t>(0);
  kernel.sharedBytes = r["shared_bytes"].integer<int32_t>(0);
  kernel.parameterBytes = r["parameter_bytes"].integer<int32_t>(0);
  kernel.planEntry = r["plan_entry"].string();
  kernel.orderEntry = r["order_entry"].string();
  kernel.fields = r["fields"].list([](const JsonReader &f) {
    f.record(4);
    return KernelField{f.at(0).string(), f.at(1).string(), f.at(2).integer<int32_t>(0),
                       f.at(3).integer<int32_t>(1)};
  });
  return kernel;
}

Program readProgram(const JsonReader &r) {
  r.object(13);
  int64_t schema = r["schema"].integer();
  if (schema != Program::kSchema)
    r.fail(fmt::format("schema {}, this build reads {}", schema, int{Program::kSchema}));
  Program program;
  program.name = r["name"].string();
  program.hash = r["hash"].string();
  program.params = r["params"].list([](const JsonReader &p) {
    p.record(5);
    return ProgramParam{p.at(0).string(), p.at(1).integer(), p.at(2).integer(), p.at(3).integer(),
                        p.at(4).boolean()};
  });
  program.auxes = r["auxes"].list([](const JsonReader &a) {
    a.record(3);
    return ProgramAux{a.at(0).string(), a.at(1).boolean(), a.at(2).list([](const JsonReader &axis) {
                        axis.record(3);
                        return ProgramAux::Axis{
                            axis.at(0).enumerator<ProgramAux::Axis::Kind>(kAxisKinds, "axis"),
                            axis.at(1).integer(1), axis.at(2).integer(0)};
                      })};
  });
  Limits limits{program.params.size(), program.auxes.size(), 0};
  program.auxScalars = r["aux_scalars"].list([&](const JsonReader &a) {
    a.record(2);
    AuxScalar scalar;
    scalar.aux = a.at(0).integer<int32_t>(0);
    checkIndex(a, scalar.aux, limits.auxes, "aux tensor");
    scalar.indices = a.at(1).list([&](const JsonReader &p) { return readPredicate(p, limits); });
    return scalar;
  });
  limits.auxScalars = program.auxScalars.size();
  for (auto [name, index] : {std::pair{"sink_aux", &program.sinkAux}, {"blocks_aux", &program.blocksAux}}) {
    *index = r[name].integer<int32_t>(-1);
    if (*index >= 0) checkIndex(r[name], *index, limits.auxes, "aux tensor");
  }
  program.groupsByKvHead = r["groups_by_kv_head"].boolean();
  program.groups = r["groups"].list([&](const JsonReader &g) {
    g.object(5);
    return HeadGroupProgram{g["first"].integer(), g["last"].integer(), readPredicate(g["predicate"], limits),
                            readSchedule(g["forward"], limits), readSchedule(g["transposed"], limits)};
  });
  program.hasScore = r["has_score"].boolean();
  program.kernel = readKernel(r["kernel"]);
  program.remarks = r["remarks"].list([](const JsonReader &s) { return s.string(); });
  return program;
}

} // namespace

std::optional<Program> programFromJson(const json &value, std::string &error) {
  error.clear();
  try {
    return readProgram(JsonReader(value, nullptr, "program"));
  } catch (const std::exception &e) {
    error = e.what();
    return std::nullopt;
  }
}

std::optional<Program> programFromText(std::string_view text, std::string &error) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    error = "program: not JSON";
    return std::nullopt;
  }
  return programFromJson(value, error);
}

std::optional<KernelConfig> configFromText(std::string_view text, const KernelConfig &base,
                                           std::string &error) {
  error.clear();
  json changes = json::parse(text, nullptr, false);
  if (!changes.is_object()) {
    error = "config: not a JSON object";
    return std::nullopt;
  }
  json value = json::parse(toJsonText(base));
  for (const auto &[name, field] : changes.items()) {
    if (!value.contains(name)) {
      error = fmt::format("config: unknown field '{}'", name);
      return std::nullopt;
    }
    value[name] = field;
  }
  // Who gives Q tiles, and does not speak of heads, means tiles of one head.
  if (!changes.contains("tile_heads") && (changes.contains("tile_queries") || changes.contains("warps")))
    value["tile_heads"] = 1;
  try {
    return readConfig(JsonReader(value, nullptr, "config"));
  } catch (const std::exception &e) {
    error = e.what();
    return std::nullopt;
  }
}

} // namespace maskloom
