// Decides what a Decoder asks for.
#include <algorithm>

#include "bbz/access/push/internal/impl.h"
#include "bbz/io/byte_range.h"

namespace bbz::push {

// Returns the payloads that hold what is wanted. They are planned again when the payloads of
// unresolved groups have come, because only these say which tensors belong to the groups.
const std::vector<Interval>& Decoder::Impl::wanted_pieces() {
  const catalog::Catalog& catalog = record_map.catalog();
  const bool resolved = std::ranges::all_of(unresolved, [&](std::uint32_t group) {
    const auto size = assembler.group_size(group);
    return !size.ok() || size->has_value();
  });
  if (pieces && (unresolved.empty() || !resolved)) return *pieces;
  if (!planner) planner.emplace(catalog);
  for (const std::uint32_t group : unresolved) {
    if (const auto size = assembler.group_size(group); size.ok() && size->has_value()) {
      (void)planner->resolve(group, **size);  // if it fails, so have the tensors of the group
    }
  }
  std::vector<Interval> ranges;
  std::vector<plan::Part> parts;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (assembler.wants(tensor.meta.number)) {
      parts.push_back({tensor.meta.number, 0, tensor.byte_size});
    }
  }
  unresolved.clear();
  if (auto plan = planner->plan(parts); plan.ok()) {
    for (const plan::Piece& piece : plan->pieces) ranges.push_back({piece.offset, piece.end()});
    unresolved = std::move(plan->unresolved);
  }
  pieces = std::move(ranges);
  return *pieces;
}

std::vector<Interval> Decoder::needs(std::size_t most, std::uint64_t gap) const {
  Impl& d = *impl_;
  std::vector<Interval> found;
  if (!d.failure.ok() || complete()) return found;
  const io::Nearness near{gap};
  const auto bytes_of = [](const Interval& i) { return io::ByteRange{i.begin, i.size()}; };
  // Adds what is missing of a range; returns false when enough was found.
  const auto add = [&](Interval range) {
    constexpr std::size_t kStep = 64;
    while (!range.empty()) {
      const auto parts = d.input.there().missing(range, kStep);
      for (const Interval& part : parts) {
        if (!found.empty() && near.joinable(bytes_of(found.back()), bytes_of(part)) != 0) {
          found.back().end = part.end;
        } else if (found.size() == most) {
          return false;
        } else {
          found.push_back(part);
        }
      }
      range.begin = parts.size() < kStep ? range.end : parts.back().end;
    }
    return true;
  };
  if (d.options.structure_first || d.options.only_wanted) {
    for (const Interval& range : d.record_map.structure()) add(range);
    if (!found.empty()) return found;
  }
  if (d.options.only_wanted && d.record_map.opened()) {
    for (const Interval& piece : d.wanted_pieces()) {
      if (!add(piece)) break;
    }
    return found;
  }
  add({0, d.record_map.total().value_or(kUnknown)});
  return found;
}

}  // namespace bbz::push
