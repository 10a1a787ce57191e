/* The types of DLPack (https://dmlc.github.io/dlpack), for C and C++.
 *
 * They come from the official header, or from a copy that was included before (PyTorch's ATen/dlpack.h has
 * the same include guard). Headers older than DLPack 1.0 lack the versioned tensor, which is completed here
 * as the specification lays it out, so that it can be exchanged whichever header is installed. */
#ifndef MASKLOOM_DLPACK_TYPES_H
#define MASKLOOM_DLPACK_TYPES_H

#ifndef DLPACK_DLPACK_H_
#include <dlpack/dlpack.h>
#endif

#ifndef DLPACK_MAJOR_VERSION
#define DLPACK_MAJOR_VERSION 1
#define DLPACK_MINOR_VERSION 0
#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
#define DLPACK_FLAG_BITMASK_IS_COPIED (1UL << 1UL)

#ifdef __cplusplus
extern "C" {
#endif

/** Of the tensor's layout: another major version has another layout. */
typedef struct {
  uint32_t major; /**< 1 */
  uint32_t minor; /**< later ones only add */
} DLPackVersion;

/** A tensor with its owner, as DLPack 1.0 has it. */
typedef struct DLManagedTensorVersioned {
  DLPackVersion version; /**< to be looked at before anything else but the deleter */
  void *manager_ctx;     /**< the owner's */
  void (*deleter)(struct DLManagedTensorVersioned *self); /**< called once by the last user; may be NULL */
  uint64_t flags;                                         /**< DLPACK_FLAG_BITMASK_... */
  DLTensor dl_tensor;                                     /**< the tensor */
} DLManagedTensorVersioned;

#ifdef __cplusplus
}
#endif
#endif
#endif
