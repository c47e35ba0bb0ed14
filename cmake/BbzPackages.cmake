# `cpack` makes three Debian packages of a build: bbz (the tools), libbbzN (libbbz.so) and libbbz-dev (headers, libbbz.a and
# the files that find them). scripts/package configures a build for it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bbz)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${BBZ_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # cpack would put it before the summary of each package
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_COMPONENTS_ALL tools runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)

# Debian wants a copyright file and a changelog of its own form in each package.
set(BBZ_PACKAGING ${PROJECT_BINARY_DIR}/packaging)
configure_file(cmake/package-copyright.in ${BBZ_PACKAGING}/copyright @ONLY)
string(TIMESTAMP BBZ_PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(cmake/package-changelog.in ${BBZ_PACKAGING}/changelog @ONLY)
file(WRITE ${BBZ_PACKAGING}/triggers "activate-noawait ldconfig\n")
if(BBZ_GZIP)
  execute_process(COMMAND ${BBZ_GZIP} -9nkf changelog WORKING_DIRECTORY ${BBZ_PACKAGING} COMMAND_ERROR_IS_FATAL ANY)
endif()

# bbz_package(COMPONENT NAME SECTION SUMMARY TEXT): the package NAME of what is installed for COMPONENT.
macro(bbz_package component name section summary text)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${text}")
  if(BBZ_GZIP)
    install(FILES ${BBZ_PACKAGING}/copyright ${BBZ_PACKAGING}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name}
            COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
endmacro()
set(library libbbz${BBZ_ABI_MAJOR})
bbz_package(tools bbz utils "archive of the weights of neural networks"
  "bbz packs models of safetensors and PyTorch files near their entropy, and
gives every byte back.  Single tensors and layers are read, downloaded and
mounted without the rest.")
bbz_package(runtime ${library} libs "archive of the weights of neural networks - library"
  "This package has the shared library, whose interface is in C.")
bbz_package(development libbbz-dev libdevel "archive of the weights of neural networks - development files"
  "This package has the headers for C and C++, and the static library for C++.")

# libcurl, OpenBLAS and fusermount3 are found when they are needed.
set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS "libcurl4, libopenblas0-pthread, fuse3")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libcurl4")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${BBZ_PACKAGING}/triggers)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package-without-scripts.cmake)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${library} (= ${PROJECT_VERSION}), libzstd-dev, libssl-dev, libfmt-dev, libarchive-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
include(CPack)
