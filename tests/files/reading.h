// Reads what bbz::source gives as the packer does: extent by extent, front to back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bbz/files/source_file.h"

namespace bbz::files {

// The bytes of a file, read along its extents, which must tile it.
inline Result<std::string> read_file(SourceFile& file) {
  std::string text;
  for (const Extent& extent : file.layout.extents) {
    EXPECT_EQ(extent.offset, text.size());
    EXPECT_TRUE(extent.length.has_value() || &extent == &file.layout.extents.back());
    EXPECT_TRUE(extent.kind == Extent::Kind::kTensor || extent.length != 0u);
    const std::uint64_t most = extent.length.value_or(1 << 20);
    std::string piece(static_cast<std::size_t>(most), '?');
    const auto out = std::as_writable_bytes(std::span(piece));
    if (extent.length) {
      BBZ_TRY(io::read_exactly(*file.source, extent.offset, out));
    } else {
      BBZ_ASSIGN(const std::size_t n, io::read_up_to(*file.source, extent.offset, out));
      piece.resize(n);
    }
    text += piece;
  }
  return text;
}

struct Found {
  std::string path;
  std::string format;  // "/" for a directory
  std::string text;
  friend bool operator==(const Found&, const Found&) = default;
};

inline void PrintTo(const Found& found, std::ostream* out) {
  *out << found.path << " (" << found.format << ", " << found.text.size() << " bytes)";
}

inline Result<std::vector<Found>> read_all(FileSequence& files) {
  std::vector<Found> list;
  while (true) {
    BBZ_ASSIGN(auto file, files.next());
    if (!file) return list;
    if (file->kind == SourceFile::Kind::kDirectory) {
      list.push_back({file->path, "/", ""});
      continue;
    }
    BBZ_ASSIGN(std::string text, read_file(*file));
    list.push_back({file->path, std::string(file->layout.format), std::move(text)});
  }
}

inline Result<std::vector<Found>> read_all(Result<std::unique_ptr<FileSequence>> sequence) {
  BBZ_ASSIGN(const auto files, std::move(sequence));
  return read_all(*files);
}

}  // namespace bbz::files
