// Where NVRTC may be, without loading it. In this order:
//   1. MASKLOOM_NVRTC: a file, or a folder that holds one; with MASKLOOM_NVRTC_ONLY=1 nothing else is tried
//   2. LD_LIBRARY_PATH
//   3. folders beside this library and up to four levels above it: an NVIDIA wheel in the build folder
//   4. the active Python or Conda environment (VIRTUAL_ENV, CONDA_PREFIX)
//   5. CUDA toolkits: CUDA_HOME, CUDA_PATH, /usr/local/cuda, /usr/local/cuda-*, /opt/cuda
//   6. system library folders, then Python wheels in site-packages
//   7. the plain name, left to the loader
#pragma once

#include <string>
#include <vector>

namespace maskloom {

struct NvrtcSearch {
  std::vector<std::string> candidates; ///< files that exist, then plain names for the loader
  std::vector<std::string> looked;     ///< the places, for the message when nothing loads
};
NvrtcSearch searchNvrtc();

/// The release of an NVRTC file ("13.0.88"; "13.0" when only that is known; empty when not even that), from
/// its file name, a wheel's dist-info, a toolkit's version.json or the builtins library beside it.
std::string nvrtcRelease(const std::string &path);

} // namespace maskloom
