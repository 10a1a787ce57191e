#include "maskloom/program/ProgramJson.h"

#include <array>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

using nlohmann::json;

// The names of enumerators in files, in the order of their declarations.
constexpr std::array kDTypes = {"f16", "bf16", "f32"};
constexpr std::array kSymbols = {"q",  "k", "outer", "inner",    "h",        "kvh",   "b",     "Sq",
                                 "Sk", "H", "Hkv",   "q_offset", "k_offset", "param", "floor", "aux_scalar"};
constexpr std::array kOps = {"const", "bool", "symbol", "load",     "add", "sub", "mul",   "min",
                             "max",   "abs",  "neg",    "floordiv", "mod", "eq",  "ne",    "lt",
                             "le",    "gt",   "ge",     "and",      "or",  "not", "select"};
constexpr std::array kAxisKinds = {"b", "h", "kvh", "q", "k", "fixed"};
constexpr std::array kOrientations = {"forward", "transposed"};
static_assert(kSymbols.size() == static_cast<size_t>(Symbol::AuxScalar) + 1);
static_assert(kOps.size() == static_cast<size_t>(PredicateNode::Op::Select) + 1);
static_assert(kAxisKinds.size() == static_cast<size_t>(ProgramAux::Axis::Kind::Fixed) + 1);

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
          {"cluster", c.cluster}};
}

json write(const KernelProgram &kernel, bool withSource) {
  json out = {{"entry", kernel.entry},
              {"config", write(kernel.config)},
              {"threads", kernel.threads},
              {"shared_bytes", kernel.sharedBytes},
              {"parameter_bytes", kernel.parameterBytes},
              {"plan_entry", kernel.planEntry},
              {"fields", listOf(kernel.fields, [](const KernelField &f) {
                 return json::array({f.name, f.type, f.offset, f.count});
               })}};
  if (withSource) out["source"] = kernel.source;
  return out;
}

struct Bad : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A value and where it stands; every accessor checks. The place is a chain of readers, spelt out only for an
/// error, so a reader must not outlive the one it came from.
class Reader {
public:
  Reader(const json &value, const Reader *parent, const char *name, size_t index = 0)
      : value_(value), parent_(parent), name_(name), index_(index) {}

  [[noreturn]] void fail(const std::string &what) const { throw Bad(place() + ": " + what); }

  template <class T = int64_t>
  T integer(int64_t low = std::numeric_limits<T>::min()) const {
    bool fits = value_.is_number_unsigned()
                    ? value_.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max())
                    : value_.is_number_integer() && value_.get<int64_t>() <= std::numeric_limits<T>::max();
    if (!value_.is_number_integer()) fail(fmt::format("expected an integer, found {}", value_.type_name()));
    if (!fits || value_.get<int64_t>() < low) fail("integer out of range");
    return static_cast<T>(value_.get<int64_t>());
  }
  bool boolean() const {
    if (!value_.is_boolean()) fail(fmt::format("expected a boolean, found {}", value_.type_name()));
    return value_.get<bool>();
  }
  std::string string() const {
    if (!value_.is_string()) fail(fmt::format("expected a string, found {}", value_.type_name()));
    return value_.get<std::string>();
  }
  template <class E, size_t N>
  E enumerator(const std::array<const char *, N> &names, const char *what) const {
    if (!value_.is_string()) string(); // fails
    const std::string &name = value_.get_ref<const std::string &>();
    for (size_t i = 0; i < N; ++i)
      if (name == names[i]) return static_cast<E>(i);
    fail(fmt::format("unknown {} '{}'", what, name));
  }

  size_t size() const {
    if (!value_.is_array()) fail(fmt::format("expected an array, found {}", value_.type_name()));
    return value_.size();
  }
  Reader at(size_t index) const { return {value_[index], this, nullptr, index}; }
  /// An array used as a record of a fixed number of fields.
  const Reader &record(size_t fields) const {
    if (size() != fields) fail(fmt::format("expected {} entries, found {}", fields, value_.size()));
    return *this;
  }
  template <class F>
  auto list(F &&convert) const {
    std::vector<decltype(convert(at(0)))> out;
    size_t n = size();
    out.reserve(n);
    for (size_t i = 0; i < n; ++i) out.push_back(convert(at(i)));
    return out;
  }

  /// An object of `fields` fields; `operator[]` demands each, so that none is unknown.
  const Reader &object(size_t fields) const {
    if (!value_.is_object()) fail(fmt::format("expected an object, found {}", value_.type_name()));
    if (value_.size() > fields)
      fail(fmt::format("unknown fields: expected {}, found {}", fields, value_.size()));
    return *this;
  }
  bool has(const char *name) const { return value_.is_object() && value_.contains(name); }
  Reader operator[](const char *name) const {
    auto found = value_.find(name);
    if (found == value_.end()) fail(fmt::format("field '{}' is missing", name));
    return {*found, this, name};
  }

private:
  std::string place() const {
    if (!parent_) return name_;
    return name_ ? fmt::format("{}.{}", parent_->place(), name_)
                 : fmt::format("{}[{}]", parent_->place(), index_);
  }

  const json &value_;
  const Reader *parent_;
  const char *name_; ///< of a field; null for an entry of an array
  size_t index_;
};

/// What references in a Program may point at.
struct Limits {
  size_t params = 0, auxes = 0, auxScalars = 0;
};

void checkIndex(const Reader &at, int64_t index, size_t count, const char *what) {
  if (index < 0 || static_cast<uint64_t>(index) >= count)
    at.fail(fmt::format("{} {} does not exist: there are {}", what, index, count));
}

Affine readAffine(const Reader &r, const Limits &limits, size_t floors) {
  Affine affine;
  size_t n = r.size();
  if (n == 0) r.fail("an affine form needs its constant");
  affine.constant = r.at(0).integer();
  affine.terms.reserve(n - 1);
  for (size_t i = 1; i < n; ++i) {
    Reader t = r.at(i);
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

Predicate readPredicate(const Reader &r, const Limits &limits) {
  Predicate predicate;
  size_t n = r.size();
  predicate.nodes.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    Reader at = r.at(i);
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

Run readRun(const Reader &r, const Limits &limits, size_t floors) {
  r.object(7);
  auto affine = [&](const Reader &a) { return readAffine(a, limits, floors); };
  auto bound = [&](const Reader &b) {
    b.record(2);
    return Bound{affine(b.at(0)), b.at(1).integer(1)};
  };
  auto condition = [&](const Reader &c) {
    c.record(2);
    return Condition{affine(c.at(1)), c.at(0).boolean()};
  };
  Run run;
  run.lower = r["lower"].list(bound);
  run.upper = r["upper"].list(bound);
  run.guards = r["guards"].list(condition);
  run.congruences = r["congruences"].list([&](const Reader &c) {
    c.record(4);
    return Congruence{c.at(0).integer(), affine(c.at(1)), c.at(2).integer(1), affine(c.at(3))};
  });
  run.gaps = r["gaps"].list([&](const Reader &g) {
    g.record(4);
    return Gap{affine(g.at(0)), g.at(1).integer(1), affine(g.at(2)), g.at(3).integer(1)};
  });
  run.filters = r["filters"].list(condition);
  run.exact = r["exact"].boolean();
  return run;
}

Schedule readSchedule(const Reader &r, const Limits &limits) {
  r.object(7);
  Schedule schedule;
  schedule.orientation = r["orientation"].enumerator<Orientation>(kOrientations, "orientation");
  Reader tile = r["tile"];
  tile.record(2);
  schedule.tile = {tile.at(0).integer(1), tile.at(1).integer(1)};
  Reader floors = r["floors"];
  size_t n = floors.size();
  for (size_t i = 0; i < n; ++i) {
    Reader f = floors.at(i);
    f.record(3);
    schedule.floors.push_back({readAffine(f.at(0), limits, i), f.at(1).integer(1), f.at(2).boolean()});
  }
  auto run = [&](const Reader &x) { return readRun(x, limits, n); };
  schedule.touched = r["touched"].list(run);
  schedule.notFull = r["not_full"].list(run);
  schedule.closedForm = r["closed_form"].boolean();
  schedule.remark = r["remark"].string();
  return schedule;
}

KernelConfig readConfig(const Reader &r) {
  r.object(12);
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
  return config;
}

KernelProgram readKernel(const Reader &r) {
  r.object(r.has("source") ? 8 : 7);
  KernelProgram kernel;
  kernel.entry = r["entry"].string();
  if (r.has("source")) kernel.source = r["source"].string();
  kernel.config = readConfig(r["config"]);
  kernel.threads = r["threads"].integer<int32_t>(0);
  kernel.sharedBytes = r["shared_bytes"].integer<int32_t>(0);
  kernel.parameterBytes = r["parameter_bytes"].integer<int32_t>(0);
  kernel.planEntry = r["plan_entry"].string();
  kernel.fields = r["fields"].list([](const Reader &f) {
    f.record(4);
    return KernelField{f.at(0).string(), f.at(1).string(), f.at(2).integer<int32_t>(0),
                       f.at(3).integer<int32_t>(1)};
  });
  return kernel;
}

Program readProgram(const Reader &r) {
  r.object(13);
  int64_t schema = r["schema"].integer();
  if (schema != Program::kSchema)
    r.fail(fmt::format("schema {}, this build reads {}", schema, int{Program::kSchema}));
  Program program;
  program.name = r["name"].string();
  program.hash = r["hash"].string();
  program.params = r["params"].list([](const Reader &p) {
    p.record(5);
    return ProgramParam{p.at(0).string(), p.at(1).integer(), p.at(2).integer(), p.at(3).integer(),
                        p.at(4).boolean()};
  });
  program.auxes = r["auxes"].list([](const Reader &a) {
    a.record(3);
    return ProgramAux{a.at(0).string(), a.at(1).boolean(), a.at(2).list([](const Reader &axis) {
                        axis.record(3);
                        return ProgramAux::Axis{
                            axis.at(0).enumerator<ProgramAux::Axis::Kind>(kAxisKinds, "axis"),
                            axis.at(1).integer(1), axis.at(2).integer(0)};
                      })};
  });
  Limits limits{program.params.size(), program.auxes.size(), 0};
  program.auxScalars = r["aux_scalars"].list([&](const Reader &a) {
    a.record(2);
    AuxScalar scalar;
    scalar.aux = a.at(0).integer<int32_t>(0);
    checkIndex(a, scalar.aux, limits.auxes, "aux tensor");
    scalar.indices = a.at(1).list([&](const Reader &p) { return readPredicate(p, limits); });
    return scalar;
  });
  limits.auxScalars = program.auxScalars.size();
  for (auto [name, index] : {std::pair{"sink_aux", &program.sinkAux}, {"blocks_aux", &program.blocksAux}}) {
    *index = r[name].integer<int32_t>(-1);
    if (*index >= 0) checkIndex(r[name], *index, limits.auxes, "aux tensor");
  }
  program.groupsByKvHead = r["groups_by_kv_head"].boolean();
  program.groups = r["groups"].list([&](const Reader &g) {
    g.object(5);
    return HeadGroupProgram{g["first"].integer(), g["last"].integer(), readPredicate(g["predicate"], limits),
                            readSchedule(g["forward"], limits), readSchedule(g["transposed"], limits)};
  });
  program.hasScore = r["has_score"].boolean();
  program.kernel = readKernel(r["kernel"]);
  program.remarks = r["remarks"].list([](const Reader &s) { return s.string(); });
  return program;
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

std::optional<Program> programFromJson(const json &value, std::string &error) {
  error.clear();
  try {
    return readProgram(Reader(value, nullptr, "program"));
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

std::string toJsonText(const KernelConfig &config) { return write(config).dump(); }

std::optional<KernelConfig> configFromText(std::string_view text, const KernelConfig &base,
                                           std::string &error) {
  error.clear();
  json changes = json::parse(text, nullptr, false);
  if (!changes.is_object()) {
    error = "config: not a JSON object";
    return std::nullopt;
  }
  json value = write(base);
  for (const auto &[name, field] : changes.items()) {
    if (!value.contains(name)) {
      error = fmt::format("config: unknown field '{}'", name);
      return std::nullopt;
    }
    value[name] = field;
  }
  try {
    return readConfig(Reader(value, nullptr, "config"));
  } catch (const std::exception &e) {
    error = e.what();
    return std::nullopt;
  }
}

} // namespace maskloom
