#include "bbz/symmetry/bitsback/bitsback.h"

#include <algorithm>
#include <cmath>

#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/group.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::forecast {
namespace {

// Draws rotations as bits-back does, but at some junctions only: there, made-up bytes are the riders.
class Drawing {
 public:
  explicit Drawing(const Work& work)
      : work_(work), junctions_(work.detection.junctions.junctions) {}

  Result<Change> run() {
    plain_.resize(junctions_.size());
    for (std::size_t j = 0; j < junctions_.size(); ++j) {
      if (!is_drawn(j) || !is_sampled(j)) continue;
      BBZ_TRY(draw(j));
      if (!change_.failure.empty()) return change_;
    }
    for (std::size_t j = 0; j < junctions_.size(); ++j) {
      if (is_drawn(j) && !plain_[j]) sum_up(j);
    }
    change_.error = rates_.error();
    for (double& error : change_.error) error = 2 * std::hypot(error, std::sqrt(variance_));
    return change_;
  }

 private:
  // What drawing gave at junctions with so many carriers.
  struct Drawn {
    double saved = 0;    // bytes
    double freedom = 0;  // degrees of freedom of their rotations
    double seconds = 0;
    double products = 0;  // to which these are in proportion
  };

  // Returns whether a junction has riders: tensors that write the next one.
  bool is_drawn(std::size_t j) const {
    return junctions_[j].proven() && j + 1 < junctions_.size() &&
           junctions_[j + 1].find(Role::kWrites) != nullptr;
  }

  bool is_sampled(std::size_t j) const {
    return is_drawn_in_sample(j, junctions_.size(), work_.whole);
  }

  static std::size_t carriers_of(const Junction& junction) {
    return static_cast<std::size_t>(
        std::ranges::count(junction.members, Role::kReads, &Member::role));
  }

  Result<std::vector<std::byte>> load(std::size_t tensor) {
    auto bytes = work_.pace.load(work_.model, tensor);
    if (bytes.ok() || bytes.code() != Code::kUnsupported) return bytes;
    change_.failure = bytes.error().message;
    return std::vector<std::byte>();
  }

  double rider_bytes(const Junction& next) const {
    double bytes = 0;
    for (const Member& member : next.members) {
      if (member.role == Role::kWrites) bytes += work_.exact_bytes(member.tensor);
    }
    return bytes;
  }

  Status draw(std::size_t j) {
    const Junction& junction = junctions_[j];
    std::vector<std::vector<std::byte>> bytes;
    std::vector<bitsback::Carrier> carriers;
    double elements = 0;
    for (const Member& member : junction.members) {
      if (member.role != Role::kReads) continue;
      BBZ_ASSIGN(std::vector<std::byte> one, load(member.tensor));
      if (!change_.failure.empty()) return {};
      bytes.push_back(std::move(one));
    }
    std::size_t k = 0;
    for (const Member& member : junction.members) {
      if (member.role != Role::kReads) continue;
      const TensorInfo& info = work_.model.tensors[member.tensor];
      elements += static_cast<double>(info.shape[0] * info.shape[1]);
      carriers.push_back({info.dtype, bytes[k++]});
    }
    const double begin = now();
    const auto plan = bitsback::plan_junction(junction.width, carriers);
    if (!plan.ok()) {
      plain_[j] = true;
      return {};
    }
    const auto most = static_cast<std::uint64_t>(rider_bytes(junctions_[j + 1]));
    const std::vector<std::byte> payload =
        made_up_bytes(std::min(bitsback::capacity_bytes(*plan), most), j + 1);
    auto drawn = bitsback::encode(*plan, carriers, payload);
    if (!drawn.ok()) {
      plain_[j] = true;
      return {};
    }
    const double seconds = now() - begin;
    symmetry::BitsBackGroup group;
    group.width = static_cast<std::uint32_t>(junction.width);
    group.carriers = static_cast<std::uint16_t>(carriers.size());
    group.record = std::move(drawn->record);
    const auto overhead = static_cast<double>(symmetry::encode_group(group).size());
    Drawn& sum = drawn_[carriers.size()];
    sum.saved += static_cast<double>(payload.size()) - overhead;
    sum.freedom += static_cast<double>(bitsback::degrees_of_freedom(junction.width));
    sum.seconds += seconds;
    sum.products += elements * static_cast<double>(junction.width);
    return add_drawn(junction, *drawn);
  }

  Status add_drawn(const Junction& junction, const bitsback::Drawn& drawn) {
    std::size_t k = 0;
    for (const Member& member : junction.members) {
      const TensorInfo& info = work_.model.tensors[member.tensor];
      Sizes sizes{};
      if (member.role == Role::kReads) {
        BBZ_ASSIGN(sizes[0], coded_bytes(dense_spec(info.dtype, info.shape[0], info.shape[1]),
                                         drawn.carriers[k++]));
      } else if (!is_counted(member)) {
        continue;
      } else {
        BBZ_ASSIGN(const std::vector<std::byte> bytes, load(member.tensor));
        if (!change_.failure.empty()) return {};
        auto found = member.role == Role::kShortcutIn
                         ? shortcut_bytes(info, bytes, drawn.rotation)
                         : rotated_bytes(info, member.role, bytes, drawn.rotation, work_.share);
        if (member.role != Role::kShortcutIn) {
          work_.pace.measure(info, member.role, bytes, drawn.rotation);
        }
        if (!found.ok()) return found.code() == Code::kUnsupported ? Status() : found.error();
        sizes = *found;
      }
      rates_.add(info, member.role, sizes);
    }
    return {};
  }

  // A shortcut is rotated from both sides; the same rotation stands in for that of the junction before.
  Result<Sizes> shortcut_bytes(const TensorInfo& info, Bytes bytes, const Matrix& u) const {
    Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]),
                                   static_cast<Index>(info.shape[1]));
    s = linalg::product(s, u);
    if (s.rows() == u.rows()) {
      Matrix left(s.rows(), s.cols());
      linalg::multiply(u, linalg::Op::kTransposed, s, linalg::Op::kPlain, left);
      s = std::move(left);
    }
    return rounded_bytes(info, s);
  }

  void sum_up(std::size_t j) {
    const Junction& junction = junctions_[j];
    const auto found = drawn_.find(carriers_of(junction));
    if (found == drawn_.end()) return;
    const Drawn& drawn = found->second;
    const double freedom = static_cast<double>(bitsback::degrees_of_freedom(junction.width));
    double saved = drawn.saved / drawn.freedom * freedom;
    saved = std::min(saved, rider_bytes(junctions_[j + 1]));
    add_members(work_, junction, nullptr, is_sampled(j), rates_, change_);
    for (double& bytes : change_.bytes) bytes -= saved;
    if (!is_sampled(j)) variance_ += std::pow(saved * 0.01, 2);
    double seconds = 0;
    for (const Member& member : junction.members) {
      const TensorInfo& info = work_.model.tensors[member.tensor];
      if (member.role == Role::kReads && drawn.products > 0) {
        seconds += drawn.seconds / drawn.products *
                   static_cast<double>(info.shape[0] * info.shape[1] * junction.width);
      } else if (member.role == Role::kWrites || member.role == Role::kEmbedding) {
        seconds += work_.pace.rotating(info, member.role, junction.width)[0];
      }
    }
    for (double& sum : change_.seconds) sum += seconds;
  }

  const Work& work_;
  const std::vector<Junction>& junctions_;
  std::vector<bool> plain_;  // junctions that are stored exactly
  std::map<std::size_t, Drawn> drawn_;
  Rates rates_;
  Change change_;
  double variance_ = 0;
};

}  // namespace

bool is_drawn_in_sample(std::size_t j, std::size_t junctions, bool whole) {
  const std::size_t middle = junctions / 2;
  return whole || j == middle || j + 1 == middle;
}

Result<Change> change_bits_back(const Work& work) {
  return Drawing(work).run();
}

}  // namespace bbz::forecast
