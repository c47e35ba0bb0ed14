# What others link: libbbz.a, the objects of all rooms in one, for C++; and libbbz.so, which shows the
# C interface alone, for there is no stable interface of C++. With the headers of both.

set(BBZ_PUBLIC_HEADERS
  library.h
  access/bases/base_set.h
  access/download/download.h
  access/loader/layer_loader.h access/loader/layer_plan.h
  access/plan/part.h access/plan/plan.h
  access/push/decoder.h access/push/range_set.h access/push/state.h access/push/store.h
  access/salvage/salvage.h access/salvage/survey.h
  access/streams/tensor_stream.h
  access/view/archive_view.h access/view/counters.h access/view/tree.h
  archive/base.h archive/reader.h archive/root.h archive/stream.h archive/tensor_spec.h archive/visitor.h archive/writer.h
  base/block_type.h base/checked.h base/dtype.h base/error.h base/hash.h base/large_buffer.h base/layer_name.h base/names.h base/shape.h base/tensor_info.h base/threads.h
  capi/base.h capi/core.h capi/model.h capi/pack.h capi/plan.h capi/progress.h capi/push.h capi/reader.h capi/source.h
  capi/verify.h capi/writer.h
  codec/codec.h
  files/safetensors/header.h
  files/source_file.h
  files/torch/state_dict.h
  format/catalog/catalog.h format/catalog/form.h format/catalog/metas.h
  format/container/constants.h format/container/extensions.h format/container/header.h format/container/limits.h format/container/record.h
  format/container/scan.h
  http/options.h http/source.h http/url.h
  io/atomic_file.h io/batch.h io/byte_range.h io/fd.h io/fd_writer.h io/file_attributes.h io/file_status.h io/output_options.h io/output_tree.h
  io/publication.h io/sink.h io/source.h io/temporary.h
  ops/apply.h ops/cat.h ops/extract.h ops/flatten.h ops/info.h ops/join.h ops/pack.h ops/selection.h ops/stream_input.h ops/unpack.h ops/verify.h)

get_property(rooms GLOBAL PROPERTY BBZ_ROOMS)
add_library(bbz STATIC)
add_library(bbz::bbz ALIAS bbz)
foreach(room IN LISTS rooms)
  target_sources(bbz PRIVATE $<TARGET_OBJECTS:${room}>)
endforeach()
set_target_properties(bbz PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(bbz PUBLIC cxx_std_20)
target_include_directories(bbz PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/lib>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# What the rooms use inside. Whoever links this library needs it too: bbzConfig.cmake finds it again. libcurl and OpenBLAS
# are loaded at run time, when they are needed.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
set(BBZ_PACKAGES "libzstd libcrypto fmt libarchive")
string(REPLACE " " ";" packages "${BBZ_PACKAGES}")
pkg_check_modules(bbz_packages REQUIRED IMPORTED_TARGET ${packages})
target_link_libraries(bbz PRIVATE Threads::Threads PkgConfig::bbz_packages ${CMAKE_DL_LIBS})

# The shared library takes from the rooms what the C interface reaches, and exports that interface.
file(STRINGS ${PROJECT_SOURCE_DIR}/lib/bbz/capi/core.h abi REGEX "^#define BBZ_ABI_M")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" BBZ_ABI_VERSION "${abi}")
string(REGEX MATCH "^[0-9]+" BBZ_ABI_MAJOR ${BBZ_ABI_VERSION})
set(exports ${PROJECT_SOURCE_DIR}/lib/bbz/capi/exports.map)
add_library(bbz_c SHARED $<TARGET_OBJECTS:bbz_capi>)
add_library(bbz::c ALIAS bbz_c)
set_target_properties(bbz_c PROPERTIES OUTPUT_NAME bbz EXPORT_NAME c LINK_DEPENDS ${exports}
                      VERSION ${BBZ_ABI_VERSION} SOVERSION ${BBZ_ABI_MAJOR})
target_include_directories(bbz_c INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/lib>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(bbz_c PRIVATE bbz_capi $<BUILD_INTERFACE:bbz_options>)
target_link_options(bbz_c PRIVATE LINKER:--version-script=${exports} LINKER:--as-needed)

include(CMakePackageConfigHelpers)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bbzConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/bbzConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bbzConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
# The installed tree may be moved: the file finds its prefix from its own place.
file(RELATIVE_PATH BBZ_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(module IN ITEMS bbz bbz-c)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${module}.pc.in ${PROJECT_BINARY_DIR}/${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
endforeach()

install(TARGETS bbz EXPORT bbzTargets ARCHIVE COMPONENT development)
install(TARGETS bbz_c EXPORT bbzCTargets LIBRARY COMPONENT runtime NAMELINK_COMPONENT development)
foreach(targets IN ITEMS bbzTargets bbzCTargets)
  install(EXPORT ${targets} NAMESPACE bbz:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz COMPONENT development)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/bbzConfig.cmake ${PROJECT_BINARY_DIR}/bbzConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz COMPONENT development)
install(FILES lib/bbz.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
foreach(header IN LISTS BBZ_PUBLIC_HEADERS)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES lib/bbz/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bbz/${folder}
          COMPONENT development)
endforeach()
