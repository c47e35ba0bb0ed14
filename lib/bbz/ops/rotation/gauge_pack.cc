#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/rotate.h"

namespace bbz::rotation {
namespace {

// Returns whether the group and the factor take enough bytes that a reader may derive the shortcut.
// Those of a trained model take dozens of times as many.
Result<bool> is_in_proportion(const ModelFile& file, const TensorSpec& operand,
                              const gauge::Output& output, std::uint64_t group_bytes) {
  symmetry::PolarCost cost;
  cost.rows = output.polar->rows;
  cost.rank = output.polar->rank();
  cost.operand_bytes = output.polar->factor.size();
  cost.derived_bytes = output.decoded.size();
  const std::uint64_t least = cost.least_stored_bytes();
  if (least <= group_bytes) return true;
  BBZ_ASSIGN(const std::uint64_t stored,
             file.coded_bytes(operand, output.polar->factor, least - group_bytes));
  return stored >= least - group_bytes;
}

// Writes a derived shortcut: its group, its operand, and a tensor record without chunks. Writes a
// dense tensor if a reader would refuse to derive it.
Status add_polar(ModelFile& file, const gauge::Output& output, std::string_view name) {
  symmetry::PolarGroup group;
  group.pivots = output.polar->pivots;
  group.decoded_checksum = xxh3_64(output.decoded);
  if (file.writer().options().digest == DigestKind::kSha256) {
    group.decoded_digest = digest_of(DigestKind::kSha256, output.decoded);
  }
  const TensorSpec spec = file.spec(output.tensor);
  TensorSpec operand;
  operand.name = std::string(name) + ".factor";
  operand.dtype = *gauge::factor_dtype(output.polar->dtype);
  operand.shape = {output.polar->factor.size() * 8 / element_bits(operand.dtype)};
  operand.layer = spec.layer;
  operand.place = TensorSpec::Operand{};
  const std::vector<std::byte> payload = symmetry::encode_group(group);
  BBZ_ASSIGN(const bool possible, is_in_proportion(file, operand, output, payload.size()));
  if (!possible) return file.add_dense(output.tensor, output.decoded);
  return file.add_polar(spec, payload, operand, output.polar->factor);
}

Status add_output(const Model& model, ModelFile& file, const gauge::Output& output) {
  file.mark(output.tensor, output.decoded);
  if (output.form == catalog::Form::kPolar) {
    return add_polar(file, output, model.tensors[output.tensor].name);
  }
  if (output.form != catalog::Form::kLower) return file.add_dense(output.tensor, output.decoded);
  TensorSpec spec = file.spec(output.tensor);
  spec.stored = {.form = output.form,
                 .elements = output.packed.size() * 8 / element_bits(spec.dtype)};
  return file.add(spec, output.packed);
}

}  // namespace

Status pack_gauge(const Model& model, const junction::Detection& detection,
                  const PackOptions& options, ModelFile& file, Record& record) {
  gauge::RotateOptions rotating;
  rotating.polar = options.method != RequestedMethod::kTriangular;
  rotating.floor = options.floor;
  rotating.on_refusal = options.method == RequestedMethod::kAuto ? gauge::OnRefusal::kLeaveAlone
                                                                 : gauge::OnRefusal::kFail;
  BBZ_ASSIGN(const auto reports, gauge::rotate(model.tensors, detection, rotating, model.load,
                                               [&](gauge::Output&& output) {
                                                 return add_output(model, file, output);
                                               }));
  for (const gauge::JunctionReport& report : reports) {
    JunctionRecord& junction = record.junctions[report.junction];
    junction.note = report.note;
    if (report.refused) continue;
    gauge::Deviation deviation = report.members.stored;
    deviation.add(report.shortcut);
    junction.method = gauge::gauge_name(report.gauge);
    junction.rank = report.rank;
    junction.entries_saved = report.entries_saved;
    const junction::Member& first = detection.junctions[report.junction].members.front();
    junction.bits_saved = static_cast<std::int64_t>(
        report.entries_saved * element_bits(model.tensors[first.tensor].dtype));
    junction.largest_difference = deviation.largest;
    junction.rms_difference = deviation.root_mean_square();
    junction.growth = report.members.growth();
    record.rotated = record.rotated || report.rotated;
  }
  return {};
}

}  // namespace bbz::rotation
