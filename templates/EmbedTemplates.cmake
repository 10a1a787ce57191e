# Writes OUTPUT, a C++ file that defines templateText.
#   cmake -DOUTPUT=... -DFOLDER=... "-DTEXTS=name=file,file;name=file" -P EmbedTemplates.cmake
set(table "")
foreach(text IN LISTS TEXTS)
  string(REGEX MATCH "^([^=]+)=(.*)$" _ "${text}")
  set(name ${CMAKE_MATCH_1})
  string(REPLACE "," ";" files "${CMAKE_MATCH_2}")
  set(content "")
  foreach(file IN LISTS files)
    file(READ "${FOLDER}/${file}" source)
    # The parts are put together in order, so guards and includes between them go.
    string(REGEX REPLACE "#(include|pragma once)[^\n]*\n" "" source "${source}")
    string(APPEND content "// ---- ${file}\n${source}\n")
  endforeach()
  string(FIND "${content}" ")MASKLOOM\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "a template holds the delimiter of its own raw string")
  endif()
  string(APPEND table "    {\"${name}\", R\"MASKLOOM(${content})MASKLOOM\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"maskloom/templates/EmbeddedTemplates.h\"

namespace maskloom {
namespace {
struct Text {
  std::string_view name;
  const char *text;
};
const Text kTexts[] = {
${table}};
} // namespace

const char *templateText(std::string_view name) {
  for (const Text &entry : kTexts)
    if (entry.name == name) return entry.text;
  return nullptr;
}

} // namespace maskloom
")
