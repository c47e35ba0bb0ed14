// Ways in which a file changes while somebody reads it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "support/temp_dir.h"

namespace bbz::io {

enum class Change { kOverwritten, kOverwrittenWithOldTimes, kGrown, kShrunk, kReplaced, kRemoved };

inline constexpr Change kChanges[] = {Change::kOverwritten, Change::kOverwrittenWithOldTimes,
                                      Change::kGrown,       Change::kShrunk,
                                      Change::kReplaced,    Change::kRemoved};

// Changes the file by system calls alone. It must have bytes.
inline void change_file(const std::string& path, Change change) {
  struct stat before {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  if (change == Change::kRemoved) {
    ASSERT_EQ(::unlink(path.c_str()), 0);
    return;
  }
  if (change == Change::kReplaced) {
    write_text(path + ".new", read_text(path));
    const timespec times[] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path + ".new").c_str(), times, 0), 0);
    ASSERT_EQ(::rename((path + ".new").c_str(), path.c_str()), 0);
    return;
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  char last = 0;
  ASSERT_EQ(::pread(fd, &last, 1, before.st_size - 1), 1);
  last = static_cast<char>(last ^ 1);
  if (change == Change::kGrown) {
    EXPECT_EQ(::pwrite(fd, &last, 1, before.st_size), 1);
  } else if (change == Change::kShrunk) {
    EXPECT_EQ(::ftruncate(fd, before.st_size - 1), 0);
  } else {
    EXPECT_EQ(::pwrite(fd, &last, 1, before.st_size - 1), 1);
  }
  if (change == Change::kOverwrittenWithOldTimes) {
    const timespec times[] = {before.st_atim, before.st_mtim};
    EXPECT_EQ(::futimens(fd, times), 0);
  }
  ::close(fd);
}

}  // namespace bbz::io
