#include "bbz/ops/forecast/internal/rotated.h"

namespace bbz::forecast {

bool is_counted(const Member& member) {
  return member.role != Role::kBias && member.role != Role::kShortcutOut;
}

void add_members(const Work& work, const Junction& junction, const TensorInfo* first, bool measured,
                 Rates& rates, Change& change) {
  for (const Member& member : junction.members) {
    if (!is_counted(member)) continue;
    const bool stands_in = first != nullptr && &member == &junction.members.front();
    const TensorInfo& info = stands_in ? *first : work.model.tensors[member.tensor];
    const auto sizes = rates.take(info, member.role, measured);
    if (!sizes) continue;
    for (std::size_t f = 0; f < sizes->size(); ++f) {
      change.bytes[f] += (*sizes)[f] - work.exact_bytes(member.tensor);
    }
  }
  change.fits = true;
}

double checking_seconds(const Work& work) {
  double seconds = 0;
  for (const Junction& junction : work.detection.junctions.junctions) {
    if (!junction.proven()) continue;
    for (const Member& member : std::span(junction.members).subspan(1)) {
      seconds += work.pace.checking(work.model.tensors[member.tensor]);
    }
  }
  return seconds;
}

}  // namespace bbz::forecast
