# The shapes of target that the project is made of: a room of the library, its tests, its fuzz target.

add_library(bbz_options INTERFACE)
target_compile_options(bbz_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlapping copies in the assignment of std::string literals (GCC bug 105651).
  target_compile_options(bbz_options INTERFACE -Wno-restrict)
  if(BBZ_UNITY)
    # It takes files that are compiled as one for headers.
    target_compile_options(bbz_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()
include(cmake/BbzHarden.cmake)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Precompiled headers are the same whenever they are made, for a cache of compilations.
  target_compile_options(bbz_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
if(BBZ_WERROR)
  target_compile_options(bbz_options INTERFACE -Werror)
endif()
if(BBZ_SANITIZE)
  target_compile_options(bbz_options INTERFACE -fsanitize=${BBZ_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  # Tests take most of the time to compile: without lines, and with a trap in place of a report, it is three quarters.
  set(bbz_is_test $<BOOL:$<TARGET_PROPERTY:BBZ_TEST>>)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND BBZ_SANITIZE MATCHES "undefined")
    target_compile_options(bbz_options INTERFACE $<${bbz_is_test}:-fsanitize-trap=undefined>)
  endif()
  target_compile_options(bbz_options INTERFACE $<$<NOT:${bbz_is_test}>:-g1>)
  target_link_options(bbz_options INTERFACE -fsanitize=${BBZ_SANITIZE})
endif()
if(BBZ_BUILD_FUZZ)
  # Of the rooms, which report their coverage to the fuzzer that drives them: whoever links one needs the other half.
  target_link_options(bbz_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# How tests and tools are compiled: what is measured is the library, and a compiler spends much of its time on making
# fast what is around it.
set(bbz_plain_options $<$<CONFIG:Release>:-O1>)
if(BBZ_SANITIZE MATCHES "address")
  # With AddressSanitizer, that is two thirds of the time.
  set(bbz_plain_options -O0)
endif()

# Files are named relative to the project in what tests print, so that they compile to the same wherever it is and a cache
# of compilations serves all clones.
set(bbz_relative_files -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

set(bbz_standard_headers
    <algorithm> <array> <charconv> <chrono> <cmath> <condition_variable> <cstring> <deque> <functional> <map>
    <memory> <mutex> <numeric> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <vector>)
# A file that is compiled with flags of its own cannot share them.
function(bbz_compile_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# bbz_room(NAME SOURCES ... LINKS ... PRIVATE_LINKS ...): one directory of lib/bbz as the target bbz_NAME,
# alias bbz::NAME. LINKS names only rooms that stand before it; PRIVATE_LINKS the packages it uses inside.
function(bbz_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(bbz_${name} STATIC ${ROOM_SOURCES})
  add_library(bbz::${name} ALIAS bbz_${name})
  target_include_directories(bbz_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/lib>)
  target_compile_features(bbz_${name} PUBLIC cxx_std_20)
  set_target_properties(bbz_${name} PROPERTIES CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON UNITY_BUILD ${BBZ_UNITY} UNITY_BUILD_BATCH_SIZE 16)
  target_link_libraries(bbz_${name} PUBLIC ${ROOM_LINKS} PRIVATE $<BUILD_INTERFACE:bbz_options>
                        ${ROOM_PRIVATE_LINKS})
  if(BBZ_UNITY)
    # The headers of the standard library once for all rooms. Without it, each file shows that it includes what it needs.
    if(name STREQUAL base)
      target_precompile_headers(bbz_base PRIVATE ${bbz_standard_headers})
    else()
      target_precompile_headers(bbz_${name} REUSE_FROM bbz_base)
    endif()
  endif()
  if(BBZ_BUILD_FUZZ)
    target_compile_options(bbz_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(BBZ_SANITIZE MATCHES "address")
    # Programs are compiled without optimisation there. The linker takes the first copy of an inline function that it meets:
    # let that be the room's, also for the room's own calls.
    set(rooms_first $<BOOL:$<TARGET_PROPERTY:BBZ_ROOMS_FIRST>>)
    target_link_options(bbz_${name} INTERFACE $<${rooms_first}:LINKER:--whole-archive>
                        $<${rooms_first}:$<TARGET_FILE:bbz_${name}>> $<${rooms_first}:LINKER:--no-whole-archive>)
  endif()
  set_property(GLOBAL APPEND PROPERTY BBZ_ROOMS bbz_${name})
endfunction()

# Tests with such words in their names walk every bit, every value or every order where others take samples, take a model of
# real size, compare sizes with the entropy of much data, run every command on the worst inputs, or kill a program again and
# again and count the bytes that must come anew: a sanitizer makes it so slow that more of them are still on their way. They
# have the label `slow`, and the file tests/slow of the build directory has the words as a filter for scripts that start the
# programs themselves.
set(bbz_slow_tests Exhaustive EveryBit WithinOnePercent EverySingleBit EveryFlippedBit SurvivesKills GoesOnWithAPartAfterKills WorstCase
  AreNearThe ReachTheirRatio docs10m LargeShortcut)
list(JOIN bbz_slow_tests "*:*" filter)
file(WRITE ${PROJECT_BINARY_DIR}/tests/slow "*${filter}*\n")

# bbz_discover_tests(TARGET LABEL PREFIX FILTER): tells ctest of those tests of a program that FILTER selects. With a
# sanitizer, to start a program takes longer than most tests, so that a start runs about as many as four files have.
function(bbz_discover_tests target label prefix filter)
  if(BBZ_SANITIZE)
    list(JOIN bbz_slow_tests "*:*" slow)
    get_target_property(files ${target} SOURCES)
    list(LENGTH files files)
    math(EXPR shards "(${files} + 3) / 4")
    math(EXPR last "${shards} - 1")
    foreach(shard RANGE ${last})
      add_test(NAME ${prefix}${shard} COMMAND ${target} "--gtest_filter=${filter}-*${slow}*")
      set_tests_properties(${prefix}${shard} PROPERTIES TIMEOUT 1800 LABELS ${label} COST ${files}
        ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
    endforeach()
    add_test(NAME ${prefix}slow COMMAND ${target} "--gtest_filter=*${slow}*")
    set_tests_properties(${prefix}slow PROPERTIES LABELS "${label};slow")
    return()
  endif()
  gtest_discover_tests(${target} TEST_PREFIX ${prefix} TEST_FILTER "${filter}" DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 600 LABELS ${label})
  list(JOIN bbz_slow_tests "|" words)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}_slow.cmake)
  file(WRITE ${script} "foreach(test IN LISTS ${target}_TESTS)
  if(test MATCHES \"${words}\")
    set_tests_properties(\"\${test}\" PROPERTIES LABELS \"${label};slow\")
  endif()
endforeach()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()

# bbz_test(ROOM SOURCES ... LINKS ...): the GoogleTest program of one room, linked with that room
# alone, so that a room which reaches above itself does not link.
function(bbz_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(test_${name} ${TEST_SOURCES})
  # Most of the time goes into headers, so that a few files are compiled as one.
  set_target_properties(test_${name} PROPERTIES BBZ_TEST ON BBZ_ROOMS_FIRST ON UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  target_link_libraries(test_${name} PRIVATE ${TEST_LINKS} bbz_test_options)
  target_precompile_headers(test_${name} REUSE_FROM bbz_test_headers)
  bbz_discover_tests(test_${name} ${name} ${name}. "*")
endfunction()

# bbz_fuzz(NAME LINKS ...): fuzz/NAME.cc with its corpus fuzz/corpus/NAME. Under BBZ_BUILD_FUZZ it is
# a libFuzzer program, otherwise, with the tests, one whose driver runs the corpus once.
function(bbz_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "LINKS" ${ARGN})
  if(BBZ_BUILD_FUZZ)
    add_executable(fuzz_${name} ${name}.cc)
    target_link_libraries(fuzz_${name} PRIVATE ${FUZZ_LINKS} bbz_options)
    target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  elseif(BBZ_BUILD_TESTS)
    add_executable(corpus_${name} ${name}.cc)
    target_link_libraries(corpus_${name} PRIVATE bbz_corpus_driver ${FUZZ_LINKS} bbz_options)
    target_include_directories(corpus_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    add_test(NAME corpus.${name}
             COMMAND corpus_${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(corpus.${name} PROPERTIES LABELS corpus TIMEOUT 300)
  endif()
endfunction()
