# `cmake --install`: a relocatable tree for other projects (docs/embedding.md).
#
#   bin/maskloom  lib/libmaskloom.so.*  include/maskloom/  lib/cmake/Maskloom/  lib/pkgconfig/  share/maskloom/patterns/
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Maskloom)
set(patterns_folder ${CMAKE_INSTALL_DATADIR}/maskloom/patterns)

install(TARGETS maskloom maskloom-cli EXPORT MaskloomTargets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(header IN LISTS public_headers)
  maskloom_header_source(source ${header})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${source} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder} COMPONENT development)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/patterns/ DESTINATION ${patterns_folder} COMPONENT runtime
        FILES_MATCHING PATTERN "*.mask")

install(EXPORT MaskloomTargets NAMESPACE Maskloom:: DESTINATION ${cmake_folder} COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/MaskloomConfig.cmake.in ${PROJECT_BINARY_DIR}/MaskloomConfig.cmake
                              INSTALL_DESTINATION ${cmake_folder} PATH_VARS patterns_folder)
# Before 1.0 a minor version may change the API and the ABI.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/MaskloomConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/MaskloomConfig.cmake ${PROJECT_BINARY_DIR}/MaskloomConfigVersion.cmake
        DESTINATION ${cmake_folder} COMPONENT development)

# Relative to its own place, so that the tree may be moved.
set(prefix ${CMAKE_INSTALL_PREFIX})
cmake_path(RELATIVE_PATH prefix BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE to_prefix)
set(pkgconfig_libdir ${CMAKE_INSTALL_LIBDIR})
set(pkgconfig_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/maskloom.pc.in ${PROJECT_BINARY_DIR}/maskloom.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/maskloom.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
