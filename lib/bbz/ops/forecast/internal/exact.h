// The forecast of packing exactly: of each chunk, a part is encoded.
#pragma once

#include "bbz/ops/forecast/forecast.h"
#include "bbz/ops/forecast/internal/sample.h"

namespace bbz::forecast {

// What packing exactly is expected to give.
struct Exact {
  std::uint64_t original_bytes = 0;                 // of the files
  double bytes = 0;                                 // of the archive
  double error = 0;                                 // of `bytes`, in bytes
  double seconds = 0;                               // of packing, without writing the archive
  std::uint64_t encoded = 0;                        // bytes that were encoded
  std::unordered_map<std::string, double> tensors;  // bytes of the payloads of named tensors
};

// Predicts what ops::pack() makes of files, and leaves the sequence at its end. Errors: those of the
// sequence and of the Writer; kUnsupported for a stream.
Result<Exact> pack_files(files::FileSequence& files, const Options& options, codec::Level level,
                         bool whole);

// Predicts what packing a model as one safetensors file gives, with a header that has `metadata`. Errors:
// those of model.load and of the Writer.
Result<Exact> pack_model(const model::Model& model, const Options& options, codec::Level level,
                         bool whole);

// Returns the seconds that writing so many bytes to a file takes, its fsync included; 0 if that cannot be
// measured.
double writing_seconds(const std::string& folder, double bytes);

}  // namespace bbz::forecast
