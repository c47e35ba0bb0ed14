// Supports: gives the bytes on which the chunks of an archive lean.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "bbz/archive/base.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz {

// Finds the support of each tensor once, and checks its digest. Thread-safe.
class Supports {
 public:
  // `base` may be null: then nothing is found. At most `most_kept` bytes of tensors are kept.
  explicit Supports(std::shared_ptr<Base> base, std::uint64_t most_kept = SupportBytes::kMostKept)
      : base_(std::move(base)), most_kept_(most_kept) {}

  // Fills `out` with the bytes on which a chunk of `tensor` leans. `base` is the record of its base.
  // Errors, naming the tensor and the base, with the place of the chunk: kUnsupported if there is no base;
  // kBase if it lacks the tensor, has another, or cannot be read because of what is in it; kIo,
  // kCancelled, kOutOfMemory, kNotFound and kInvalidArgument of Base and of BaseTensor::read.
  Status fill(const catalog::Tensor& tensor, const catalog::BaseMeta& base,
              const catalog::Chunk& chunk, MutableBytes out);
  // Finds the support of a tensor, and checks its digest. Errors: those of fill().
  Status check(const catalog::Tensor& tensor, const catalog::BaseMeta& base);

  // Adds the files of the base as inputs of a sink. Errors: those of Base::add_inputs().
  Status add_inputs(io::Sink& sink) const {
    return base_ != nullptr ? base_->add_inputs(sink) : Status();
  }

 private:
  using Bytes = std::shared_ptr<const SupportBytes>;

  // A tensor whose support is looked for, or known.
  struct Entry {
    std::mutex mutex;  // guards the others
    bool done = false;
    Status outcome;
    BaseTensor tensor;                        // the support
    std::weak_ptr<const SupportBytes> bytes;  // its bytes, as long as `kept_` has them
  };

  Result<std::shared_ptr<Entry>> find(const catalog::Tensor& tensor, const catalog::BaseMeta& base);
  Result<Bytes> look_for(const catalog::Tensor& tensor, const catalog::BaseMeta& base,
                         Entry& entry);
  void keep(Bytes bytes);
  void drop_more_than(std::uint64_t most);

  // Room for a tensor that is loaded: as long as it lives, less is kept of others.
  class Room {
   public:
    Room(Supports& supports, std::uint64_t size);
    ~Room();
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

   private:
    Supports& supports_;
    const std::uint64_t size_;
  };

  const std::shared_ptr<Base> base_;
  const std::uint64_t most_kept_;
  std::mutex mutex_;           // guards what follows; is taken after that of an entry
  std::uint64_t loading_ = 0;  // bytes for which there is room
  std::map<std::uint32_t, std::shared_ptr<Entry>> entries_;  // by the number of the tensor
  // Those that were used last, the newest first: one, or some that have `most_kept_` together, with those
  // that are loaded.
  std::vector<Bytes> kept_;
};

}  // namespace bbz
