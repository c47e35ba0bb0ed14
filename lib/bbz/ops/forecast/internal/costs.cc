#include "bbz/ops/forecast/internal/costs.h"

#include <algorithm>
#include <numeric>

#include "bbz/base/format.h"
#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/symmetry/form.h"

namespace bbz::forecast {
namespace {

// Returns about how many multiplications derive a tensor, or more.
double derived_work(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  const catalog::Group& group = catalog.groups[tensor.meta.group];
  if (tensor.meta.shape.empty() || group.first_tensor >= catalog.tensors.size()) return 0;
  // An operand of rank r has at least m r / 2 of the elements of m rows, and m^2 r are multiplied.
  const auto rows = static_cast<double>(tensor.meta.shape[0]);
  const catalog::Tensor& operand = catalog.tensors[group.first_tensor];
  return 2 * rows * static_cast<double>(operand.meta.stored_elements);
}

// Returns about how many multiplications recover the rotation of a group.
double rotation_work(const catalog::Catalog& catalog, const catalog::Group& group) {
  // Measured beside deriving: 2.1 s for a rotation of width 1380, 0.6 s for 7.3e10 multiplications.
  constexpr double kTimes = 64;
  if (group.first_tensor >= catalog.tensors.size()) return 0;
  const Shape& carrier = catalog.tensors[group.first_tensor].meta.shape;
  if (carrier.size() != 2) return 0;
  const auto width = static_cast<double>(carrier[1]);
  return kTimes * width * width * width;
}

double decoding_work(const catalog::Catalog& catalog) {
  double work = 0;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (symmetry::is_derived(tensor.meta)) work += derived_work(catalog, tensor);
  }
  for (const catalog::Group& group : catalog.groups) {
    if (group.meta.method == catalog::GroupMethod::kBitsBack) work += rotation_work(catalog, group);
  }
  return work;
}

// What predicting rotations takes.
struct RotatingWork {
  double products = 0;  // about how many multiplications, or more
  double width = 0;     // of the widest junction
};

RotatingWork rotating_work(const model::Model& model,
                           const std::vector<junction::Junction>& junctions, double share) {
  constexpr double kChoice = 4;  // products of matrices, as of a decomposition
  constexpr double kDraw = 6;    // products of a carrier, of which bits-back draws and rotates all
  RotatingWork work;
  for (std::size_t j = 0; j < junctions.size(); ++j) {
    if (!junctions[j].proven()) continue;
    const auto width = static_cast<double>(junctions[j].width);
    const bool drawn = is_drawn_in_sample(j, junctions.size(), share >= 1);
    work.width = std::max(work.width, width);
    work.products += kChoice * width * width * width;
    for (const junction::Member& member : junctions[j].members) {
      const double elements = elements_of(model.tensors[member.tensor]);
      const bool whole = member.role == junction::Role::kEmbedding;
      work.products += elements * width * (whole ? kFloors.size() : share);
      if (drawn && member.role == junction::Role::kReads) work.products += kDraw * elements * width;
    }
  }
  return work;
}

// Reads tensors from their begin to their end.
class PartReader {
 public:
  explicit PartReader(const model::Model& model) : model_(model) {}

  Status read(std::size_t tensor, std::uint64_t offset, MutableBytes out) {
    while (!out.empty()) {
      if (tensor != tensor_ || offset < begin_ || offset - begin_ >= part_.size()) {
        part_ = {};  // before the next one takes memory
        BBZ_ASSIGN(part_, model_.load_part(tensor, offset));
        tensor_ = tensor;
        begin_ = offset;
      }
      const Bytes rest = Bytes(part_).subspan(offset - begin_);
      const std::size_t count = std::min(rest.size(), out.size());
      std::ranges::copy(rest.first(count), out.begin());
      out = out.subspan(count);
      offset += count;
    }
    if (offset == begin_ + part_.size()) part_ = {};
    return {};
  }

 private:
  const model::Model& model_;
  std::size_t tensor_ = 0;
  std::uint64_t begin_ = 0;
  std::vector<std::byte> part_;
};

}  // namespace

std::string why_unread(const model::Model& model) {
  constexpr std::uint64_t kMostPerByte = 256, kFree = std::uint64_t{1} << 28;
  constexpr double kMostWorkPerByte = 1 << 16, kFreeWork = std::uint64_t{1} << 34;
  const double most = kMostPerByte * static_cast<double>(model.stored_bytes) + kFree;
  if (static_cast<double>(model.file_bytes) > most) {
    return fmt::format("its {} stored bytes stand for {}", model.stored_bytes, model.file_bytes);
  }
  const double reads = std::accumulate(model.reads.begin(), model.reads.end(), 0.0);
  if (reads > most) {
    return fmt::format("its {} stored bytes are {:.0f} once all tensors are decoded",
                       model.stored_bytes, reads);
  }
  const double work = model.archive == nullptr ? 0 : decoding_work(model.archive->catalog());
  if (work > kMostWorkPerByte * static_cast<double>(model.stored_bytes) + kFreeWork) {
    return fmt::format("decoding its {} stored bytes takes {:.2g} multiplications",
                       model.stored_bytes, work);
  }
  return {};
}

std::string why_unrotated(const model::Model& model, const rotation::Detection& detection,
                          double share) {
  constexpr double kMostPerByteAndColumn = 6, kFree = std::uint64_t{1} << 30;
  if (model.archive == nullptr) return {};
  const RotatingWork work = rotating_work(model, detection.junctions.junctions, share);
  const auto stored = static_cast<double>(model.stored_bytes);
  if (work.products <= kMostPerByteAndColumn * work.width * stored + kFree) return {};
  return fmt::format("predicting its rotation takes {:.2g} multiplications for {} stored bytes",
                     work.products, model.stored_bytes);
}

model::Model in_parts(const model::Model& model) {
  model::Model some;
  some.tensors = model.tensors;
  some.metadata = model.metadata;
  some.header = model.header;
  some.file_bytes = model.file_bytes;
  some.load = model.load;
  some.read = model.read;
  if (model.archive != nullptr) {
    some.read = [reader = std::make_shared<PartReader>(model)](auto... what) {
      return reader->read(what...);
    };
  }
  return some;
}

}  // namespace bbz::forecast
