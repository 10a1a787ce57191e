# A layer is a static (object) library whose include root holds links to the folders it may include and nothing else, so
# an upward include does not build.
#
#   maskloom_layer(dsl SOURCES Expr.cpp ... MAY_INCLUDE dsl)
set(MASKLOOM_FOLDER_dsl ${PROJECT_SOURCE_DIR}/dsl)
set(MASKLOOM_FOLDER_program ${PROJECT_SOURCE_DIR}/runtime/program)
set(MASKLOOM_FOLDER_analysis ${PROJECT_SOURCE_DIR}/codegen/analysis)
set(MASKLOOM_FOLDER_codegen ${PROJECT_SOURCE_DIR}/codegen)
set(MASKLOOM_FOLDER_templates ${PROJECT_SOURCE_DIR}/templates)
set(MASKLOOM_FOLDER_device ${PROJECT_SOURCE_DIR}/runtime/device)
set(MASKLOOM_FOLDER_cpu ${PROJECT_SOURCE_DIR}/runtime/cpu)
set(MASKLOOM_FOLDER_cli ${PROJECT_SOURCE_DIR}/runtime/cli)
set(MASKLOOM_FOLDER_facade ${PROJECT_SOURCE_DIR}/runtime/facade)
set(MASKLOOM_USER_HEADERS maskloom.h c.h dlpack.h c_dlpack.h)

function(maskloom_include_root OUT NAME)
  set(root ${PROJECT_BINARY_DIR}/layers/${NAME})
  file(MAKE_DIRECTORY ${root}/maskloom)
  foreach(folder IN LISTS ARGN)
    file(CREATE_LINK ${MASKLOOM_FOLDER_${folder}} ${root}/maskloom/${folder} SYMBOLIC)
    if(folder STREQUAL facade) # the headers that a user includes
      foreach(header IN LISTS MASKLOOM_USER_HEADERS)
        file(CREATE_LINK ${MASKLOOM_FOLDER_facade}/${header} ${root}/maskloom/${header} SYMBOLIC)
      endforeach()
    endif()
  endforeach()
  set(${OUT} ${root} PARENT_SCOPE)
endfunction()

function(maskloom_layer NAME)
  cmake_parse_arguments(L "" "" "SOURCES;MAY_INCLUDE;LINK" ${ARGN})
  add_library(maskloom_${NAME} STATIC ${L_SOURCES})
  maskloom_include_root(root ${NAME} ${L_MAY_INCLUDE})
  target_include_directories(maskloom_${NAME} PRIVATE ${root})
  target_link_libraries(maskloom_${NAME} PRIVATE maskloom_flags ${L_LINK})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
  set_property(GLOBAL APPEND PROPERTY MASKLOOM_LAYERS ${NAME}:${folder})
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/layers/${NAME}.includes
       CONTENT "$<JOIN:$<TARGET_PROPERTY:maskloom_${NAME},INCLUDE_DIRECTORIES>,\n>\n")
endfunction()

# A test that tries every pair of layers against the table of docs/architecture.md.
function(maskloom_add_layering_test)
  get_property(layers GLOBAL PROPERTY MASKLOOM_LAYERS)
  add_test(NAME layering
           COMMAND ${CMAKE_COMMAND} -DBINARY_DIR=${PROJECT_BINARY_DIR} -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DCXX=${CMAKE_CXX_COMPILER} "-DLAYERS=${layers}" -P ${PROJECT_SOURCE_DIR}/cmake/CheckLayering.cmake)
endfunction()

# For tests and tools that may see every layer.
maskloom_include_root(MASKLOOM_ALL_LAYERS all dsl program analysis codegen templates device cpu facade cli)
