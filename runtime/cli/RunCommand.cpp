#include "maskloom/cli/Cli.h"
#include "maskloom/cli/Commands.h"
#include "maskloom/cli/DeviceArray.h"
#include "maskloom/cli/KernelArguments.h"
#include "maskloom/cli/NpyConvert.h"
#include "maskloom/cli/PatternArguments.h"
#include "maskloom/cli/RunCheck.h"
#include "maskloom/device/Driver.h"
#include "maskloom/facade/ProblemContext.h"

#include <chrono>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace maskloom {

namespace {

struct RunArguments {
  PatternArguments pattern;
  KernelArguments kernel;
  std::string q, k, v, output, lse, device = "auto", queryLengths, keyLengths;
  std::vector<std::string> aux;
  std::optional<double> scale;
  int64_t maxBlocks = 0;
  bool check = false, json = false;
};

/// One of q, k, v: the file, and its values rounded to the computing dtype.
struct Input {
  NpyArray file;
  HostArray values;
};

Input loadTensor(const char *name, const std::string &path, DType dtype) {
  NpyExpectation expectation{.what = name,
                             .types = {NpyType::F32, NpyType::F16},
                             .anyShape = false,
                             .shape = {-1, -1, -1, -1},
                             .axes = "batch, heads, tokens, dim"};
  Input input{readNpy(path, expectation), {}};
  const auto &s = input.file.shape;
  for (int64_t extent : s)
    if (extent < 1) throw Error(ErrorKind::User, fmt::format("{}: has an empty dimension", path));
  input.values = HostArray::fromFloats(floatsOf(input.file, path), {s[0], s[1], s[2], s[3]}, dtype);
  return input;
}

std::vector<int32_t> loadLengths(const std::string &path, int64_t batch, int64_t tokens, const char *option) {
  if (path.empty()) return {};
  NpyArray array = readNpy(path);
  if (array.shape != std::vector<int64_t>{batch})
    throw Error(ErrorKind::User,
                fmt::format("{}: {} needs one length per batch entry, shape [{}]", path, option, batch));
  std::vector<int32_t> lengths = intsOf(array, path);
  for (int32_t length : lengths)
    if (length < 0 || length > tokens)
      throw Error(ErrorKind::User, fmt::format("{}: length {} is not within 0..{}", path, length, tokens));
  return lengths;
}

void checkAgreement(const RunArguments &a, const Input &q, const Input &k, const Input &v) {
  auto expect = [](const std::string &path, const char *what, int64_t found, int64_t expected) {
    if (found != expected)
      throw Error(ErrorKind::User, fmt::format("{}: {} is {}, expected {}", path, what, found, expected));
  };
  const auto &qs = q.file.shape, &ks = k.file.shape, &vs = v.file.shape;
  expect(a.k, "batch", ks[0], qs[0]);
  expect(a.v, "batch", vs[0], qs[0]);
  expect(a.v, "number of heads", vs[1], ks[1]);
  expect(a.v, "number of tokens", vs[2], ks[2]);
  expect(a.k, "head dim", ks[3], qs[3]);
  if (qs[1] % ks[1])
    throw Error(ErrorKind::User,
                fmt::format("{} query heads are not divisible by {} KV heads", qs[1], ks[1]));
}

void checkOutputs(const RunArguments &a) {
  namespace fs = std::filesystem;
  std::error_code ignored; // a path that cannot be resolved fails where it is written
  const auto resolved = [&](const std::string &path) {
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  };
  if (!a.lse.empty() && resolved(a.output) == resolved(a.lse))
    throw Error(ErrorKind::User, fmt::format("-o and --lse name one file, {}", a.output));
}

int runPattern(const RunArguments &arguments) {
  checkOutputs(arguments);
  Pattern pattern = arguments.pattern.load();
  DType dtype = parseDtype(arguments.kernel.dtype);
  Input q = loadTensor("q", arguments.q, dtype), k = loadTensor("k", arguments.k, dtype),
        v = loadTensor("v", arguments.v, dtype);
  checkAgreement(arguments, q, k, v);

  Problem problem;
  problem.batch = q.file.shape[0];
  problem.heads = q.file.shape[1];
  problem.kvHeads = k.file.shape[1];
  problem.queries = q.file.shape[2];
  problem.keys = k.file.shape[2];
  problem.params = arguments.pattern.values(pattern);
  problem.aux = loadAux(pattern, arguments.aux);
  auto queryLengths = loadLengths(arguments.queryLengths, problem.batch, problem.queries, "--lengths-q");
  auto keyLengths = loadLengths(arguments.keyLengths, problem.batch, problem.keys, "--lengths-k");
  problem.queryLengths.assign(queryLengths.begin(), queryLengths.end());
  problem.keyLengths.assign(keyLengths.begin(), keyLengths.end());
  checkProblemOrThrow(pattern, problem);

  CompileOptions options;
  options.heads = problem.heads;
  options.kv_heads = problem.kvHeads;
  options.head_dim = q.file.shape[3];
  options.value_dim = v.file.shape[3];
  options.dtype = dtype;
  options.dump_ir = arguments.kernel.dumpIr;
  options.use_cache = !arguments.kernel.noCache;
  options.kernel = arguments.kernel.kernelChoice();
  for (const auto &param : constantParams(pattern))
    if (auto given = problem.params.find(param->name); given != problem.params.end())
      options.constants.insert(*given);
  options.device = arguments.device == "gpu"   ? Device::Gpu
                   : arguments.device == "cpu" ? Device::Cpu
                                               : Device::Auto;
  Attention attention = compile(pattern, options);

  // Device memory on the GPU, the host arrays themselves on the CPU.
  Memory memory(attention.device());
  HostArray o =
      HostArray::uninitialized({problem.batch, problem.heads, problem.queries, v.file.shape[3]}, dtype);
  std::vector<float> lse(problem.batch * problem.heads * problem.queries);
  ForwardOptions forward;
  forward.params = problem.params;
  if (arguments.scale) forward.scale = static_cast<float>(*arguments.scale);
  for (const auto &[name, value] : problem.aux)
    forward.aux[name] = {
        value.floats.empty() ? memory.in(value.ints) : memory.in(value.floats), value.extents, {}};
  forward.max_blocks = arguments.maxBlocks;
  forward.lse = static_cast<float *>(memory.out(lse.data(), lse.size() * sizeof(float)));
  forward.query_lengths =
      queryLengths.empty() ? nullptr : static_cast<const int32_t *>(memory.in(queryLengths));
  forward.key_lengths = keyLengths.empty() ? nullptr : static_cast<const int32_t *>(memory.in(keyLengths));
  Tensor tq = memory.in(q.values), tk = memory.in(k.values), tv = memory.in(v.values), to = memory.out(o);
  auto start = std::chrono::steady_clock::now();
  attention.forward(tq, tk, tv, to, forward);
  memory.finish();
  double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();

  writeNpy(arguments.output, npyFromFloats(o.toFloats(), {o.shape.begin(), o.shape.end()}, q.file.type));
  if (!arguments.lse.empty())
    writeNpy(arguments.lse,
             npyFromFloats(lse, {problem.batch, problem.heads, problem.queries}, NpyType::F32));

  float scale = forward.scale ? *forward.scale : 1.0f / std::sqrt(static_cast<float>(options.head_dim));
  const char *where = attention.device() == Device::Gpu ? "gpu" : "cpu";
  nlohmann::ordered_json out{{"schema", 1},
                             {"pattern", pattern.name},
                             {"device", where},
                             {"arch", attention.arch()},
                             {"dtype", arguments.kernel.dtype},
                             {"first_call_ms", milliseconds},
                             {"output", arguments.output}};
  if (!arguments.json)
    fmt::print("{} on the {} ({}), {}: wrote {}\n", pattern.name, where, attention.arch(),
               arguments.kernel.dtype, arguments.output);
  if (!arguments.check) {
    if (arguments.json) fmt::print("{}\n", out.dump(2));
    return kExitOk;
  }
  CheckResult check = checkRun(pattern, problem, q.values, k.values, v.values, o, lse, scale);
  if (arguments.json) {
    out["check"] = {{"passed", check.passed},
                    {"max_abs_err", check.maxAbsErr},
                    {"tolerance", check.tolerance},
                    {"max_lse_err", check.maxLseErr},
                    {"lse_tolerance", check.lseTolerance},
                    {"rows_checked", check.rows},
                    {"rows", problem.batch * problem.heads * problem.queries}};
    fmt::print("{}\n", out.dump(2));
  } else {
    fmt::print("check against the interpreter over {} of {} rows: {}\n  max_abs_err {:.3e} (tolerance "
               "{:.3e}), LSE {:.3e} ({:.3e})\n",
               check.rows, problem.batch * problem.heads * problem.queries,
               check.passed ? "passed" : "FAILED", check.maxAbsErr, check.tolerance, check.maxLseErr,
               check.lseTolerance);
  }
  return check.passed ? kExitOk : kExitCheckFailed;
}

} // namespace

void addRunCommand(CLI::App &app, Action &action) {
  auto a = std::make_shared<RunArguments>();
  CLI::App *command = app.add_subcommand(
      "run", "Run attention on .npy tensors [batch, heads, tokens, dim], C order, f4 or f2");
  a->pattern.add(*command);
  command->add_option("--q", a->q, "Queries")->required();
  command->add_option("--k", a->k, "Keys")->required();
  command->add_option("--v", a->v, "Values")->required();
  command->add_option("-o,--output", a->output, "Where to write O, in the dtype of q")->required();
  command->add_option("--lse", a->lse, "Where to write the natural-log LSE [batch, heads, tokens], f4");
  command->add_option("--aux", a->aux, "Contents of an aux tensor, NAME=FILE.npy; may be repeated");
  command->add_option("--lengths-q", a->queryLengths, "Query lengths per batch entry, .npy of integers");
  command->add_option("--lengths-k", a->keyLengths, "Key lengths per batch entry, .npy of integers");
  command->add_option("--scale", a->scale, "Scale of the scores (default 1/sqrt(head dim))");
  command->add_option("--device", a->device, "gpu, cpu, or auto: the GPU when there is one")
      ->check(CLI::IsMember({"auto", "gpu", "cpu"}))
      ->capture_default_str();
  a->kernel.addDtype(*command, "What is computed in: bf16, f16, or f32 (CPU only)");
  a->kernel.addKernel(*command);
  command->add_option("--max-blocks", a->maxBlocks,
                      "Cap on the blocks of the GPU launch: each then takes several work units");
  a->kernel.addCache(*command);
  command->add_flag(
      "--check", a->check,
      "Compare with the interpreter (sampled rows at large sizes); exit code 5 when it differs");
  command->add_flag("--json", a->json, "Machine-readable report (schema in docs/cli.md)");
  command->callback([a, &action] { action = [a] { return runPattern(*a); }; });
}

} // namespace maskloom
