// OutputTree: files and folders created below one folder, whatever their names say.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/io/atomic_file.h"
#include "bbz/io/fd.h"

namespace bbz::io {

// Creates what an archive names below a root folder. Paths are checked with check_safe_path and
// walked from the root's descriptor one component at a time without following links, so nothing is
// created outside of the root even where a link stands in it or is put there meanwhile. The root
// itself may be reached through links.
class OutputTree {
 public:
  // Opens `root`, which is created with its parents where it is missing. Errors: kIo.
  static Result<OutputTree> open(const std::string& root);

  // Removes the directories that were created on the way to files, and the root and those above it
  // that open() has created, as far as nothing lies in them. Of those below the root it knows the
  // first 10,000.
  void remove_created() const;

  // So many folders may be created on the way to files, besides so many for each file and folder that
  // was asked for: paths of a few bytes must not cost a file system its inodes.
  static constexpr std::uint64_t kSpareFolders = 1024;
  static constexpr std::uint64_t kFoldersPerFile = 16;

  // Creates a folder and those above it; folders that are there are kept.
  // Errors: kUnsafePath for an unsafe path and where a link stands in the way; kExists where
  // anything else that is no folder does; kLimit for more folders than that; kIo.
  Status make_directory(std::string_view path);

  // Whether create_file would find the way free, as far as one can know without creating anything.
  // Errors: as create_file.
  Status check_file(std::string_view path, const OutputOptions& options) const;

  // Begins a file, creating the folders above it; it appears when the caller finishes it.
  // Errors: as make_directory and AtomicFile::create. A link at the file's own name is never
  // written through: with options.replace it makes way like a file. With a batch, which must
  // outlive it, the file appears when the batch is published.
  Result<std::unique_ptr<AtomicFile>> create_file(std::string_view path,
                                                  const OutputOptions& options,
                                                  Batch* batch = nullptr);

 private:
  OutputTree(Fd root, std::string name, std::vector<std::string> created)
      : root_(std::make_shared<const Fd>(std::move(root))),
        name_(std::move(name)),
        created_(std::move(created)) {}
  Result<Directory> open_directory(std::string_view path);
  std::string shown(std::string_view path) const;

  Directory root_;
  std::string name_;
  std::vector<std::string> created_;  // by open(), in that order
  std::vector<std::string> below_;    // by open_directory(), in that order
  std::uint64_t asked_ = 0;           // files and folders
  std::uint64_t made_ = 0;            // folders
  std::string last_path_;             // of the directory that was opened last
  Directory last_;
};

}  // namespace bbz::io
