#define MASKLOOM_LEVEL v3
#include "maskloom/cpu/BlockKernels.inl"
