// The state of a Writer.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/base/format.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz {

struct Writer::State {
  // A record to write. Chunks are encoded on the pool's threads, and other records are complete.
  struct Item {
    container::RecordType type{};
    std::vector<std::byte> meta;
    std::vector<std::byte> payload;
    // The following members are for chunks only.
    std::vector<std::byte> plain;
    std::shared_ptr<io::Source> source;  // source of `plain`, or null if that is complete
    std::uint64_t offset = 0;            // in the source
    std::shared_ptr<const catalog::TensorMeta> tensor;
    std::uint32_t number = 0;
    std::optional<std::uint16_t> coded_by;  // codec of a payload that is complete
  };

  State(io::Sink& sink, const WriteOptions& o);

  // Reads a chunk from its source, if it has one, and encodes it. Called on the pool's threads.
  Status encode(Item& item) const;
  // Writes a record. Called on the calling thread, in order.
  Status append(Item& item);

  // Queues a record that is not a chunk.
  template <class Meta>
  Status send(container::RecordType type, const Meta& fields, Bytes payload = {}) {
    if (filling != nullptr) {
      return make_error(Code::kInvalidArgument, "a {} record in the middle of a chunk",
                        container::type_name(type));
    }
    BBZ_ASSIGN(Item* const next, queue.next());
    next->type = type;
    next->meta.clear();
    catalog::encode_meta(fields, next->meta);
    next->payload.assign(payload.begin(), payload.end());
    queue.submit();
    return {};
  }

  // Returns the digest of a payload, if the archive's kind of digest demands one in its record.
  std::optional<Digest> payload_digest(Bytes payload) const {
    if (options.digest != DigestKind::kSha256) return std::nullopt;
    return digest_of(options.digest, payload);
  }

  // Keeps the first error, which all later calls return.
  Status keep(Status status) {
    if (!status.ok() && failure.ok()) failure = status;
    return status;
  }

  Status begin_file(std::string_view path, catalog::FileKind kind);
  Status end_file();
  Status check_begin(const TensorSpec& spec) const;
  Status begin_tensor(const TensorSpec& spec);
  Result<MutableBytes> reserve();
  Status commit(std::size_t size);
  Result<std::uint64_t> write_from(const std::shared_ptr<io::Source>& source, std::uint64_t offset);
  Status write_coded(Bytes plain, std::uint16_t codec, Bytes payload);
  Status end_tensor();
  Result<Digest> finish();

  WriteOptions options;
  container::RecordWriter records;
  catalog::CatalogBuilder builder;
  Status failure;

  std::uint32_t files = 0;
  std::uint32_t tensors = 0;
  std::uint32_t groups = 0;
  bool file_open = false;
  bool finished = false;
  std::uint32_t file_tensors = 0;
  std::uint64_t file_end = 0;   // end of the last tensor in the open file
  std::uint64_t file_size = 0;  // largest end of a tensor in the open file
  std::optional<Hasher> file_hash;

  std::shared_ptr<catalog::TensorMeta> tensor;  // the open tensor, or null
  std::uint64_t tensor_bytes = 0;               // stored bytes that no complete chunk has
  Item* filling = nullptr;                      // the incomplete chunk, or null
  std::size_t filled = 0;                       // bytes of the incomplete chunk
  std::uint32_t chunk_number = 0;

  // Last members, so that the threads end before the members that they use are destroyed.
  parallel::ThreadPool pool;
  parallel::OrderedQueue<Item> queue;
};

}  // namespace bbz
