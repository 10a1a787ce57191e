# Build options and the flags of our own files.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(MASKLOOM_BUILD_TESTS "Build tests and examples" ON)
option(MASKLOOM_STATIC_LLVM "Link LLVM and MLIR statically: one libmaskloom.so that runs without LLVM installed" OFF)
option(MASKLOOM_WITH_MLIR "Build the layers that need MLIR (off: dsl, program and device only, for sanitizer builds)" ON)
option(MASKLOOM_FUZZ "Build the fuzzers (Clang only)" OFF)
set(MASKLOOM_SANITIZE "" CACHE STRING "Sanitizers for our files, for example address,undefined")

find_program(MASKLOOM_CCACHE ccache)
if(MASKLOOM_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MASKLOOM_CCACHE})
endif()

# lld links MLIR's archives in a second where GNU ld takes half a minute.
find_program(MASKLOOM_LLD ld.lld HINTS /usr/lib/llvm-22/bin)
if(MASKLOOM_LLD)
  cmake_path(GET MASKLOOM_LLD PARENT_PATH folder)
  add_link_options(-fuse-ld=lld -B${folder})
endif()

add_library(maskloom_flags INTERFACE)
target_compile_options(maskloom_flags INTERFACE -Wall -Wextra -Werror)
# std::stable_sort of libstdc++ 12 uses what C++17 deprecates, and Clang reports it where our code instantiates it.
target_compile_options(maskloom_flags INTERFACE $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
if(MASKLOOM_SANITIZE)
  # for every target, tests included: the run-time library must be linked into all of them
  # -g1 is enough for stack traces, and compiles in half the time
  add_compile_options(-fsanitize=${MASKLOOM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O1)
  add_link_options(-fsanitize=${MASKLOOM_SANITIZE})
endif()
if(MASKLOOM_STATIC_LLVM)
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(LINKER:--gc-sections)
endif()
