# cmake -DBUILD=... -DSOURCE=... -DVERSION=... -DCXX=... -DC=... [-DLAUNCHER=ccache] -P CheckInstall.cmake
#
# The installed tree works from a place it was not installed to, shows public headers only, names nothing of the build, and is
# what the project in examples/out_of_tree needs.
cmake_minimum_required(VERSION 3.25)
set(work ${BUILD}/install-check)
set(prefix ${work}/moved)
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})

# run(WHAT COMMAND...): stops with the output when the command fails.
function(run WHAT)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status)
    message(FATAL_ERROR "${WHAT} failed (${status}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run("the installation" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/first)
file(RENAME ${work}/first ${prefix})

# What is there, and what is not.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" abi ${VERSION})
file(GLOB_RECURSE library ${prefix}/lib*/libmaskloom.so.${VERSION})
if(NOT library)
  message(FATAL_ERROR "not installed: libmaskloom.so.${VERSION}")
endif()
foreach(path bin/maskloom include/maskloom/maskloom.h include/maskloom/dlpack.h include/maskloom/c.h include/maskloom/c_dlpack.h share/maskloom/patterns/causal.mask)
  if(NOT EXISTS ${prefix}/${path})
    message(FATAL_ERROR "not installed: ${path}")
  endif()
endforeach()
file(GLOB_RECURSE files RELATIVE ${prefix} ${prefix}/*)
list(FILTER files EXCLUDE REGEX
     "^(bin/maskloom|include/maskloom/([a-z_]+\\.h|(dsl|facade|program)/[A-Za-z]+\\.h)|lib[^ ]*/libmaskloom\\.so[.0-9]*|lib[^ ]*/cmake/Maskloom/[A-Za-z-]+\\.cmake|lib[^ ]*/pkgconfig/maskloom\\.pc|share/maskloom/patterns/[a-z0-9_]+\\.mask)$")
if(files)
  message(FATAL_ERROR "installed without belonging to it: ${files}")
endif()
foreach(header facade/CompileKernel.h facade/CallArguments.h dsl/Lexer.h program/JsonReader.h)
  if(EXISTS ${prefix}/include/maskloom/${header})
    message(FATAL_ERROR "installed, though it is of the inside: ${header}")
  endif()
endforeach()
file(GLOB_RECURSE texts ${prefix}/include/* ${prefix}/lib*/*.cmake ${prefix}/lib*/*.pc)
foreach(text IN LISTS texts)
  file(STRINGS ${text} lines)
  foreach(folder ${SOURCE} ${BUILD} ${work})
    string(FIND "${lines}" ${folder} at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${text} names ${folder}")
    endif()
  endforeach()
endforeach()
foreach(program ${library} ${prefix}/bin/maskloom)
  run("objdump" objdump -p ${program})
  if(output MATCHES "(RPATH|RUNPATH) +([^\n]+)")
    set(searched ${CMAKE_MATCH_2})
    if(NOT searched MATCHES "^\\$ORIGIN(:\\$ORIGIN/[./a-z0-9_-]+)?$")
      message(FATAL_ERROR "${program} searches libraries in ${searched}")
    endif()
  endif()
  if(program STREQUAL library AND NOT output MATCHES "SONAME +libmaskloom\\.so\\.${abi}\n")
    message(FATAL_ERROR "the library's soname is not libmaskloom.so.${abi}")
  endif()
endforeach()

# Each header that a user includes stands alone, those of the C API also in C. (The official dlpack.h is on the system's path.)
foreach(header maskloom dlpack c c_dlpack)
  set(languages c++20)
  if(header MATCHES "^c")
    list(APPEND languages c99)
  endif()
  foreach(language IN LISTS languages)
    set(compiler ${CXX})
    set(kind c++)
    if(language STREQUAL c99)
      set(compiler ${C})
      set(kind c)
    endif()
    file(WRITE ${work}/header.txt "#include <maskloom/${header}.h>\n")
    run("<maskloom/${header}.h> alone in ${language}" ${compiler} -x ${kind} -std=${language} -Wall -Wextra -Wpedantic -Werror
        -fsyntax-only -I${prefix}/include ${work}/header.txt)
  endforeach()
endforeach()

# Another project, built in the way of its users.
set(ENV{XDG_CACHE_HOME} ${work}/cache)
run("the configuration of examples/out_of_tree" ${CMAKE_COMMAND} -S ${SOURCE}/examples/out_of_tree -B ${work}/project -G Ninja
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_C_COMPILER=${C} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
    "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror" "-DCMAKE_C_FLAGS=-std=c99 -Wall -Wextra -Wpedantic -Werror")
run("the build of examples/out_of_tree" ${CMAKE_COMMAND} --build ${work}/project)
run("the tests of examples/out_of_tree" ${CMAKE_CTEST_COMMAND} --test-dir ${work}/project --output-on-failure --no-tests=error)
if(NOT EXISTS ${work}/project/causal.cu)
  message(FATAL_ERROR "the installed command made no causal.cu")
endif()

# A version that this one does not serve is refused.
file(WRITE ${work}/newer/CMakeLists.txt
     "cmake_minimum_required(VERSION 3.25)\nproject(Newer LANGUAGES NONE)\nfind_package(Maskloom 99.0 REQUIRED)\n")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${work}/newer -B ${work}/newer/build -DCMAKE_PREFIX_PATH=${prefix}
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status OR NOT output MATCHES "compatible with requested version \"99.0\"")
  message(FATAL_ERROR "a version of 99.0 was asked for, and this is not refused:\n${output}")
endif()

# Without CMake.
find_program(pkg_config pkg-config)
if(pkg_config)
  file(GLOB_RECURSE pc ${prefix}/maskloom.pc)
  cmake_path(GET pc PARENT_PATH folder)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  run("pkg-config" ${pkg_config} --cflags --libs maskloom)
  string(STRIP "${output}" flags)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  cmake_path(GET library PARENT_PATH library_folder)
  run("a build with pkg-config" ${C} ${SOURCE}/examples/out_of_tree/pattern_file.c -o ${work}/by_hand ${flags} -lm
      -Wl,-rpath,${library_folder})
  run("a program built with pkg-config" ${work}/by_hand ${prefix}/share/maskloom/patterns/sliding_window.mask)
endif()
file(REMOVE_RECURSE ${work}) # kept where something failed
message(STATUS "installed, moved, and used by another project")
