#include "bbz/ops/rotation/pack.h"

#include <algorithm>
#include <limits>

#include "bbz/base/cut_text.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/gauge/rotate.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::rotation {
namespace {

// The longest note in bytes, so that the longest record is known beforehand.
constexpr std::size_t kMostNote = 160;

// Shortens a note. Notes are UTF-8 without control characters, because names in them are quoted.
std::string short_note(std::string_view note) {
  return std::string(cut_text(note, kMostNote));
}

Record start_record(const Model& model, const junction::Detection& detection,
                    RequestedMethod method) {
  Record record;
  record.method = method_name(method);
  record.family = detection.family;
  record.refusal = detection.refusal;
  for (const junction::Junction& junction : detection.junctions) {
    JunctionRecord one;
    one.name = junction.name;
    one.width = junction.width;
    one.method = "exact";
    one.note = short_note(junction.refusal);
    for (const junction::Member& member : junction.members) {
      one.members.emplace_back(model.tensors[member.tensor].name, member.role);
    }
    record.junctions.push_back(std::move(one));
  }
  return record;
}

// Returns the record with every number and note as long as possible.
Record longest_record(Record record) {
  for (JunctionRecord& junction : record.junctions) {
    junction.method = "triangular";
    junction.rank = junction.entries_saved = ~std::uint64_t{0};
    junction.bits_saved = std::numeric_limits<std::int64_t>::min();
    // The longest text of a number with four digits.
    junction.largest_difference = junction.rms_difference = 123400000000000.0;
    // A quotation mark and a backslash take the most space in JSON.
    junction.note = std::string(kMostNote, '"');
  }
  return record;
}

// Checks that a safetensors file can hold every tensor.
Status check_types(const Model& model) {
  for (const TensorInfo& info : model.tensors) {
    if (info.block == nullptr) continue;
    return make_error(Code::kUnsupported,
                      "tensor {}: a safetensors file, which a rotated model is, cannot hold its "
                      "blocks of {}",
                      quoted(info.name), quoted(info.block->name));
  }
  return {};
}

// Returns which tensors are members of proven junctions.
std::vector<bool> rotated_tensors(const Model& model, const junction::Detection& detection) {
  std::vector<bool> rotated(model.tensors.size());
  for (const junction::Junction& junction : detection.junctions) {
    for (const junction::Member& member : junction.members) rotated[member.tensor] = true;
  }
  return rotated;
}

}  // namespace

junction::Detection detect(const Model& model) {
  return junction::detect(model.tensors);
}

Status check_work(const Model& model, const junction::Detection& detection) {
  BBZ_TRY(model::check_expansion(model));
  // The tensors that touch even the widest junction have a hundred times the bytes that this asks
  // for. The free part takes less than a second.
  constexpr double kMostPerByte = 4096, kFree = 1 << 30;
  double work = 0;
  for (const junction::Junction& junction : detection.junctions) {
    const auto width = static_cast<double>(junction.width);
    if (junction.proven()) work += width * width * width;
  }
  if (work <= kMostPerByte * static_cast<double>(model.stored_bytes) + kFree) return {};
  return make_error(
      Code::kLimit,
      "its junctions are too wide for its {} stored bytes: the work is {:.2g}, the limit "
      "is {:.0f} for a byte",
      model.stored_bytes, work, kMostPerByte);
}

Result<std::string> why_none_fits(const Model& model, const junction::Detection& detection) {
  return gauge::why_none_fits(model.tensors, detection, model.load);
}

Result<Record> pack(const Model& model, const junction::Detection& detection, Writer& writer,
                    const PackOptions& options) {
  BBZ_TRY(check_types(model));
  if (options.method == RequestedMethod::kBitsBack && options.outputs.size() > 1) {
    return make_error(Code::kUnsupported,
                      "bits-back writes a model in one file, and this one is in {}",
                      options.outputs.size());
  }
  BBZ_TRY(check_work(model, detection));
  linalg::set_threads(writer.options().threads);
  Record record = start_record(model, detection, options.method);
  BBZ_ASSIGN(ModelFile file, ModelFile::begin(model, longest_record(record),
                                              rotated_tensors(model, detection), writer, options));
  if (options.method == RequestedMethod::kBitsBack) {
    BBZ_TRY(pack_bits_back(model, detection, file, record));
  } else {
    BBZ_TRY(pack_gauge(model, detection, options.method, file, record));
  }
  BBZ_TRY(file.add_the_rest());
  for (JunctionRecord& junction : record.junctions) {
    junction.note = short_note(junction.note);
  }
  BBZ_TRY(file.finish(record));
  return record;
}

}  // namespace bbz::rotation
