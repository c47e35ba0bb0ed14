#include "bbz/ops/forecast/internal/sample.h"

#include <algorithm>
#include <bit>
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
constexpr std::uint64_t kChecks = 8;

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
    // In the middle of each part of the rows: those of a factor often have sizes in order.
    const std::uint64_t row = rows.count * (2 * i + 1) / (2 * kRuns) - run / 2;
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
  const StratumKey key = {tensor_.dtype, std::bit_width(plain_.size()),
                          std::bit_width(shape.row_length)};
  const Sampled sampled = sample(shape, place, strata_[key]);
  if (!plain_bytes) {
    Payloads& sum = tensors_[tensor_.name];
    (sampled.whole ? sum.whole : sum.sampled[key]) += sampled.bytes;
  }
  if (!sampled.whole) {
    payload_.assign(static_cast<std::size_t>(std::lround(sampled.bytes)), std::byte{0});
    // Payloads differ, as do their checksums in the index.
    if (payload_.size() >= sizeof hash) store_le(payload_.data(), hash);
  }
  sizes_.emplace(hash, payload_.size());
  return writer_.write_coded(plain_, sampled.codec, payload_);
}

// Samples the chunk in plain_, which is at `at` in its file. If it is encoded whole, payload_ is its payload.
Sampled SampledWriter::sample(const codec::ChunkShape& shape, std::uint64_t at, Stratum& stratum) {
  const bool plain_bytes = tensor_.kind == catalog::TensorKind::kBytes;
  Sampled sampled = sample_chunk(shape, plain_bytes || whole_, plain_, level_, share_, payload_);
  spent_ += sampled.spent;
  if (sampled.whole) {
    whole_seconds_ += sampled.seconds;
    encoded_ += plain_.size();
    return sampled;
  }
  // Chunks are checked at even distances in a file, so that large ones are as likely as their size.
  const bool check = stratum.checks.empty() ||
                     (at + step_ / 2) / step_ != (at + plain_.size() + step_ / 2) / step_;
  if (!check) {
    stratum.bytes += sampled.bytes;
    stratum.seconds += sampled.seconds;
    ++stratum.count;
    encoded_ += sampled.encoded;
    return sampled;
  }
  Check checked{sampled.bytes, 0, sampled.seconds, 0};
  sampled.codec = encode_timed(shape, plain_, level_, payload_, checked.real_seconds);
  sampled.bytes = checked.real = static_cast<double>(payload_.size());
  sampled.whole = true;
  spent_ += checked.real_seconds;
  whole_seconds_ += checked.real_seconds;
  encoded_ += plain_.size();
  stratum.checks.push_back(checked);
  return sampled;
}

double SampledWriter::Stratum::ratio() const {
  double sampled = 0, real = 0;
  for (const Check& check : checks) {
    sampled += check.sampled;
    real += check.real;
  }
  return sampled == 0 ? 1 : real / sampled;
}

std::unordered_map<std::string, double> SampledWriter::tensors() const {
  std::unordered_map<std::string, double> corrected;
  for (const auto& [name, payloads] : tensors_) {
    double bytes = payloads.whole;
    for (const auto& [key, sampled] : payloads.sampled) bytes += strata_.at(key).ratio() * sampled;
    corrected.emplace(name, bytes);
  }
  return corrected;
}

SampledWriter::Result SampledWriter::result() const {
  // The relative variance of a sample if too few checks tell it: that of an error of 0.5 %.
  constexpr double kUnchecked = 0.005 * 0.005;
  // Fewer degrees of freedom say little.
  constexpr double kLeastFreedom = 3;
  // The bytes by which the record of a chunk that repeats another may differ. A few such chunks, of another
  // shape but with the same payload, are not noticed.
  constexpr double kRepeat = 24;
  // What it may be wrong by although the checks agree.
  constexpr double kLeast = 0.0005;
  Result result;
  result.spent = spent_;
  result.seconds = whole_seconds_;
  result.encoded = encoded_;
  double squares = 0, freedom = 0;
  for (const auto& [key, stratum] : strata_) {
    const double ratio = stratum.ratio();
    std::vector<double> paces;
    for (const Check& check : stratum.checks) {
      squares += std::pow(check.real / (ratio * check.sampled) - 1, 2);
      if (check.sampled_seconds > 0) paces.push_back(check.real_seconds / check.sampled_seconds);
    }
    if (!stratum.checks.empty()) freedom += static_cast<double>(stratum.checks.size()) - 1;
    // The median, because some chunks take many times as long as others.
    std::ranges::sort(paces);
    const double pace = paces.empty() ? 1 : paces[paces.size() / 2];
    result.correction += stratum.bytes * (ratio - 1);
    result.seconds += stratum.seconds * pace;
  }
  const double variance = freedom < kLeastFreedom ? kUnchecked : squares / freedom;
  double sum = 0;
  for (const auto& [key, stratum] : strata_) {
    if (stratum.count == 0) continue;
    // The mean of the checks is off, and so is each chunk from it.
    const double parts = 1 / static_cast<double>(stratum.checks.size()) + 1 / stratum.count;
    sum += std::pow(stratum.bytes, 2) * (variance * parts + kLeast * kLeast);
  }
  result.error = 2 * std::sqrt(sum) + kRepeat * static_cast<double>(repeats_ + 2);
  return result;
}

}  // namespace bbz::forecast
