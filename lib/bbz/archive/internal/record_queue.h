// RecordQueue: writes the records of a Writer in order, and encodes chunks on several threads.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bbz/archive/repeat_finder.h"
#include "bbz/archive/writer.h"
#include "bbz/base/format.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz::internal {

// Returns the error of a call that a finished archive does not take.
inline Error is_finished(std::string_view call) {
  return make_error(Code::kInvalidArgument, "{}: the archive is finished", call);
}

// Writes one archive to a sink, or to nowhere to measure its index. Not thread-safe.
class RecordQueue {
 public:
  // A chunk whose record is to be made.
  struct Chunk {
    // Bytes of a source.
    struct Place {
      std::shared_ptr<io::Source> source;
      std::uint64_t offset = 0;
    };

    std::shared_ptr<const catalog::TensorMeta> tensor;
    std::shared_ptr<const SupportBytes> support;  // on which the tensor leans, or null
    bool placed = true;  // the tensor's record, which has chunk 0, states its place
    bool moved = false;  // the tensor does not follow the one before it
    std::uint32_t number = 0;
    std::optional<Place> unread{};             // set if the bytes are to be read from there
    std::optional<codec::CodecId> coded_by{};  // codec of a payload that is complete
  };

  // A record to write. The threads make `fields`, `hash` and `payload` of a chunk, and append() its
  // `meta`; those of other records are complete. The vectors keep their memory for later records.
  struct Item {
    container::RecordType type{};
    std::uint8_t flags = 0;  // beyond those that the type demands
    std::optional<Chunk> chunk;
    catalog::ChunkMeta fields;  // of the chunk, once it is encoded
    RepeatFinder::Hash hash;    // of the chunk's payload
    std::vector<std::byte> meta;
    std::vector<std::byte> payload;
    std::vector<std::byte> plain;  // bytes of the chunk
  };

  // Makes a queue without records. `sink` must outlive it; if it is null, the queue measures: it
  // writes nothing, and neither reads nor looks at the bytes of chunks. If `front_index_bytes` is
  // set, the archive has an index at the front, whose list has at most this size.
  RecordQueue(const WriteOptions& options, io::Sink* sink,
              std::optional<std::uint64_t> front_index_bytes);

  // Returns whether the queue measures.
  bool measures() const { return nowhere_ != nullptr; }
  // Returns the options.
  const WriteOptions& options() const { return options_; }
  // Returns the catalog of the records that were written.
  const catalog::Catalog& catalog() const { return builder_.catalog(); }
  // Returns the most bytes that the list of the index can have, for the records that were written or
  // measured.
  std::uint64_t most_index_bytes() const { return records_.most_index_bytes(); }

  // Writes the file header. Errors: those of the sink, and of RecordWriter::begin().
  Status begin() { return records_.begin(); }
  // Queues a record that is not a chunk. Errors: those of earlier records; kInvalidArgument between
  // next_chunk() and submit_chunk().
  template <class Meta>
  Status send(container::RecordType type, const Meta& fields, Bytes payload = {}) {
    BBZ_ASSIGN(Item* const item, next(type));
    catalog::encode_meta(fields, item->meta);
    if (fields_extend(fields)) item->flags |= container::kFlagExtended;
    item->payload.assign(payload.begin(), payload.end());
    queue_.submit();
    if (payload.size() <= kMostQueued) return {};
    BBZ_TRY(queue_.drain());
    item->payload = std::vector<std::byte>();  // {} would keep the memory
    return {};
  }
  // Returns the item of a chunk, whose `plain` has `size` bytes to be filled. It is valid until
  // submit_chunk(). Errors: those of earlier records.
  Result<Item*> next_chunk(Chunk chunk, std::uint64_t size);
  // Queues the chunk of the last next_chunk().
  void submit_chunk();

  // Waits until all queued records are written. Errors: those of the records.
  Status drain() { return queue_.drain(); }
  // Writes index and trailer, and returns the root digest. Errors: those of the records, of
  // CatalogBuilder::finish() and of RecordWriter::finish().
  Result<Digest> finish();

 private:
  // Payloads of records that are no chunks are written at once if they have more bytes: they may be much
  // larger than chunks, and each item of the queue would keep the memory of one.
  static constexpr std::size_t kMostQueued = std::size_t{1} << 20;

  // Returns whether encode_meta() appends extensions to these fields.
  template <class Meta>
  static bool fields_extend(const Meta&) {
    return false;
  }
  static bool fields_extend(const catalog::FileMeta& fields) {
    return fields.extensions.has_known();
  }
  static bool fields_extend(const catalog::TensorRecord& fields) {
    return fields.tensor.is_extended();
  }
  Result<Item*> next(container::RecordType type);
  Status encode(Item& item) const;
  Status encode_on_base(Item& item) const;
  static void set_meta(Item& item);
  Status append(Item& item);
  Status refer(Item& item);

  const WriteOptions options_;
  const std::unique_ptr<io::Sink> nowhere_;  // the sink of a queue that measures, or null
  container::RecordWriter records_;
  catalog::CatalogBuilder builder_;
  RepeatFinder repeats_;
  bool filling_ = false;  // whether a chunk is being filled

  // Last members, so that the threads end before the members that they use are destroyed.
  parallel::ThreadPool pool_;
  parallel::OrderedQueue<Item> queue_;
};

}  // namespace bbz::internal
