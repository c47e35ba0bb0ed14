// What a Writer holds. Internal.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/base/format.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz {

struct Writer::State {
  // A record on its way: chunks are encoded by the workers, the others pass through as they are.
  struct Item {
    container::RecordType type{};
    std::vector<std::byte> meta;
    std::vector<std::byte> payload;
    // Of a chunk:
    std::vector<std::byte> plain;
    std::shared_ptr<io::Source> source;  // where it is yet to be read from, null where it was
    std::uint64_t offset = 0;            // in the source
    std::shared_ptr<const catalog::TensorMeta> tensor;
    std::uint32_t number = 0;
    std::optional<std::uint16_t> coded_by;  // the payload is there already
  };

  State(io::Sink& sink, const WriteOptions& o);

  // On the pool's threads: reads what is left to read, and codes a chunk.
  Status encode(Item& item) const;
  // On the calling thread, in order.
  Status append(Item& item);

  // Sends a record that is no chunk on its way.
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

  std::optional<Digest> payload_digest(Bytes payload) const {
    if (options.digest != DigestKind::kSha256) return std::nullopt;
    return digest_of(options.digest, payload);
  }

  // Fails for good with the first error.
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
  std::uint64_t file_end = 0;   // the end of the last tensor in the open file
  std::uint64_t file_size = 0;  // the furthest end of any
  std::optional<Hasher> file_hash;

  std::shared_ptr<catalog::TensorMeta> tensor;  // the open one
  std::uint64_t tensor_bytes = 0;               // stored bytes that are still to come
  Item* filling = nullptr;                      // the chunk that is being filled
  std::size_t filled = 0;                       // bytes of it; 0 if there is none
  std::uint32_t chunk_number = 0;

  // Last, so that the workers end before what they use.
  parallel::ThreadPool pool;
  parallel::OrderedQueue<Item> queue;
};

}  // namespace bbz
