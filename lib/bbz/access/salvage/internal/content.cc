#include "bbz/access/salvage/internal/content.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/payload.h"
#include "bbz/symmetry/view.h"

namespace bbz::salvage {
namespace {

catalog::Tensor entry_of(const FoundTensor& tensor) {
  catalog::Tensor entry;
  entry.meta = tensor.meta;
  entry.byte_size = tensor.byte_size;
  entry.chunk_count = tensor.chunk_count;
  for (const auto& [number, chunk] : tensor.chunks) {
    const bool repeats = chunk.same_as || chunk.meta.codec == codec::CodecId::kSame;
    if (!repeats) entry.stored_bytes += chunk.payload.length;
    entry.repeats = entry.repeats || repeats;
  }
  return entry;
}

// Returns the chunk of this number as its tensor's record implies it, whether it was found or not.
catalog::Chunk expected_chunk(const FoundTensor& tensor, std::uint64_t number) {
  catalog::ChunkMeta meta;
  meta.tensor = tensor.meta.number;
  meta.number = static_cast<std::uint32_t>(number);
  return catalog::chunk_of(tensor.meta, meta);
}

}  // namespace

Status Content::read(const FoundTensor& tensor, const std::function<Status(const Piece&)>& take) {
  const Status form = symmetry::check_record(entry_of(tensor));
  if (!form.ok()) return take({tensor.byte_size, form, {}});
  if (tensor.meta.is_view()) return read_view(tensor, take);
  if (symmetry::is_derived(tensor.meta)) {
    const Status derived = read_derived(tensor);
    return take({tensor.byte_size, derived, derived.ok() ? Bytes(derived_) : Bytes()});
  }
  const bool rides = std::ranges::any_of(tensor.chunks, [&](const auto& entry) {
    return symmetry::needs_group(tensor.meta, entry.second);
  });
  Result<std::shared_ptr<Group>> group = std::shared_ptr<Group>();
  if (rides) group = find_group(tensor.meta, 0);
  std::uint64_t next = 0;
  return parallel::ordered_map<Job>(
      pool_, parallel::queue_depth(pool_),
      [&](Job& job) -> Result<bool> {
        job.number = next;
        return next++ < tensor.chunk_count;
      },
      [&](Job& job) {
        decode(tensor, group, job);
        return Status();
      },
      [&](Job& job) { return pass_on(tensor, job, take); });
}

// Passes a decoded chunk to `take`, on the calling thread.
Status Content::pass_on(const FoundTensor& tensor, Job& job,
                        const std::function<Status(const Piece&)>& take) {
  if (!job.piece.outcome.ok()) return take(job.piece);
  return symmetry::place_chunk(tensor.meta, tensor.chunks.at(job.number), job.plain, slice_,
                               [&](std::uint64_t, Bytes part) {
                                 return take({part.size(), {}, part});
                               });
}

// Decodes a chunk. Called on the pool's threads, as is decode_chunk().
void Content::decode(const FoundTensor& tensor, const Result<std::shared_ptr<Group>>& group,
                     Job& job) {
  job.piece = {};
  const auto found = tensor.chunks.find(job.number);
  if (found == tensor.chunks.end()) {
    job.piece.size = symmetry::chunk_range(tensor.meta, expected_chunk(tensor, job.number)).size;
    job.piece.outcome = make_error(Code::kTruncated, "chunk {} is missing", job.number);
    return;
  }
  job.piece.size = symmetry::chunk_range(tensor.meta, found->second).size;
  job.piece.outcome = decode_chunk(tensor, found->second, group, job);
  if (job.piece.outcome.ok()) job.piece.bytes = job.plain;
}

Status Content::decode_chunk(const FoundTensor& tensor, const catalog::Chunk& chunk,
                             const Result<std::shared_ptr<Group>>& group, Job& job) {
  if (chunk.meta.codec == codec::CodecId::kSame) {
    return make_error(Code::kTruncated,
                      "chunk {} at offset {} repeats another, and none with its bytes is left",
                      chunk.meta.number, chunk.payload.offset);
  }
  job.payload.resize(chunk.payload.length);
  BBZ_TRY(io::read_exactly(source_, chunk.payload.offset, job.payload));
  job.plain.resize(chunk.decoded_bytes);
  BBZ_TRY(chunk::check_known(tensor.meta, chunk));
  if (!group.ok() && symmetry::needs_group(tensor.meta, chunk)) {
    return make_error(group.code(), "chunk {} at offset {} needs {}", chunk.meta.number,
                      chunk.payload.offset, group.error().message);
  }
  symmetry::GroupAccess access;
  if (group.ok() && *group != nullptr) access = {(*group)->state.get(), &(*group)->catalog};
  chunk::Before before = chunk::Before::kNothing;
  if (catalog::leans(tensor.meta, chunk.meta)) {
    BBZ_TRY(fill_support(tensor, chunk, job));
    before = chunk::Before::kSupport;
  }
  return symmetry::decode_chunk(tensor.meta, chunk, job.payload, access, chunk::Check::kPayload,
                                job.plain, before);
}

// Fills the output with what a chunk leans on. If that is not at hand, the payload is checked all the same.
Status Content::fill_support(const FoundTensor& tensor, const catalog::Chunk& chunk, Job& job) {
  catalog::Tensor entry;
  entry.meta = tensor.meta;
  entry.byte_size = tensor.byte_size;
  // Any base with the digest serves, so a lost record of the base costs nothing but its name.
  const auto base = survey_.bases.find(tensor.meta.support->base);
  Status filled = supports_.fill(
      entry, base == survey_.bases.end() ? catalog::BaseMeta() : base->second, chunk, job.plain);
  if (filled.ok()) return {};
  BBZ_TRY(chunk::check_payload(tensor.meta, chunk, job.payload));
  job.piece.is_based = true;
  return filled;
}

// Passes a view to `take`, up to the first bytes of its base that are lost.
Status Content::read_view(const FoundTensor& view,
                          const std::function<Status(const Piece&)>& take) {
  const FoundTensor& base = survey_.tensors.at(view.meta.base());
  const catalog::Tensor entry = entry_of(base);
  Status read = symmetry::check_record(entry);
  if (read.ok()) read = symmetry::check_view_of(entry_of(view), entry);
  std::uint64_t left = view.byte_size;
  Status taken;
  Job job;
  if (read.ok()) {
    read = symmetry::read_view(
        view.meta, entry,
        [&](std::uint64_t offset, MutableBytes out) {
          return symmetry::read_base(entry, offset, out, [&](std::uint64_t number) {
            return decode_base(base, number, job);
          });
        },
        [&](std::uint64_t, Bytes part) {
          left -= part.size();
          taken = take({part.size(), {}, part});
          return taken;
        });
  }
  BBZ_TRY(taken);
  return read.ok() ? Status() : take({left, read, {}, job.piece.is_based});
}

// Decodes a chunk of a dense tensor. `job` has the last chunk that was decoded, if any was.
Result<Bytes> Content::decode_base(const FoundTensor& base, std::uint64_t number, Job& job) {
  if (!job.plain.empty() && job.number == number) return Bytes(job.plain);
  job.plain.clear();
  const auto found = base.chunks.find(number);
  if (found == base.chunks.end()) {
    return make_error(Code::kTruncated, "chunk {} of its base, tensor {}, is missing", number,
                      quoted(base.meta.name));
  }
  const Status decoded = decode_chunk(base, found->second, std::shared_ptr<Group>(), job);
  if (!decoded.ok()) {
    job.plain.clear();
    return decoded.error();
  }
  job.number = number;
  return Bytes(job.plain);
}

// Derives a tensor into derived_.
Status Content::read_derived(const FoundTensor& tensor) {
  const auto [first, is_new] = derived_from_.emplace(tensor.meta.group, tensor.meta.number);
  if (!is_new && first->second != tensor.meta.number) {
    return make_error(Code::kMalformed, "group {} already derives tensor {}", tensor.meta.group,
                      first->second);
  }
  const auto group = find_group(tensor.meta, tensor.byte_size);
  if (!group.ok()) {
    return make_error(group.code(), "it needs {}", group.error().message);
  }
  derived_.resize(tensor.byte_size);
  return (*group)->state->derive((*group)->catalog, entry_of(tensor), pool_, derived_);
}

Result<std::shared_ptr<Content::Group>> Content::find_group(const catalog::TensorMeta& tensor,
                                                            std::uint64_t derived_bytes) {
  const std::uint32_t number = tensor.group;
  if (const auto entry = survey_.groups.find(number); entry != survey_.groups.end()) {
    BBZ_TRY(symmetry::check_method(tensor, entry->second.meta));
  }
  if (const auto lost = lost_groups_.find(number); lost != lost_groups_.end()) return lost->second;
  const auto known =
      std::ranges::find(groups_, number, [](const auto& entry) { return entry.first; });
  if (known != groups_.end()) {
    std::rotate(groups_.begin(), known, std::next(known));
    return groups_.front().second;
  }
  auto loaded = load_group(number, derived_bytes);
  if (!loaded.ok()) {
    lost_groups_.emplace(number, loaded.error());
    return loaded;
  }
  groups_.emplace_front(number, *loaded);
  keep_newest();
  return loaded;
}

// Releases the groups that were needed longest ago, as symmetry::keep_newest() does.
void Content::keep_newest() {
  std::uint64_t held = 0;
  std::size_t place = 0;
  std::erase_if(groups_, [&](const auto& entry) {
    return !symmetry::keeps(*entry.second->state, place++, held);
  });
}

Result<std::shared_ptr<Content::Group>> Content::load_group(std::uint32_t number,
                                                            std::uint64_t derived_bytes) {
  const auto about = [number](const Error& error) {
    return make_error(error.code, "group {}: {}", number, error.message);
  };
  const auto found = survey_.groups.find(number);
  if (found == survey_.groups.end()) {
    return make_error(Code::kTruncated, "group {}, which is lost", number);
  }
  const FoundGroup& entry = found->second;
  const auto payload = chunk::read_payload(source_, entry.meta.check, entry.payload);
  if (!payload.ok()) return about(payload.error());
  const auto group = std::make_shared<Group>();
  const catalog::Group known{entry.meta, entry.payload, 0};
  BBZ_ASSIGN(group->state, symmetry::GroupState::make(known, *payload, survey_.digest_kind));
  const std::uint64_t count = group->state->tensor_count();
  if (count != 0 && !entry.first_tensor) {
    return make_error(Code::kTruncated,
                      "group {}: the record of the tensor that follows it is lost", number);
  }
  std::vector<const FoundTensor*> tensors;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t wanted = *entry.first_tensor + i;
    const auto tensor = survey_.tensors.find(static_cast<std::uint32_t>(wanted));
    if (wanted >= catalog::kNone || tensor == survey_.tensors.end()) {
      return make_error(Code::kTruncated, "group {}: tensor {}, which belongs to it, is lost",
                        number, wanted);
    }
    tensors.push_back(&tensor->second);
    group->catalog.tensors.push_back(entry_of(tensor->second));
  }
  BBZ_TRY(group->state->tensors(group->catalog, derived_bytes));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto bytes = read_whole(*tensors[i]);
    if (!bytes.ok()) return about(bytes.error());
    group->state->add(group->catalog.tensors[i], std::move(bytes).value());
  }
  return group;
}

// Returns the bytes of a dense tensor. Errors: why it is not whole.
Result<std::vector<std::byte>> Content::read_whole(const FoundTensor& tensor) {
  std::vector<std::byte> bytes;
  BBZ_TRY(read(tensor, [&](const Piece& piece) -> Status {
    if (piece.outcome.ok()) {
      bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
      return {};
    }
    const std::string& message = piece.outcome.error().message;
    const std::string name = fmt::format("tensor {}", quoted(tensor.meta.name));
    if (message.starts_with(name)) return piece.outcome;
    return make_error(piece.outcome.code(), "{}, {}", name, message);
  }));
  return bytes;
}

}  // namespace bbz::salvage
