#include "bbz/access/push/state.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/io/atomic_file.h"
#include "bbz/io/own_file.h"

namespace bbz::push {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 0x42, 0x42, 0x5A, 0x53, 0x54, 0x0D, 0x0A};
constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kFlagTotal = 1;
constexpr std::size_t kLeast = 40 + 8;  // the size without identity and ranges

void put_ranges(WireWriter& w, const std::vector<Interval>& ranges) {
  for (const Interval& range : ranges) {
    w.put(range.begin);
    w.put(range.end);
  }
}

// Reads `count` ranges. Precondition: there are enough bytes.
Result<std::vector<Interval>> get_ranges(WireReader& r, std::uint64_t count, std::uint64_t end) {
  std::vector<Interval> ranges;
  for (std::uint64_t i = 0; i < count; ++i) {
    Interval range;
    range.begin = r.get<std::uint64_t>();
    range.end = r.get<std::uint64_t>();
    const bool ascends = ranges.empty() || range.begin > ranges.back().end;
    if (!ascends || range.empty() || range.end > end) {
      return make_error(Code::kMalformed,
                        "state: the range {} to {} is empty, not after {}, or ends after {}",
                        range.begin, range.end, ranges.empty() ? 0 : ranges.back().end, end);
    }
    ranges.push_back(range);
  }
  return ranges;
}

// Checks that each range of `verified` lies in one of `there`; both lists ascend.
Status check_within(const std::vector<Interval>& verified, const std::vector<Interval>& there) {
  auto holder = there.begin();
  for (const Interval& range : verified) {
    while (holder != there.end() && holder->end < range.end) ++holder;
    if (holder != there.end() && holder->begin <= range.begin) continue;
    return make_error(Code::kMalformed, "state: bytes {} to {} are verified, but missing",
                      range.begin, range.end);
  }
  return {};
}

}  // namespace

std::vector<std::byte> encode_state(const State& state) {
  std::vector<std::byte> out;
  WireWriter w(out);
  w.put_bytes(std::as_bytes(std::span(kMagic)));
  w.put(kVersion);
  w.put(static_cast<std::uint16_t>(state.total ? kFlagTotal : 0));
  w.put(static_cast<std::uint16_t>(state.identity.size()));
  w.put(std::uint16_t{0});
  w.put(state.total.value_or(0));
  w.put(static_cast<std::uint64_t>(state.verified.size()));
  w.put(static_cast<std::uint64_t>(state.there.size()));
  w.put_bytes(state.identity);
  put_ranges(w, state.verified);
  put_ranges(w, state.there);
  w.put(xxh3_64(out));
  return out;
}

Result<State> decode_state(Bytes bytes) {
  const Bytes magic = bytes.first(std::min(bytes.size(), kMagic.size()));
  if (magic.empty() ||
      !std::ranges::equal(magic, std::as_bytes(std::span(kMagic)).first(magic.size()))) {
    return make_error(Code::kNotAnArchive, "not the state of a download: it begins with {}",
                      magic.empty() ? "nothing" : to_hex(magic));
  }
  if (bytes.size() < kLeast) {
    return make_error(Code::kTruncated, "state: {} bytes, expected at least {}", bytes.size(),
                      kLeast);
  }
  const Bytes covered = bytes.first(bytes.size() - 8);
  const auto found = load_le<std::uint64_t>(bytes.data() + covered.size());
  if (const std::uint64_t computed = xxh3_64(covered); found != computed) {
    return make_error(Code::kChecksum, "state: checksum {:016x}, computed {:016x}", found,
                      computed);
  }
  WireReader r(covered.subspan(kMagic.size()));
  const auto version = r.get<std::uint16_t>();
  const auto flags = r.get<std::uint16_t>();
  const auto identity_length = r.get<std::uint16_t>();
  const auto reserved = r.get<std::uint16_t>();
  if (version != kVersion || (flags & ~kFlagTotal) != 0 || reserved != 0) {
    return make_error(Code::kUnsupported, "state: version {} with flags {:#x}, expected version {}",
                      version, flags, kVersion);
  }
  State state;
  const auto total = r.get<std::uint64_t>();
  if ((flags & kFlagTotal) != 0) state.total = total;
  const auto verified = r.get<std::uint64_t>();
  const auto there = r.get<std::uint64_t>();
  state.identity = r.get_string(identity_length);
  const std::uint64_t rest = r.remaining() / 16;
  if (!r.ok() || r.remaining() % 16 != 0 || verified > rest || there != rest - verified ||
      (!state.total && total != 0)) {
    return make_error(Code::kMalformed, "state: {} and {} ranges in {} bytes", verified, there,
                      r.remaining());
  }
  const std::uint64_t end = state.total.value_or(UINT64_MAX);
  BBZ_ASSIGN(state.verified, get_ranges(r, verified, end));
  BBZ_ASSIGN(state.there, get_ranges(r, there, end));
  BBZ_TRY(check_within(state.verified, state.there));
  return state;
}

Status save_state(const std::string& path, const State& state, bool sync) {
  io::OutputOptions options;
  options.replace = true;
  options.sync = sync;
  BBZ_ASSIGN(const auto file, io::AtomicFile::create(path, options));
  io::FileStatus readable;  // with this, nobody else may write to the state, whatever the umask is
  readable.mode = 0644;
  BBZ_TRY(file->add_input(readable));
  BBZ_TRY(file->write(encode_state(state)));
  return file->finish();
}

Result<State> load_state(const std::string& path) {
  constexpr std::uint64_t kMost = std::uint64_t{64} << 20;
  BBZ_ASSIGN(const auto source, io::open_own_source(path));
  const std::uint64_t size = source->size().value_or(0);
  if (size > kMost) {
    return make_error(Code::kLimit, "{}: a state file of {} bytes, the limit is {}", quoted(path),
                      size, kMost);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  BBZ_TRY(io::read_exactly(*source, 0, bytes));
  return decode_state(bytes);
}

}  // namespace bbz::push
