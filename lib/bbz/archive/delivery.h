// Delivery: decodes chunks on several threads and calls a visitor in order, for Reader and
// read_stream().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "bbz/archive/visitor.h"
#include "bbz/base/large_buffer.h"
#include "bbz/io/source.h"
#include "bbz/parallel/ordered_map.h"
#include "bbz/symmetry/decode.h"

namespace bbz::internal {

// One call of the visitor, or a group of a stream.
struct Step {
  // What to do with the chunks of a tensor.
  enum class Use {
    kCheck,   // check their payloads only
    kDecode,  // decode them for the tensors of a group, but do not pass their bytes on
    kDeliver  // decode them and pass their bytes to the visitor
  };

  // Passes an entry of the metadata, whose value is in `payload`, or why the value is not known.
  struct Metadata {
    catalog::Metadata metadata;
    Status known;
  };
  // Begins a file.
  struct BeginFile {
    std::shared_ptr<const catalog::File> file;
  };
  // Begins a symmetry group of a stream. `state` is the result of parsing it.
  struct Group {
    catalog::GroupMeta meta;
    Result<std::shared_ptr<symmetry::GroupState>> state;
  };
  // Begins a tensor.
  struct BeginTensor {
    std::shared_ptr<const catalog::Tensor> tensor;
    Use use = Use::kDeliver;
  };
  // Reads, checks and decodes a chunk and passes its bytes, as `use` says.
  struct Chunk {
    std::shared_ptr<const catalog::Tensor> tensor;
    catalog::Chunk chunk;
    Use use = Use::kDeliver;
    chunk::Check check = chunk::Check::kDecoded;
    bool left = false;    // whether decode_step() reads the payload from the source
    bool passed = false;  // it repeats a chunk of a stream, whose payload is gone
    Status outcome{};     // the result so far
    // The base on which its tensor leans, if that is set: the catalog of a stream grows meanwhile.
    std::shared_ptr<const catalog::BaseMeta> base{};
  };
  // Ends a tensor.
  struct EndTensor {
    std::shared_ptr<const catalog::Tensor> tensor;
  };
  // Ends a file.
  struct EndFile {
    std::shared_ptr<const catalog::File> file;
  };

  std::variant<Metadata, BeginFile, Group, BeginTensor, Chunk, EndTensor, EndFile> call;
  // Memory that steps keep for the next ones.
  std::vector<std::byte> payload;  // of a chunk, or the value of metadata
  std::vector<std::byte> plain;    // decoded bytes of a chunk
};

// Fills `out` with the bytes on which a chunk leans. Thread-safe.
using FillSupport = std::function<Status(const Step::Chunk& chunk, MutableBytes out)>;

// Reads the payload of a chunk, if it was left in the source, and checks or decodes it. Leaves a
// chunk that needs a group to Delivery. Does nothing for other steps. Called on any thread. Stores
// an error of the chunk in its outcome; also one of `fill`, which is called for a chunk that leans.
// Errors: those of the source.
Status decode_step(Step& step, io::Source& source, const FillSupport& fill);

// Calls the visitor for one step after the other. All calls come from the same thread.
class Delivery {
 public:
  // Returns the state of a group that a tensor refers to, with the bytes of the group's tensors.
  using FindGroup =
      std::function<Result<std::shared_ptr<symmetry::GroupState>>(std::uint32_t group)>;

  // Reads bytes of a tensor, from `offset` of it on.
  using ReadTensor =
      std::function<Status(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out)>;

  // Refers to its arguments, which must outlive it. `catalog` must have the delivered tensor and
  // the groups before it. `pool` helps to derive tensors.
  //
  // `read_base` reads bytes of the base of a view; without it, the visitor gives them back.
  Delivery(const catalog::Catalog& catalog, Visitor& visitor, parallel::ThreadPool& pool,
           FindGroup find_group, ReadTensor read_base = {})
      : catalog_(catalog),
        visitor_(visitor),
        pool_(pool),
        find_group_(std::move(find_group)),
        read_base_(std::move(read_base)) {}

  // Calls the visitor for one step. A group needs no call. Errors: those of the visitor.
  Status deliver(Step& step);

 private:
  Status begin_tensor(const Step::BeginTensor& begin);
  Status deliver_view(const catalog::Tensor& view);
  Status recall_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                     bool& wanted);
  Status find_group(const catalog::Tensor& tensor);
  Status decode_carried(Step& step, const Step::Chunk& chunk);
  Result<bool> recall(Step& step, const Step::Chunk& chunk);
  Status deliver_chunk(Step& step, Step::Chunk& chunk);

  const catalog::Catalog& catalog_;
  Visitor& visitor_;
  parallel::ThreadPool& pool_;
  FindGroup find_group_;
  ReadTensor read_base_;
  std::shared_ptr<symmetry::GroupState> group_;  // group of the current tensor
  LargeBuffer derived_;                          // bytes of the current tensor, if it is derived
  std::vector<std::byte> slice_;                 // slice of a chunk of an expanded form
  Status form_;                                  // error of the current tensor's form or group
  // The chunks that could not be delivered, by index, and why not: what repeats them or views them
  // cannot either.
  std::map<std::uint64_t, Code> failed_;
};

}  // namespace bbz::internal
