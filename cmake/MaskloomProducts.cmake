# What the project delivers: libmaskloom.so, the `maskloom` command, and `maskloom-dist`, which puts both, the public headers
# and the thin test programs into dist/.
#
# libstdc++ and libgcc_s stay shared libraries even in the self-contained build: exceptions cross the C++ API; a second
# unwinder inside the library aborts on the first of them, and a second libstdc++ miscounts std::uncaught_exceptions. The
# build needs glibc 2.36, and every system with that has a libstdc++ that is new enough.

include(GNUInstallDirs)
include(MaskloomPublicHeaders)
set(public_layers facade dsl program) # their headers are the C++ API
get_property(layers GLOBAL PROPERTY MASKLOOM_LAYERS)
list(TRANSFORM layers REPLACE ":.*" "")

add_library(maskloom SHARED)
# Whole, though nothing inside the library calls them: the API, and the command line.
foreach(layer IN LISTS public_layers ITEMS cli)
  target_sources(maskloom PRIVATE $<TARGET_OBJECTS:maskloom_${layer}>)
endforeach()
list(TRANSFORM layers PREPEND maskloom_ OUTPUT_VARIABLE libraries)
target_link_libraries(maskloom PRIVATE ${libraries})

# Only names of the public layers, the C API and cliMain() leave the library; LLVM's never do.
foreach(layer IN LISTS public_layers)
  set_target_properties(maskloom_${layer} PROPERTIES CXX_VISIBILITY_PRESET default)
endforeach()
set_property(SOURCE ${PROJECT_SOURCE_DIR}/runtime/cli/Cli.cpp TARGET_DIRECTORY maskloom_cli
             APPEND PROPERTY COMPILE_OPTIONS -fvisibility=default)
set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
target_link_options(maskloom PRIVATE LINKER:--version-script=${exports} LINKER:--exclude-libs,ALL LINKER:--no-undefined)
list(TRANSFORM MASKLOOM_USER_HEADERS PREPEND maskloom/ OUTPUT_VARIABLE user_headers)
maskloom_public_headers(public_headers ${user_headers})
maskloom_public_root(public_root ${public_headers})
target_include_directories(maskloom INTERFACE $<BUILD_INTERFACE:${public_root}>)
target_compile_features(maskloom INTERFACE cxx_std_20)
add_library(Maskloom::maskloom ALIAS maskloom) # the name that an installed tree gives it
set_target_properties(maskloom PROPERTIES LINKER_LANGUAGE CXX LINK_DEPENDS ${exports}
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

maskloom_include_root(cli_root cli_main cli)
add_executable(maskloom-cli ${PROJECT_SOURCE_DIR}/runtime/cli/main.cpp)
target_include_directories(maskloom-cli PRIVATE ${cli_root})
target_link_libraries(maskloom-cli PRIVATE maskloom maskloom_flags)
set_target_properties(maskloom-cli PROPERTIES OUTPUT_NAME maskloom RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
                      INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" BUILD_RPATH $ORIGIN)

install(TARGETS maskloom maskloom-cli LIBRARY DESTINATION . COMPONENT dist EXCLUDE_FROM_ALL
        RUNTIME DESTINATION . COMPONENT dist EXCLUDE_FROM_ALL)
foreach(header IN LISTS public_headers)
  maskloom_header_source(source ${header})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${source} DESTINATION include/${folder} COMPONENT dist EXCLUDE_FROM_ALL)
endforeach()

include(MaskloomInstall)

# Test programs and examples go into dist/ as well unless LLVM is linked into them: those are not thin.
function(maskloom_thin_programs FOLDER OUT)
  set(found "")
  get_property(folders DIRECTORY ${FOLDER} PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    maskloom_thin_programs(${folder} inner)
    list(APPEND found ${inner})
  endforeach()
  get_property(targets DIRECTORY ${FOLDER} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(links ${target} LINK_LIBRARIES)
    if(type STREQUAL EXECUTABLE AND NOT target STREQUAL maskloom-cli
       AND NOT links MATCHES "maskloom_(codegen|analysis|emit|ir|cpu|cpu_object|facade|cli|llvm)|MLIR|LLVM")
      list(APPEND found ${target})
    endif()
  endforeach()
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()

function(maskloom_dist)
  maskloom_thin_programs(${PROJECT_SOURCE_DIR} programs)
  if(programs)
    set_target_properties(${programs} PROPERTIES INSTALL_RPATH $ORIGIN/..)
    install(TARGETS ${programs} RUNTIME DESTINATION tests COMPONENT dist EXCLUDE_FROM_ALL)
  endif()
  add_custom_target(maskloom-dist
    COMMAND ${CMAKE_COMMAND} -E rm -rf dist
    COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --component dist --prefix dist --strip
    COMMAND ${CMAKE_COMMAND} -DDIST=dist -DSTATIC=${MASKLOOM_STATIC_LLVM} -P ${PROJECT_SOURCE_DIR}/cmake/CheckDist.cmake
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${PROJECT_SOURCE_DIR}/dist # replaced only when it is checked
    COMMAND ${CMAKE_COMMAND} -E rename dist ${PROJECT_SOURCE_DIR}/dist
    DEPENDS maskloom maskloom-cli ${programs}
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
    COMMENT "Installing into dist/"
    VERBATIM)
endfunction()
cmake_language(DEFER DIRECTORY ${PROJECT_SOURCE_DIR} CALL maskloom_dist)
