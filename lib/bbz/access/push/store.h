// Store: keeps the bytes of a download that is not complete.
#pragma once

#include <memory>
#include <string>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/fd.h"

namespace bbz::push {

// Keeps bytes by their offset in the archive: usually the partial file itself. Called from one
// thread at a time.
class Store {
 public:
  virtual ~Store() = default;

  // Writes `bytes` at `offset`, over what was there.
  virtual Status write(std::uint64_t offset, Bytes bytes) = 0;
  // Reads bytes that were written: fills `out`, or returns an error.
  virtual Status read(std::uint64_t offset, MutableBytes out) = 0;
  // Returns when what was written will survive a system crash.
  virtual Status sync() { return {}; }
};

// Opens a file for reading and writing in place, or creates it. Its content is kept. Errors:
// kExists if it is not a regular file, belongs to another user, has another name too or can be
// written by a group or by others; kIo; kNotFound.
Result<std::unique_ptr<Store>> open_file_store(const std::string& path);
// Makes a store of a file that is open for reading and writing. `name` is for messages.
std::unique_ptr<Store> file_store(io::Fd file, std::string name);

}  // namespace bbz::push
