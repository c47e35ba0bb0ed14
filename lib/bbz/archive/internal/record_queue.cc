#include "bbz/archive/internal/record_queue.h"

#include <utility>

#include "bbz/format/chunk/chunk.h"

namespace bbz::internal {

using container::RecordType;

namespace {

container::FileHeader header_of(const WriteOptions& options, bool index_first) {
  container::FileHeader header;
  header.digest_kind = options.digest;
  if (index_first) header.required_features |= container::kFeatureIndexFirst;
  return header;
}

}  // namespace

RecordQueue::RecordQueue(const WriteOptions& options, io::Sink* sink,
                         std::optional<std::uint64_t> front_index_bytes)
    : options_(options),
      nowhere_(sink == nullptr ? io::null_sink() : nullptr),
      records_(sink == nullptr ? *nowhere_ : *sink,
               header_of(options, front_index_bytes.has_value()), front_index_bytes.value_or(0)),
      builder_(header_of(options, front_index_bytes.has_value()), options.limits),
      pool_(measures() ? 1 : options.threads),
      queue_(
          pool_, parallel::queue_depth(pool_), [this](Item& item) { return encode(item); },
          [this](Item& item) { return append(item); }) {}

Result<RecordQueue::Item*> RecordQueue::next(RecordType type) {
  if (filling_) {
    return make_error(Code::kInvalidArgument, "a {} record in the middle of a chunk",
                      container::type_name(type));
  }
  BBZ_ASSIGN(Item* const item, queue_.next());
  item->type = type;
  item->chunk.reset();
  item->meta.clear();
  return item;
}

Result<RecordQueue::Item*> RecordQueue::next_chunk(Chunk chunk, std::uint64_t size) {
  BBZ_ASSIGN(Item* const item, next(RecordType::kChunk));
  item->chunk = std::move(chunk);
  item->plain.resize(size);
  filling_ = true;
  return item;
}

void RecordQueue::submit_chunk() {
  filling_ = false;
  queue_.submit();
}

// Reads a chunk, if it is not read yet, and encodes it. Called on any thread.
Status RecordQueue::encode(Item& item) const {
  if (!item.chunk) return {};
  Chunk& chunk = *item.chunk;
  const std::uint64_t elements = item.plain.size() * 8 / chunk.tensor->element_bits;
  if (measures()) {
    // The meta has the same length whatever the bytes are.
    item.payload.clear();
    chunk::describe(*chunk.tensor, chunk.number, elements, {}, 0, options_.digest, item.meta);
    return {};
  }
  if (const auto place = std::exchange(chunk.unread, std::nullopt)) {
    BBZ_TRY(io::read_exactly(*place->source, place->offset, item.plain));
  }
  if (chunk.coded_by) {
    chunk::describe(*chunk.tensor, chunk.number, elements, item.plain, *chunk.coded_by,
                    options_.digest, item.meta);
  } else {
    chunk::encode(*chunk.tensor, chunk.number, item.plain, {options_.level}, options_.digest,
                  item.meta, item.payload);
  }
  return {};
}

// Writes a record. Called on the calling thread, in order.
//
// The builder parses the meta that was just serialised, as a reader does. So one set of rules holds
// for writer and readers, no archive is written that no reader accepts, and the catalog and the
// root digest come from the bytes in the archive, not from what the writer meant to write.
Status RecordQueue::append(Item& item) {
  BBZ_ASSIGN(const container::RecordHead head, records_.append(item.type, item.meta, item.payload));
  return builder_.add({head, item.meta});
}

Result<Digest> RecordQueue::finish() {
  BBZ_TRY(drain());
  BBZ_TRY(builder_.finish());
  const Digest root = builder_.root();
  BBZ_TRY(records_.finish(root));
  return root;
}

}  // namespace bbz::internal
