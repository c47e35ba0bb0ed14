#include "bbz/access/push/internal/assembler.h"

#include "bbz/base/format.h"
#include "bbz/format/chunk/payload.h"

namespace bbz::push::internal {

using container::RecordType;

Assembler::Assembler(Input& input, RecordMap& record_map, const Options& options,
                     const RangeSet& trusted, Receiver& receiver)
    : input_(input),
      record_map_(record_map),
      options_(options),
      trusted_(trusted),
      receiver_(receiver),
      pool_(options.threads),
      supports_(options.base) {}

bool Assembler::needs_group(const catalog::Chunk& chunk) const {
  return symmetry::needs_group(catalog().tensors[chunk.meta.tensor].meta, chunk);
}

Status Assembler::add(std::size_t unit) {
  switch (record_map_.unit(unit).type) {
    case RecordType::kFile:
      files_.emplace_back();
      return {};
    case RecordType::kFileEnd:
      files_.back().closed = true;
      return check_file(static_cast<std::uint32_t>(files_.size() - 1));
    case RecordType::kTensor:
      BBZ_TRY(add_tensor(unit));
      return add_repeat(unit);
    case RecordType::kChunk:
      return add_repeat(unit);
    case RecordType::kGroup:
      return add_group(unit);
    default:
      return {};
  }
}

Status Assembler::add_tensor(std::size_t unit) {
  const catalog::Tensor& tensor = catalog().tensors.back();
  const std::uint32_t number = tensor.meta.number;
  Progress progress;
  progress.unit = unit;
  progress.wanted = options_.decode;
  if (options_.decode && options_.wants) {
    progress.wanted =
        !tensor.is_operand() && options_.wants(catalog().files[tensor.meta.file], tensor);
  }
  progress_.push_back(progress);
  if (progress.wanted) {
    ++open_;
    const Status form = symmetry::check_form(catalog(), tensor);
    if (!form.ok()) {
      BBZ_TRY(fail(number, nullptr, form.error()));
    } else if (tensor.meta.is_view()) {
      // Who does not select tensors gets the files, which have the bytes already.
      BBZ_TRY(options_.wants ? add_view(number) : end_tensor(number, true));
    } else if (tensor.meta.group != catalog::kNone) {
      BBZ_TRY(wait_for_group(number));
    }
    if (!symmetry::is_derived(tensor.meta) && !tensor.meta.is_view()) {
      BBZ_TRY(close_if_done(number));
    }
  }
  if (tensor.chunk_count == 0) return tensor_whole(number);
  return {};
}

bool Assembler::needs_payload(const Unit& unit) const {
  if (const auto chunk = record_map_.chunk_of(unit)) {
    const catalog::ChunkMeta& meta = catalog().chunks[*chunk].meta;
    return wants(meta.tensor) || is_repeated(progress_[meta.tensor].unit + meta.number);
  }
  return unit.type == RecordType::kGroup || unit.type == RecordType::kMetadata;
}

Status Assembler::take(std::size_t number, Bytes payload) {
  Unit& unit = record_map_.unit(number);
  if (record_map_.chunk_of(unit)) return take_chunk(number, payload);
  switch (unit.type) {
    case RecordType::kGroup:
      return take_group(number, payload);
    case RecordType::kMetadata: {
      const catalog::Metadata& metadata = catalog().metadata[unit.item];
      BBZ_TRY(chunk::check_metadata(metadata, payload));
      if (chunk::check_known(metadata).ok()) {
        BBZ_TRY(receiver_.metadata(metadata, as_text(payload)));
      }
      break;
    }
    default:
      break;
  }
  unit.set(Unit::kHanded);
  input_.release(unit.payload());
  return {};
}

Status Assembler::trust(std::size_t number) {
  Unit& unit = record_map_.unit(number);
  unit.set(Unit::kHanded);
  unit.set(Unit::kTrusted);
  const auto chunk = record_map_.chunk_of(unit);
  if (!chunk) return {};
  const std::uint32_t tensor = catalog().chunks[*chunk].meta.tensor;
  Progress& progress = progress_[tensor];
  ++progress.verified;
  BBZ_TRY(count_as_handed(tensor));
  BBZ_TRY(trust_repeats(number));
  BBZ_TRY(look_at_views(number));
  const std::uint64_t count = catalog().tensors[tensor].chunk_count;
  return progress.verified == count ? tensor_whole(tensor) : Status();
}

// Counts a chunk as passed to the receiver of an earlier decoder.
Status Assembler::count_as_handed(std::uint32_t tensor) {
  const std::uint64_t handed = ++progress_[tensor].handed;
  if (handed != catalog().tensors[tensor].chunk_count || !wants(tensor)) return {};
  return end_tensor(tensor, true);
}

Status Assembler::take_chunk(std::size_t number, Bytes payload) {
  Unit& unit = record_map_.unit(number);
  const catalog::Chunk& chunk = catalog().chunks[*record_map_.chunk_of(unit)];
  const std::uint32_t tensor = chunk.meta.tensor;
  Progress& progress = progress_[tensor];
  ++progress.verified;
  if (!wants(tensor)) {
    unit.set(Unit::kHanded);
  } else if (chunk.same_as) {
    // It is handed out when the payload of the chunk that it repeats is verified.
  } else if (!needs_group(chunk)) {
    BBZ_TRY(hand_out(number, payload));
  } else if (!input_.has_store() && group_decided(catalog().tensors[tensor].meta.group)) {
    // With a store, the chunk waits until all of the tensor is there, so that the group is
    // assembled once for it.
    BBZ_TRY(hand_out(number, payload));
  }
  BBZ_TRY(take_repeats(number, payload));
  BBZ_TRY(look_at_views(number));
  if (!chunk.same_as) BBZ_TRY(keep_or_release(number));
  if (progress.verified == catalog().tensors[tensor].chunk_count) return tensor_whole(tensor);
  return {};
}

// Decodes a payload into `plain_`. `group` is that of the tensor, if the chunk needs one.
Status Assembler::decode(const catalog::Chunk& chunk, Bytes payload, symmetry::GroupState* group,
                         chunk::Check check) {
  const catalog::Tensor& tensor = catalog().tensors[chunk.meta.tensor];
  plain_.resize(chunk.decoded_bytes);
  chunk::Before before = chunk::Before::kNothing;
  if (catalog::leans(tensor.meta, chunk.meta)) {
    BBZ_TRY(chunk::check_known(tensor.meta, chunk));
    BBZ_TRY(supports_.fill(tensor, catalog().bases[tensor.meta.support->base], chunk, plain_));
    before = chunk::Before::kSupport;
  }
  return symmetry::decode_chunk(tensor.meta, chunk, payload, {group, &catalog()}, check, plain_,
                                before);
}

// Decodes one chunk and passes it to the receiver.
Status Assembler::hand_out(std::size_t number, Bytes payload) {
  Unit& unit = record_map_.unit(number);
  const catalog::Chunk& chunk = catalog().chunks[*record_map_.chunk_of(unit)];
  const std::uint32_t tensor = chunk.meta.tensor;
  const catalog::TensorMeta& meta = catalog().tensors[tensor].meta;
  std::shared_ptr<symmetry::GroupState> group;
  Status decoded;
  if (needs_group(chunk)) decoded = chunk::check_known(meta, chunk);
  if (needs_group(chunk) && decoded.ok()) {
    auto found = group_state(meta.group);
    if (found.ok()) {
      group = std::move(found).value();
    } else {
      decoded = found.error();
    }
  }
  if (decoded.ok()) decoded = decode(chunk, payload, group.get(), chunk::Check::kPayload);
  unit.set(Unit::kHanded);
  if (!decoded.ok()) return fail(tensor, &chunk, decoded.error());
  return pass_on(number);
}

// Passes a chunk that was decoded into `plain_` to the receiver.
Status Assembler::pass_on(std::size_t number) {
  record_map_.unit(number).set(Unit::kPassed);
  const catalog::Chunk& chunk = catalog().chunks[*record_map_.chunk_of(record_map_.unit(number))];
  const std::uint32_t tensor = chunk.meta.tensor;
  const catalog::TensorMeta& meta = catalog().tensors[tensor].meta;
  ++progress_[tensor].handed;
  BBZ_TRY(symmetry::place_chunk(meta, chunk, plain_, slice_, [&](std::uint64_t offset, Bytes part) {
    return deliver(tensor, offset, part);
  }));
  return close_if_done(tensor);
}

// Decodes the chunks of a tensor that waited for its group.
Status Assembler::hand_out_waiting(std::uint32_t tensor) {
  const std::uint64_t first = progress_[tensor].unit;
  const std::uint64_t count = catalog().tensors[tensor].chunk_count;
  for (std::uint64_t i = 0; i < count && first + i < record_map_.unit_count(); ++i) {
    const Unit& unit = record_map_.unit(first + i);
    if (!unit.is(Unit::kPayloadOk) || unit.is(Unit::kHanded) || !wants(tensor)) continue;
    if (!needs_group(catalog().chunks[*record_map_.chunk_of(unit)])) continue;  // it does not wait
    BBZ_ASSIGN(const Bytes payload, input_.read(unit.payload(), payload_));
    BBZ_TRY(hand_out(first + i, payload));
    input_.release(unit.payload());
  }
  return {};
}

// Derives a tensor that is not stored at all.
Status Assembler::derive(std::uint32_t number) {
  const catalog::Tensor& tensor = catalog().tensors[number];
  const auto state = group_state(tensor.meta.group);
  if (!state.ok()) return fail(number, nullptr, state.error());
  dense_.resize(tensor.byte_size);
  const Status derived = (*state)->derive(catalog(), tensor, pool_, dense_);
  if (!derived.ok()) return fail(number, nullptr, derived.error());
  BBZ_TRY(deliver(number, 0, dense_));
  return end_tensor(number, false);
}

Status Assembler::deliver(std::uint32_t tensor, std::uint64_t offset, Bytes bytes) {
  Progress& progress = progress_[tensor];
  if (!progress.begun) {
    progress.begun = true;
    BBZ_TRY(receiver_.begin_tensor(catalog().tensors[tensor]));
  }
  return receiver_.data(catalog().tensors[tensor], offset, bytes);
}

Status Assembler::fail(std::uint32_t tensor, const catalog::Chunk* chunk, const Error& error) {
  Progress& progress = progress_[tensor];
  const bool first = !progress.broken;
  progress.broken = true;
  if (first) {
    --open_;
    let_go_of_group(tensor);
  }
  return receiver_.failed(catalog().tensors[tensor], chunk, error);
}

Status Assembler::close_if_done(std::uint32_t tensor) {
  if (!wants(tensor) || progress_[tensor].handed != catalog().tensors[tensor].chunk_count) {
    return {};
  }
  return end_tensor(tensor, false);
}

Status Assembler::end_tensor(std::uint32_t number, bool silently) {
  const catalog::Tensor& tensor = catalog().tensors[number];
  Progress& progress = progress_[number];
  progress.ended = true;
  --open_;
  if (!silently) {
    if (!progress.begun) {
      progress.begun = true;
      BBZ_TRY(receiver_.begin_tensor(tensor));
    }
    BBZ_TRY(receiver_.end_tensor(tensor));
  }
  let_go_of_group(number);
  if (tensor.is_operand() || tensor.meta.is_view()) return {};
  ++files_[tensor.meta.file].ended;
  return silently ? Status() : check_file(tensor.meta.file);
}

Status Assembler::check_file(std::uint32_t number) {
  const catalog::File& file = catalog().files[number];
  const FileProgress& progress = files_[number];
  if (!options_.decode || !progress.closed || progress.ended != file.tensors.size()) return {};
  return catalog::check_file(file).ok() ? receiver_.end_file(file) : Status();
}

}  // namespace bbz::push::internal
