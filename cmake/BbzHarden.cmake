# Guards against mistakes with memory, in all that is built here: they end the program before an attacker can take it over.
# Sanitizers see the same mistakes earlier, and do not go along with all of these guards.
include(CheckCXXCompilerFlag)

if(BBZ_HARDEN AND NOT BBZ_SANITIZE)
  foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "BBZ_HAS${flag}" has)
    check_cxx_compiler_flag("-Werror ${flag}" ${has})
    if(${has})
      target_compile_options(bbz_options INTERFACE ${flag})
    endif()
  endforeach()
  # The C library's checks of sizes need optimization. The third level knows sizes that are computed, too.
  set(level 2)
  if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12) OR
     (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 9))
    set(level 3)
  endif()
  target_compile_options(bbz_options INTERFACE
    "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>")
  target_compile_definitions(bbz_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(bbz_options INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()
