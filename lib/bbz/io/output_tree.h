// OutputTree: creates files and directories with untrusted paths, all below one directory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/io/atomic_file.h"
#include "bbz/io/fd.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Creates the files and directories of an archive below a root directory. It checks each path with
// check_safe_path() and opens one component after the other from the root's descriptor, without
// following links. So nothing is created outside of the root, even if a link is in it or appears
// while this runs. The path of the root itself may contain links. Not thread-safe.
class OutputTree {
 public:
  // Opens `root`. Creates it and its parents if they are missing. Errors: kIo; kNotFound if a link
  // in the path has no target; kInvalidArgument if the path is empty.
  static Result<OutputTree> open(const std::string& root);

  // Removes the empty ones of the directories that this object created: parents of files, of which
  // it knows the first 10,000, and the root and its parents. Keeps those of make_directory().
  // Ignores errors.
  void remove_created() const;

  // The number of directories that may be created independently of the number of files. The limits
  // on directories keep an archive with short paths from using up the inodes of a file system.
  static constexpr std::uint64_t kSpareFolders = 1024;
  // The number of directories that may be created in addition for each call of make_directory() and
  // create_file().
  static constexpr std::uint64_t kFoldersPerFile = 16;

  // Creates a directory and its parents. Keeps directories that exist as they are. Gives the
  // directory at `path`, if it was created, the time of `attributes`, and of the permissions that the
  // umask leaves only those of `attributes`. So nothing must be created in it afterwards. Errors:
  // - kUnsafePath if the path is unsafe, or a component of it is a symbolic link;
  // - kExists if a component is anything else that is not a directory;
  // - kLimit if that makes too many directories; kIo.
  Status make_directory(std::string_view path, const FileAttributes& attributes = {});

  // Checks that create_file() would succeed, as far as that can be known without creating anything.
  // Errors: as create_file().
  Status check_file(std::string_view path, const OutputOptions& options) const;

  // Creates the parents of a file, and its temporary. The file appears when the caller finishes it
  // or, if there is a batch, when the batch is published; the batch must outlive the file. A link
  // at the file's name is replaced if options.replace is set, and never followed. Errors: as
  // make_directory() and AtomicFile::create().
  Result<std::unique_ptr<AtomicFile>> create_file(std::string_view path,
                                                  const OutputOptions& options,
                                                  Batch* batch = nullptr);

  // Opens a regular file below the root for reading, such as one that create_file() made and that is
  // published. Follows no link. Errors: kUnsafePath if the path is unsafe, or a component of it is a
  // symbolic link; kNotFound; kIo.
  Result<std::unique_ptr<Source>> read_file(std::string_view path);

 private:
  OutputTree(Fd root, std::string name, std::vector<std::string> created)
      : root_(std::make_shared<const Fd>(std::move(root))),
        name_(std::move(name)),
        created_(std::move(created)) {}
  Result<Directory> open_directory(std::string_view path);
  Result<Directory> open_directory(std::string_view path, bool& created);
  std::string shown(std::string_view path) const;

  Directory root_;
  std::string name_;
  std::vector<std::string> created_;  // directories that open() created, in that order
  std::vector<std::string> below_;    // those that open_directory() created, in that order
  std::uint64_t asked_ = 0;           // calls of make_directory() and create_file()
  std::uint64_t made_ = 0;            // directories that open_directory() created
  std::string last_path_;             // path of `last_`, the directory that was opened last
  Directory last_;
};

}  // namespace bbz::io
