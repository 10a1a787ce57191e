# libmaskloom.so: the public layers whole, the others as far as they are used, and no name but those of exports.map.
#
#   maskloom_shared_library(maskloom PUBLIC_LAYERS facade dsl program LAYERS codegen device ... LINK ...)
#
# libstdc++ and libgcc_s stay shared on purpose: exceptions cross the C++ API, and a second copy of the unwinder in the
# library aborts on the first one (a second copy of libstdc++ miscounts std::uncaught_exceptions).
function(maskloom_shared_library NAME)
  cmake_parse_arguments(L "" "" "PUBLIC_LAYERS;LAYERS;LINK" ${ARGN})
  file(WRITE ${PROJECT_BINARY_DIR}/${NAME}_empty.cpp "")
  add_library(${NAME} SHARED ${PROJECT_BINARY_DIR}/${NAME}_empty.cpp)
  foreach(layer IN LISTS L_PUBLIC_LAYERS)
    set_target_properties(maskloom_${layer} PROPERTIES CXX_VISIBILITY_PRESET default)
    target_link_libraries(${NAME} PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,maskloom_${layer}>")
  endforeach()
  list(TRANSFORM L_LAYERS PREPEND maskloom_)
  target_link_libraries(${NAME} PRIVATE ${L_LAYERS} ${L_LINK})
  maskloom_include_root(root ${NAME}_public dsl program facade)
  target_include_directories(${NAME} INTERFACE ${root})
  target_link_options(${NAME} PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map LINKER:--no-undefined)
  set_target_properties(${NAME} PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)
endfunction()
