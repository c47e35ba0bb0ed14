// Store: where the bytes of a download are kept while it is not complete.
#pragma once

#include <memory>
#include <string>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/fd.h"

namespace bbz::push {

// Usually the partial file itself. Called from one thread at a time.
class Store {
 public:
  virtual ~Store() = default;

  // Keeps `bytes` as those from `offset` on; what was there is overwritten.
  virtual Status write(std::uint64_t offset, Bytes bytes) = 0;
  // Gives back bytes that were written, all of `out` or an error.
  virtual Status read(std::uint64_t offset, MutableBytes out) = 0;
  // Returns when what was written will outlast a failure of the machine.
  virtual Status sync() { return {}; }
};

// Opens a file that is read and written in place, or creates it; what it holds is kept. Errors:
// kExists if what is there is no regular file, belongs to another user, has another name too or may
// be written to by a group or by others; kIo, kNotFound.
Result<std::unique_ptr<Store>> open_file_store(const std::string& path);
// Makes a store of a file that is open for reading and writing. `name` is for messages.
std::unique_ptr<Store> file_store(io::Fd file, std::string name);

}  // namespace bbz::push
