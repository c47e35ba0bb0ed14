# Builds for arm64 with a cross compiler. The libraries of arm64 lie in the directory `sysroot` of the build, into which
# scripts/test-arm64 puts them.
if(NOT BBZ_SYSROOT)
  set(BBZ_SYSROOT ${CMAKE_BINARY_DIR}/sysroot)
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BBZ_SYSROOT)
set(triplet aarch64-linux-gnu)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE ${triplet})
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_CXX_COMPILER ${triplet}-g++)
set(CMAKE_CXX_FLAGS_INIT "-isystem ${BBZ_SYSROOT}/usr/include/${triplet}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${BBZ_SYSROOT}/usr/lib/${triplet}")

set(CMAKE_FIND_ROOT_PATH ${BBZ_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${BBZ_SYSROOT}/usr/lib/${triplet}/pkgconfig:${BBZ_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${BBZ_SYSROOT})
