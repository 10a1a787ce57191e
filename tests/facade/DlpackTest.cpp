// DLPack in and out: what is computed through it, who owns what, and every error, word for word.
#include "maskloom/dlpack.h"
#include "maskloom/c_dlpack.h"
#include "maskloom/maskloom.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <thread>

using namespace maskloom;

namespace {

constexpr DLDevice kCpu{kDLCPU, 0};
constexpr DLDataType kF32{kDLFloat, 32, 1}, kI32{kDLInt, 32, 1};

/// A DLTensor with the memory its shape points to.
struct Given {
  std::vector<int64_t> shape, strides;
  DLTensor tensor{};
  Given(void *data, std::vector<int64_t> shape_, std::vector<int64_t> strides_ = {}, DLDataType type = kF32,
        DLDevice device = kCpu, uint64_t offset = 0)
      : shape(std::move(shape_)), strides(std::move(strides_)) {
    tensor = {data,  device,       static_cast<int32_t>(shape.size()),
              type,  shape.data(), strides.empty() ? nullptr : strides.data(),
              offset};
  }
  Given(const Given &) = delete;
};

std::string messageOf(const std::function<void()> &body, ErrorKind kind = ErrorKind::User) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "nothing was thrown";
}

Attention onCpu(const Pattern &pattern, int64_t heads = 2) {
  return compile(pattern, {.heads = heads, .head_dim = 8, .dtype = DType::f32, .device = Device::Cpu});
}

/// Values as other libraries keep them: [batch, tokens, heads, dim], and 3 floats before them.
struct TokenMajor {
  static constexpr int64_t kTokens = 20, kHeads = 2, kDim = 8;
  std::vector<float> data = std::vector<float>(3 + kTokens * kHeads * kDim);
  Given given{
      data.data(), {1, kHeads, kTokens, kDim}, {kTokens * kHeads * kDim, kDim, kHeads * kDim, 1}, kF32,
      kCpu,        3 * sizeof(float)};
  float &at(int64_t h, int64_t token, int64_t i) { return data[3 + (token * kHeads + h) * kDim + i]; }
};

TEST(Dlpack, StridesAndOffsetsReachTheKernel) {
  TokenMajor q, k, v, o;
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t token = 0; token < 20; ++token)
      for (int64_t i = 0; i < 8; ++i) v.at(h, token, i) = static_cast<float>(100 * h + token);
  std::vector<float> lse(40, NAN);
  Given lseGiven(lse.data(), {1, 2, 20});
  Attention attention = onCpu(patterns::slidingWindow(3));
  DLDevice device = dlpack_device(attention);
  EXPECT_EQ(device.device_type, kDLCPU);
  attention.forward(from_dlpack(q.given.tensor, device, "q"), from_dlpack(k.given.tensor, device, "k"),
                    from_dlpack(v.given.tensor, device, "v"), from_dlpack(o.given.tensor, device, "o"),
                    {.lse = lse_from_dlpack(lseGiven.tensor, device, {1, 2, 20})});
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t token = 0; token < 20; ++token) { // equal weights: the mean of the window
      double first = token < 2 ? 0 : static_cast<double>(token - 2);
      EXPECT_NEAR(o.at(h, token, 5), 100.0 * h + (first + token) / 2, 1e-4);
      EXPECT_NEAR(lse[h * 20 + token], std::log(token - first + 1), 1e-5);
    }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(o.data[i], 0);
}

TEST(Dlpack, AuxTensorsAndLengths) {
  // doc[b, q] with a gap between the batch entries; the second entry has 5 keys.
  std::vector<int32_t> doc = {0, 0, 0, 1, 1, 1, -1, -1, 0, 0, 0, 0, 0, 0, -1, -1}, lengths = {6, 5};
  Given docGiven(doc.data(), {2, 6}, {8, 1}, kI32), lengthsGiven(lengths.data(), {2}, {}, kI32);
  Attention attention = onCpu(patterns::documents(), 1);
  std::vector<float> q(2 * 6 * 8), k(q), v(q), o(q.size(), NAN);
  for (int64_t row = 0; row < 12; ++row) v[row * 8] = static_cast<float>(row % 6);
  auto tensor = [](std::vector<float> &values) {
    Given given(values.data(), {2, 1, 6, 8});
    return from_dlpack(given.tensor, kCpu);
  };
  const int32_t *each = lengths_from_dlpack(lengthsGiven.tensor, kCpu, 2);
  attention.forward(tensor(q), tensor(k), tensor(v), tensor(o),
                    {.aux = {{"doc", aux_from_dlpack(docGiven.tensor, attention, "doc")}},
                     .query_lengths = each,
                     .key_lengths = each});
  const double expected[12] = {0, 0.5, 1, 3, 3.5, 4, 0, 0.5, 1, 1.5, 2, 0};
  for (int64_t row = 0; row < 12; ++row) EXPECT_NEAR(o[row * 8], expected[row], 1e-5) << row;
}

TEST(Dlpack, DtypesAndDevices) {
  alignas(16) float data[64] = {};
  struct Case {
    DLDataType type;
    DType expected;
  };
  for (const Case &c : {Case{{kDLFloat, 16, 1}, DType::f16}, Case{{kDLBfloat, 16, 1}, DType::bf16},
                        Case{{kDLFloat, 32, 1}, DType::f32}}) {
    Given given(data, {1, 1, 2, 8}, {}, c.type);
    EXPECT_EQ(from_dlpack(given.tensor, kCpu).dtype, c.expected);
  }
  // Which memory each device reaches. A GPU's memory is not touched by the conversion.
  constexpr DLDevice kGpu0{kDLCUDA, 0}, kGpu1{kDLCUDA, 1}, kPinned{kDLCUDAHost, 0},
      kManaged{kDLCUDAManaged, 1};
  auto converts = [&](DLDevice memory, DLDevice wanted) {
    Given given(data, {1, 1, 2, 8}, {}, kF32, memory);
    try {
      return from_dlpack(given.tensor, wanted).data == data;
    } catch (const Error &) {
      return false;
    }
  };
  EXPECT_TRUE(converts(kCpu, kCpu) && converts(kPinned, kCpu) && converts(kManaged, kCpu));
  EXPECT_TRUE(converts(kGpu1, kGpu1) && converts(kManaged, kGpu0));
  EXPECT_FALSE(converts(kGpu0, kCpu) || converts(kCpu, kGpu0) || converts(kPinned, kGpu0));
  EXPECT_FALSE(converts(kGpu0, kGpu1) || converts({kDLROCM, 0}, kGpu0) || converts({kDLMetal, 0}, kCpu));
}

TEST(Dlpack, MistakesOfTensors) {
  alignas(16) char data[4096];
  auto message = [&](const Given &given) { return messageOf([&] { from_dlpack(given.tensor, kCpu, "k"); }); };
  const std::vector<int64_t> good = {1, 2, 3, 8};
  EXPECT_EQ(message({data, good, {}, {kDLInt, 64, 1}}), "k has dtype i64, expected f16, bf16 or f32");
  EXPECT_EQ(message({data, good, {}, {kDLFloat, 64, 1}}), "k has dtype f64, expected f16, bf16 or f32");
  EXPECT_EQ(message({data, good, {}, {kDLBfloat, 16, 4}}),
            "k has dtype bf16 in vectors of 4, expected f16, bf16 or f32");
  EXPECT_EQ(message({data, good, {}, {99, 8, 1}}),
            "k has dtype of DLPack code 99, 8 bits, expected f16, bf16 or f32");
  EXPECT_EQ(message({data, good, {}, kF32, {kDLCUDA, 1}}), "k is on GPU 1, expected the CPU");
  EXPECT_EQ(message({data, good, {}, kF32, {kDLVulkan, 2}}),
            "k is on a device of DLPack type 7, number 2, expected the CPU");
  EXPECT_EQ(message({data, {2, 3, 8}}), "k has rank 3, expected 4 ([batch, heads, tokens, dim])");
  EXPECT_EQ(message({data, {1, 0, 3, 8}}), "k: dimension 1 is 0, expected at least 1");
  EXPECT_EQ(message({data, {1, 2, -3, 8}}), "k: dimension 2 is -3, expected at least 1");
  EXPECT_EQ(message({nullptr, good}), "k has no data");
  EXPECT_EQ(message({data, good, {}, kF32, kCpu, 6}),
            "k begins at an address that is no multiple of its 4 bytes an element (byte offset 6)");
  EXPECT_EQ(message({data, good, {}, kF32, kCpu, UINT64_MAX}),
            "k has a byte offset of 18446744073709551615, beyond the address space");
  const char *beyond = "k reaches beyond 64 bits: its shape or strides are wrong";
  EXPECT_EQ(message({data, {INT64_MAX, 2, 3, 8}}), beyond);
  EXPECT_EQ(message({data, {1 << 20, 1 << 20, 1 << 20, 8}}), beyond);
  EXPECT_EQ(message({data, good, {0, INT64_MAX / 2, 8, 1}}), beyond); // in bytes
  EXPECT_EQ(message({data, {1, 2, 3, 8}, {0, INT64_MIN, 8, 1}}), beyond);
  EXPECT_EQ(message({data, {1, 2, 3, 8}, {0, INT64_MAX, INT64_MAX, 1}}), beyond);
  Given noShape(data, good);
  noShape.tensor.shape = nullptr;
  EXPECT_EQ(message(noShape), "k has no shape");
}

TEST(Dlpack, MistakesOfTheLaunchStayErrors) {
  TokenMajor t;
  Attention attention = onCpu(patterns::causal());
  Tensor good = from_dlpack(t.given.tensor, kCpu);
  Given transposed(t.data.data(), {1, 2, 20, 8}, {320, 160, 1, 20});
  EXPECT_EQ(messageOf([&] { attention.forward(good, from_dlpack(transposed.tensor, kCpu), good, good); }),
            "k has inner stride 20, expected 1");
  Given broadcast(t.data.data(), {1, 2, 20, 8}, {0, 0, 8, 1});
  Tensor shared = from_dlpack(broadcast.tensor, kCpu);
  attention.forward(good, shared, shared, good); // heads may share K and V
  EXPECT_EQ(messageOf([&] { attention.forward(good, good, good, shared); }),
            "o has stride 0 in dimension 1 of 2 entries: its rows overlap");
}

TEST(Dlpack, MistakesOfVectorsAndAuxTensors) {
  alignas(16) char data[256] = {};
  Attention attention = onCpu(patterns::documents(), 1);
  auto aux = [&](const Given &given, const char *name = "doc") {
    return messageOf([&] { aux_from_dlpack(given.tensor, attention, name); });
  };
  EXPECT_EQ(aux({data, {1, 6}, {}, {kDLInt, 64, 1}}), "aux tensor 'doc' has dtype i64, expected i32");
  EXPECT_EQ(aux({data, {6}, {}, kI32}),
            "aux tensor 'doc' has rank 1, expected 2 (as the pattern declares it)");
  EXPECT_EQ(aux({data, {1, 6}, {}, kI32, {kDLCUDA, 0}}), "aux tensor 'doc' is on GPU 0, expected the CPU");
  EXPECT_EQ(aux({data, {1, 6}, {}, kI32}, "document"), "pattern 'documents' has no aux tensor 'document'");
  Attention alibi = onCpu(patterns::alibi());
  Given slopes(data, {2}, {}, kI32);
  EXPECT_EQ(messageOf([&] { aux_from_dlpack(slopes.tensor, alibi, "slope"); }),
            "aux tensor 'slope' has dtype i32, expected f32");

  auto lengths = [&](const Given &given) {
    return messageOf([&] { lengths_from_dlpack(given.tensor, kCpu, 4, "key lengths"); });
  };
  EXPECT_EQ(lengths({data, {4}, {}, kF32}), "key lengths has dtype f32, expected i32");
  EXPECT_EQ(lengths({data, {3}, {}, kI32}), "key lengths has 3 entries, expected 4 (batch)");
  EXPECT_EQ(lengths({data, {4}, {2}, kI32}), "key lengths has stride 2, expected 1");
  EXPECT_EQ(lengths({data, {1, 4}, {}, kI32}), "key lengths has rank 2, expected 1 ([batch])");

  auto lse = [&](const Given &given) {
    return messageOf([&] { lse_from_dlpack(given.tensor, kCpu, {1, 2, 3}); });
  };
  EXPECT_EQ(lse({data, {1, 2, 3}, {}, kI32}), "the LSE has dtype i32, expected f32");
  EXPECT_EQ(lse({data, {1, 3, 2}}), "the LSE: dimension 1 is 3, expected 2");
  EXPECT_EQ(lse({data, {1, 2, 3}, {6, 1, 2}}), "the LSE must be row-major without gaps");
}

TEST(Dlpack, VersionsAndReadOnly) {
  float data[16] = {};
  Given given(data, {1, 1, 2, 8});
  DLManagedTensorVersioned managed{{1, 7}, nullptr, nullptr, 0, given.tensor};
  EXPECT_EQ(&dlpack_tensor(managed), &managed.dl_tensor); // later minor versions only add
  managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  EXPECT_EQ(dlpack_tensor(managed, "v").data, data);
  EXPECT_EQ(messageOf([&] { dlpack_tensor(managed, "o", DlpackAccess::Write); }),
            "o is read-only and cannot be written to");
  EXPECT_EQ(messageOf([&] { to_unversioned(DlpackPtr(&managed)); }),
            "a read-only tensor cannot be handed out to a consumer of before DLPack 1.0");
  managed.version = {2, 0};
  EXPECT_EQ(messageOf([&] { dlpack_tensor(managed, "q"); }), "q is of DLPack 2.0, only 1.x is understood");
}

TEST(Dlpack, HandsOutWithItsOwner) {
  auto memory = std::make_shared<std::vector<float>>(2 * 3 * 8, 1.5f);
  Tensor tensor = Tensor::contiguous(memory->data(), {1, 2, 3, 8}, DType::f32);
  tensor.strides[0] = 999; // copied as they are
  DLManagedTensorVersioned *out = to_dlpack(tensor, kCpu, memory).release();
  std::weak_ptr<std::vector<float>> watch = memory;
  memory.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(out->version.major, 1u);
  EXPECT_EQ(out->flags, 0u);
  const DLTensor &t = out->dl_tensor;
  EXPECT_EQ(t.ndim, 4);
  EXPECT_EQ((std::vector<int64_t>(t.shape, t.shape + 4)), (std::vector<int64_t>{1, 2, 3, 8}));
  EXPECT_EQ((std::vector<int64_t>(t.strides, t.strides + 4)), (std::vector<int64_t>{999, 24, 8, 1}));
  EXPECT_EQ(t.dtype.code, kDLFloat);
  EXPECT_EQ(t.dtype.bits, 32);
  EXPECT_EQ(t.byte_offset, 0u);
  EXPECT_EQ(static_cast<float *>(t.data)[47], 1.5f);
  Tensor back = from_dlpack(dlpack_tensor(*out), kCpu);
  EXPECT_TRUE(back.data == tensor.data && back.shape == tensor.shape && back.strides == tensor.strides);
  std::thread([&] { out->deleter(out); }).join(); // from whatever thread
  EXPECT_TRUE(watch.expired());

  for (auto [dtype, code] : {std::pair{DType::f16, kDLFloat}, {DType::bf16, kDLBfloat}}) {
    tensor.dtype = dtype;
    DlpackPtr half = to_dlpack(tensor, {kDLCUDA, 3});
    EXPECT_EQ(half->dl_tensor.dtype.code, code);
    EXPECT_EQ(half->dl_tensor.dtype.bits, 16);
    EXPECT_EQ(half->dl_tensor.device.device_id, 3);
  }
  tensor.data = nullptr;
  EXPECT_EQ(messageOf([&] { to_dlpack(tensor, kCpu); }), "the tensor to hand out has no data");
  tensor = {&watch, {1, 2, 0, 8}, {}, DType::f32};
  EXPECT_EQ(messageOf([&] { to_dlpack(tensor, kCpu); }),
            "the tensor to hand out: dimension 2 is 0, expected at least 1");
}

TEST(Dlpack, HandsOutToOlderConsumers) {
  auto memory = std::make_shared<std::vector<float>>(6, 2.0f);
  std::weak_ptr<std::vector<float>> watch = memory;
  UnversionedDlpackPtr old = to_unversioned(lse_to_dlpack(memory->data(), {1, 2, 3}, kCpu, memory));
  memory.reset();
  EXPECT_EQ(old->dl_tensor.ndim, 3);
  EXPECT_EQ(old->dl_tensor.strides[0], 6);
  EXPECT_EQ(static_cast<float *>(old->dl_tensor.data)[5], 2.0f);
  EXPECT_FALSE(watch.expired());
  old.reset();
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(messageOf([] { to_unversioned(nullptr); }), "the tensor to hand out is null");
}

// ---- the C API ----

constexpr const char *kDocuments = "pattern documents { aux doc[b, q]: i32; mask documents(doc = doc); }";

TEST(DlpackC, RunsAndReports) {
  maskloom_pattern *pattern = nullptr;
  ASSERT_EQ(maskloom_pattern_parse(kDocuments, nullptr, &pattern), MASKLOOM_OK) << maskloom_last_error();
  maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
  options.head_dim = 8;
  options.dtype = MASKLOOM_F32;
  options.device = MASKLOOM_CPU;
  maskloom_attention *attention = nullptr;
  ASSERT_EQ(maskloom_compile(pattern, &options, &attention), MASKLOOM_OK) << maskloom_last_error();
  DLDevice device{};
  ASSERT_EQ(maskloom_dlpack_device(attention, &device), MASKLOOM_OK);

  std::vector<float> q(6 * 8), k(q), v(q), o(q.size(), NAN), lse(6, NAN);
  std::vector<int32_t> doc = {0, 0, 0, 1, 1, 1}, lengths = {6};
  for (int64_t row = 0; row < 6; ++row) v[row * 8] = static_cast<float>(row);
  std::vector<float> *all[4] = {&q, &k, &v, &o};
  maskloom_tensor tensors[4];
  for (int i = 0; i < 4; ++i) {
    Given given(all[i]->data(), {1, 1, 6, 8});
    DLManagedTensorVersioned managed{{1, 0}, nullptr, nullptr, 0, given.tensor};
    const DLTensor *view = nullptr;
    ASSERT_EQ(maskloom_dlpack_view(&managed, "t", 1, &view), MASKLOOM_OK);
    ASSERT_EQ(maskloom_tensor_from_dlpack(view, device, nullptr, &tensors[i]), MASKLOOM_OK)
        << maskloom_last_error();
  }
  Given docGiven(doc.data(), {1, 6}, {}, kI32), lengthsGiven(lengths.data(), {1}, {}, kI32),
      lseGiven(lse.data(), {1, 1, 6});
  maskloom_aux aux;
  ASSERT_EQ(maskloom_aux_from_dlpack(&docGiven.tensor, attention, "doc", &aux), MASKLOOM_OK);
  maskloom_forward_options forward = MASKLOOM_FORWARD_OPTIONS_INIT;
  forward.aux = &aux;
  forward.aux_count = 1;
  const int64_t lseShape[3] = {1, 1, 6};
  ASSERT_EQ(maskloom_lengths_from_dlpack(&lengthsGiven.tensor, device, 1, "lengths", &forward.key_lengths),
            MASKLOOM_OK);
  ASSERT_EQ(maskloom_lse_from_dlpack(&lseGiven.tensor, device, lseShape, nullptr, &forward.lse), MASKLOOM_OK);
  ASSERT_EQ(maskloom_forward(attention, &tensors[0], &tensors[1], &tensors[2], &tensors[3], &forward),
            MASKLOOM_OK)
      << maskloom_last_error();
  const double expected[6] = {0, 0.5, 1, 3, 3.5, 4};
  for (int64_t row = 0; row < 6; ++row) {
    EXPECT_NEAR(o[row * 8], expected[row], 1e-5);
    EXPECT_NEAR(lse[row], std::log(row % 3 + 1), 1e-5);
  }

  // Errors name the tensor, and what has no name.
  Given bad(o.data(), {6, 8});
  EXPECT_EQ(maskloom_tensor_from_dlpack(&bad.tensor, device, "o", &tensors[3]), MASKLOOM_USER_ERROR);
  EXPECT_STREQ(maskloom_last_error(), "o has rank 2, expected 4 ([batch, heads, tokens, dim])");
  EXPECT_EQ(maskloom_tensor_from_dlpack(&bad.tensor, device, nullptr, &tensors[3]), MASKLOOM_USER_ERROR);
  EXPECT_STREQ(maskloom_last_error(), "the tensor has rank 2, expected 4 ([batch, heads, tokens, dim])");
  EXPECT_EQ(maskloom_tensor_from_dlpack(nullptr, device, "o", &tensors[3]), MASKLOOM_USER_ERROR);
  EXPECT_STREQ(maskloom_last_error(), "argument 'tensor' is NULL");
  EXPECT_EQ(maskloom_aux_from_dlpack(&docGiven.tensor, attention, nullptr, &aux), MASKLOOM_USER_ERROR);
  EXPECT_STREQ(maskloom_last_error(), "argument 'name' is NULL");
  EXPECT_EQ(maskloom_aux_from_dlpack(&docGiven.tensor, nullptr, "doc", &aux), MASKLOOM_USER_ERROR);
  EXPECT_EQ(maskloom_lse_from_dlpack(&lseGiven.tensor, device, nullptr, nullptr, &forward.lse),
            MASKLOOM_USER_ERROR);
  EXPECT_STREQ(maskloom_last_error(), "argument 'shape' is NULL");
  maskloom_attention_destroy(attention);
  maskloom_pattern_destroy(pattern);
}

TEST(DlpackC, ReleasesOnce) {
  int released = 0;
  auto release = [](void *owner) { ++*static_cast<int *>(owner); };
  std::vector<float> data(24);
  maskloom_tensor tensor = {data.data(), {1, 1, 3, 8}, {24, 24, 8, 1}, MASKLOOM_F32};
  DLManagedTensorVersioned *out = nullptr;
  ASSERT_EQ(maskloom_tensor_to_dlpack(&tensor, kCpu, release, &released, &out), MASKLOOM_OK);
  EXPECT_EQ(out->dl_tensor.shape[3], 8);
  DLManagedTensor *old = nullptr;
  ASSERT_EQ(maskloom_dlpack_to_unversioned(out, &old), MASKLOOM_OK);
  EXPECT_EQ(released, 0);
  old->deleter(old);
  EXPECT_EQ(released, 1);

  // After an error the owner and the tensor stay the caller's.
  tensor.shape[0] = 0;
  EXPECT_EQ(maskloom_tensor_to_dlpack(&tensor, kCpu, release, &released, &out), MASKLOOM_USER_ERROR);
  EXPECT_EQ(released, 1);
  const int64_t shape[3] = {1, 1, 3};
  ASSERT_EQ(maskloom_lse_to_dlpack(data.data(), shape, kCpu, release, &released, &out), MASKLOOM_OK);
  out->flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  EXPECT_EQ(maskloom_dlpack_to_unversioned(out, &old), MASKLOOM_USER_ERROR);
  EXPECT_EQ(released, 1);
  out->deleter(out);
  EXPECT_EQ(released, 2);
  EXPECT_EQ(maskloom_lse_to_dlpack(nullptr, shape, kCpu, nullptr, nullptr, &out), MASKLOOM_USER_ERROR);
  ASSERT_EQ(maskloom_lse_to_dlpack(data.data(), shape, kCpu, nullptr, nullptr, &out), MASKLOOM_OK);
  out->deleter(out);
}

} // namespace
