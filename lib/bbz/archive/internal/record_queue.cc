#include "bbz/archive/internal/record_queue.h"

#include <utility>

#include "bbz/format/chunk/chunk.h"

namespace bbz::internal {

using container::RecordType;

namespace {

container::FileHeader header_of(const WriteOptions& options, bool index_first) {
  container::FileHeader header;
  header.digest_kind = options.digest;
  header.alignment = options.alignment;
  header.id = options.id.value_or(0);
  if (index_first) header.required_features |= container::kFeatureIndexFirst;
  return header;
}

}  // namespace

RecordQueue::RecordQueue(const WriteOptions& options, io::Sink* sink,
                         std::optional<std::uint64_t> front_index_bytes)
    : options_(options),
      nowhere_(sink == nullptr ? io::null_sink() : nullptr),
      records_(sink == nullptr ? *nowhere_ : *sink,
               header_of(options, front_index_bytes.has_value()), options.id,
               front_index_bytes.value_or(0)),
      builder_(header_of(options, front_index_bytes.has_value()), options.limits),
      repeats_(records_, builder_),
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
  item->flags = 0;
  item->chunk.reset();
  item->meta.clear();
  return item;
}

Result<RecordQueue::Item*> RecordQueue::next_chunk(Chunk chunk, std::uint64_t size) {
  BBZ_ASSIGN(Item* const item, next(chunk.number == 0 ? RecordType::kTensor : RecordType::kChunk));
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
  if (measures()) {
    // The meta has the same length whatever the bytes are.
    item.payload.clear();
    item.fields = chunk::describe(*chunk.tensor, chunk.number, {},
                                  chunk.coded_by.value_or(codec::CodecId::kRaw), options_.digest);
    return {};
  }
  if (const auto place = std::exchange(chunk.unread, std::nullopt)) {
    BBZ_TRY(io::read_exactly(*place->source, place->offset, item.plain));
  }
  if (chunk.support != nullptr && !chunk.coded_by) return encode_on_base(item);
  item.fields = chunk.coded_by ? chunk::describe(*chunk.tensor, chunk.number, item.plain,
                                                 *chunk.coded_by, options_.digest)
                               : chunk::encode(*chunk.tensor, chunk.number, item.plain,
                                               {options_.level}, options_.digest, item.payload);
  item.hash = options_.dedup ? repeats_.hash_of(item.payload) : RepeatFinder::Hash();
  return {};
}

// Encodes a chunk of a tensor that leans. It repeats no other.
Status RecordQueue::encode_on_base(Item& item) const {
  const Chunk& chunk = *item.chunk;
  const catalog::TensorMeta& tensor = *chunk.tensor;
  std::vector<std::byte> room;
  const std::uint64_t first = chunk.number * tensor.chunk_elements;
  BBZ_ASSIGN(const Bytes support,
             chunk.support->view(first * tensor.element_bits / 8, item.plain.size(), room));
  item.fields = chunk::encode_on_base(tensor, chunk.number, item.plain, support, {options_.level},
                                      options_.digest, item.payload);
  item.hash = {};
  return {};
}

// Replaces the payload of a chunk by a reference, if an earlier one is the same. Called on the calling
// thread, in order.
Status RecordQueue::refer(Item& item) {
  const Chunk& chunk = *item.chunk;
  if (!options_.dedup || chunk.coded_by) return {};
  BBZ_ASSIGN(const bool repeats,
             repeats_.find(*chunk.tensor, item.fields, item.payload, item.hash));
  if (!repeats) return {};
  item.hash.reset();
  item.payload.clear();
  item.fields.codec = codec::CodecId::kSame;
  return {};
}

// Makes the meta of a chunk's record. That of chunk 0 is the tensor's.
void RecordQueue::set_meta(Item& item) {
  const Chunk& chunk = *item.chunk;
  if (item.fields.number != 0) return catalog::encode_meta(item.fields, item.meta);
  const catalog::TensorRecord record{*chunk.tensor, chunk.placed, chunk.moved, item.fields};
  catalog::encode_meta(record, item.meta);
  item.flags = container::kFlagPayload;
  if (fields_extend(record)) item.flags |= container::kFlagExtended;
}

// Writes a record. Called on the calling thread, in order.
//
// The builder parses the meta that was just serialised, as a reader does. So one set of rules holds
// for writer and readers, no archive is written that no reader accepts, and the catalog and the
// root digest come from the bytes in the archive, not from what the writer meant to write.
Status RecordQueue::append(Item& item) {
  if (item.chunk && !measures()) BBZ_TRY(refer(item));
  if (item.chunk) set_meta(item);
  if (measures()) {
    // A payload is at most as long as the bytes of its chunk.
    const std::uint64_t most = item.chunk ? item.plain.size() : item.payload.size();
    BBZ_ASSIGN(const container::RecordHead head,
               records_.measure(item.type, item.meta, most, item.flags));
    return builder_.add({head, item.meta});
  }
  BBZ_ASSIGN(const container::RecordHead head,
             records_.append(item.type, item.meta, item.payload, item.flags));
  BBZ_TRY(builder_.add({head, item.meta}));
  if (item.chunk) repeats_.note(item.hash);
  return {};
}

Result<Digest> RecordQueue::finish() {
  BBZ_TRY(drain());
  BBZ_TRY(builder_.finish());
  const Digest root = builder_.root();
  BBZ_TRY(records_.finish(root));
  return root;
}

}  // namespace bbz::internal
