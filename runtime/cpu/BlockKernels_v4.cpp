#define MASKLOOM_LEVEL v4
#include "maskloom/cpu/BlockKernels.inl"
