# Writes OUTPUT, a header with the version and one digest over every source that decides what is generated.
#   cmake -DOUTPUT=... -DVERSION=... -DROOT=... "-DFILES=a;b" -P BuildId.cmake
set(digests "")
foreach(file IN LISTS FILES)
  file(SHA256 ${file} digest)
  file(RELATIVE_PATH name ${ROOT} ${file})
  string(APPEND digests "${name} ${digest}\n")
endforeach()
string(SHA256 digest "${digests}")
string(SUBSTRING ${digest} 0 32 digest)
file(WRITE ${OUTPUT} "// Generated.\n#pragma once\n\nnamespace maskloom {\n"
  "inline constexpr char kVersion[] = \"${VERSION}\";\n"
  "inline constexpr char kSourceDigest[] = \"${digest}\";\n} // namespace maskloom\n")
