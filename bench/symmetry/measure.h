// Packing generated models, and what that took.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <optional>

#include "bbz/format/catalog/catalog.h"
#include "bbz/ops/rotation/pack.h"
#include "models/models.h"

namespace bbz::bench {

// Returns the seconds that the processors have spent on all threads of this process.
inline double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Seconds since it was made: of the clock, and of the processors.
class Timer {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  double processor() const { return processor_seconds() - processor_; }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double processor_ = processor_seconds();
};

// The cost of a piece of work: seconds of the clock and of the processors, and the most memory that it
// had resident beside what was there before, in MiB (0 if the system does not report it).
struct Cost {
  double seconds = 0;
  double processor = 0;
  double mib = 0;
};

// Does the work in a process of its own, so that memory that other work left behind does not count,
// and returns what it took. The work tells the seconds of the clock that count. Errors: those of the work;
// kInternal if the process fails.
Result<Cost> measure_apart(const std::function<Result<double>()>& work);

// A safetensors file of the model, packed as by `bbz pack` or, with a method, `bbz pack --symmetry`, with
// this `--symmetry-floor`.
struct Packed {
  catalog::Catalog catalog;
  std::uint64_t archive_bytes = 0;
  rotation::Record record;
};
Result<Packed> pack(const rotation::Model& model, std::optional<rotation::RequestedMethod> method,
                    io::Sink& sink, gauge::Floor floor = gauge::Floor::kNone);

// A model whose tensors are made when they are asked for. `large` must outlive it.
rotation::Model model_of(const test_models::LargeModel& large);

}  // namespace bbz::bench
