#include "bbz/symmetry/group.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::symmetry {
namespace {

Error malformed(std::string_view what, std::size_t size) {
  return make_error(Code::kMalformed, "{}: its fields do not fill its {} bytes exactly", what,
                    size);
}

}  // namespace

std::vector<std::byte> encode_group(const PolarGroup& group) {
  std::vector<std::byte> out;
  WireWriter w(out);
  w.put(static_cast<std::uint32_t>(group.pivots.size()));
  w.put(std::uint32_t{0});
  w.put(group.decoded_checksum);
  if (group.decoded_digest) w.put_bytes(group.decoded_digest->view());
  for (const std::uint32_t pivot : group.pivots) w.put(static_cast<std::uint16_t>(pivot));
  return out;
}

Result<PolarGroup> decode_polar_group(Bytes payload, DigestKind kind) {
  WireReader r(payload);
  PolarGroup group;
  const auto rank = r.get<std::uint32_t>();
  const auto reserved = r.get<std::uint32_t>();
  group.decoded_checksum = r.get<std::uint64_t>();
  if (kind == DigestKind::kSha256) {
    Digest digest;
    digest.kind = kind;
    std::ranges::copy(r.get_bytes(digest.size()), digest.bytes.begin());
    group.decoded_digest = digest;
  }
  const Bytes pivots = r.get_bytes(std::uint64_t{rank} * 2);
  if (!r.finished()) return malformed("polar group", payload.size());
  if (reserved != 0) {
    return make_error(Code::kUnsupported, "polar group: reserved bytes are set");
  }
  for (std::uint32_t i = 0; i < rank; ++i) {
    group.pivots.push_back(load_le<std::uint16_t>(pivots.data() + std::size_t{2} * i));
  }
  return group;
}

std::vector<std::byte> encode_group(const BitsBackGroup& group) {
  std::vector<std::byte> out;
  WireWriter w(out);
  w.put(group.width);
  w.put(group.carriers);
  w.put(std::uint16_t{0});
  w.put_bytes(group.record);
  return out;
}

Result<BitsBackGroup> decode_bits_back_group(Bytes payload) {
  WireReader r(payload);
  BitsBackGroup group;
  group.width = r.get<std::uint32_t>();
  group.carriers = r.get<std::uint16_t>();
  const auto reserved = r.get<std::uint16_t>();
  const Bytes record = r.get_bytes(r.remaining());
  if (!r.ok()) return malformed("bits-back group", payload.size());
  if (group.carriers == 0) return make_error(Code::kMalformed, "bits-back group: no carriers");
  if (reserved != 0) {
    return make_error(Code::kUnsupported, "bits-back group: reserved bytes are set");
  }
  group.record.assign(record.begin(), record.end());
  return group;
}

void encode_carried_head(const CarriedHead& head, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(head.codec);
  w.put(std::uint16_t{0});
  w.put(head.length);
  w.put(head.offset);
}

Result<CarriedHead> decode_carried_head(Bytes payload) {
  WireReader r(payload.first(std::min(payload.size(), kCarriedHeadSize)));
  CarriedHead head;
  head.codec = r.get<std::uint16_t>();
  const auto reserved = r.get<std::uint16_t>();
  head.length = r.get<std::uint32_t>();
  head.offset = r.get<std::uint64_t>();
  if (!r.finished()) return malformed("carried payload", payload.size());
  if (reserved != 0) {
    return make_error(Code::kUnsupported, "carried payload: reserved bytes are set");
  }
  if (head.codec == kCodecCarried) {
    return make_error(Code::kMalformed, "carried payload: its own codec is carried");
  }
  return head;
}

}  // namespace bbz::symmetry
