#include "maskloom/dsl/Library.h"

#include "maskloom/dsl/Masks.h"
#include "maskloom/dsl/Neighborhood.h"
#include "maskloom/dsl/Scores.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

Index LibraryCall::integer(std::string_view name) const { return Index(arguments.find(name)->second.first); }

Index LibraryCall::integer(std::string_view name, const Index &absent) const {
  return has(name) ? integer(name) : absent;
}

bool LibraryCall::flag(std::string_view name, bool absent) const {
  return has(name) ? arguments.find(name)->second.flags.at(0) : absent;
}

std::vector<int64_t> LibraryCall::axes(std::string_view name) const {
  return has(name) ? arguments.find(name)->second.integers : std::vector<int64_t>();
}

std::vector<bool> LibraryCall::axisFlags(std::string_view name) const {
  return has(name) ? arguments.find(name)->second.flags : std::vector<bool>();
}

AuxInt LibraryCall::ints(std::string_view name) const { return AuxInt(arguments.find(name)->second.tensor); }
AuxFloat LibraryCall::floats(std::string_view name) const {
  return AuxFloat(arguments.find(name)->second.tensor);
}

const LibraryArgument *LibraryFunction::find(std::string_view argument) const {
  for (const LibraryArgument &known : arguments)
    if (argument == known.name) return &known;
  return nullptr;
}

std::string LibraryFunction::signature() const {
  std::string list;
  for (const LibraryArgument &argument : arguments)
    list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", argument.name,
                        argument.absent ? argument.absent : "...");
  return fmt::format("{}({})", name, list);
}

namespace {

using Kind = LibraryArgument::Kind;
using Call = LibraryCall;

Expr faultOf(std::string message, std::string hint) {
  return makeFault(Type::Bool, {std::move(message), std::move(hint), "", 0}, here(At::current()));
}

Expr neighborhood(const Call &call) {
  masks::Neighborhood options{call.axes("window"), call.axes("stride"), call.axes("dilation"),
                              call.axisFlags("causal")};
  if (!call.space.empty()) return masks::neighborhood(Space(call.space), options).expr();
  if (options.window.size() == 1) return masks::neighborhood(options).expr();
  return faultOf(
      fmt::format("a window over {} axes needs a token space", options.window.size()),
      "declare it before: 'space (48, 80);'; without one a neighbourhood has one axis, the sequence");
}

Expr slidingTile(const Call &call) {
  if (call.space.empty())
    return faultOf("'sliding_tile' needs a token space", "declare it before: 'space (30, 48, 80);'");
  masks::SlidingTile options{.window = call.axes("window"),
                             .tile = call.axes("tile"),
                             .tileOrdered = call.flag("tile_ordered", false),
                             .text = call.flag("text", false)};
  return masks::slidingTile(Space(call.space), options).expr();
}

Expr slice(const Call &call) {
  bool causal = call.flag("causal", false), inverse = call.flag("inverse", false);
  using masks::SliceType;
  SliceType type = causal    ? inverse ? SliceType::BiCausal : SliceType::Causal
                   : inverse ? SliceType::InverseCausal
                             : SliceType::Full;
  const ArgumentValue &queries = call.arguments.at("queries"), &keys = call.arguments.at("keys");
  return masks::slice(Index(queries.first), Index(queries.second), Index(keys.first), Index(keys.second),
                      type)
      .expr();
}

Expr sliceTable(const Call &call) {
  AuxInt slices = call.ints("slices");
  const auto &axes = slices.decl()->axes;
  bool fits = axes.size() == 2 && axes[0].kind == AuxAxis::Kind::Fixed &&
              axes[1].kind == AuxAxis::Kind::Fixed && axes[1].extent == 5;
  if (!fits || axes[0].extent > 256)
    return makeFault(Type::Bool,
                     {fmt::format("the tensor '{}' must hold five numbers for each of at most 256 slices",
                                  slices.decl()->name),
                      fmt::format("declare it as 'aux {}[8, 5]: i32;'", slices.decl()->name), "slices", 0},
                     here(At::current()));
  return masks::sliceTable(slices, axes[0].extent).expr();
}

} // namespace

const std::vector<LibraryFunction> &libraryFunctions() {
  static const std::vector<LibraryFunction> functions = {
      // Windows
      {"sliding_window",
       {{"window", Kind::Integer}},
       [](const Call &c) { return masks::slidingWindow(c.integer("window")).expr(); }},
      {"dilated_window",
       {{"window", Kind::Integer}, {"dilation", Kind::Integer}},
       [](const Call &c) { return masks::dilatedWindow(c.integer("window"), c.integer("dilation")).expr(); }},
      {"sink_window",
       {{"sink", Kind::Integer}, {"window", Kind::Integer}},
       [](const Call &c) { return masks::sinkWindow(c.integer("sink"), c.integer("window")).expr(); }},
      {"global_window",
       {{"global", Kind::Integer}, {"window", Kind::Integer}, {"causal", Kind::Flag, "false"}},
       [](const Call &c) {
         return masks::globalWindow(c.integer("global"), c.integer("window"), c.flag("causal", false)).expr();
       }},
      {"prefix",
       {{"prefix", Kind::Integer}},
       [](const Call &c) { return masks::prefix(c.integer("prefix")).expr(); }},
      {"duo",
       {{"dense", Kind::IntTensor}, {"sink", Kind::Integer}, {"window", Kind::Integer}},
       [](const Call &c) {
         return masks::duo(c.ints("dense"), c.integer("sink"), c.integer("window")).expr();
       }},
      {"local_stride",
       {{"block", Kind::Integer},
        {"local", Kind::Integer},
        {"stride", Kind::Integer},
        {"shard", Kind::Integer, "h"},
        {"causal", Kind::Flag, "true"}},
       [](const Call &c) {
         return masks::localStride(c.integer("block"), c.integer("local"), c.integer("stride"),
                                   c.integer("shard", head()), c.flag("causal", true))
             .expr();
       }},
      // Documents, tables and lists
      {"documents",
       {{"doc", Kind::IntTensor}, {"causal", Kind::Flag, "true"}},
       [](const Call &c) { return masks::documents(c.ints("doc"), c.flag("causal", true)).expr(); }},
      {"shared_prefix",
       {{"prefix", Kind::Integer}, {"sequence", Kind::IntTensor}},
       [](const Call &c) { return masks::sharedPrefix(c.integer("prefix"), c.ints("sequence")).expr(); }},
      {"shared_question",
       {{"doc", Kind::IntTensor}, {"answer", Kind::IntTensor}},
       [](const Call &c) { return masks::sharedQuestion(c.ints("doc"), c.ints("answer")).expr(); }},
      {"prefix_documents",
       {{"doc", Kind::IntTensor}, {"prefix_end", Kind::IntTensor}},
       [](const Call &c) { return masks::prefixDocuments(c.ints("doc"), c.ints("prefix_end")).expr(); }},
      {"causal_blockwise",
       {{"block", Kind::IntTensor}, {"final_begin", Kind::IntTensor}},
       [](const Call &c) { return masks::causalBlockwise(c.ints("block"), c.ints("final_begin")).expr(); }},
      {"qk_sparse",
       {{"keep_query", Kind::IntTensor}, {"keep_key", Kind::IntTensor}},
       [](const Call &c) { return masks::qkSparse(c.ints("keep_query"), c.ints("keep_key")).expr(); }},
      {"hash_sparse",
       {{"bucket_of_query", Kind::IntTensor}, {"bucket_of_key", Kind::IntTensor}},
       [](const Call &c) {
         return masks::hashSparse(c.ints("bucket_of_query"), c.ints("bucket_of_key")).expr();
       }},
      {"random_eviction",
       {{"evicted_at", Kind::IntTensor}},
       [](const Call &c) { return masks::randomEviction(c.ints("evicted_at")).expr(); }},
      {"column_ranges",
       {{"lower_begin", Kind::IntTensor},
        {"lower_end", Kind::IntTensor},
        {"upper_begin", Kind::IntTensor},
        {"upper_end", Kind::IntTensor}},
       [](const Call &c) {
         return masks::columnRanges(c.ints("lower_begin"), c.ints("lower_end"), c.ints("upper_begin"),
                                    c.ints("upper_end"))
             .expr();
       }},
      {"block_diffusion",
       {{"tokens", Kind::Integer}, {"block", Kind::Integer}},
       [](const Call &c) { return masks::blockDiffusion(c.integer("tokens"), c.integer("block")).expr(); }},
      {"flamingo",
       {{"image", Kind::IntTensor}, {"tokens", Kind::Integer}},
       [](const Call &c) { return masks::flamingo(c.ints("image"), c.integer("tokens")).expr(); }},
      {"tree",
       {{"ancestor", Kind::IntTensor}},
       [](const Call &c) { return masks::treeAncestors(c.ints("ancestor")).expr(); }},
      {"slice",
       {{"queries", Kind::Range},
        {"keys", Kind::Range},
        {"causal", Kind::Flag, "false"},
        {"inverse", Kind::Flag, "false"}},
       slice},
      {"slice_table", {{"slices", Kind::IntTensor}}, sliceTable},
      // N-D token spaces
      {"neighborhood",
       {{"window", Kind::Axes},
        {"stride", Kind::Axes, "1"},
        {"dilation", Kind::Axes, "1"},
        {"causal", Kind::AxisFlags, "false"}},
       neighborhood},
      {"sliding_tile",
       {{"window", Kind::Axes},
        {"tile", Kind::Axes},
        {"tile_ordered", Kind::Flag, "false"},
        {"text", Kind::Flag, "false"}},
       slidingTile},
      // Scores
      {"alibi",
       {{"slope", Kind::FloatTensor}},
       [](const Call &c) { return scores::alibi(c.floats("slope")).expr(); }},
      {"soft_cap",
       {{"cap", Kind::Number}},
       [](const Call &c) { return scores::softCap(c.arguments.at("cap").number).expr(); }},
      {"relative_bias",
       {{"bias", Kind::FloatTensor}},
       [](const Call &c) { return scores::relativeBias(c.floats("bias")).expr(); }},
      {"relative_bias_2d",
       {{"bias", Kind::FloatTensor}},
       [](const Call &c) { return scores::relativeBias2d(c.floats("bias"), Space(c.space)).expr(); }},
      {"sandwich",
       {{"cosines", Kind::FloatTensor}, {"ratio", Kind::FloatTensor}},
       [](const Call &c) { return scores::sandwich(c.floats("cosines"), c.floats("ratio")).expr(); }},
      {"graph_bias",
       {{"distance", Kind::IntTensor}, {"bias", Kind::FloatTensor}},
       [](const Call &c) { return scores::graphBias(c.ints("distance"), c.floats("bias")).expr(); }},
  };
  return functions;
}

const LibraryFunction *findLibraryFunction(std::string_view name) {
  for (const LibraryFunction &function : libraryFunctions())
    if (name == function.name) return &function;
  return nullptr;
}

Expr expandCall(const LibraryFunction &function, const LibraryCall &call, const Location &loc) {
  return relocated(function.build(call), At::current().file_name(), loc);
}

} // namespace maskloom
