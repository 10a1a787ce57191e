// The default configuration of the GPU kernel: a pure function of the pattern, the head dims, the query
// heads of a KV head and the architecture. First the kernel (hopper_forward on sm_90a, portable_forward
// elsewhere), then its tile shape by head dim, then the width of KV tiles and the rows of Q tiles by the
// granularity of the mask.
#pragma once

#include "maskloom/dsl/Pattern.h"
#include "maskloom/program/Program.h"

#include <map>
#include <string>

namespace maskloom {

/// What of a pattern decides tile shapes: the granularity at which its mask changes along the keys. The
/// greatest common divisor of all divisors that keys are divided by in the masks (and of the key blocks of
/// auxiliary tensors that they read); 0 when keys are not divided: any width fits.
int64_t keyGranularity(const Pattern &pattern, const std::map<std::string, int64_t> &constants = {});

/// The blocks of query rows that see keys independently of their neighbours: the greatest common divisor of
/// what queries are divided by where they select entries of a table together with keys, as in t[q/64, k/64],
/// or are compared with keys in their remainders. 0 when neighbouring rows see about the same keys.
int64_t queryGranularity(const Pattern &pattern, const std::map<std::string, int64_t> &constants = {});

/// Do all query heads of a KV head have the same mask?
bool masksByKvHead(const Pattern &pattern);

/// Dynamic shared memory a block may have on an architecture, in bytes. 163 KiB (sm_80's) when `arch` is
/// empty; 99 KiB, which every architecture from sm_80 on has, when it is unknown.
int32_t sharedLimit(const std::string &arch);

/// Does hopper_forward (wgmma, setmaxnreg, TMA) compile for and run on the architecture? Only with the
/// suffix: "sm_90" has no wgmma.
bool hopperRunsOn(const std::string &arch);

/// The configuration for a pattern, head dims and architecture: hopperConfig where hopper_forward
/// runs (sm_90a), portableConfig elsewhere.
KernelConfig defaultConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                           DType dtype, int32_t headDim, int32_t valueDim, const std::string &arch,
                           int64_t headsOfKvHead = 1);

/// hopper_forward. Q tile x KV tile (rows), stages and ping-pong by the larger head dim, in two columns:
/// patterns whose KV tiles are one piece, and gathered ones. All fit 227 KiB of shared memory.
///
/// The KV tile then follows the pattern. Its schedule tiles are as wide as itself (gather 1) when the key
/// granularity is 0 or a multiple of its width. Otherwise they are 64, 32 or 16 wide, whichever is the
/// largest that divides the granularity, and the KV tile is as many of them as fit its width; when none
/// divides, the width stays.
///
/// Masks that divide positions or load by them, and scores that load by them (which also take P from shared
/// memory), leave fewer registers: they get the shapes in which nothing spills.
///
/// The Q tile follows the pattern as well: rows of one block of the query granularity, 64 at least, so that
/// no tile is visited for half of its rows only (random blocks of 64 take half the time, measured on an
/// H200). Two query heads of a KV head with one mask, 64 rows of each, are packed into one Q tile, and share
/// K and V.
KernelConfig hopperConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                          DType dtype, int32_t headDim, int32_t valueDim, int64_t headsOfKvHead = 1);

/// portable_forward. Tile shape, warps and stages by head dim (the larger of `headDim` and `valueDim`), Q
/// tile x KV tile:
///
///   head dim     227 KiB (sm_90, sm_10x, sm_110)    163 KiB (sm_80, sm_87)    99 KiB (sm_86, sm_89, sm_12x)
///   up to 96     128 x 64, 4 warps, 2 stages        128 x 64, 4, 2            128 x 64, 4, 1
///   up to 128    128 x 64, 4, 2                     128 x 64, 4, 1            128 x 64, 4, 1
///   up to 192    128 x 64, 8, 1                     128 x 64, 8, 1             64 x 64, 4, 1
///   up to 256    128 x 64, 8, 1                     128 x 64, 8, 1             64 x 32, 4, 1
///
/// The KV width then follows the pattern: when its key granularity is not a multiple
/// of the width, the largest multiple of 16 below the width that divides the granularity is taken, if there
/// is one of 32 or more.
KernelConfig portableConfig(const Pattern &pattern, const std::map<std::string, int64_t> &constants,
                            DType dtype, int32_t headDim, int32_t valueDim, const std::string &arch);

/// Dynamic shared memory of the kernel in bytes: the same formula as its template's.
int32_t sharedBytes(const KernelConfig &config);

} // namespace maskloom
