// A part of a chunk, from whose encoded size follows that of the whole.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "bbz/archive/writer.h"

namespace bbz::forecast {

// Returns the seconds since some moment.
double now();

// The size of a chunk, as a part of it tells.
struct Sampled {
  double bytes = 0;           // of the payload
  double seconds = 0;         // that encoding all of it would take
  double spent = 0;           // seconds that were spent
  std::uint64_t encoded = 0;  // decoded bytes that were encoded
  bool whole = false;         // whether these are all of the chunk
  codec::CodecId codec{};     // of the payload, or one that it may have
};

// Encodes some rows of a chunk, spread evenly, and returns what that says of all of it. Small chunks, and
// all if `whole` is set, are encoded whole. `payload` is that of what was encoded. Precondition: plain is
// the bytes of a chunk of this shape.
Sampled sample_chunk(const codec::ChunkShape& shape, bool whole, Bytes plain, codec::Level level,
                     double share, std::vector<std::byte>& payload);

// Gives chunks to a Writer with payloads of about the size that encoding them would give, but without their
// content. So the Writer counts records and the index. Not thread-safe.
class SampledWriter {
 public:
  // `total` is the number of bytes that will be written. If `whole` is set, every chunk is encoded.
  // `writer` must outlive it.
  SampledWriter(Writer& writer, codec::Level level, double share, std::uint64_t total, bool whole);

  // Begins a tensor. Errors: those of the writer.
  Status begin(const TensorSpec& spec);
  // Returns the memory for the bytes of the next chunk, which is empty if the tensor is complete.
  MutableBytes room();
  // Writes the chunk that is in that memory. Errors: those of the writer.
  Status write();
  // Ends the tensor. Errors: those of the writer.
  Status end() { return writer_.end_tensor(); }

  // What chunks that were encoded whole say of the error of the others.
  struct Result {
    double correction = 0;      // to be added to the payloads together, in bytes
    double error = 0;           // of the corrected sum: two standard errors, in bytes
    double spent = 0;           // seconds of encoding that were spent
    double seconds = 0;         // that encoding everything would take
    std::uint64_t encoded = 0;  // decoded bytes of chunks or parts that were encoded
  };
  // Returns it. To be called when everything is written.
  Result result() const;
  // Returns the bytes of the payloads of each named tensor, corrected as their sum is. To be called when
  // everything is written.
  std::unordered_map<std::string, double> tensors() const;

 private:
  // A chunk that was sampled, and then encoded whole to see how good the sample is.
  struct Check {
    double sampled = 0, real = 0;                  // bytes
    double sampled_seconds = 0, real_seconds = 0;  // of encoding
  };
  // Chunks of one type and of about one shape that were not encoded whole, and checks of others like them.
  struct Stratum {
    double bytes = 0;    // sampled payloads
    double seconds = 0;  // of encoding them
    double count = 0;    // of such chunks
    std::vector<Check> checks;
    // Returns the size of a payload over that of its sample, as the checks say.
    double ratio() const;
  };
  // A type, and the bits of a chunk's size in bytes and of its rows' length.
  using StratumKey = std::tuple<DType, int, int>;
  // Payloads of a named tensor.
  struct Payloads {
    double whole = 0;                      // bytes of those that were encoded whole
    std::map<StratumKey, double> sampled;  // bytes of the others, before the correction
  };

  Sampled sample(const codec::ChunkShape& shape, std::uint64_t at, Stratum& stratum);

  Writer& writer_;
  const codec::Level level_;
  const double share_;
  const std::uint64_t step_;  // bytes of a file from one chunk that is checked to the next
  const bool whole_;

  catalog::TensorMeta tensor_;    // the open one
  std::uint64_t left_ = 0;        // bytes of it
  std::uint64_t element_ = 0;     // the next one
  std::vector<std::byte> plain_;  // of the chunk
  std::vector<std::byte> payload_;
  // Sizes of payloads, by the hash of a chunk and its shape.
  std::unordered_map<std::uint64_t, std::size_t> sizes_;
  std::map<StratumKey, Stratum> strata_;
  std::unordered_map<std::string, Payloads> tensors_;
  std::uint64_t repeats_ = 0;  // chunks that repeat others
  double spent_ = 0;
  double whole_seconds_ = 0;
  std::uint64_t encoded_ = 0;
};

}  // namespace bbz::forecast
