// The bytes as the state of a download, beside a partial file that may hold anything: whatever both
// say, what comes of them is the server's archive. The first byte says which archive that is and
// what the file holds.
#include <cstring>
#include <random>

#include "bbz/access/download/identity.h"
#include "bbz/access/push/decoder.h"
#include "bbz/archive/writer.h"
#include "bbz/http/field_values.h"
#include "repair.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace bbz;
using fuzz::Buffer;
using fuzz::require;

// An archive of some tensors of noise, in chunks of 64 bytes.
Buffer make_archive(unsigned seed, DigestKind digest) {
  Buffer archive;
  const auto sink = io::memory_sink(archive);
  WriteOptions options;
  options.threads = 1;
  options.chunk_bytes = 64;
  options.digest = digest;
  auto writer = Writer::create(*sink, options);
  require(writer.ok() && writer->begin_file("model").ok());
  std::mt19937 random(seed);
  for (const char* const name : {"a", "b", "c"}) {
    TensorSpec spec;
    spec.name = name;
    spec.dtype = DType::kU8;
    spec.shape = {5, 40};
    require(writer->begin_tensor(spec).ok());
    Buffer bytes(200);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() >> 24);
    require(writer->write(bytes).ok() && writer->end_tensor().ok());
  }
  require(writer->end_file().ok() && writer->finish().ok() && sink->finish().ok());
  return archive;
}

class MemoryStore final : public push::Store {
 public:
  explicit MemoryStore(Buffer held) : bytes(std::move(held)) {}
  Status write(std::uint64_t offset, Bytes part) override {
    bytes.resize(std::max<std::size_t>(bytes.size(), offset + part.size()));
    std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status read(std::uint64_t offset, MutableBytes out) override {
    if (offset > bytes.size() || out.size() > bytes.size() - offset) {
      return error_with_message(Code::kIo, "it ends before");
    }
    std::ranges::copy(Bytes(bytes).subspan(offset, out.size()), out.begin());
    return {};
  }
  Buffer bytes;
};

// What stands in the partial file.
Buffer found(unsigned kind, const Buffer& archive, const Buffer& other) {
  Buffer bytes = (kind & 1) != 0 ? other : archive;
  if ((kind & 2) != 0) bytes[bytes.size() / 3] ^= std::byte{1};
  if ((kind & 4) != 0) bytes.resize(bytes.size() / 2);
  if ((kind & 8) != 0) bytes.insert(bytes.end(), archive.begin(), archive.end());
  return bytes;
}

// Goes on with a partial file as a download does: structure first, then what is there of the
// records, then what is missing.
void go_on(const push::State& state, const Buffer& archive, MemoryStore& store, bool decode) {
  push::Options options;
  options.store = &store;
  options.total = archive.size();
  options.structure_first = true;
  options.decode = decode;
  push::Receiver receiver;
  const auto decoder = std::move(*push::Decoder::create(options, receiver));
  const auto fetch = [&](std::size_t most) {
    for (const push::Interval& range : decoder->needs(most)) {
      const Bytes bytes = Bytes(archive).subspan(range.begin, range.size());
      require(decoder->feed(range.begin, bytes).ok());
    }
  };
  while (!decoder->root()) fetch(1);
  const push::Interval records = decoder->records();
  const std::uint64_t size = store.bytes.size();
  for (push::Interval range : state.there) {
    range = {std::max(range.begin, records.begin), std::min({range.end, records.end, size})};
    if (!range.empty()) require(decoder->adopt(range).ok());
  }
  for (int turns = 0; !decoder->complete(); ++turns) {
    require(turns < 4);
    fetch(SIZE_MAX);
  }
  require(decoder->finish().ok());
  store.bytes.resize(archive.size());
  require(store.bytes == archive);
}

// A state that is trusted may say what is not so; it must do no more than that.
void restore(const push::State& state, const Buffer& archive, MemoryStore store) {
  push::Options options;
  options.store = &store;
  push::Receiver receiver;
  const auto decoder = std::move(*push::Decoder::create(options, receiver));
  if (!decoder->restore(state).ok()) return;
  for (const push::Interval& range : decoder->needs(SIZE_MAX)) {
    const std::uint64_t end = std::min<std::uint64_t>(range.end, archive.size());
    if (range.begin >= end) break;
    const Bytes bytes = Bytes(archive).subspan(range.begin, end - range.begin);
    if (!decoder->feed(range.begin, bytes).ok()) return;
  }
  (void)decoder->finish();
}

void check_identity(std::string_view identity) {
  const auto origin = download::decode_origin(identity);
  if (!origin) return;
  require(download::encode_origin(*origin) == identity);
  require(origin->etag.empty() || http::is_etag(origin->etag));
  require(origin->last_modified.empty() || http::is_http_date(origin->last_modified));
  for (const std::string& sent : {origin->etag, origin->last_modified}) {
    require(std::ranges::none_of(sent, [](char c) { return (c >= 0 && c < ' ') || c == 127; }));
  }
}

Buffer sealed(Buffer bytes) {
  if (bytes.size() < 8) return bytes;
  const std::size_t covered = bytes.size() - 8;
  store_le(bytes.data() + covered, xxh3_64(Bytes(bytes).first(covered)));
  return bytes;
}

void change(std::vector<push::Interval>& ranges, std::mt19937& random) {
  const std::size_t at = random() % (ranges.size() + 1);
  const std::uint64_t begin = random() % 2000;
  const push::Interval fresh{begin, begin + random() % 600};
  if (at == ranges.size() || random() % 4 == 0) {
    ranges.insert(ranges.begin() + static_cast<std::ptrdiff_t>(at), fresh);
  } else if (random() % 3 == 0) {
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(at));
  } else {
    ranges[at] = random() % 2 == 0 ? fresh : push::Interval{ranges[at].begin, ~std::uint64_t{0}};
  }
}

// Puts ranges in order and apart, as a state must have them.
void order(std::vector<push::Interval>& ranges) {
  push::RangeSet set;
  for (const push::Interval& range : ranges) {
    if (!range.empty()) set.add(range);
  }
  ranges = set.ranges();
}

void change(push::State& state, std::mt19937& random) {
  switch (random() % 5) {
    case 0: {
      std::string& text = state.identity;
      const std::size_t size = text.size();
      text.resize(size + 32);
      text.resize(
          LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
      return;
    }
    case 1:
      state.total = random() % 3 == 0 ? std::optional<std::uint64_t>() : random() % 3000;
      return;
    case 2:
      return change(state.verified, random);
    default:
      return change(state.there, random);
  }
}

}  // namespace

// Changes one thing of a state and puts the rest right, or bytes of it, with the checksum put right.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (size < 1 || random() % 16 == 0) return LLVMFuzzerMutate(data, size, most);
  if (random() % 8 == 0) data[0] = static_cast<std::uint8_t>(random());
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  auto state = push::decode_state(bytes);
  Buffer out;
  if (state.ok() && random() % 4 != 0) {
    for (auto times = 1 + random() % 3; times > 0; --times) change(*state, random);
    if (random() % 8 != 0) {
      order(state->verified);
      for (const push::Interval& range : state->verified) state->there.push_back(range);
      order(state->there);
      const std::uint64_t end = state->there.empty() ? 0 : state->there.back().end;
      if (state->total) state->total = std::max(*state->total, end);
    }
    out = push::encode_state(*state);
  } else {
    out.assign(bytes.begin(), bytes.end());
    out.resize(out.size() + 16);
    out.resize(
        LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(out.data()), bytes.size(), out.size()));
    out = sealed(std::move(out));
  }
  if (out.empty() || out.size() + 1 > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data + 1, out.data(), out.size());
  return out.size() + 1;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Buffer archives[] = {make_archive(1, DigestKind::kXxh3_128),
                                    make_archive(2, DigestKind::kXxh3_128),
                                    make_archive(1, DigestKind::kSha256)};
  if (size < 1) return 0;
  const unsigned kind = data[0];
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto state = push::decode_state(bytes);
  if (!state.ok()) return 0;
  require(std::ranges::equal(push::encode_state(*state), bytes));
  check_identity(state->identity);
  const Buffer& archive = archives[(kind & 16) != 0 ? 2 : 0];
  const Buffer& other = archives[(kind & 32) != 0 ? 2 : 1];
  MemoryStore store(found(kind, archive, other));
  restore(*state, archive, store);
  go_on(*state, archive, store, (kind & 64) != 0);
  return 0;
}
