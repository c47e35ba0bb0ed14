#include "bbz/files/safetensors/header.h"
#include "bbz/ops/forecast/internal/rotated.h"

namespace bbz::forecast {
namespace {

using rotation::RequestedMethod;

// A number as it looks in a record: four digits.
constexpr double kError = 1.234e-05;
constexpr std::size_t kLongestNote = 160;  // of a record

rotation::Record record_of(const Work& work, RequestedMethod method, gauge::Floor floor) {
  rotation::Record record;
  record.method = method_name(method);
  record.floor = floor;
  const junction::Detection& detection = work.detection.junctions;
  record.family = detection.family;
  const bool pairs = method == RequestedMethod::kAuto || method == RequestedMethod::kPivot;
  for (const junction::Junction& junction : detection.junctions) {
    rotation::JunctionRecord one;
    one.name = junction.name;
    one.width = junction.width;
    one.method = method == RequestedMethod::kPivot || !junction.proven() ? "exact" : "triangular";
    one.entries_saved = junction.width * junction.width / 2;
    one.bits_saved = static_cast<std::int64_t>(one.entries_saved * 16);
    one.largest_difference = one.rms_difference = kError;
    one.note = junction.refusal.substr(0, kLongestNote);
    for (const junction::Member& member : junction.members) {
      one.members.emplace_back(work.model.tensors[member.tensor].name, member.role);
    }
    record.junctions.push_back(std::move(one));
  }
  if (!pairs) return record;
  for (const pair::Pair& pair : work.detection.pairs) {
    rotation::PairRecord one;
    one.name = pair.stem;
    one.family = pair.family->name;
    one.rank = pair.rank;
    one.method = pair.proven() ? "pivot" : "exact";
    one.entries_saved = pair.rank * pair.rank;
    one.bits_saved = static_cast<std::int64_t>(one.entries_saved * 16);
    one.largest_difference = one.rms_difference = one.product_difference = kError;
    one.growth = floor == gauge::Floor::kNone ? 1 : 1.234;
    one.note = pair.refusal.substr(0, kLongestNote);
    if (pair.a != pair::Pair::kNone) one.left = work.model.tensors[pair.a].name;
    if (pair.b != pair::Pair::kNone) one.right = work.model.tensors[pair.b].name;
    record.pairs.push_back(std::move(one));
  }
  return record;
}

// Returns the bytes of a header with this metadata, once it is encoded; 0 if there is no such header.
double header_bytes(const Work& work, const safetensors::Metadata& metadata) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : work.model.tensors) {
    if (info.block == nullptr) tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  const auto header = safetensors::build(tensors, metadata);
  if (!header.ok()) return 0;
  const auto coded = coded_bytes(TensorSpec::bytes(header->size()), *header);
  return coded.ok() ? *coded : 0;
}

}  // namespace

double record_bytes(const Work& work, RequestedMethod method, gauge::Floor floor) {
  const std::string json = to_json(record_of(work, method, floor));
  safetensors::Metadata metadata;
  for (const auto& entry : work.model.metadata) {
    if (entry.first != "bbz.symmetry") metadata.push_back(entry);
  }
  const double plain = header_bytes(work, work.model.metadata);
  metadata.emplace_back("bbz.symmetry", json);
  return static_cast<double>(json.size()) + header_bytes(work, metadata) - plain;
}

}  // namespace bbz::forecast
