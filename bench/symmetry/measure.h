// Packing generated models, and what that took.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "bbz/format/catalog/catalog.h"
#include "bbz/ops/rotation/pack.h"
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

// The cost of a piece of work: seconds, and the most memory that it had resident beside what was
// there before, in MiB (0 if the system does not report it).
struct Cost {
  double seconds = 0;
  double mib = 0;
};

// Does the work in a process of its own, so that memory that other work left behind does not count,
// and returns what it took. The work tells the seconds that count. Errors: those of the work;
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
