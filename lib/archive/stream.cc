#include "bbz/archive/stream.h"

#include "bbz/archive/delivery.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/catalog/builder.h"
#include "bbz/container/record_reader.h"

namespace bbz {
namespace {

using container::RecordType;
using container::RecordView;
using internal::Step;

// Turns records into steps. Runs on the calling thread; the entries it hands out are copies,
// because the catalog grows while the workers decode.
class StreamPlan {
 public:
  StreamPlan(container::RecordReader& reader, catalog::CatalogBuilder& builder,
             const StreamOptions& options)
      : reader_(reader), builder_(builder), options_(options) {}

  Result<bool> next(Step& step) {
    while (true) {
      // The end of a tensor is where its last chunk was, which only the catalog can tell.
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
  // Fills the step that a record means; false where it means none.
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
        decode_ = options_.decode && (!options_.wants || tensor_->is_operand() ||
                                      options_.wants(catalog.files.back(), *tensor_));
        step.tensor = tensor_;
        chunks_left_ = tensor_->chunk_count;
        return true;
      case RecordType::kChunk:
        return take_chunk(step);
      case RecordType::kMetadata:
        step.kind = Step::Kind::kMetadata;
        step.metadata = catalog.metadata.back();
        BBZ_TRY(reader_.read_payload(step.payload));
        return true;
      default:
        // Not held in memory: that of an unknown record has no limit.
        BBZ_TRY(reader_.verify_payload());
        return false;
    }
  }

  Result<bool> take_chunk(Step& step) {
    --chunks_left_;
    step.kind = Step::Kind::kChunk;
    step.tensor = tensor_;
    step.chunk = builder_.catalog().chunks.back();
    step.outcome = {};
    const Status read = reader_.read_payload(step.payload);
    // A payload that is there but damaged is the visitor's to judge; one that is not there ends the
    // stream.
    if (!read.ok() && read.code() != Code::kChecksum) return read.error();
    step.decode = decode_;
    if (!decode_) {
      step.outcome = chunk::check_payload(step.tensor->meta, step.chunk, step.payload);
    } else if (step.tensor->meta.form != catalog::kFormDense) {
      step.outcome = make_error(Code::kUnsupported, "tensor {}: unknown form {}",
                                quoted(step.tensor->meta.name), step.tensor->meta.form);
    }
    return true;
  }

  container::RecordReader& reader_;
  catalog::CatalogBuilder& builder_;
  const StreamOptions& options_;
  std::shared_ptr<const catalog::Tensor> tensor_;
  std::uint64_t chunks_left_ = 0;
  bool decode_ = true;
};

}  // namespace

Result<StreamSummary> read_stream(io::Source& source, const StreamOptions& options,
                                  Visitor& visitor) {
  BBZ_ASSIGN(container::RecordReader reader, container::RecordReader::open(source, options.limits));
  catalog::CatalogBuilder builder(reader.header(), options.limits);
  StreamPlan plan(reader, builder, options);
  parallel::ThreadPool pool(options.threads);
  BBZ_TRY(visitor.begin_archive(reader.header()));
  BBZ_TRY(parallel::ordered_map<Step>(
      pool, internal::delivery_depth(pool), [&](Step& step) { return plan.next(step); },
      internal::decode_step,
      [&](Step& step) -> Status { return internal::deliver_step(step, visitor); }));
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
