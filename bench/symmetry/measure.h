// Packing generated models, and what that took.
#pragma once

#include <chrono>
#include <optional>

#include "bbz/catalog/catalog.h"
#include "bbz/rotation/pack.h"
#include "models/models.h"

namespace bbz::bench {

// Seconds since it was made.
class Timer {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// The most memory that the process had resident since it was made, less what it had then, in MiB.
// Nothing where the system does not tell.
class PeakMemory {
 public:
  PeakMemory();
  std::optional<double> mib() const;

 private:
  std::optional<double> before_;
};

// As `bbz pack` and `bbz pack --symmetry` pack a safetensors file of the model. No method: exactly.
struct Packed {
  catalog::Catalog catalog;
  std::uint64_t archive_bytes = 0;
  rotation::Record record;
};
Result<Packed> pack(const rotation::Model& model, std::optional<rotation::Method> method,
                    io::Sink& sink);

// A model whose tensors are made when they are asked for. `large` must outlive it.
rotation::Model model_of(const test_models::LargeModel& large);

// Takes bytes and counts them.
class NullSink final : public io::Sink {
 public:
  Status write(Bytes bytes) override {
    written_ += bytes.size();
    return {};
  }
  Status finish() override { return {}; }
  std::uint64_t written() const override { return written_; }

 private:
  std::uint64_t written_ = 0;
};

}  // namespace bbz::bench
