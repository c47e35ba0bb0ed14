// Store: where the bytes of a download are kept while it is not complete.
#pragma once

#include <memory>
#include <string>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"

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

// A file that is read and written in place; it is created where it is missing, and what it holds
// is kept. Errors: as io::open_own_file.
Result<std::unique_ptr<Store>> open_file_store(const std::string& path);

}  // namespace bbz::push
