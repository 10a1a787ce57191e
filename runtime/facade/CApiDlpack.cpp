// DLPack in the C API.
#include "maskloom/c_dlpack.h"
#include "maskloom/dlpack.h"
#include "maskloom/facade/CApiSupport.h"

#include <algorithm>

namespace {

using namespace maskloom;

std::string_view named(const char *name) { return name ? name : "the tensor"; }

/// Calls `release` when the last reference goes. When an error ends the call before the tensor is handed out,
/// the owner stays the caller's: `armed` is set last.
struct Owner {
  void (*release)(void *);
  void *owner;
  bool armed = false;
  ~Owner() {
    if (armed && release) release(owner);
  }
};

template <typename Export>
void handOut(void (*release)(void *), void *owner, DLManagedTensorVersioned **out, Export tensorWith) {
  required(out, "out");
  auto kept = std::make_shared<Owner>(Owner{release, owner});
  DlpackPtr tensor = tensorWith(kept);
  kept->armed = true;
  *out = tensor.release();
}

std::array<int64_t, 3> shapeOf(const int64_t *shape) {
  required(shape, "shape");
  return {shape[0], shape[1], shape[2]};
}

maskloom_dtype dtypeOf(DType dtype) {
  return dtype == DType::f32 ? MASKLOOM_F32 : dtype == DType::f16 ? MASKLOOM_F16 : MASKLOOM_BF16;
}

} // namespace

maskloom_status maskloom_dlpack_device(const maskloom_attention *attention, DLDevice *out) {
  return guarded([&] { required(out, "out") = dlpack_device(required(attention, "attention").attention); });
}

maskloom_status maskloom_dlpack_view(const DLManagedTensorVersioned *managed, const char *name, int32_t write,
                                     const DLTensor **out) {
  return guarded([&] {
    required(out, "out") = &dlpack_tensor(required(managed, "managed"), named(name),
                                          write ? DlpackAccess::Write : DlpackAccess::Read);
  });
}

maskloom_status maskloom_tensor_from_dlpack(const DLTensor *tensor, DLDevice device, const char *name,
                                            maskloom_tensor *out) {
  return guarded([&] {
    required(out, "out");
    Tensor view = from_dlpack(required(tensor, "tensor"), device, named(name));
    out->data = view.data;
    std::copy(view.shape.begin(), view.shape.end(), out->shape);
    std::copy(view.strides.begin(), view.strides.end(), out->strides);
    out->dtype = dtypeOf(view.dtype);
  });
}

maskloom_status maskloom_aux_from_dlpack(const DLTensor *tensor, const maskloom_attention *attention,
                                         const char *name, maskloom_aux *out) {
  return guarded([&] {
    required(out, "out");
    AuxTensor view = aux_from_dlpack(required(tensor, "tensor"), required(attention, "attention").attention,
                                     &required(name, "name"));
    *out = {name, view.data, static_cast<int32_t>(view.extents.size()), {}, {}};
    std::copy(view.extents.begin(), view.extents.end(), out->extents);
    std::copy(view.strides.begin(), view.strides.end(), out->strides);
  });
}

maskloom_status maskloom_lengths_from_dlpack(const DLTensor *tensor, DLDevice device, int64_t batch,
                                             const char *name, const int32_t **out) {
  return guarded([&] {
    required(out, "out") = lengths_from_dlpack(required(tensor, "tensor"), device, batch, named(name));
  });
}

maskloom_status maskloom_lse_from_dlpack(const DLTensor *tensor, DLDevice device, const int64_t *shape,
                                         const char *name, float **out) {
  return guarded([&] {
    required(out, "out") = lse_from_dlpack(required(tensor, "tensor"), device, shapeOf(shape), named(name));
  });
}

maskloom_status maskloom_tensor_to_dlpack(const maskloom_tensor *tensor, DLDevice device,
                                          void (*release)(void *), void *owner,
                                          DLManagedTensorVersioned **out) {
  return guarded([&] {
    Tensor given = tensorOf(tensor, "tensor");
    handOut(release, owner, out, [&](auto kept) { return to_dlpack(given, device, kept); });
  });
}

maskloom_status maskloom_lse_to_dlpack(float *lse, const int64_t *shape, DLDevice device,
                                       void (*release)(void *), void *owner, DLManagedTensorVersioned **out) {
  return guarded([&] {
    handOut(release, owner, out, [&](auto kept) { return lse_to_dlpack(lse, shapeOf(shape), device, kept); });
  });
}

maskloom_status maskloom_dlpack_to_unversioned(DLManagedTensorVersioned *managed, DLManagedTensor **out) {
  return guarded([&] {
    required(out, "out");
    DlpackPtr given(&required(managed, "managed"));
    try {
      *out = to_unversioned(std::move(given)).release();
    } catch (...) {
      (void)given.release(); // stays the caller's
      throw;
    }
  });
}
