# The self-contained build: LLVM and MLIR as static archives.
#
# Debian's MLIR targets name the LLVM shared library. Here every one of them names `maskloom_llvm` instead: the static
# components that the compiler (Support, Core, Passes) and the CPU executor (ORC, the host's code generator) use. The linker
# takes from the archives only what is used, so a component too many costs nothing. With MASKLOOM_STATIC_LLVM off,
# `maskloom_llvm` is the shared library, so layers can always link `maskloom_llvm`.
add_library(maskloom_llvm INTERFACE)
target_include_directories(maskloom_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
if(NOT MASKLOOM_STATIC_LLVM)
  target_link_libraries(maskloom_llvm INTERFACE LLVM)
  return()
endif()

llvm_map_components_to_libnames(components core support analysis passes orcjit native nativecodegen bitwriter)
list(REMOVE_DUPLICATES components)
target_link_libraries(maskloom_llvm INTERFACE ${components})

foreach(target IN LISTS MLIR_EXPORTED_TARGETS)
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(libraries AND "LLVM" IN_LIST libraries)
    list(TRANSFORM libraries REPLACE "^LLVM$" maskloom_llvm)
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endforeach()

# Support wants zlib and zstd: their archives too. Nothing here calls the solver Z3.
find_library(MASKLOOM_ZLIB_ARCHIVE libz.a REQUIRED)
if(NOT TARGET zstd::libzstd_static)
  message(FATAL_ERROR "MASKLOOM_STATIC_LLVM needs the static zstd library: install libzstd-dev")
endif()
get_target_property(libraries LLVMSupport INTERFACE_LINK_LIBRARIES)
list(FILTER libraries EXCLUDE REGEX "libz3")
list(TRANSFORM libraries REPLACE "^ZLIB::ZLIB$" "${MASKLOOM_ZLIB_ARCHIVE}")
list(TRANSFORM libraries REPLACE "^zstd::libzstd_shared$" zstd::libzstd_static)
set_target_properties(LLVMSupport PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
