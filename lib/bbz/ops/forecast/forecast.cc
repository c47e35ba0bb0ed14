#include "bbz/ops/forecast/forecast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/forecast/internal/costs.h"
#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::forecast {
namespace {

using rotation::RequestedMethod;

constexpr std::array kMethods = {RequestedMethod::kTriangular, RequestedMethod::kPolar,
                                 RequestedMethod::kBitsBack, RequestedMethod::kPivot,
                                 RequestedMethod::kAuto};
constexpr std::array<double, kFloors.size()> kFloorNumbers = {0, 0.5, 1};

class Forecaster {
 public:
  Forecaster(const Input& input, const Options& options)
      : input_(input),
        options_(options),
        pace_(static_cast<double>(parallel::ThreadPool(options.threads).size())) {}

  Result<Forecasts> run() {
    const std::string unreadable = find_why_unread();
    if (!unreadable.empty()) {
      for (const char* const method : {"exact", "exact small"}) add(method, 0, Exact{}, unreadable);
      for (const RequestedMethod method : kMethods) add_all(method, Exact{}, unreadable);
      return std::move(result_);
    }
    BBZ_TRY(exact());
    BBZ_TRY(rotated());
    return std::move(result_);
  }

 private:
  // Returns why the model is not read, or an empty string. Files are read as they are.
  std::string find_why_unread() {
    if (input_.files != nullptr) return {};
    if (std::ranges::find(input_.model->leans, true) != input_.model->leans.end()) {
      return "it is the difference from a base, which is not at hand";
    }
    result_.costly = why_unread(*input_.model);
    return result_.costly;
  }

  Result<Exact> pack(codec::Level level) {
    if (input_.files == nullptr)
      return pack_model(in_parts(*input_.model), options_, level, whole_);
    BBZ_TRY(input_.files->rewind());
    return pack_files(*input_.files, options_, level, whole_);
  }

  Status exact() {
    if (input_.files != nullptr) {
      BBZ_TRY(input_.files->look());
      whole_ = input_.files->total_size().value_or(0) <= options_.whole_bytes;
    } else {
      whole_ = input_.model->file_bytes <= options_.whole_bytes;
    }
    BBZ_ASSIGN(exact_, pack(codec::Level::kDefault));
    result_.original_bytes = exact_.original_bytes;
    result_.sampled_bytes = exact_.encoded;
    if (exact_.bytes > 0) writing_ = writing_seconds(options_.folder, exact_.bytes) / exact_.bytes;
    add("exact", 0, exact_);
    BBZ_ASSIGN(const Exact small, pack(codec::Level::kSmall));
    add("exact small", 0, small);
    return {};
  }

  void add(std::string method, double floor, const Exact& exact, std::string note = {}) {
    // How much faster or slower the machine may be than it was, and seconds that a program may start earlier
    // or later.
    constexpr double kPace = 1.5, kStart = 0.01;
    Forecast one;
    one.method = std::move(method);
    one.floor = floor;
    one.bytes = static_cast<std::uint64_t>(std::llround(std::max(exact.bytes, 0.0)));
    one.bytes_within = exact.bytes > 0 ? exact.error / exact.bytes : 0;
    one.seconds = options_.start_seconds + exact.seconds + writing_ * exact.bytes;
    if (one.seconds > 0) one.seconds_within = kPace + kStart / one.seconds;
    one.note = std::move(note);
    result_.methods.push_back(std::move(one));
  }

  void add_all(RequestedMethod method, const Exact& exact, const std::string& note) {
    const std::size_t floors = method == RequestedMethod::kBitsBack ? 1 : kFloors.size();
    for (std::size_t f = 0; f < floors; ++f) {
      add(std::string(method_name(method)), kFloorNumbers[f], exact, note);
    }
  }

  // Returns why pack() would fail for any method, or an empty string.
  std::string why_not() const {
    for (const TensorInfo& info : input_.model->tensors) {
      if (info.block == nullptr) continue;
      return fmt::format("tensor {}: a rotated file cannot hold its blocks of {}",
                         quoted(info.name), quoted(info.block->name));
    }
    return {};
  }

  Status rotated() {
    const bool known = input_.model != nullptr && input_.detection != nullptr;
    if (known) {
      result_.costly = why_unrotated(*input_.model, *input_.detection, whole_ ? 1 : options_.share);
      if (!result_.costly.empty()) {
        for (const RequestedMethod method : kMethods) add_all(method, Exact{}, result_.costly);
        return {};
      }
    }
    if (known && input_.detection->refusal(RequestedMethod::kAuto).empty()) {
      BBZ_TRY(rotation::check_work(*input_.model, *input_.detection));
      linalg::set_threads(options_.threads);
      const double begin = now();
      linalg::has_lapack();
      loading_ = now() - begin;
      BBZ_ASSIGN(result_.estimate,
                 rotation::estimate(*input_.model, *input_.detection, options_.threads));
      BBZ_TRY(open());
    }
    for (const RequestedMethod method : kMethods) {
      std::string refusal = known ? input_.detection->refusal(method) : "no model was found";
      if (!refusal.empty()) {
        add_all(method, exact_, refusal);
        continue;
      }
      const std::string failure = why_not();
      if (!failure.empty()) {
        add_all(method, Exact{}, failure);
        continue;
      }
      BBZ_TRY(rotated_by(method));
    }
    return {};
  }

  // Finds what the model takes as it is in the form that rotating gives it: contiguous tensors.
  Status open() {
    const bool same = input_.files == nullptr || !input_.model->header.empty();
    if (same) {
      base_ = exact_;
      return {};
    }
    BBZ_ASSIGN(base_, pack_model(*input_.model, options_, codec::Level::kDefault, whole_));
    // What is no tensor takes what it takes now: files beside the model, records, the index.
    const auto sum = [](const Exact& exact) {
      double bytes = 0;
      for (const auto& [name, one] : exact.tensors) bytes += one;
      return bytes;
    };
    base_.bytes = exact_.bytes - sum(exact_) + sum(base_);
    return {};
  }

  Work work() {
    return {*input_.model,
            *input_.detection,
            *result_.estimate,
            base_,
            whole_ ? 1.0 : options_.share,
            whole_,
            options_.threads,
            pace_};
  }

  Result<Change> change(RequestedMethod method) {
    const Work work = this->work();
    switch (method) {
      case RequestedMethod::kTriangular:
        return change_junctions(work, false, false);
      case RequestedMethod::kPolar: {
        BBZ_ASSIGN(polar_, change_junctions(work, true, false));
        return *polar_;
      }
      case RequestedMethod::kBitsBack:
        return change_bits_back(work);
      case RequestedMethod::kPivot: {
        BBZ_ASSIGN(pivot_, change_pairs(work));
        return *pivot_;
      }
      case RequestedMethod::kAuto:
        break;
    }
    return change_by_auto(work);
  }

  // What auto does is what polar and pivot do, but it does not fail.
  Result<Change> change_by_auto(const Work& work) {
    Change both;
    if (polar_ && !polar_->failure.empty()) {
      BBZ_ASSIGN(polar_, change_junctions(work, true, true));
    }
    for (const auto& one : {polar_, pivot_}) {
      if (!one) continue;
      for (std::size_t f = 0; f < both.bytes.size(); ++f) {
        both.bytes[f] += one->bytes[f];
        both.error[f] = std::hypot(both.error[f], one->error[f]);
        both.seconds[f] += one->seconds[f];
      }
      both.fits = both.fits || one->fits;
    }
    for (double& seconds : both.seconds) seconds += checking_seconds(work);
    return both;
  }

  Status rotated_by(RequestedMethod method) {
    // What the record and the index may differ by.
    constexpr double kRest = 256;
    // What the samples of rows may add to the error, as a share of the archive. A model of which all rows are
    // rotated is small, and what is no tensor takes more of its archive.
    constexpr double kSampled = 0.002, kWhole = 0.004;
    if (method == RequestedMethod::kBitsBack) {
      const Status built = bitsback::check_built();
      if (!built.ok()) {
        add_all(method, Exact{}, built.error().message);
        return {};
      }
      if (input_.model->path.empty()) {
        add_all(method, exact_, "bits-back is for models in one file");
        return {};
      }
    }
    BBZ_ASSIGN(const Change change, this->change(method));
    if (!change.failure.empty()) {
      add_all(method, Exact{}, change.failure);
      return {};
    }
    if (!change.fits && method == RequestedMethod::kAuto) {
      add_all(method, exact_, "no junction allows a rotation");
      return {};
    }
    const Work work = this->work();
    const std::size_t floors = method == RequestedMethod::kBitsBack ? 1 : kFloors.size();
    for (std::size_t f = 0; f < floors; ++f) {
      Exact one = base_;
      one.bytes += change.bytes[f] + record_bytes(work, method, kFloors[f]);
      one.error = std::hypot(base_.error, change.error[f]) + kRest +
                  (whole_ ? kWhole : kSampled) * one.bytes;
      one.seconds += change.seconds[f] + loading_;
      add(std::string(method_name(method)), kFloorNumbers[f], one);
    }
    return {};
  }

  const Input& input_;
  const Options& options_;
  Forecasts result_;
  bool whole_ = false;
  double writing_ = 0;  // seconds of writing a byte
  double loading_ = 0;  // seconds of loading what multiplies matrices
  Exact exact_;
  Exact base_;  // of the model alone, in the form that it gets
  std::optional<Change> polar_, pivot_;
  Pace pace_;
};

}  // namespace

Result<Forecasts> forecast(const Input& input, const Options& options) {
  if (input.model == nullptr && input.files == nullptr) {
    return error_with_message(Code::kInvalidArgument, "forecast: neither a model nor files");
  }
  return Forecaster(input, options).run();
}

}  // namespace bbz::forecast
