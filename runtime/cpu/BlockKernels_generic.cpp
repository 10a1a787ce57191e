#define MASKLOOM_LEVEL generic
#include "maskloom/cpu/BlockKernels.inl"
