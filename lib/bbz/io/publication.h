// Publication: a file that is complete, on its way to its name. Internal to bbz.
#pragma once

#include <string>
#include <vector>

#include "bbz/io/output_options.h"
#include "bbz/io/temporary.h"

namespace bbz::io {

class Publication {
 public:
  Publication() = default;
  // Begins a file that will be `target` in the directory; `path` is for messages. Errors: as
  // check_target; those of Temporary::create.
  static Result<Publication> begin(Directory directory, const std::string& target, std::string path,
                                   const OutputOptions& options);

  // Reports whether publish() would find the way free, as far as one can know without doing it.
  // Errors: kExists if something stands there that may not be replaced; kInvalidArgument if it is
  // the input.
  static Status check_target(int directory, const std::string& target, std::string_view path,
                             const OutputOptions& options);

  // Protects another input from being replaced, and its content from more readers. Errors:
  // kInvalidArgument if it stands at the target.
  Status add_input(const FileStatus& input);

  // Returns when the content is on the disk. Errors: kIo.
  Status sync();
  // Gives the file its name, which may be lost in a failure of power until its directory is synced.
  // Errors: as check_target and Temporary::publish. After an error the file is gone.
  Status publish();
  void abandon() { file_.remove(); }

  explicit operator bool() const { return static_cast<bool>(file_); }
  int fd() const { return file_.fd(); }
  const Directory& directory() const { return directory_; }
  const OutputOptions& options() const { return options_; }
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
