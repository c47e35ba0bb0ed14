#include "bbz/ops/forecast/internal/sample.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bbz/base/hash.h"
#include "bbz/base/wire.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::forecast {
namespace {

// Chunks up to this size are encoded whole. Samples are as large at least, so that tables and the scales of
// columns, which every payload has, take as little of them as may be.
constexpr std::uint64_t kSmall = std::uint64_t{48} << 10;
// A sample is made of so many runs of neighbouring rows.
constexpr std::uint64_t kRuns = 8;
// A chunk with a payload up to this size is stored again, as RepeatFinder says.
constexpr std::size_t kMostStored = 64;
// So many chunks are encoded whole to see how good the samples are.
constexpr std::uint64_t kChecks = 4;

// The rows of a chunk that are encoded.
struct Rows {
  std::uint64_t length = 0;  // in elements
  std::uint64_t first = 0;   // element of the chunk at which the first whole row begins
  std::uint64_t count = 0;   // of whole rows
};

Rows rows_of(const codec::ChunkShape& shape, unsigned bits) {
  Rows rows;
  rows.length = std::max(shape.joined_length, shape.row_length);
  const std::uint64_t column = shape.joined_length == 0 ? shape.first_column : shape.joined_first;
  rows.first = column == 0 ? 0 : rows.length - column;
  const bool fits = rows.length * bits % 8 == 0 && rows.first * bits % 8 == 0 &&
                    rows.first < shape.elements &&
                    (shape.elements - rows.first) / rows.length >= 2 * kRuns;
  if (!fits) {
    // Cuts a long row into pieces of about 4 KiB, which have whole bytes.
    rows.length = std::max<std::uint64_t>(32768 / bits / 8 * 8, bits % 8 == 0 ? 1 : 8);
    rows.first = 0;
  }
  rows.count = (shape.elements - rows.first) / rows.length;
  return rows;
}

codec::CodecId encode_timed(const codec::ChunkShape& shape, Bytes plain, codec::Level level,
                            std::vector<std::byte>& payload, double& seconds) {
  const double begin = now();
  const codec::CodecId codec = codec::encode(shape, plain, {level}, payload);
  seconds = now() - begin;
  return codec;
}

}  // namespace

double now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

Sampled sample_chunk(const codec::ChunkShape& shape, bool whole, Bytes plain, codec::Level level,
                     double share, std::vector<std::byte>& payload) {
  Sampled result;
  const unsigned bits = codec::element_bits(shape);
  const Rows rows = rows_of(shape, bits);
  const std::uint64_t row_bytes = rows.length * bits / 8;
  const auto wanted =
      std::max(static_cast<std::uint64_t>(share * static_cast<double>(plain.size())), kSmall);
  const std::uint64_t run = row_bytes == 0 ? 0 : (wanted / row_bytes + kRuns - 1) / kRuns;
  if (whole || plain.size() <= 2 * kSmall || run == 0 || run * kRuns * 2 > rows.count) {
    result.codec = encode_timed(shape, plain, level, payload, result.seconds);
    result.bytes = static_cast<double>(payload.size());
    result.spent = result.seconds;
    result.encoded = plain.size();
    result.whole = true;
    return result;
  }
  thread_local std::vector<std::byte> part;
  part.clear();
  for (std::uint64_t i = 0; i < kRuns; ++i) {
    const std::uint64_t row = (rows.count - run) * i / (kRuns - 1);
    const Bytes bytes = plain.subspan(rows.first * bits / 8 + row * row_bytes, run * row_bytes);
    part.insert(part.end(), bytes.begin(), bytes.end());
  }
  codec::ChunkShape sub = shape;
  sub.elements = run * kRuns * rows.length;
  sub.first_column = sub.joined_first = 0;
  if (rows.length < shape.row_length) sub.row_length = rows.length;
  sub.joined_length = std::max(sub.joined_length == 0 ? 0 : rows.length, sub.joined_length);
  if (rows.length < sub.joined_length) sub.joined_length = rows.length;
  double seconds = 0;
  encode_timed(sub, part, level, payload, seconds);
  const double times = static_cast<double>(plain.size()) / static_cast<double>(part.size());
  result.bytes =
      std::min(static_cast<double>(payload.size()) * times, static_cast<double>(plain.size()));
  result.seconds = seconds * times;
  result.spent = seconds;
  result.encoded = part.size();
  if (result.bytes < static_cast<double>(plain.size())) result.codec = codec::CodecId::kZstd;
  return result;
}

SampledWriter::SampledWriter(Writer& writer, codec::Level level, double share, std::uint64_t total,
                             bool whole)
    : writer_(writer),
      level_(level),
      share_(share),
      step_(std::max<std::uint64_t>(total / kChecks, 1)),
      whole_(whole) {}

Status SampledWriter::begin(const TensorSpec& spec) {
  BBZ_ASSIGN(tensor_, tensor_meta(spec, writer_.options().chunk_bytes));
  if (const auto* const at = std::get_if<TensorSpec::At>(&spec.place)) tensor_.offset = at->offset;
  left_ = tensor_.is_view() ? 0 : tensor_.stored_elements * tensor_.element_bits / 8;
  element_ = 0;
  return writer_.begin_tensor(spec);
}

MutableBytes SampledWriter::room() {
  plain_.resize(std::min(left_, tensor_.chunk_elements * tensor_.element_bits / 8));
  return plain_;
}

Status SampledWriter::write() {
  const std::uint64_t elements = plain_.size() * 8 / tensor_.element_bits;
  const codec::ChunkShape shape = chunk::codec_shape(tensor_, element_, elements);
  const bool plain_bytes = tensor_.kind == catalog::TensorKind::kBytes;
  const std::uint64_t place = tensor_.offset + element_ * tensor_.element_bits / 8;
  element_ += elements;
  left_ -= plain_.size();
  // A chunk that repeats another of the same shape has the same payload, which is not stored again.
  const std::uint64_t hash = xxh3_64(plain_) + shape.row_length * 0x9E3779B97F4A7C15 +
                             static_cast<std::uint64_t>(shape.dtype) + shape.first_column;
  const auto found = sizes_.find(hash);
  if (found != sizes_.end() && found->second > kMostStored) {
    ++repeats_;
    return writer_.write_coded(plain_, codec::CodecId::kSame, {});
  }
  const Sampled sampled = sample(shape, place);
  if (!plain_bytes) tensors_[tensor_.name] += sampled.bytes;
  if (!sampled.whole) {
    payload_.assign(static_cast<std::size_t>(std::lround(sampled.bytes)), std::byte{0});
    // Payloads differ, as do their checksums in the index.
    if (payload_.size() >= sizeof hash) store_le(payload_.data(), hash);
  }
  sizes_.emplace(hash, payload_.size());
  return writer_.write_coded(plain_, sampled.codec, payload_);
}

// Samples the chunk in plain_, which is at `at` in its file. If it is encoded whole, payload_ is its payload.
Sampled SampledWriter::sample(const codec::ChunkShape& shape, std::uint64_t at) {
  const bool plain_bytes = tensor_.kind == catalog::TensorKind::kBytes;
  // Chunks are checked at even distances in a file, so that large ones are as likely as their size.
  const bool check = (at + step_ / 2) / step_ != (at + plain_.size() + step_ / 2) / step_;
  Sampled sampled = sample_chunk(shape, plain_bytes || whole_, plain_, level_, share_, payload_);
  spent_ += sampled.spent;
  if (sampled.whole) {
    whole_seconds_ += sampled.seconds;
    encoded_ += plain_.size();
    return sampled;
  }
  Stratum& stratum = strata_[{tensor_.dtype, plain_bytes}];
  stratum.bytes += sampled.bytes;
  stratum.seconds += sampled.seconds;
  encoded_ += check ? plain_.size() : sampled.encoded;
  if (check) {
    Check checked{sampled.bytes, 0, sampled.seconds, 0};
    encode_timed(shape, plain_, level_, payload_, checked.real_seconds);
    checked.real = static_cast<double>(payload_.size());
    spent_ += checked.real_seconds;
    stratum.checks.push_back(checked);
  }
  return sampled;
}

SampledWriter::Result SampledWriter::result() const {
  // What a sample of a stratum without checks may be wrong by.
  constexpr double kUnchecked = 0.01;
  // The bytes by which the record of a chunk that repeats another may differ. A few such chunks, of another
  // shape but with the same payload, are not noticed.
  constexpr double kRepeat = 24;
  // What it may be wrong by although the checks agree.
  constexpr double kLeast = 0.0005;
  Result result;
  result.spent = spent_;
  result.seconds = whole_seconds_;
  result.encoded = encoded_;
  double variance = 0;
  for (const auto& [key, stratum] : strata_) {
    double sampled = 0, real = 0, sampled_seconds = 0, real_seconds = 0;
    for (const Check& check : stratum.checks) {
      sampled += check.sampled;
      real += check.real;
      sampled_seconds += check.sampled_seconds;
      real_seconds += check.real_seconds;
    }
    const double ratio = sampled == 0 ? 1 : real / sampled;
    const double pace = sampled_seconds == 0 ? 1 : real_seconds / sampled_seconds;
    double squares = 0;
    for (const Check& check : stratum.checks) {
      squares += std::pow(check.real - ratio * check.sampled, 2);
      if (check.sampled_seconds > 0) {
        const double factor = check.real_seconds / (pace * check.sampled_seconds);
        result.time_spread = std::max({result.time_spread, factor, 1 / factor});
      }
    }
    const auto n = static_cast<double>(stratum.checks.size());
    result.correction += stratum.bytes * (ratio - 1);
    result.seconds += stratum.seconds * pace;
    double error = stratum.bytes * kUnchecked / 2;
    if (n >= 2) {
      error = std::sqrt(squares / (n - 1) / n) * n / sampled * stratum.bytes;
      error += stratum.bytes * kLeast;
    }
    variance += error * error;
  }
  result.error = 2 * std::sqrt(variance) + kRepeat * static_cast<double>(repeats_ + 2);
  return result;
}

}  // namespace bbz::forecast
