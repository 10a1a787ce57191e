#!/bin/bash
# Builds and runs the GPU programs of this folder on a machine with nvcc and a GPU.
#   tests/kernels/gpu/run.sh [check] [sanitize] [bench]
# SETS, SANITIZE_SETS: the sets of configurations in ForwardCheck.cu and ForwardBench.cu; CHECK_LIMIT, LIMIT: seconds for each program and each run of a sanitizer.
# FLAGS: of the compiler, as in -DCLUSTER=2.
set -u
root=$(cd "$(dirname "$0")/../../.." && pwd)
build=${BUILD:-/tmp/maskloom-gpu}
mkdir -p $build/include/maskloom
ln -sfn $root/templates $build/include/maskloom/templates
arch=${ARCH:-90a}
compile() { # source, set, program, flags of the compiler
  nvcc -std=c++20 -O3 -gencode arch=compute_$arch,code=sm_$arch -Xptxas -v -I $build/include -I $root -DSET=$2 ${FLAGS:-} ${4:-} \
    $root/tests/kernels/gpu/$1.cu -o $build/$3-$2 >$build/$3-$2.log 2>&1 || { cat $build/$3-$2.log; return 1; }
}
want() { [[ " $modes " == *" $1 "* ]]; }
modes="${*:-check sanitize bench}"
sets=${SETS:-0 1 2 3 4 5 6 7 8 9}
status=0
sanitize_sets=${SANITIZE_SETS:-1 3 5 6 7 8 9}
check_sets=
if want check; then check_sets=$sets; fi
if want sanitize; then check_sets=$(printf '%s\n' $check_sets $sanitize_sets | sort -un); fi
for set in $check_sets; do compile ForwardCheck $set ForwardCheck & done
if want sanitize; then
  for set in $sanitize_sets; do compile ForwardCheck $set RaceCheck -DMASKLOOM_EVERY_LANE_ARRIVES & done # templates/ptx/barrier.cuh
fi
for set in $sets; do
  if want bench && [[ $set != [45] ]]; then compile ForwardBench $set ForwardBench & fi
done
wait
echo "spills: $(grep -h 'bytes spill' $build/Forward*.log | grep -vc ' 0 bytes spill stores')"
if want check; then
  for set in $sets; do (timeout ${CHECK_LIMIT:-150} $build/ForwardCheck-$set >$build/check-$set.txt; echo "exit $?" >>$build/check-$set.txt) & done
  wait
  tail -n ${LINES_SHOWN:-12} $build/check-*.txt
  grep -qh 'exit [1-9]' $build/check-*.txt && status=1
fi
# The portable kernel (1 3 5) and the Hopper kernel (6 to 9). Exit 124: the tool was stopped by its limit, what it found until then is above.
if want sanitize; then
  rm -f $build/{memcheck,racecheck,synccheck}-*.txt
  for set in $sanitize_sets; do
    for tool in memcheck racecheck synccheck; do
      program=ForwardCheck
      [[ $tool == racecheck ]] && program=RaceCheck
      (QUICK=1 timeout ${LIMIT:-200} compute-sanitizer --tool $tool --kernel-regex 'kns=(forward|plan|order)_kernel' --error-exitcode 9 \
        $build/$program-$set >$build/$tool-$set.txt 2>&1; echo "exit $?" >>$build/$tool-$set.txt) &
    done
  done
  wait
  tail -n 4 $build/{memcheck,racecheck,synccheck}-*.txt
  grep -qh 'exit [1-9]' $build/{memcheck,racecheck,synccheck}-*.txt && status=1
fi
for set in $sets; do
  if want bench && [[ $set != [45] ]]; then $build/ForwardBench-$set || status=1; fi
done
exit $status
