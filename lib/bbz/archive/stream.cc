#include "bbz/archive/stream.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "bbz/archive/delivery.h"
#include "bbz/archive/supports.h"
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
      // The record of a tensor has its first chunk.
      if (std::exchange(first_chunk_, false)) return take_chunk(step);
      // A tensor ends after its last chunk. No record marks its end.
      if (tensor_ && chunks_left_ == 0) {
        step.call = Step::EndTensor{std::move(tensor_)};
        return true;
      }
      BBZ_ASSIGN(const std::optional<RecordView> record, reader_.next());
      if (!record) return false;
      BBZ_TRY(builder_.add(*record));
      BBZ_TRY(reader_.read_pad());
      own_check_ = record->head.payload_check;
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
        step.call = Step::BeginFile{std::make_shared<catalog::File>(catalog.files.back())};
        return true;
      case RecordType::kFileEnd:
        step.call = Step::EndFile{std::make_shared<catalog::File>(catalog.files.back())};
        return true;
      case RecordType::kTensor:
        tensor_ = std::make_shared<catalog::Tensor>(catalog.tensors.back());
        use_ = use_of(*tensor_);
        step.call = Step::BeginTensor{tensor_, use_};
        chunks_left_ = tensor_->chunk_count;
        base_.reset();
        if (tensor_->meta.leans()) {
          base_ = std::make_shared<catalog::BaseMeta>(catalog.bases[tensor_->meta.support->base]);
        }
        first_chunk_ = chunks_left_ != 0;
        return true;
      case RecordType::kChunk:
        return take_chunk(step);
      case RecordType::kMetadata:
        step.call =
            Step::Metadata{catalog.metadata.back(), chunk::check_known(catalog.metadata.back())};
        BBZ_TRY(reader_.read_payload(step.payload));
        BBZ_TRY(chunk::check_metadata(catalog.metadata.back(), step.payload));
        return true;
      case RecordType::kGroup:
        BBZ_TRY(take_group(step));
        return true;
      default:
        // The payload is not kept in memory, because that of an unknown record has no limit.
        BBZ_TRY(reader_.verify_payload());
        return false;
    }
  }

  // Returns what to do with a tensor's chunks.
  Step::Use use_of(const catalog::Tensor& tensor) const {
    if (!options_.decode) return Step::Use::kCheck;
    if (tensor.meta.is_view()) {
      // Its bytes are those of its base: they are gathered only for who asks for the view.
      if (!options_.wants) return Step::Use::kDecode;
      const bool wanted = options_.wants(builder_.catalog().files.back(), tensor);
      return wanted ? Step::Use::kDeliver : Step::Use::kCheck;
    }
    if (!options_.wants || tensor.is_operand() ||
        options_.wants(builder_.catalog().files.back(), tensor)) {
      return Step::Use::kDeliver;
    }
    // The tensors of a group are decoded for those that refer to the group.
    return tensor.meta.number < group_end_ ? Step::Use::kDecode : Step::Use::kCheck;
  }

  // Parses a group. An unsupported group is an error only for the tensors that refer to it.
  Status take_group(Step& step) {
    const catalog::Group& group = builder_.catalog().groups.back();
    BBZ_TRY(reader_.read_payload(step.payload));
    BBZ_TRY(chunk::check_payload(group.meta.check, group.payload, step.payload));
    auto state = symmetry::GroupState::make(group, step.payload, reader_.header().digest_kind);
    // The tensors of an older group may come after those of the newest one.
    if (state.ok()) {
      group_end_ = std::max(group_end_, group.first_tensor + (*state)->tensor_count());
    }
    step.call = Step::Group{group.meta, std::move(state)};
    return {};
  }

  Result<bool> take_chunk(Step& step) {
    --chunks_left_;
    Step::Chunk chunk{tensor_, builder_.catalog().chunks.back(), use_, chunk::Check::kPayload};
    // A missing payload ends the stream. The visitor decides about a damaged one.
    chunk.base = base_;
    chunk.left = reader_.can_leave_payload();
    chunk.passed = chunk.chunk.same_as && !chunk.left;
    if (!chunk.left) BBZ_TRY(reader_.fetch_payload(step.payload));
    if (chunk.chunk.same_as && own_check_ != check32({})) {
      chunk.outcome = error_with_message(
          Code::kChecksum, "a chunk of codec same: its payload check is not that of no bytes");
    }
    if (use_ != Step::Use::kCheck && chunk.outcome.ok()) {
      chunk.outcome = symmetry::check_form(builder_.catalog(), *tensor_);
    }
    step.call = std::move(chunk);
    return true;
  }

  container::RecordReader& reader_;
  catalog::CatalogBuilder& builder_;
  const StreamOptions& options_;
  std::shared_ptr<const catalog::Tensor> tensor_;
  std::shared_ptr<const catalog::BaseMeta> base_;  // of the current tensor, if it leans
  std::uint64_t chunks_left_ = 0;
  std::optional<std::uint32_t> own_check_;  // the payload check of the newest record
  bool first_chunk_ = false;                // it is still to be taken
  std::uint64_t group_end_ = 0;             // number after the last tensor of any group so far
  Step::Use use_ = Step::Use::kDeliver;     // of the current tensor
};

// Keeps the groups to which later tensors of the stream may refer, which are the newest ones of
// each method.
class GroupKeeper {
 public:
  explicit GroupKeeper(const catalog::Catalog& catalog) : catalog_(catalog) {}

  // Takes a group, or a chunk of its tensors, from a step. Called for each step before its
  // delivery.
  Status take(Step& step) {
    if (const auto* const chunk = std::get_if<Step::Chunk>(&step.call)) {
      // What is not known is kept too: it decides what is said of that which needs the group.
      const bool whole = chunk->outcome.ok() || chunk->outcome.code() == Code::kUnsupported;
      if (chunk->use != Step::Use::kCheck && whole) keep(*chunk, step.payload);
    }
    auto* const group = std::get_if<Step::Group>(&step.call);
    if (group == nullptr) return {};
    if (group->state.ok()) {
      newest_[group->meta.method] = {std::move(*group->state), {}, {}};
    } else if (group->state.code() == Code::kUnsupported) {
      unsupported_ = {group->meta.number, group->state.error()};
    } else {
      return group->state.error();
    }
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

 private:
  // A group with the payloads of its tensors' chunks. They are decoded when a tensor refers to the
  // group. Before that, it takes no more memory than its size in the archive.
  struct Kept {
    std::shared_ptr<symmetry::GroupState> state;
    std::unordered_map<std::uint64_t, std::vector<std::byte>> payloads;  // by offset
    std::optional<Status> together;
  };

  void keep(const Step::Chunk& chunk, const std::vector<std::byte>& payload) {
    for (auto& [method, group] : newest_) {
      if (group.together || !group.state->wants(*chunk.tensor)) continue;
      group.payloads[chunk.chunk.payload.offset] = payload;
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
    Status status = group.state->put_together(catalog_, payload_of, chunk::Check::kDecoded);
    group.payloads.clear();
    return status;
  }

  const catalog::Catalog& catalog_;
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
  GroupKeeper keeper(builder.catalog());
  Supports supports(options.base);
  parallel::ThreadPool pool(options.threads);
  internal::Delivery delivery(builder.catalog(), visitor, pool,
                              [&](std::uint32_t group) { return keeper.find(group); });
  const Status delivered = parallel::ordered_map<Step>(
      pool, parallel::queue_depth(pool), [&](Step& step) { return plan.next(step); },
      [&](Step& step) {
        return internal::decode_step(step, source, [&](const Step::Chunk& chunk, MutableBytes out) {
          return supports.fill(*chunk.tensor, *chunk.base, chunk.chunk, out);
        });
      },
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
