// The C API: handles, status codes, the last-error text.
#include "maskloom/c.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace {

constexpr const char *kWindow = "pattern window { param w = 4; causal; mask q - k < w; }";

maskloom_tensor tensorOf(std::vector<float> &values, int64_t heads, int64_t tokens, int64_t dim) {
  return {values.data(), {1, heads, tokens, dim}, {heads * tokens * dim, tokens * dim, dim, 1}, MASKLOOM_F32};
}

TEST(CApi, CompilesAndRuns) {
  maskloom_pattern *pattern = nullptr;
  ASSERT_EQ(maskloom_pattern_parse(kWindow, nullptr, &pattern), MASKLOOM_OK) << maskloom_last_error();
  maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
  options.head_dim = 8;
  options.dtype = MASKLOOM_F32;
  options.device = MASKLOOM_CPU;
  maskloom_attention *attention = nullptr;
  ASSERT_EQ(maskloom_compile(pattern, &options, &attention), MASKLOOM_OK) << maskloom_last_error();
  // With window 1 each query sees itself alone: O is V, the LSE is the scaled score.
  std::vector<float> q(10 * 8, 0.5f), k(10 * 8, 2.0f), v(10 * 8), o(10 * 8, NAN), lse(10, NAN);
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
  maskloom_tensor tq = tensorOf(q, 1, 10, 8), tk = tensorOf(k, 1, 10, 8), tv = tensorOf(v, 1, 10, 8),
                  to = tensorOf(o, 1, 10, 8);
  maskloom_value window{"w", 1};
  maskloom_forward_options forward = MASKLOOM_FORWARD_OPTIONS_INIT;
  forward.lse = lse.data();
  forward.scale = 0.25f;
  forward.params = &window;
  forward.param_count = 1;
  ASSERT_EQ(maskloom_forward(attention, &tq, &tk, &tv, &to, &forward), MASKLOOM_OK) << maskloom_last_error();
  for (size_t i = 0; i < v.size(); ++i) EXPECT_FLOAT_EQ(o[i], v[i]);
  for (float value : lse) EXPECT_NEAR(value, 8 * 0.5 * 2 * 0.25, 1e-5);
  maskloom_attention_destroy(attention);
  maskloom_pattern_destroy(pattern);
}

TEST(CApi, ErrorsAreStatusAndText) {
  maskloom_pattern *pattern = nullptr;
  EXPECT_EQ(maskloom_pattern_parse("pattern p { mask q >= ; }", nullptr, &pattern), MASKLOOM_USER_ERROR);
  EXPECT_NE(std::string(maskloom_last_error()).find("error"), std::string::npos);
  EXPECT_EQ(maskloom_pattern_load("/no/such/file.mask", nullptr, &pattern), MASKLOOM_USER_ERROR);
  EXPECT_EQ(maskloom_pattern_parse(nullptr, nullptr, &pattern), MASKLOOM_USER_ERROR);
  EXPECT_EQ(maskloom_pattern_parse(kWindow, "other", &pattern), MASKLOOM_USER_ERROR);
  ASSERT_EQ(maskloom_pattern_parse(kWindow, "window", &pattern), MASKLOOM_OK);
  EXPECT_STREQ(maskloom_last_error(), "");
  maskloom_attention *attention = nullptr;
  EXPECT_EQ(maskloom_compile(pattern, nullptr, &attention), MASKLOOM_USER_ERROR);
  EXPECT_EQ(maskloom_forward(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr), MASKLOOM_USER_ERROR);
  maskloom_pattern_destroy(pattern);
}

TEST(CApi, TakesAConfiguration) {
  maskloom_pattern *pattern = nullptr;
  ASSERT_EQ(maskloom_pattern_parse(kWindow, nullptr, &pattern), MASKLOOM_OK) << maskloom_last_error();
  maskloom_compile_options options = MASKLOOM_COMPILE_OPTIONS_INIT;
  options.head_dim = 8;
  options.device = MASKLOOM_CPU;
  options.config = R"({"tile_queries": 64, "tile_keys": 32})";
  maskloom_attention *attention = nullptr;
  ASSERT_EQ(maskloom_compile(pattern, &options, &attention), MASKLOOM_OK) << maskloom_last_error();
  EXPECT_STREQ(maskloom_config(attention), "");
  maskloom_attention_destroy(attention);
  for (const char *bad : {"[]", "{", R"({"tile": 64})", R"({"tile_queries": "many"})"}) {
    options.config = bad;
    EXPECT_EQ(maskloom_compile(pattern, &options, &attention), MASKLOOM_USER_ERROR) << bad;
    EXPECT_EQ(std::string(maskloom_last_error()).substr(0, 6), "config") << bad;
  }
  EXPECT_STREQ(maskloom_config(nullptr), "");
  maskloom_pattern_destroy(pattern);
}

} // namespace
