// The table of file formats: how each is recognised and laid out.
#pragma once

#include <span>

#include "bbz/files/internal/front.h"
#include "bbz/files/recognise.h"
#include "bbz/files/source_file.h"

namespace bbz::files {

// A format, which is a row of the table in format.cc.
struct Format {
  // The certainty of a probe. After kContent, only the content fits: that is enough for
  // recognise(), but not to lay the file out. If a file breaks the rules of the format, it is packed
  // as plain bytes after kMaybe, and is an error after kClaimed.
  enum class Match { kNo, kContent, kMaybe, kClaimed };

  FileFormat id{};
  std::string_view name;
  std::string_view suffix;  // for a stream's file without a name: ".safetensors"
  // Probes the first `probe_size` bytes of the file, or all if there are fewer.
  std::uint64_t probe_size = 0;
  // Returns how certainly a file with this path, or "", and these first bytes has the format.
  Match (*probe)(std::string_view path, Bytes first) = nullptr;
  // Returns whether files of this format usually have such a name. Null if the name says nothing.
  bool (*has_name)(std::string_view path) = nullptr;
  // Returns whether a stream with this path and these first bytes, which match, is worth a copy,
  // because layout() reads it at any place. Null if layout() reads it front to back.
  bool (*wants_copy)(std::string_view path, Bytes first) = nullptr;
  // Reads what it needs, and returns the layout. Null if such files are packed as plain bytes.
  Result<Layout> (*layout)(Front& front, const Options& options) = nullptr;
};

// Returns all formats. A file has the first that matches; the last, plain bytes, matches all files.
std::span<const Format> formats();

// Returns an extent of plain bytes. `length` is nullopt if it is not known.
Extent bytes_extent(std::uint64_t offset, std::optional<std::uint64_t> length);

// Recognises the format of a file and lays it out. `path` is the path of the result, or empty for a
// stream without a name; messages call the file `shown`. Errors: those of FileSequence::next().
Result<SourceFile> describe(std::unique_ptr<io::Source> source, std::string path,
                            std::string_view shown, const Options& options);

}  // namespace bbz::files
