#include "bbz/ops/rotation/internal/model_file.h"

#include <algorithm>
#include <numeric>

#include "bbz/base/format.h"
#include "bbz/base/layer_name.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::rotation {

Status ModelFile::lay_out_files(const Record& longest) {
  if (options_->outputs.empty()) {
    Output only{model_->path, options_->attributes, {}, {}, model_->metadata, model_->header};
    only.tensors.resize(model_->tensors.size());
    std::iota(only.tensors.begin(), only.tensors.end(), std::size_t{0});
    own_.push_back(std::move(only));
  }
  outputs_ = own_.empty() ? std::span(options_->outputs) : std::span<const Output>(own_);
  short_record_ = reference_to(outputs_.back().path);
  places_.resize(model_->tensors.size());
  for (std::size_t f = 0; f < outputs_.size(); ++f) {
    const Output& output = outputs_[f];
    const bool last = f + 1 == outputs_.size();
    File file;
    BBZ_ASSIGN(file.layout, lay_out(*model_, output, last ? to_json(longest) : short_record_));
    file.left = output.tensors.size();
    for (std::size_t i = 0; i < output.tensors.size(); ++i) places_[output.tensors[i]] = {f, i};
    files_.push_back(std::move(file));
  }
  if (outputs_.size() == 1) return {};
  for (std::size_t i = 0; i < model_->tensors.size(); ++i) {
    if (!numbers_.emplace(model_->tensors[i].name, i).second) {
      return make_error(Code::kInvalidArgument, "the tensor {} is in two files",
                        quoted(model_->tensors[i].name));
    }
  }
  return {};
}

Result<ModelFile> ModelFile::begin(const Model& model, const Record& longest,
                                   std::vector<bool> rotated, Writer& writer,
                                   const PackOptions& options) {
  ModelFile file(model, writer, options);
  file.rotated_ = std::move(rotated);
  BBZ_TRY(file.lay_out_files(longest));
  BBZ_TRY(file.open());
  BBZ_TRY(file.advance());
  return file;
}

// Begins the file whose turn it is, with the tensors that need not wait for others.
Status ModelFile::open() {
  const Output& output = outputs_[open_];
  File& file = files_[open_];
  BBZ_TRY(writer_->begin_file(output.path, catalog::FileKind::kRegular, output.attributes));
  if (outputs_.size() == 1) return {};
  for (const std::size_t tensor : output.tensors) {
    if (rotated_[tensor] || written_[tensor]) continue;
    BBZ_ASSIGN(const std::vector<std::byte> bytes, model_->load(tensor));
    mark(tensor, bytes);
    BBZ_TRY(write(spec(tensor), bytes));
    count(bytes.size());
  }
  for (; !file.waiting.empty(); file.waiting.pop_front()) {
    const Waiting& tensor = file.waiting.front();
    std::vector<std::byte> bytes(tensor.size);
    if (!bytes.empty()) BBZ_TRY(spool_->read(tensor.offset, bytes));
    BBZ_TRY(write(tensor, bytes));
  }
  return {};
}

// Ends the open file while it is complete and not the last, and begins the next.
Status ModelFile::advance() {
  while (files_[open_].left == 0 && open_ + 1 < files_.size()) {
    BBZ_TRY(close(short_record_));
    ++open_;
    BBZ_TRY(open());
  }
  return {};
}

Status ModelFile::close(const std::string& record) {
  File& file = files_[open_];
  BBZ_ASSIGN(const std::vector<OutputFile::Piece> pieces, file.layout->pieces(record));
  for (const OutputFile::Piece& piece : pieces) {
    TensorSpec spec = TensorSpec::bytes(piece.bytes.size());
    spec.place = TensorSpec::At{piece.offset};
    BBZ_TRY(writer_->begin_tensor(spec));
    BBZ_TRY(writer_->write(piece.bytes));
    BBZ_TRY(writer_->end_tensor());
    count(piece.bytes.size());
  }
  BBZ_TRY(writer_->add_metadata("format", file.layout->format()));
  BBZ_TRY(writer_->add_metadata("symmetry", record));
  return writer_->end_file();
}

TensorSpec ModelFile::spec(std::size_t tensor) const {
  const TensorInfo& info = model_->tensors[tensor];
  const Place& place = places_[tensor];
  TensorSpec spec;
  spec.name = info.name;
  spec.dtype = info.dtype;
  spec.shape = info.shape;
  spec.block = info.block;
  spec.layer = layer_of(info.name);
  spec.place = TensorSpec::At{files_[place.file].layout->offset(place.place)};
  return spec;
}

void ModelFile::mark(std::size_t tensor, Bytes bytes) {
  const Place& place = places_[tensor];
  written_[tensor] = true;
  files_[place.file].layout->note_bytes(place.place, bytes);
}

// Writes a tensor of the open file.
Status ModelFile::write(const TensorSpec& spec, Bytes stored) {
  BBZ_TRY(writer_->begin_tensor(spec));
  BBZ_TRY(writer_->write(stored));
  BBZ_TRY(writer_->end_tensor());
  --files_[open_].left;
  return {};
}

Status ModelFile::write(const Waiting& tensor, Bytes bytes) {
  if (tensor.group.empty()) return write(tensor.spec, bytes);
  BBZ_ASSIGN(const std::uint32_t number,
             writer_->add_group(catalog::GroupMethod::kPolar, tensor.group));
  if (tensor.operand) {
    BBZ_TRY(writer_->begin_tensor(*tensor.operand));
    BBZ_TRY(writer_->write(bytes));
    BBZ_TRY(writer_->end_tensor());
  }
  TensorSpec spec = tensor.spec;
  spec.stored = {.form = catalog::Form::kPolar, .group = number, .elements = 0};
  return write(spec, {});
}

Result<std::size_t> ModelFile::file_of(const TensorSpec& spec) const {
  if (outputs_.size() == 1) return std::size_t{0};
  const auto found = numbers_.find(spec.name);
  if (found == numbers_.end()) {
    return make_error(Code::kInternal, "no tensor {} in the model", quoted(spec.name));
  }
  return places_[found->second].file;
}

// Writes a tensor, or keeps it until its file begins.
Status ModelFile::put(Waiting tensor, Bytes bytes) {
  BBZ_ASSIGN(const std::uint64_t elements, element_count(tensor.spec.shape));
  BBZ_ASSIGN(const std::uint64_t size, byte_size(tensor.spec.dtype, elements));
  BBZ_ASSIGN(const std::size_t file, file_of(tensor.spec));
  if (file == open_) {
    BBZ_TRY(write(tensor, bytes));
  } else {
    if (spool_ == nullptr) {
      BBZ_ASSIGN(spool_, io::Spool::create(options_->spool_folder));
    }
    tensor.offset = spool_->size();
    tensor.size = bytes.size();
    BBZ_TRY(spool_->write(bytes));
    files_[file].waiting.push_back(std::move(tensor));
  }
  count(size);
  return advance();
}

Status ModelFile::add(const TensorSpec& spec, Bytes stored) {
  return put({spec, 0, 0, {}, {}}, stored);
}

Status ModelFile::add_polar(const TensorSpec& spec, Bytes group, const TensorSpec& operand,
                            Bytes factor) {
  Waiting tensor{spec, 0, 0, {group.begin(), group.end()}, {}};
  if (!factor.empty()) tensor.operand = operand;
  return put(std::move(tensor), factor);
}

void ModelFile::count(std::uint64_t bytes) {
  done_ += bytes;
  if (options_->progress) options_->progress(done_);
}

Status ModelFile::add_dense(std::size_t tensor, Bytes bytes) {
  mark(tensor, bytes);
  return add(spec(tensor), bytes);
}

Result<std::uint64_t> ModelFile::coded_bytes(const TensorSpec& spec, Bytes plain,
                                             std::uint64_t enough) const {
  BBZ_ASSIGN(const catalog::TensorMeta meta, tensor_meta(spec, writer_->options().chunk_bytes));
  const std::uint64_t step = meta.chunk_elements * meta.element_bits / 8;
  std::uint64_t coded = 0;
  std::vector<std::byte> payload;
  for (std::uint64_t at = 0; at < plain.size() && coded < enough; at += step) {
    const Bytes part = plain.subspan(at, std::min<std::uint64_t>(step, plain.size() - at));
    codec::encode(
        chunk::codec_shape(meta, at * 8 / meta.element_bits, part.size() * 8 / meta.element_bits),
        part, {writer_->options().level}, payload);
    coded += payload.size();
  }
  return coded;
}

Status ModelFile::add_the_rest() {
  for (const Output& output : outputs_) {
    for (const std::size_t tensor : output.tensors) {
      if (written_[tensor]) continue;
      BBZ_ASSIGN(const std::vector<std::byte> bytes, model_->load(tensor));
      BBZ_TRY(add_dense(tensor, bytes));
    }
  }
  return {};
}

Status ModelFile::finish(const Record& record) {
  const std::string* const old = files_[open_].layout->old_record();
  if (old != nullptr && !record.rotated) return close(*old);
  return close(to_json(record));
}

}  // namespace bbz::rotation
