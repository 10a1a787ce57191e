// Launches a compiled pattern with the CUDA driver API alone: the PTX file and its manifest are all there is,
// no part of Maskloom is linked.
//
//   maskloom compile examples/patterns/causal.mask --arch sm_80 --head-dim 64 -o causal.ptx
//   load_ptx causal.ptx
//
// The pattern must be the causal mask, in bf16, since that is what the result is checked against, and the
// kernel the portable one (--kernel portable on sm_90a): the Hopper kernel takes tensor maps as well.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <dlfcn.h>

#include <nlohmann/json.hpp>

namespace {

constexpr int kSkipped = 77; // for CTest: no GPU here

/// The driver functions used here, loaded as a program without the CUDA headers does.
struct Cuda {
  using Pointer = unsigned long long;
  int (*init)(unsigned);
  int (*deviceGet)(int *, int);
  int (*retainContext)(void **, int);
  int (*setContext)(void *);
  int (*loadModule)(void **, const void *);
  int (*getFunction)(void **, void *, const char *);
  int (*setAttribute)(void *, int, int);
  int (*allocate)(Pointer *, size_t);
  int (*copyIn)(Pointer, const void *, size_t);
  int (*copyOut)(void *, Pointer, size_t);
  int (*synchronize)();
  int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **,
                void **);

  bool load() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) return false;
    auto bind = [&](auto &function, const char *name) {
      void *symbol = dlsym(library, name);
      if (!symbol) throw std::runtime_error(std::string("the driver has no ") + name);
      std::memcpy(&function, &symbol, sizeof symbol);
    };
    bind(init, "cuInit");
    bind(deviceGet, "cuDeviceGet");
    bind(retainContext, "cuDevicePrimaryCtxRetain");
    bind(setContext, "cuCtxSetCurrent");
    bind(loadModule, "cuModuleLoadData");
    bind(getFunction, "cuModuleGetFunction");
    bind(setAttribute, "cuFuncSetAttribute");
    bind(allocate, "cuMemAlloc_v2");
    bind(copyIn, "cuMemcpyHtoD_v2");
    bind(copyOut, "cuMemcpyDtoH_v2");
    bind(synchronize, "cuCtxSynchronize");
    bind(launch, "cuLaunchKernel");
    return true;
  }
};

void check(int result, const char *what) {
  if (result)
    throw std::runtime_error(std::string(what) + " failed with CUDA error " + std::to_string(result));
}

std::string slurp(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The kernel's one argument, filled by the names and offsets of the manifest.
class ParameterBlock {
public:
  explicit ParameterBlock(const nlohmann::json &parameters)
      : bytes_(parameters.at("bytes").get<size_t>()), fields_(parameters.at("fields")) {}

  void set(const std::string &name, double value) { write(name, value); }
  void set(const std::string &name, long long value) { write(name, value); }
  void setPointer(const std::string &name, Cuda::Pointer value) { write(name, value); }
  void *data() { return bytes_.data(); }

private:
  template <class T>
  void write(const std::string &name, T value) {
    for (const auto &field : fields_) {
      if (field.at("name") != name) continue;
      const std::string type = field.at("type");
      const size_t offset = field.at("offset");
      auto put = [&](auto typed) { std::memcpy(bytes_.data() + offset, &typed, sizeof typed); };
      if (type == "pointer" || type == "i64")
        put(static_cast<int64_t>(value));
      else if (type == "i32")
        put(static_cast<int32_t>(value));
      else if (type == "f32")
        put(static_cast<float>(value));
      else
        throw std::runtime_error("manifest: unknown type " + type);
      return;
    }
    throw std::runtime_error("manifest: no field " + name);
  }
  std::vector<unsigned char> bytes_;
  nlohmann::json fields_;
};

uint16_t toBf16(float value) { // round to nearest even
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
float fromBf16(uint16_t value) {
  uint32_t bits = uint32_t{value} << 16;
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

/// Row-major [heads, tokens, dim].
struct HostTensor {
  int heads, tokens, dim;
  std::vector<uint16_t> data = std::vector<uint16_t>(size_t(heads) * tokens * dim);
  double at(int head, int token, int i) const {
    return fromBf16(data[(size_t(head) * tokens + token) * dim + i]);
  }
};

/// Causal attention by definition, in double; the largest difference to `o`.
double largestError(const HostTensor &q, const HostTensor &k, const HostTensor &v, const HostTensor &o) {
  double worst = 0;
  const double scale = 1 / std::sqrt(double(q.dim));
  for (int h = 0; h < q.heads; ++h)
    for (int row = 0; row < q.tokens; ++row) {
      std::vector<double> out(v.dim);
      double sum = 0;
      for (int column = 0; column <= row; ++column) {
        double score = 0;
        for (int i = 0; i < q.dim; ++i) score += q.at(h, row, i) * k.at(h, column, i);
        const double weight = std::exp(score * scale);
        sum += weight;
        for (int i = 0; i < v.dim; ++i) out[i] += weight * v.at(h, column, i);
      }
      for (int i = 0; i < v.dim; ++i) {
        double difference = std::abs(out[i] / sum - o.at(h, row, i));
        if (!(difference <= worst)) worst = difference; // NaN counts
      }
    }
  return worst;
}

int run(const std::string &file) {
  const std::string ptx = slurp(file);
  const auto manifest = nlohmann::json::parse(slurp(file.substr(0, file.rfind('.')) + ".json"));
  if (manifest.at("schema") != 1 || manifest.at("dtype") != "bf16" || manifest.at("plan_entry") != "")
    throw std::runtime_error("this example takes manifests of schema 1, bf16, without a planner");
  if (!manifest.at("tensor_maps").empty())
    throw std::runtime_error("this example encodes no tensor maps: compile with --kernel portable");

  // 1. The problem.
  const int heads = 4, tokens = 333;
  const int headDim = manifest.at("head_dim"), valueDim = manifest.at("value_dim");
  HostTensor q{heads, tokens, headDim}, k = q, v{heads, tokens, valueDim}, o = v;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (HostTensor *tensor : {&q, &k, &v})
    for (uint16_t &value : tensor->data) value = toBf16(normal(random));

  // 2. The arguments that are no pointers.
  ParameterBlock block(manifest.at("parameters"));
  for (auto [name, dim] : {std::pair{"q", headDim}, {"k", headDim}, {"v", valueDim}, {"o", valueDim}}) {
    const std::string tensor = name;
    block.set(tensor + ".batch_stride", static_cast<long long>(heads) * tokens * dim);
    block.set(tensor + ".head_stride", static_cast<long long>(tokens) * dim);
    block.set(tensor + ".token_stride", static_cast<long long>(dim));
  }
  block.set("scale", 1 / std::sqrt(double(headDim)));
  block.set("batch", 1ll);
  for (const char *name : {"heads", "kv_heads"}) block.set(name, static_cast<long long>(heads));
  for (const char *name : {"queries", "keys"}) block.set(name, static_cast<long long>(tokens));
  block.set("section_heads", static_cast<long long>(heads));
  const int tileQueries = manifest.at("tile").at(0);
  const unsigned grid = unsigned(heads) * unsigned((tokens + tileQueries - 1) / tileQueries);
  const unsigned threads = manifest.at("block").at(0), shared = manifest.at("dynamic_shared_bytes");
  const std::string entry = manifest.at("entry");
  std::printf("%s: %u blocks of %u threads, %u bytes of shared memory\n", entry.c_str(), grid, threads,
              shared);

  // 3. The GPU.
  Cuda cuda;
  int device = 0;
  if (!cuda.load() || cuda.init(0) || cuda.deviceGet(&device, 0)) {
    std::printf("no NVIDIA GPU here: the arguments are ready, nothing was launched\n");
    return kSkipped;
  }
  void *context, *module, *function;
  check(cuda.retainContext(&context, device), "cuDevicePrimaryCtxRetain");
  check(cuda.setContext(context), "cuCtxSetCurrent");
  check(cuda.loadModule(&module, ptx.c_str()), "cuModuleLoadData");
  check(cuda.getFunction(&function, module, entry.c_str()), "cuModuleGetFunction");
  const int maxDynamicSharedBytes = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
  check(cuda.setAttribute(function, maxDynamicSharedBytes, int(shared)), "cuFuncSetAttribute");
  Cuda::Pointer output = 0;
  for (auto [name, tensor] : {std::pair{"q", &q}, {"k", &k}, {"v", &v}, {"o", &o}}) {
    Cuda::Pointer pointer = 0;
    check(cuda.allocate(&pointer, tensor->data.size() * 2), "cuMemAlloc");
    check(cuda.copyIn(pointer, tensor->data.data(), tensor->data.size() * 2), "cuMemcpyHtoD");
    block.setPointer(std::string(name) + ".data", pointer);
    output = pointer; // the last one is o
  }
  void *arguments[] = {block.data()};
  check(cuda.launch(function, grid, 1, 1, threads, 1, 1, shared, nullptr, arguments, nullptr),
        "cuLaunchKernel");
  check(cuda.synchronize(), "cuCtxSynchronize");
  check(cuda.copyOut(o.data.data(), output, o.data.size() * 2), "cuMemcpyDtoH");

  // 4. The check.
  const double error = largestError(q, k, v, o), tolerance = 0.03; // bf16 inputs and weights of order 1
  std::printf("largest error %.4f, tolerance %.2f: %s\n", error, tolerance,
              error <= tolerance ? "passed" : "FAILED");
  return error <= tolerance ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: load_ptx FILE.ptx (with FILE.json beside it)\n");
    return 2;
  }
  return run(argv[1]);
} catch (const std::exception &e) {
  std::fprintf(stderr, "load_ptx: %s\n", e.what());
  return 1;
}
