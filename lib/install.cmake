# The library that others link: the objects of all rooms in one, with the headers that are its interface.

set(BBZ_PUBLIC_HEADERS
  bbz.h
  archive/front_index.h archive/reader.h archive/stream.h archive/visitor.h archive/writer.h
  base/checked.h base/error.h base/hash.h base/names.h
  catalog/catalog.h catalog/metas.h
  codec/codec.h
  container/constants.h container/header.h container/limits.h container/record.h container/scan.h
  io/atomic_file.h io/fd.h io/fd_sink.h io/output_tree.h io/sink.h io/source.h
  plan/part.h plan/plan.h
  pack/cat.h pack/extract.h pack/info.h pack/pack.h pack/selection.h pack/unpack.h pack/verify.h
  safetensors/header.h
  salvage/salvage.h salvage/survey.h
  source/layer.h source/source_file.h
  streams/tensor_stream.h
  tensor/dtype.h tensor/shape.h
  torch/state_dict.h)

get_property(rooms GLOBAL PROPERTY BBZ_ROOMS)
add_library(bbz)
add_library(bbz::bbz ALIAS bbz)
foreach(room IN LISTS rooms)
  target_sources(bbz PRIVATE $<TARGET_OBJECTS:${room}>)
endforeach()
set_target_properties(bbz PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR})
target_compile_features(bbz PUBLIC cxx_std_20)
target_include_directories(bbz PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# What the rooms use inside. Whoever links the static library needs it too: bbzConfig.cmake finds it again.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(bbz_packages REQUIRED IMPORTED_TARGET libzstd libcrypto fmt libarchive)
target_link_libraries(bbz PRIVATE Threads::Threads PkgConfig::bbz_packages)
if(BBZ_LAPACK)
  pkg_check_modules(bbz_lapack IMPORTED_TARGET lapacke openblas)
endif()
if(bbz_lapack_FOUND)
  set(BBZ_LAPACK_MODULES "lapacke openblas")
  target_link_libraries(bbz PRIVATE PkgConfig::bbz_lapack)
endif()

include(CMakePackageConfigHelpers)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bbzConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/bbzConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bbzConfigVersion.cmake
                                 COMPATIBILITY SameMajorVersion)
# The installed tree may be moved: the file finds its prefix from where it lies itself.
file(RELATIVE_PATH BBZ_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
# A static libbbz brings the link line of what it uses along. pkg-config --static would go further and
# ask for static forms of those as well, and of what they use in turn.
if(BUILD_SHARED_LIBS)
  set(BBZ_PKGCONFIG_REQUIRES Requires.private)
  set(BBZ_PKGCONFIG_LIBS "")
else()
  set(BBZ_PKGCONFIG_REQUIRES Requires)
  set(BBZ_PKGCONFIG_LIBS " -pthread -lstdc++")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/bbz.pc.in ${PROJECT_BINARY_DIR}/bbz.pc @ONLY)

install(TARGETS bbz EXPORT bbzTargets)
install(EXPORT bbzTargets NAMESPACE bbz:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz)
install(FILES ${PROJECT_BINARY_DIR}/bbzConfig.cmake ${PROJECT_BINARY_DIR}/bbzConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bbz)
install(FILES ${PROJECT_BINARY_DIR}/bbz.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
foreach(header IN LISTS BBZ_PUBLIC_HEADERS)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES lib/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bbz/${folder})
endforeach()
