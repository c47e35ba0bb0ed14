// How long packing takes to rotate tensors, as some tensors tell.
#pragma once

#include <map>

#include "bbz/access/model/model.h"
#include "bbz/ops/forecast/internal/dense.h"

namespace bbz::forecast {

// Measures on the first tensor of each role what packing does, and tells it for all of them. Like packing, it
// uses as many threads as linalg::threads() says.
class Pace {
 public:
  // `threads` are those that encode chunks.
  explicit Pace(double threads) : threads_(threads) {}

  // Loads a tensor whose numbers must be finite, and measures that. Errors: those of model.load and of
  // gauge::check_finite().
  Result<std::vector<std::byte>> load(const model::Model& model, std::size_t tensor);
  // Rotates a part of a tensor as packing does, with each floor, unless one in this role was measured.
  // Precondition: `bytes` are finite.
  void measure(const TensorInfo& info, Role role, Bytes bytes, const Matrix& u);

  // Encodes bytes as they are stored, and adds to `seconds` what that takes of the time of packing. Errors:
  // those of coded_bytes().
  Result<double> encode(const TensorSpec& spec, Bytes stored, double& seconds) const;

  // Returns the seconds that loading and rotating a tensor takes, for each floor, if its junction is so wide,
  // and that encoding it takes longer than it does as it is.
  Sizes rotating(const TensorInfo& info, Role role, std::uint64_t width) const;
  // Returns the seconds that looking takes whether a tensor can be rotated.
  double checking(const TensorInfo& info) const;

 private:
  // What was measured, and of how much.
  struct Measured {
    Sizes seconds{};
    double products = 0;
    Sizes encoding{};  // seconds that encoding takes longer
    double elements = 0;
  };

  const double threads_;
  std::map<Role, Measured> rotated_;
  double load_seconds_ = 0, loaded_ = 0;  // elements
  double fit_seconds_ = 0, fitted_ = 0;   // elements
};

}  // namespace bbz::forecast
