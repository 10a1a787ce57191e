/** @file
 * DLPack in the C API: tensors of other libraries, and ours for them, without a copy.
 *
 *     DLDevice device;
 *     const DLTensor *view;
 *     maskloom_tensor q;
 *     if (maskloom_dlpack_device(attention, &device) || maskloom_dlpack_view(given, "q", 0, &view) ||
 *         maskloom_tensor_from_dlpack(view, device, "q", &q)) fail(maskloom_last_error());
 *
 * `name` is what messages call the tensor; it may be NULL but for aux tensors. What is checked, and what is
 * the caller's to see to, stands in maskloom/dlpack.h and docs/embedding.md. Errors are MASKLOOM_USER_ERROR
 * unless said otherwise.
 */
#ifndef MASKLOOM_C_DLPACK_H
#define MASKLOOM_C_DLPACK_H

#include "maskloom/c.h"
#include "maskloom/facade/DlpackTypes.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The device that the attention's tensors must be on. MASKLOOM_MACHINE_ERROR when there is no current CUDA
 * context. */
MASKLOOM_C_API maskloom_status maskloom_dlpack_device(const maskloom_attention *attention, DLDevice *out);
/** The tensor inside a versioned one, after a look at its version and, when `write` is not 0, at its
 * read-only flag. */
MASKLOOM_C_API maskloom_status maskloom_dlpack_view(const DLManagedTensorVersioned *managed, const char *name,
                                                    int32_t write, const DLTensor **out);
/** A view of a [batch, heads, tokens, dim] tensor of f16, bf16 or f32 on `device`. */
MASKLOOM_C_API maskloom_status maskloom_tensor_from_dlpack(const DLTensor *tensor, DLDevice device,
                                                           const char *name, maskloom_tensor *out);
/** A view of the aux tensor `name` (not NULL), i32 or f32 and of the rank that the pattern declares. `out`
 * keeps the pointer `name`. */
MASKLOOM_C_API maskloom_status maskloom_aux_from_dlpack(const DLTensor *tensor,
                                                        const maskloom_attention *attention, const char *name,
                                                        maskloom_aux *out);
/** Lengths from a dense i32 vector of `batch` entries. */
MASKLOOM_C_API maskloom_status maskloom_lengths_from_dlpack(const DLTensor *tensor, DLDevice device,
                                                            int64_t batch, const char *name,
                                                            const int32_t **out);
/** The place of the LSE from a row-major f32 tensor of the shape [batch, heads, queries]. */
MASKLOOM_C_API maskloom_status maskloom_lse_from_dlpack(const DLTensor *tensor, DLDevice device,
                                                        const int64_t shape[3], const char *name,
                                                        float **out);

/** Hands a tensor out: shape and strides are copied, the memory is not. `release(owner)` is called once, when
 * the consumer calls the deleter, from whatever thread; it may be NULL. On errors it is not called. */
MASKLOOM_C_API maskloom_status maskloom_tensor_to_dlpack(const maskloom_tensor *tensor, DLDevice device,
                                                         void (*release)(void *owner), void *owner,
                                                         DLManagedTensorVersioned **out);
/** The same for the LSE, [batch, heads, queries] row-major. */
MASKLOOM_C_API maskloom_status maskloom_lse_to_dlpack(float *lse, const int64_t shape[3], DLDevice device,
                                                      void (*release)(void *owner), void *owner,
                                                      DLManagedTensorVersioned **out);
/** Turns a tensor into one for consumers of before DLPack 1.0; its deleter then calls the other's. A
 * read-only tensor is an error, and stays the caller's. */
MASKLOOM_C_API maskloom_status maskloom_dlpack_to_unversioned(DLManagedTensorVersioned *managed,
                                                              DLManagedTensor **out);

#ifdef __cplusplus
}
#endif
#endif
