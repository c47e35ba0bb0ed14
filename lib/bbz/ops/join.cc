#include "bbz/ops/join.h"

#include <optional>
#include <utility>

#include "bbz/archive/repeat_finder.h"
#include "bbz/base/format.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_reader.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/ops/internal/renumber.h"

namespace bbz::ops {
namespace {

using container::RecordHead;
using container::RecordReader;
using container::RecordView;

// The flags of a record that do not follow from its type or its place.
constexpr std::uint8_t kKept = container::kFlagPayload | container::kFlagExtended;

// Writes the records of the parts into the whole, or measures its index.
class Joiner {
 public:
  Joiner(container::RecordWriter& records, const container::FileHeader& header,
         const JoinOptions& options, bool measures)
      : records_(records),
        options_(options),
        measures_(measures),
        builder_(header, options.limits),
        repeats_(records, builder_),
        renumberer_(options.limits),
        header_(header) {}

  // Adds the records of a part. Errors: those of join(), without the name of the part.
  Status add(RecordReader reader) {
    if (reader.header().digest_kind != header_.digest_kind) {
      return error_with_message(Code::kInvalidArgument,
                                "its digests are of another kind than those of the first part");
    }
    catalog::CatalogBuilder part(reader.header(), options_.limits);
    renumberer_.begin_part(reader.header());
    while (true) {
      BBZ_ASSIGN(const std::optional<RecordView> record, reader.next());
      if (!record) break;
      BBZ_TRY(part.add(*record));
      BBZ_TRY(reader.read_pad());
      payload_.clear();
      if (!container::is_known(record->head.type)) {
        // It is refused before its payload is read, because that has no limit.
        BBZ_TRY(renumberer_.meta_of(*record, {}));
      }
      const bool is_value = record->head.type == container::RecordType::kMetadata;
      if (record->head.has_payload() && (!measures_ || is_value)) {
        BBZ_TRY(reader.read_payload(payload_));
      }
      BBZ_TRY(copy(part.catalog(), *record));
    }
    BBZ_TRY(part.finish());
    const Digest root = part.root();
    if (root != reader.trailer().root) {
      return make_error(Code::kChecksum, "trailer: root digest {}, computed {}",
                        reader.trailer().root.to_string(), root.to_string());
    }
    return {};
  }

  // Ends the whole. Errors: those of the sink.
  Result<JoinSummary> finish() {
    BBZ_TRY(builder_.finish());
    JoinSummary summary;
    summary.root = builder_.root();
    BBZ_TRY(records_.finish(summary.root));
    const catalog::Catalog& catalog = builder_.catalog();
    summary.files = catalog.files.size();
    for (const catalog::Tensor& tensor : catalog.tensors) {
      if (tensor.meta.is_named()) ++summary.tensors;
    }
    summary.archive_bytes = records_.offset();
    return summary;
  }

 private:
  // Returns whether a record has a chunk that repeats one in the whole. `hash` becomes that of its
  // payload.
  Result<bool> find_repeat(const catalog::Catalog& part, const RecordView& record,
                           RepeatFinder::Hash& hash) {
    if (!options_.dedup || measures_ || !record.head.has_chunk()) return false;
    hash = repeats_.hash_of(payload_);
    // One that repeats another of its part has no payload, and stays as it is.
    const catalog::ChunkMeta& chunk = part.chunks.back().meta;
    return repeats_.find(part.tensors[chunk.tensor].meta, chunk, payload_, hash);
  }

  // Copies the newest record of a part.
  Status copy(const catalog::Catalog& part, const RecordView& record) {
    RepeatFinder::Hash hash;
    BBZ_ASSIGN(const bool repeats, find_repeat(part, record, hash));
    BBZ_ASSIGN(const auto meta, renumberer_.meta_of(record, payload_, repeats));
    if (!meta) return {};
    if (repeats) payload_.clear();
    const auto flags = static_cast<std::uint8_t>(record.head.flags & kKept);
    if (measures_) {
      BBZ_TRY(records_.measure(record.head.type, *meta, record.head.payload_length, flags));
      return {};
    }
    BBZ_ASSIGN(const RecordHead head, records_.append(record.head.type, *meta, payload_, flags));
    const Status added = builder_.add({head, *meta});
    if (added.code() == Code::kMalformed) {
      // Both are right by themselves, so they do not go together.
      return error_with_message(
          Code::kInvalidArgument,
          "it does not go together with the parts before it: " + added.error().message);
    }
    BBZ_TRY(added);
    if (!repeats) repeats_.note(hash);
    copied_ += head.end() - head.offset;
    if (options_.progress) options_.progress(copied_);
    return {};
  }

  container::RecordWriter& records_;
  const JoinOptions& options_;
  bool measures_;
  catalog::CatalogBuilder builder_;
  RepeatFinder repeats_;
  Renumberer renumberer_;
  container::FileHeader header_;
  std::vector<std::byte> payload_;  // of one record
  std::uint64_t copied_ = 0;
};

using Parts = std::span<const std::shared_ptr<io::Source>>;

Error about(const io::Source& part, const Error& error) {
  return make_error(error.code, "{}: {}", part.name(), error.message);
}

Result<RecordReader> open_part(io::Source& part, const JoinOptions& options) {
  auto reader = RecordReader::open(part, options.limits);
  if (!reader.ok()) return about(part, reader.error());
  return reader;
}

// Adds all parts. `first` reads the first of them, which may be a stream.
Status add_all(Parts parts, RecordReader first, const JoinOptions& options, Joiner& joiner) {
  std::optional<RecordReader> reader = std::move(first);
  for (const auto& part : parts) {
    if (!reader) {
      BBZ_ASSIGN(reader, open_part(*part, options));
    }
    const Status added = joiner.add(*std::exchange(reader, std::nullopt));
    if (!added.ok()) return about(*part, added.error());
  }
  return {};
}

// Returns the most bytes that the list of the index of the whole can have.
Result<std::uint64_t> measure(Parts parts, const container::FileHeader& header,
                              const JoinOptions& options) {
  for (const auto& part : parts) {
    if (part->seekable()) continue;
    return make_error(Code::kInvalidArgument,
                      "{}: an index at the front needs parts that can be read twice, not a stream",
                      part->name());
  }
  const auto nowhere = io::null_sink();
  container::RecordWriter records(*nowhere, header, 0);
  BBZ_TRY(records.begin());
  Joiner joiner(records, header, options, true);
  BBZ_ASSIGN(RecordReader first, open_part(*parts.front(), options));
  BBZ_TRY(add_all(parts, std::move(first), options, joiner));
  return records.most_index_bytes();
}

}  // namespace

Result<JoinSummary> join(Parts parts, io::Sink& sink, const JoinOptions& options) {
  if (parts.empty()) return error_with_message(Code::kInvalidArgument, "join: there are no parts");
  for (const auto& part : parts) BBZ_TRY(io::add_input(sink, *part));
  BBZ_ASSIGN(RecordReader first, open_part(*parts.front(), options));
  container::FileHeader header;
  header.digest_kind = first.header().digest_kind;
  header.alignment = first.header().alignment;
  std::uint64_t index_bytes = 0;
  if (options.index_first) {
    BBZ_ASSIGN(index_bytes, measure(parts, header, options));
    header.required_features |= container::kFeatureIndexFirst;
  }
  container::RecordWriter records(sink, header, std::nullopt, index_bytes);
  BBZ_TRY(records.begin());
  Joiner joiner(records, header, options, false);
  BBZ_TRY(add_all(parts, std::move(first), options, joiner));
  return joiner.finish();
}

}  // namespace bbz::ops
