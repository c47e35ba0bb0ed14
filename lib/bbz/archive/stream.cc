#include "bbz/archive/stream.h"

#include <map>
#include <unordered_map>

#include "bbz/archive/delivery.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/format/chunk/payload.h"
#include "bbz/format/container/record_reader.h"

namespace bbz {
namespace {

using container::RecordType;
using container::RecordView;
using internal::Step;

// Converts records to steps, on the calling thread. Steps have copies of entries, because the
// catalog grows while other threads decode.
class StreamPlan {
 public:
  StreamPlan(container::RecordReader& reader, catalog::CatalogBuilder& builder,
             const StreamOptions& options)
      : reader_(reader), builder_(builder), options_(options) {}

  Result<bool> next(Step& step) {
    while (true) {
      // A tensor ends after its last chunk. No record marks its end.
      if (tensor_ && chunks_left_ == 0) {
        step.kind = Step::Kind::kEndTensor;
        step.tensor = std::move(tensor_);
        return true;
      }
      BBZ_ASSIGN(const std::optional<RecordView> record, reader_.next());
      if (!record) return false;
      BBZ_TRY(builder_.add(*record));
      if (options_.progress) options_.progress(record->head.offset);
      BBZ_ASSIGN(const bool filled, take(*record, step));
      if (filled) return true;
    }
  }

 private:
  // Fills the step for a record. Returns false if the record needs none.
  Result<bool> take(const RecordView& record, Step& step) {
    const catalog::Catalog& catalog = builder_.catalog();
    switch (record.head.type) {
      case RecordType::kFile:
        step.kind = Step::Kind::kBeginFile;
        step.file = std::make_shared<catalog::File>(catalog.files.back());
        return true;
      case RecordType::kFileEnd:
        step.kind = Step::Kind::kEndFile;
        step.file = std::make_shared<catalog::File>(catalog.files.back());
        return true;
      case RecordType::kTensor:
        step.kind = Step::Kind::kBeginTensor;
        tensor_ = std::make_shared<catalog::Tensor>(catalog.tensors.back());
        wanted_ = options_.decode && (!options_.wants || tensor_->is_operand() ||
                                      options_.wants(catalog.files.back(), *tensor_));
        // The tensors of a group are decoded for those that refer to the group.
        decode_ = wanted_ || (options_.decode && tensor_->meta.number < group_end_);
        step.tensor = tensor_;
        step.decode = decode_;
        step.wanted = wanted_;
        chunks_left_ = tensor_->chunk_count;
        return true;
      case RecordType::kChunk:
        return take_chunk(step);
      case RecordType::kMetadata:
        step.kind = Step::Kind::kMetadata;
        step.metadata = catalog.metadata.back();
        BBZ_TRY(reader_.read_payload(step.payload));
        BBZ_TRY(chunk::check_metadata(step.metadata, step.payload));
        return true;
      case RecordType::kGroup:
        step.kind = Step::Kind::kGroup;
        step.group = catalog.groups.back();
        BBZ_TRY(reader_.read_payload(step.payload));
        BBZ_TRY(chunk::check_payload_digest(step.group.meta.payload_digest, step.group.payload,
                                            step.payload));
        take_group(step);
        return true;
      default:
        // The payload is not kept in memory, because that of an unknown record has no limit.
        BBZ_TRY(reader_.verify_payload());
        return false;
    }
  }

  // Parses a group. An unsupported group is an error only for the tensors that refer to it.
  void take_group(Step& step) {
    auto state = symmetry::GroupState::make(step.group, step.payload, reader_.header().digest_kind);
    step.group_state = state.ok() ? std::move(state).value() : nullptr;
    step.outcome = {};
    if (step.group_state) {
      group_end_ = step.group.first_tensor + step.group_state->tensor_count();
    } else {
      step.outcome = state.error();
    }
  }

  Result<bool> take_chunk(Step& step) {
    --chunks_left_;
    step.kind = Step::Kind::kChunk;
    step.tensor = tensor_;
    step.chunk = builder_.catalog().chunks.back();
    step.outcome = {};
    // A missing payload ends the stream. The visitor decides about a damaged one.
    step.left = reader_.can_leave_payload();
    if (!step.left) BBZ_TRY(reader_.fetch_payload(step.payload));
    step.decode = decode_;
    step.check = symmetry::Check::kPayload;
    step.wanted = wanted_;
    if (decode_) step.outcome = symmetry::check_form(builder_.catalog(), *step.tensor);
    return true;
  }

  container::RecordReader& reader_;
  catalog::CatalogBuilder& builder_;
  const StreamOptions& options_;
  std::shared_ptr<const catalog::Tensor> tensor_;
  std::uint64_t chunks_left_ = 0;
  std::uint64_t group_end_ = 0;  // number after the last tensor of the newest group
  bool decode_ = true;
  bool wanted_ = true;
};

// Keeps the groups to which later tensors of the stream may refer, which are the newest ones of
// each method. Passes all calls on to the visitor, except data() of tensors that are not wanted.
class GroupKeeper final : public Visitor {
 public:
  GroupKeeper(const catalog::Catalog& catalog, Visitor& visitor)
      : catalog_(catalog), visitor_(visitor) {}

  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    return visitor_.metadata(metadata, value);
  }

  // Takes a group, or a chunk of its tensors, from a step. Called for each step before its
  // delivery.
  Status take(Step& step) {
    wanted_ = step.wanted;
    if (step.kind == Step::Kind::kChunk && step.decode && step.outcome.ok()) keep(step);
    if (step.kind != Step::Kind::kGroup) return {};
    if (step.group_state) newest_[step.group.meta.method] = {std::move(step.group_state), {}, {}};
    if (step.outcome.ok() || step.outcome.code() != Code::kUnsupported) return step.outcome;
    unsupported_ = {step.group.meta.number, step.outcome.error()};
    return {};
  }

  Result<std::shared_ptr<symmetry::GroupState>> find(std::uint32_t number) {
    for (auto& [method, group] : newest_) {
      if (group.state->number() != number) continue;
      if (!group.together) group.together = put_together(group);
      BBZ_TRY(*group.together);
      return group.state;
    }
    if (unsupported_ && unsupported_->first == number) return unsupported_->second;
    return make_error(Code::kUnsupported,
                      "group {}: too far before the tensor that refers to it, for a stream",
                      number);
  }

  Status begin_file(const catalog::File& file) override { return visitor_.begin_file(file); }
  Status begin_tensor(const catalog::Tensor& tensor) override {
    return visitor_.begin_tensor(tensor);
  }
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!wanted_) return {};
    return visitor_.data(tensor, offset, bytes);
  }
  Status end_tensor(const catalog::Tensor& tensor) override { return visitor_.end_tensor(tensor); }
  Status end_file(const catalog::File& file) override { return visitor_.end_file(file); }
  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                 const Error& error) override {
    return visitor_.damaged(tensor, chunk, error);
  }
  Status not_derived(const catalog::Tensor& tensor, const Error& error) override {
    return visitor_.not_derived(tensor, error);
  }

 private:
  // A group with the payloads of its tensors' chunks. They are decoded when a tensor refers to the
  // group. Before that, it takes no more memory than its size in the archive.
  struct Kept {
    std::shared_ptr<symmetry::GroupState> state;
    std::unordered_map<std::uint64_t, std::vector<std::byte>> payloads;  // by offset
    std::optional<Status> together;
  };

  void keep(const Step& step) {
    for (auto& [method, group] : newest_) {
      if (group.together || !group.state->wants(*step.tensor)) continue;
      group.payloads[step.chunk.payload.offset] = step.payload;
    }
  }

  // Decodes the tensors of a group from their payloads, which were verified before.
  Status put_together(Kept& group) const {
    const auto payload_of = [&](const catalog::Tensor& tensor,
                                const catalog::Chunk& chunk) -> Result<Bytes> {
      const auto found = group.payloads.find(chunk.payload.offset);
      if (found == group.payloads.end()) return symmetry::not_whole(group.state->number(), tensor);
      return Bytes(found->second);
    };
    Status status = group.state->put_together(catalog_, payload_of, chunk::decode);
    group.payloads.clear();
    return status;
  }

  const catalog::Catalog& catalog_;
  Visitor& visitor_;
  bool wanted_ = true;
  std::map<catalog::GroupMethod, Kept> newest_;
  std::optional<std::pair<std::uint32_t, Error>> unsupported_;  // newest unsupported group
};

}  // namespace

Result<StreamSummary> read_stream(io::Source& source, const StreamOptions& options,
                                  Visitor& visitor) {
  const io::ByteRange whole[] = {{0, source.size().value_or(0)}};
  const auto hint = source.prefetch(whole);
  BBZ_ASSIGN(container::RecordReader reader, container::RecordReader::open(source, options.limits));
  catalog::CatalogBuilder builder(reader.header(), options.limits);
  StreamPlan plan(reader, builder, options);
  BBZ_TRY(visitor.begin_archive(reader.header()));
  GroupKeeper keeper(builder.catalog(), visitor);
  parallel::ThreadPool pool(options.threads);
  internal::Delivery delivery(builder.catalog(), keeper, pool,
                              [&](std::uint32_t group) { return keeper.find(group); });
  const Status delivered = parallel::ordered_map<Step>(
      pool, parallel::queue_depth(pool), [&](Step& step) { return plan.next(step); },
      [&](Step& step) { return internal::decode_step(step, source); },
      [&](Step& step) -> Status {
        BBZ_TRY(keeper.take(step));
        return delivery.deliver(step);
      });
  BBZ_TRY(delivered);
  BBZ_TRY(builder.finish());
  StreamSummary summary;
  summary.root = builder.root();
  if (reader.trailer().root != summary.root) {
    return make_error(Code::kChecksum, "trailer: root digest {}, computed {}",
                      reader.trailer().root.to_string(), summary.root.to_string());
  }
  summary.archive_bytes = reader.trailer().archive_length;
  if (options.progress) options.progress(summary.archive_bytes);
  summary.catalog = builder.take();
  return summary;
}

}  // namespace bbz
