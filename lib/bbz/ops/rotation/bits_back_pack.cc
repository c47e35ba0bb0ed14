// Packs a model with bits-back, from its last junction to its first.
//
// Between junction j and the next are the tensors of one sub-block: the projections that read j
// (the carriers), those that write the next junction (the riders), and the shortcut past them. When
// the next junction's rotation is known, the riders have their final bytes. Encoded, these are the
// payload from which the rotation of j is drawn.
#include <algorithm>

#include "bbz/format/chunk/chunk.h"
#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::rotation {
namespace {

using junction::Role;
using linalg::Matrix;
using Buffer = std::vector<std::byte>;

// A rider with its chunks that fit into the rotation: their codecs, their payloads, and the part of
// each that is carried.
struct Rider {
  std::size_t tensor = 0;
  Buffer bytes;
  struct Carried {
    codec::CodecId codec{};
    Buffer payload;
    std::uint64_t plain_size = 0;
    std::uint64_t offset = 0;  // in the group's riders
    std::uint64_t length = 0;
  };
  std::vector<Carried> carried;  // its first chunks
};

class BitsBackPacker {
 public:
  BitsBackPacker(const Model& model, const junction::Detection& detection, ModelFile& file,
                 Record& record)
      : model_(model), detection_(detection), file_(file), record_(record) {}

  Status run() {
    for (std::size_t j = detection_.junctions.size(); j-- > 0;) BBZ_TRY(junction(j));
    return embeddings();
  }

 private:
  Status junction(std::size_t j);
  Status embeddings();
  Result<std::vector<Rider>> load_riders(const junction::Junction& next,
                                         gauge::Deviation& deviation);
  Status draw(std::size_t j, std::vector<Rider>& riders, gauge::Deviation& deviation);
  Result<Buffer> fill(std::vector<Rider>& riders, std::uint64_t capacity);
  Result<bool> is_in_proportion(const symmetry::BitsBackGroup& group, std::uint64_t group_bytes,
                                const std::vector<std::size_t>& reads,
                                const bitsback::Drawn& drawn);
  Status write_rider(const Rider& rider, std::optional<std::uint32_t> group);
  Status write_shortcut(const junction::Junction& here, const junction::Junction& next,
                        gauge::Deviation& deviation);
  Status write_biases(const junction::Junction& next, gauge::Deviation& deviation);

  std::vector<std::size_t> members(const junction::Junction& junction, Role role) const {
    std::vector<std::size_t> found;
    for (const junction::Member& member : junction.members) {
      if (member.role == role) found.push_back(member.tensor);
    }
    return found;
  }
  // Returns a tensor rotated by `u`, or unchanged if there is no rotation.
  Result<Buffer> rotated(std::size_t tensor, Role role, const std::optional<Matrix>& u,
                         gauge::Deviation& deviation) {
    BBZ_ASSIGN(Buffer bytes, model_.load(tensor));
    if (!u) return bytes;
    BBZ_TRY(gauge::check_finite(model_.tensors[tensor], bytes));
    gauge::Rounding rounding;
    auto turned = gauge::rotate_member(model_.tensors[tensor], role, bytes, *u, gauge::Floor::kNone,
                                       rounding);
    deviation.add(rounding.stored);
    return turned;
  }

  const Model& model_;
  const junction::Detection& detection_;
  ModelFile& file_;
  Record& record_;
  std::optional<Matrix> here_;  // the rotation of the current junction
  std::optional<Matrix> next_;  // the rotation of the junction after it, which was packed before
};

Result<std::vector<Rider>> BitsBackPacker::load_riders(const junction::Junction& next,
                                                       gauge::Deviation& deviation) {
  std::vector<Rider> riders;
  for (const std::size_t tensor : members(next, Role::kWrites)) {
    Rider rider;
    rider.tensor = tensor;
    BBZ_ASSIGN(rider.bytes, rotated(tensor, Role::kWrites, next_, deviation));
    riders.push_back(std::move(rider));
  }
  return riders;
}

// Encodes as many chunks of the riders as fit into `capacity` bytes, and returns the parts that are
// carried, joined.
Result<Buffer> BitsBackPacker::fill(std::vector<Rider>& riders, std::uint64_t capacity) {
  const WriteOptions& writing = file_.writer().options();
  Buffer joined;
  for (Rider& rider : riders) {
    BBZ_ASSIGN(const catalog::TensorMeta meta,
               tensor_meta(file_.spec(rider.tensor), writing.chunk_bytes));
    const std::uint64_t step = meta.chunk_elements * meta.element_bits / 8;
    for (std::uint64_t at = 0; at < rider.bytes.size(); at += step) {
      // Stops if the rest of the capacity is not worth the head of another chunk.
      const std::uint64_t room = capacity - joined.size();
      if (room <= 2 * symmetry::kCarriedHeadSize) return joined;
      const Bytes plain =
          Bytes(rider.bytes).subspan(at, std::min<std::uint64_t>(step, rider.bytes.size() - at));
      Rider::Carried carried;
      const std::uint64_t first = at * 8 / meta.element_bits;
      carried.codec =
          codec::encode(chunk::codec_shape(meta, first, plain.size() * 8 / meta.element_bits),
                        plain, {writing.level}, carried.payload);
      carried.plain_size = plain.size();
      carried.offset = joined.size();
      carried.length = std::min<std::uint64_t>(carried.payload.size(), room);
      if (carried.length <= symmetry::kCarriedHeadSize) carried.length = 0;
      joined.insert(joined.end(), carried.payload.begin(),
                    carried.payload.begin() + static_cast<std::ptrdiff_t>(carried.length));
      rider.carried.push_back(std::move(carried));
    }
  }
  return joined;
}

Status BitsBackPacker::write_rider(const Rider& rider, std::optional<std::uint32_t> group) {
  TensorSpec spec = file_.spec(rider.tensor);
  if (!group) return file_.add_dense(rider.tensor, rider.bytes);
  file_.mark(rider.tensor, rider.bytes);
  spec.stored = {.form = catalog::Form::kRider, .group = group};
  Writer& writer = file_.writer();
  BBZ_TRY(writer.begin_tensor(spec));
  Bytes rest = rider.bytes;
  for (const Rider::Carried& carried : rider.carried) {
    BBZ_ASSIGN(const MutableBytes room, writer.reserve());
    const Bytes plain = rest.first(std::min(carried.plain_size, rest.size()));
    if (plain.size() != room.size()) {
      return error_with_message(Code::kInternal,
                                "a chunk of a rider has another size than when it was coded");
    }
    if (carried.length == 0) {
      BBZ_TRY(writer.write_coded(plain, carried.codec, carried.payload));
    } else {
      Buffer payload;
      symmetry::encode_carried_head({static_cast<std::uint16_t>(carried.codec),
                                     static_cast<std::uint32_t>(carried.length), carried.offset},
                                    payload);
      payload.insert(payload.end(),
                     carried.payload.begin() + static_cast<std::ptrdiff_t>(carried.length),
                     carried.payload.end());
      BBZ_TRY(writer.write_coded(plain, codec::CodecId::kCarried, payload));
    }
    rest = rest.subspan(plain.size());
  }
  BBZ_TRY(writer.write(rest));
  BBZ_TRY(writer.end_tensor());
  file_.count(rider.bytes.size());
  return {};
}

// Returns whether the group and its carriers take enough bytes that a reader may recover the
// rotation. Those of trained models take many times as many.
Result<bool> BitsBackPacker::is_in_proportion(const symmetry::BitsBackGroup& group,
                                              std::uint64_t group_bytes,
                                              const std::vector<std::size_t>& reads,
                                              const bitsback::Drawn& drawn) {
  std::uint64_t decoded = 0;
  for (const Buffer& carrier : drawn.carriers) decoded += carrier.size();
  const std::uint64_t least = symmetry::least_stored_bytes(group, decoded);
  std::uint64_t stored = group_bytes;
  for (std::size_t i = 0; i < reads.size() && stored < least; ++i) {
    BBZ_ASSIGN(const std::uint64_t coded,
               file_.coded_bytes(file_.spec(reads[i]), drawn.carriers[i], least - stored));
    stored += coded;
  }
  return stored >= least;
}

// Draws the rotation of junction j from the riders, and writes group, carriers and riders. If that
// is not possible, notes why and writes them exactly.
Status BitsBackPacker::draw(std::size_t j, std::vector<Rider>& riders,
                            gauge::Deviation& deviation) {
  const junction::Junction& here = detection_.junctions[j];
  JunctionRecord& record = record_.junctions[j];
  const std::vector<std::size_t> reads = members(here, Role::kReads);
  std::vector<Buffer> bytes;
  std::vector<bitsback::Carrier> carriers;
  for (const std::size_t tensor : reads) {
    BBZ_ASSIGN(Buffer loaded, model_.load(tensor));
    BBZ_TRY(gauge::check_finite(model_.tensors[tensor], loaded));
    bytes.push_back(std::move(loaded));
  }
  for (std::size_t i = 0; i < reads.size(); ++i) {
    carriers.push_back({model_.tensors[reads[i]].dtype, bytes[i]});
  }
  const auto write_plain = [&](const Error& reason) -> Status {
    if (reason.code != Code::kUnsupported && reason.code != Code::kLimit) return reason;
    record.note = reason.message;
    for (std::size_t i = 0; i < reads.size(); ++i) BBZ_TRY(file_.add_dense(reads[i], bytes[i]));
    for (Rider& rider : riders) BBZ_TRY(write_rider(rider, std::nullopt));
    return {};
  };

  const auto plan = bitsback::plan_junction(here.width, carriers);
  if (!plan.ok()) return write_plain(plan.error());
  BBZ_ASSIGN(const Buffer payload, fill(riders, bitsback::capacity_bytes(*plan)));
  auto drawn = bitsback::encode(*plan, carriers, payload);
  if (!drawn.ok()) return write_plain(drawn.error());

  symmetry::BitsBackGroup group;
  group.width = static_cast<std::uint32_t>(here.width);
  group.carriers = static_cast<std::uint16_t>(reads.size());
  group.record = std::move(drawn->record);
  const Buffer group_bytes = symmetry::encode_group(group);
  BBZ_ASSIGN(const bool possible, is_in_proportion(group, group_bytes.size(), reads, *drawn));
  if (!possible) {
    return write_plain(error_with_message(
        Code::kLimit, "its carriers have too few bytes for the work that reading them back takes"));
  }
  BBZ_ASSIGN(const std::uint32_t number,
             file_.writer().add_group(catalog::GroupMethod::kBitsBack, group_bytes));
  std::uint64_t overhead = group_bytes.size();
  gauge::Deviation carried_deviation;
  carried_deviation.largest = drawn->largest_rounding;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    BBZ_TRY(file_.add_dense(reads[i], drawn->carriers[i]));
    carried_deviation.count += drawn->carriers[i].size() * 8 / element_bits(carriers[i].dtype);
  }
  carried_deviation.sum_of_squares =
      drawn->rms_rounding * drawn->rms_rounding * static_cast<double>(carried_deviation.count);
  deviation.add(carried_deviation);
  for (const Rider& rider : riders) {
    BBZ_TRY(write_rider(rider, number));
    for (const Rider::Carried& carried : rider.carried) {
      if (carried.length != 0) overhead += symmetry::kCarriedHeadSize;
    }
  }
  here_ = drawn->rotation;
  record.method = "bits-back";
  record.bits_saved =
      8 * (static_cast<std::int64_t>(payload.size()) - static_cast<std::int64_t>(overhead));
  record_.rotated = true;
  return {};
}

// Writes the shortcut past the sub-block. It is a member of both junctions, but a refused junction
// has no members.
Status BitsBackPacker::write_shortcut(const junction::Junction& here,
                                      const junction::Junction& next, gauge::Deviation& deviation) {
  for (const std::size_t tensor :
       here.proven() ? members(here, Role::kShortcutOut) : members(next, Role::kShortcutIn)) {
    const TensorInfo& info = model_.tensors[tensor];
    BBZ_ASSIGN(Buffer bytes, model_.load(tensor));
    if (here_ || next_) {
      BBZ_TRY(gauge::check_finite(info, bytes));
      Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<linalg::Index>(info.shape[0]),
                                     static_cast<linalg::Index>(info.shape[1]));
      if (here_) {
        Matrix turned(s.rows(), s.cols());
        linalg::multiply(*here_, linalg::Op::kTransposed, s, linalg::Op::kPlain, turned);
        s = std::move(turned);
      }
      if (next_) s = linalg::product(s, *next_);
      linalg::store_matrix(s, info.dtype, bytes);
      const Matrix stored = linalg::load_matrix(bytes, info.dtype, s.rows(), s.cols());
      BBZ_TRY(gauge::check_finite(info, bytes));
      deviation.add(s, stored);
    }
    BBZ_TRY(file_.add_dense(tensor, bytes));
  }
  return {};
}

Status BitsBackPacker::write_biases(const junction::Junction& next, gauge::Deviation& deviation) {
  for (const std::size_t tensor : members(next, Role::kBias)) {
    BBZ_ASSIGN(const Buffer bytes, rotated(tensor, Role::kBias, next_, deviation));
    BBZ_TRY(file_.add_dense(tensor, bytes));
  }
  return {};
}

Status BitsBackPacker::junction(std::size_t j) {
  const junction::Junction& here = detection_.junctions[j];
  here_.reset();
  if (j + 1 < detection_.junctions.size()) {
    const junction::Junction& next = detection_.junctions[j + 1];
    gauge::Deviation deviation;
    BBZ_ASSIGN(std::vector<Rider> riders, load_riders(next, deviation));
    if (here.proven() && !riders.empty()) {
      BBZ_TRY(draw(j, riders, deviation));
    } else {
      for (const Rider& rider : riders) BBZ_TRY(write_rider(rider, std::nullopt));
    }
    BBZ_TRY(write_biases(next, deviation));
    BBZ_TRY(write_shortcut(here, next, deviation));
    record_.junctions[j].largest_difference = deviation.largest;
    record_.junctions[j].rms_difference = deviation.root_mean_square();
  } else if (here.proven()) {
    record_.junctions[j].note = "no tensor of its block could ride in its rotation";
  }
  next_ = std::move(here_);
  here_.reset();
  return {};
}

// Writes the embeddings of the first junction, whose rotation is now next_.
Status BitsBackPacker::embeddings() {
  for (const std::size_t tensor : members(detection_.junctions.front(), Role::kEmbedding)) {
    gauge::Deviation deviation;
    BBZ_ASSIGN(const Buffer bytes, rotated(tensor, Role::kEmbedding, next_, deviation));
    BBZ_TRY(file_.add_dense(tensor, bytes));
    JunctionRecord& record = record_.junctions.front();
    record.largest_difference = std::max(record.largest_difference, deviation.largest);
  }
  return {};
}

}  // namespace

Status pack_bits_back(const Model& model, const junction::Detection& detection, ModelFile& file,
                      Record& record) {
  if (detection.junctions.empty()) return {};
  return BitsBackPacker(model, detection, file, record).run();
}

}  // namespace bbz::rotation
