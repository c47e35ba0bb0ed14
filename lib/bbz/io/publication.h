// Publication: a temporary file and the target whose name it gets when it is complete.
// Installed because io/atomic_file.h needs it; not meant to be used on its own.
#pragma once

#include <string>
#include <vector>

#include "bbz/io/output_options.h"
#include "bbz/io/temporary.h"

namespace bbz::io {

// Owns a temporary file until it gets the name of its target, or none. The destructor removes it.
class Publication {
 public:
  Publication() = default;
  // Creates the temporary for the entry `target` of the directory. `path` is for messages.
  // Errors: those of check_target() and Temporary::create().
  static Result<Publication> begin(Directory directory, const std::string& target, std::string path,
                                   const OutputOptions& options);

  // Checks that publish() could give a file this name now. Errors:
  // - kExists if the target exists and options.replace is not set, or if it is neither a regular
  //   file nor a symbolic link;
  // - kInvalidArgument if options.replace is set and the target is options.input; kIo.
  static Status check_target(int directory, const std::string& target, std::string_view path,
                             const OutputOptions& options);

  // Adds an input, which publish() will not replace. The file will not be more readable than the
  // input. Errors: kInvalidArgument if options.replace is set and the target is the input.
  Status add_input(const FileStatus& input);

  // Waits until the content is on the disk. Errors: kIo.
  Status sync();
  // Gives the file its name. A power failure may lose the name until the directory is synced. After
  // an error the file is removed. Errors: those of check_target() and Temporary::publish();
  // kInvalidArgument if the target is an input.
  Status publish();
  // Removes the file.
  void abandon() { file_.remove(); }

  // Returns whether there is a file that is neither published nor abandoned.
  explicit operator bool() const { return static_cast<bool>(file_); }
  // Returns the descriptor of the file. Precondition: there is a file.
  int fd() const { return file_.fd(); }
  // Returns the directory of the target.
  const Directory& directory() const { return directory_; }
  // Returns the options that begin() took.
  const OutputOptions& options() const { return options_; }
  // Returns the path of the target, for messages.
  const std::string& path() const { return path_; }

 private:
  Status check() const;

  Directory directory_;
  Temporary file_;
  std::string target_;
  std::string path_;
  OutputOptions options_;
  std::vector<FileStatus> inputs_;
  Permissions permissions_;
};

}  // namespace bbz::io
