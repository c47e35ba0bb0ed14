// Predicts how large an archive of a model will be with each method of packing, and how long packing
// will take, without packing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/base/threads.h"
#include "bbz/files/source_file.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::forecast {

// What one method of packing is expected to make of a model.
struct Forecast {
  // "exact", "exact small" (with codec::Level::kSmall), "triangular", "polar", "bits-back", "pivot" or
  // "auto".
  std::string method;
  double floor = 0;         // of --symmetry-floor: 0, 0.5 or 1
  std::uint64_t bytes = 0;  // of the archive; 0 if packing would fail
  // How far the size may be from `bytes`, as a share of it: twice the standard error of the sample, and
  // what the parts that are not sampled may add. Some bytes
  // if every chunk was encoded.
  double bytes_within = 0;
  double seconds = 0;         // of packing to a file, with as many threads as Options::threads
  double seconds_within = 1;  // the time may be so many times as long, or one so many-th
  // Why the method does not apply, or an empty string if it does. If it is not empty, the figures are
  // those of packing exactly, which bbz pack does then, or 0 if it fails.
  std::string note;
};

// The forecast of all methods.
struct Forecasts {
  std::uint64_t original_bytes = 0;  // of the files that would be packed
  std::uint64_t sampled_bytes = 0;   // of these, such that were encoded to find the size of "exact"
  // Why the model takes too much work for its bytes to be predicted for, or empty. Notes say the same.
  std::string costly;
  // What rotation::estimate() says of the model, if rotations are predicted.
  std::optional<rotation::Estimate> estimate;
  // In the order of Forecast::method above. Triangular, polar, pivot and auto come once for each floor.
  std::vector<Forecast> methods;
};

// What to predict for. At least one of `model` and `files` is given.
struct Input {
  // The model, and what can be rotated in it. If they are null, only the exact methods have figures.
  const model::Model* model = nullptr;
  const rotation::Detection* detection = nullptr;
  // What would be packed, if that is known: the model's files and those beside them. It is read up to its
  // end, so it cannot be a stream. If it is null, the model is taken as one safetensors file.
  files::FileSequence* files = nullptr;
};

// Options of forecast().
struct Options {
  unsigned threads = kAllCores;  // of packing, and of this work
  // If all bytes are at most so many, every chunk is encoded and every tensor is rotated: then the sizes of
  // the exact methods are exact, and the others are as good as that.
  std::uint64_t whole_bytes = std::uint64_t{4} << 20;
  // Of larger input, the share of each chunk and of each rotated tensor that is encoded.
  double share = 1.0 / 10;
  // The directory in which the speed of writing is measured, with an unnamed file of at most 4 MiB; empty:
  // it is not measured, and the time of packing is that without writing.
  std::string folder = "/tmp";
  // Seconds that are added to each time, such as those in which a program starts and opens the model.
  double start_seconds = 0;
};

// Predicts the size and the time of packing with each method. An archive is not read, and notes say so, if
// it leans on a base, stands for more than 256 times its bytes and 256 MiB, or takes more than 2^16
// multiplications for each of its bytes, and 2^34, to be decoded; no rotation of it is predicted if that
// takes more than 6 times the width of its widest junction for each byte, and 2^30. All bytes are read
// once for each of the two exact methods, to find chunks that repeat others; of each chunk, only a part
// is encoded. Of the junctions and pairs, some are rotated, and of their tensors some rows. Sizes do not
// depend on the number of threads; times are measured on this machine, in this call, and hold for it as
// long as it is as busy.
//
// Numbers that forbid a rotation (an infinity, a NaN) are not seen in a part that is not sampled.
//
// Linear algebra uses as many threads as the options say, in the whole process. Errors: those of the
// sequence, of model.load and of rotation::check_work(); kUnsupported for a stream.
Result<Forecasts> forecast(const Input& input, const Options& options = {});

}  // namespace bbz::forecast
