#include "bbz/codec/number/split_number.h"

#include <algorithm>

#include "bbz/codec/number/binding.h"

namespace bbz::codec {
namespace {

using number::Candidate;

// Smaller chunks are worth less than the header and the states.
constexpr std::size_t kSmallest = 128;
// A chunk that is larger than so many samples is encoded only if a sample of it says so.
constexpr std::size_t kSample = std::size_t{16} << 10;
constexpr std::size_t kSamples = 4;
// Of the payload of a sample, what does not grow with it.
constexpr std::size_t kFixed = 120;

// Candidates are encoded if their samples are at most this much larger than the smallest.
constexpr std::size_t kNear = 10;  // a tenth

// Takes pieces of all of a chunk, each of which becomes a row.
Candidate take_pieces(const Candidate& candidate, Bytes plain, std::vector<std::byte>& sample) {
  constexpr std::size_t kPiece = kSample / 16;
  const std::size_t stride = plain.size() / (kSample / kPiece) / 8 * 8;
  for (std::size_t begin = 0; sample.size() < kSample; begin += stride) {
    const Bytes piece = plain.subspan(begin, kPiece);
    sample.insert(sample.end(), piece.begin(), piece.end());
  }
  Candidate result = candidate;
  result.first = 0;
  result.width =
      static_cast<std::uint32_t>(kPiece * 8 / static_cast<std::size_t>(candidate.model.bits));
  return result;
}

// Takes some columns of at least 32 rows in the middle, so that most elements have one above.
Candidate take_columns(const Candidate& candidate, Bytes plain, std::vector<std::byte>& sample) {
  const auto size = static_cast<std::size_t>(candidate.model.bits / 8);
  const std::size_t skipped = candidate.first == 0 ? 0 : candidate.width - candidate.first;
  const std::size_t elements = plain.size() / size;
  const std::size_t rows =
      elements < skipped ? 0 : (elements - skipped) / std::size_t{candidate.width};
  const std::size_t columns = std::min<std::size_t>(candidate.width, kSample / size / 32);
  const std::size_t taken = std::min(rows, kSample / size / columns);
  const std::size_t begin =
      skipped + (rows - taken) / 2 * candidate.width + (candidate.width - columns) / 2;
  for (std::size_t r = 0; r < taken; ++r) {
    const Bytes piece = plain.subspan((begin + r * candidate.width) * size, columns * size);
    sample.insert(sample.end(), piece.begin(), piece.end());
  }
  Candidate result = candidate;
  result.first = 0;
  result.width = static_cast<std::uint32_t>(columns);
  return result;
}

// Takes the middle of a chunk.
Candidate take_middle(const Candidate& candidate, Bytes plain, std::vector<std::byte>& sample) {
  const auto bits = static_cast<std::size_t>(candidate.model.bits);
  const std::size_t elements = plain.size() * 8 / bits;
  std::size_t begin = elements / 2;
  const std::size_t column = (candidate.first + begin) % candidate.width;
  if (column != 0 && (candidate.width - column) * 4 < elements) begin += candidate.width - column;
  const Bytes part = plain.subspan(begin * bits / 8, kSample);
  sample.assign(part.begin(), part.end());
  Candidate result = candidate;
  result.first = static_cast<std::uint32_t>((candidate.first + begin) % candidate.width);
  return result;
}

// Makes the part of a chunk that is encoded first, and returns how it is. It may be empty.
Candidate take_sample(const Candidate& candidate, Bytes plain, std::vector<std::byte>& sample) {
  sample.clear();
  if (candidate.model.is_difference()) return take_columns(candidate, plain, sample);
  if (candidate.model.kind == number::Kind::kScaled) return take_middle(candidate, plain, sample);
  return take_pieces(candidate, plain, sample);
}

// Keeps those candidates that a sample of the chunk is about smallest with, if they promise to take at
// most `most` bytes.
void keep_promising(Bytes plain, std::size_t most, std::vector<Candidate>& candidates) {
  std::vector<std::size_t> sizes;  // that are expected
  std::vector<std::byte> part;
  std::vector<std::byte> payload;
  for (const Candidate& candidate : candidates) {
    const Candidate sample = take_sample(candidate, plain, part);
    std::size_t expected = plain.size();
    if (!part.empty() && number::encode_with(nullptr, sample, part, part.size(), payload)) {
      expected = static_cast<std::size_t>(
          std::uint64_t{payload.size() - std::min(payload.size(), kFixed)} * plain.size() /
          part.size());
    }
    sizes.push_back(expected);
  }
  for (const std::size_t size : sizes) most = std::min(most, size + size / kNear);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (sizes[i] <= most && sizes[i] < plain.size()) candidates[kept++] = candidates[i];
  }
  candidates.resize(kept);
}

}  // namespace

bool suits_split_number(const ChunkShape& shape, Bytes plain) {
  return plain.size() >= kSmallest && shape.dtype != DType::kBlock;
}

bool encode_split_number(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                         std::vector<std::byte>& payload) {
  std::vector<Candidate> candidates = number::find_candidates(shape, plain, level);
  if (plain.size() > kSamples * kSample) {
    std::vector<Candidate> others;  // which a look at the chunk does not recommend
    if (level == Level::kSmall) {
      others = std::move(candidates);
      candidates = number::find_candidates(shape, plain, Level::kDefault);
      std::erase_if(others, [&](const Candidate& other) {
        return std::ranges::any_of(candidates, [&](const Candidate& candidate) {
          return candidate.model.kind == other.model.kind &&
                 candidate.model.bits == other.model.bits;
        });
      });
    }
    for (Candidate& candidate : candidates) candidate.level = level;
    // The small level encodes what the default does, though other codecs get further there.
    const std::size_t most = level == Level::kSmall ? plain.size() : limit + limit / 50;
    keep_promising(plain, most, candidates);
    keep_promising(plain, limit - limit / 100, others);
    candidates.insert(candidates.end(), others.begin(), others.end());
  }
  bool found = false;
  thread_local std::vector<std::byte> other;
  for (const Candidate& candidate : candidates) {
    std::vector<std::byte>& target = found ? other : payload;
    if (!number::encode_with(nullptr, candidate, plain, limit, target)) continue;
    if (found) payload.assign(other.begin(), other.end());
    found = true;
    limit = payload.size();
  }
  return found;
}

}  // namespace bbz::codec
