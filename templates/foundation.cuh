// Everything emitted code may use; for host compilers, which include this instead of the assembled source.
#pragma once

#include "args.cuh"
#include "interval.cuh"
#include "mask_words.cuh"
#include "math.cuh"
#include "prelude.cuh"
#include "schedule.cuh"
#include "score.cuh"
#include "shared_layout.cuh"
