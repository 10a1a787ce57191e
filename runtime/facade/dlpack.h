/// @file
/// Tensors of other libraries, and ours for them, through DLPack: no copy in either direction.
///
///     DLDevice device = dlpack_device(attention);
///     attention.forward(from_dlpack(dlpack_tensor(*q), device, "q"), ...);
///     return to_dlpack(O, device, owner).release(); // the consumer calls the deleter
///
/// DLPack says nothing about streams: what produced the tensors must be ordered before the launch, and the
/// memory must stay until the launch is done, which is the caller's to see to (docs/embedding.md).
#pragma once

#include "maskloom/facade/Attention.h"
#include "maskloom/facade/DlpackTypes.h"

#include <array>
#include <memory>
#include <string_view>

namespace maskloom {

/// The device that an attention's tensors must be on: the CPU, or the GPU of the calling thread's current
/// CUDA context. Throws Error(Machine) when there is none.
DLDevice dlpack_device(const Attention &attention);

/// What a tensor is used for.
enum class DlpackAccess : uint8_t {
  Read, ///< Q, K, V, auxiliary tensors, lengths
  Write ///< O, the LSE
};

/// The tensor inside, after a look at the version and, for writing, at the read-only flag. Throws
/// Error(User). `name` is what messages call it. A DLManagedTensor has neither: take its dl_tensor.
const DLTensor &dlpack_tensor(const DLManagedTensorVersioned &managed, std::string_view name = "the tensor",
                              DlpackAccess access = DlpackAccess::Read);

/// A view of a [batch, heads, tokens, dim] tensor of f16, bf16 or f32 on `device`. Strides may be any (null:
/// row-major), so a [batch, tokens, heads, dim] tensor is passed with its axes permuted; the inner stride is
/// checked at the launch. Ownership stays where it is. On the CPU, pinned and managed memory are welcome; on
/// a GPU managed memory is. Throws Error(User) for another device, rank or dtype, dimensions below 1, an
/// unaligned byte offset, strides that reach beyond 64 bits, and null data.
Tensor from_dlpack(const DLTensor &tensor, DLDevice device, std::string_view name = "the tensor");

/// A view of an auxiliary tensor: i32 or f32 and of the rank that the pattern declares for `name`, on the
/// attention's device. Throws Error(User); also when the pattern has no such tensor.
AuxTensor aux_from_dlpack(const DLTensor &tensor, const Attention &attention, std::string_view name);

/// ForwardOptions::query_lengths or key_lengths from a dense i32 vector of `batch` entries. Throws
/// Error(User).
const int32_t *lengths_from_dlpack(const DLTensor &tensor, DLDevice device, int64_t batch,
                                   std::string_view name = "the lengths");

/// ForwardOptions::lse from a row-major f32 tensor of the shape [batch, heads, queries]. Throws Error(User).
float *lse_from_dlpack(const DLTensor &tensor, DLDevice device, std::array<int64_t, 3> shape,
                       std::string_view name = "the LSE");

/// Calls the deleter of the tensor, if it has one.
struct DlpackDeleter {
  void operator()(DLManagedTensorVersioned *managed) const; ///< of DLPack 1.0 and later
  void operator()(DLManagedTensor *managed) const;          ///< of earlier ones
};
using DlpackPtr = std::unique_ptr<DLManagedTensorVersioned, DlpackDeleter>;   ///< DLPack 1.0 and later
using UnversionedDlpackPtr = std::unique_ptr<DLManagedTensor, DlpackDeleter>; ///< before DLPack 1.0

/// Hands a tensor out: shape and strides are copied, the memory is not. `owner` is let go of when the
/// consumer calls the deleter, from whatever thread; null when the memory outlives every consumer anyway.
/// Throws Error(User) for null data and dimensions below 1.
DlpackPtr to_dlpack(const Tensor &tensor, DLDevice device, std::shared_ptr<void> owner = {});
/// The same for the LSE, [batch, heads, queries] row-major.
DlpackPtr lse_to_dlpack(float *lse, std::array<int64_t, 3> shape, DLDevice device,
                        std::shared_ptr<void> owner = {});
/// The same tensor for consumers of before DLPack 1.0. They know no read-only flag: a tensor that has it is
/// an Error(User), and stays the caller's.
UnversionedDlpackPtr to_unversioned(DlpackPtr &&tensor);

} // namespace maskloom
