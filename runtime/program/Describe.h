// Runs as text for people: "T: [max(0, 2Q - 15), 2Q + 1] with (K + h) mod 16 = 0".
#pragma once

#include "maskloom/program/Program.h"

#include <optional>

namespace maskloom {

/// Offsets that are given are substituted; otherwise they appear as q_offset and k_offset.
struct DescribeOptions {
  std::optional<int64_t> queryOffset, keyOffset;
};

/// One line a run, touched ones first. Q and K are tile indices; `a / d` rounds towards minus infinity.
std::string describe(const Program &program, const Schedule &schedule, const DescribeOptions &options = {});

} // namespace maskloom
