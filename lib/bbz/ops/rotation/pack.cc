#include "bbz/ops/rotation/pack.h"

#include <algorithm>
#include <limits>

#include "bbz/base/cut_text.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/gauge/rotate.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::rotation {
namespace {

// The longest note in bytes, so that the longest record is known beforehand.
constexpr std::size_t kMostNote = 160;

bool wants_junctions(RequestedMethod method) {
  return method != RequestedMethod::kPivot;
}

bool wants_pairs(RequestedMethod method) {
  return method == RequestedMethod::kAuto || method == RequestedMethod::kPivot;
}

// Shortens a note. Notes are UTF-8 without control characters, because names in them are quoted.
std::string short_note(std::string_view note) {
  return std::string(cut_text(note, kMostNote));
}

Record start_record(const Model& model, const Detection& found, const PackOptions& options) {
  const junction::Detection& detection = found.junctions;
  Record record;
  record.method = method_name(options.method);
  record.floor = options.floor;
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
  if (!wants_pairs(options.method)) return record;
  for (const pair::Pair& pair : found.pairs) {
    PairRecord one;
    one.name = pair.stem;
    one.family = pair.family->name;
    one.rank = pair.rank;
    one.method = "exact";
    one.note = short_note(pair.refusal);
    if (pair.a != pair::Pair::kNone) one.left = model.tensors[pair.a].name;
    if (pair.b != pair::Pair::kNone) one.right = model.tensors[pair.b].name;
    record.pairs.push_back(std::move(one));
  }
  return record;
}

// Returns the record with every number and note as long as possible.
Record longest_record(Record record) {
  // The length of the header must not depend on the floor, which an unpacked model does not need.
  record.floor = gauge::Floor::kHalf;
  // The longest text of a number with four digits.
  constexpr double kLong = 123400000000000.0;
  // A quotation mark and a backslash take the most space in JSON.
  const std::string long_note(kMostNote, '"');
  for (PairRecord& pair : record.pairs) {
    pair.method = "exact";
    pair.entries_saved = ~std::uint64_t{0};
    pair.bits_saved = std::numeric_limits<std::int64_t>::min();
    pair.largest_difference = pair.rms_difference = pair.product_difference = pair.growth = kLong;
    pair.note = long_note;
  }
  for (JunctionRecord& junction : record.junctions) {
    junction.method = "triangular";
    junction.rank = junction.entries_saved = ~std::uint64_t{0};
    junction.bits_saved = std::numeric_limits<std::int64_t>::min();
    junction.largest_difference = junction.rms_difference = junction.growth = kLong;
    junction.note = long_note;
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

// Returns which tensors the method may change: members of proven junctions and of proven pairs.
std::vector<bool> changed_tensors(const Model& model, const Detection& detection,
                                  RequestedMethod method) {
  std::vector<bool> changed(model.tensors.size());
  if (wants_junctions(method)) {
    for (const junction::Junction& junction : detection.junctions.junctions) {
      for (const junction::Member& member : junction.members) changed[member.tensor] = true;
    }
  }
  if (wants_pairs(method)) {
    for (const pair::Pair& pair : detection.pairs) {
      if (pair.proven()) changed[pair.a] = changed[pair.b] = true;
    }
  }
  return changed;
}

}  // namespace

std::string Detection::refusal(RequestedMethod method) const {
  if (wants_pairs(method) && std::ranges::any_of(pairs, &pair::Pair::proven)) return {};
  if (method == RequestedMethod::kPivot) {
    if (!pairs.empty()) return pairs.front().refusal;
    return "expected the two factors of a low-rank pair, by the names of a known family, found none";
  }
  return junctions.refusal;
}

Detection detect(const Model& model) {
  return {junction::detect(model.tensors), pair::find_pairs(model.tensors)};
}

Status check_work(const Model& model, const Detection& detection) {
  BBZ_TRY(model::check_expansion(model));
  // The tensors that touch even the widest junction have a hundred times the bytes that this asks
  // for. The free part takes less than a second.
  constexpr double kMostPerByte = 4096, kFree = 1 << 30;
  double work = 0;
  for (const junction::Junction& junction : detection.junctions.junctions) {
    const auto width = static_cast<double>(junction.width);
    if (junction.proven()) work += width * width * width;
  }
  for (const pair::Pair& pair : detection.pairs) {
    const auto rank = static_cast<double>(pair.rank);
    if (pair.proven()) work += rank * rank * static_cast<double>(pair.out + pair.in);
  }
  if (work <= kMostPerByte * static_cast<double>(model.stored_bytes) + kFree) return {};
  return make_error(
      Code::kLimit,
      "its junctions or pairs are too wide for its {} stored bytes: the work is {:.2g}, the limit "
      "is {:.0f} for a byte",
      model.stored_bytes, work, kMostPerByte);
}

Result<std::string> why_none_fits(const Model& model, const Detection& detection) {
  if (std::ranges::any_of(detection.pairs, &pair::Pair::proven)) return std::string();
  return gauge::why_none_fits(model.tensors, detection.junctions, model.load);
}

Result<Record> pack(const Model& model, const Detection& detection, Writer& writer,
                    const PackOptions& options) {
  if (options.method == RequestedMethod::kBitsBack) BBZ_TRY(bitsback::check_built());
  BBZ_TRY(check_types(model));
  if (options.method == RequestedMethod::kBitsBack && options.outputs.size() > 1) {
    return make_error(Code::kUnsupported,
                      "bits-back writes a model in one file, and this one is in {}",
                      options.outputs.size());
  }
  BBZ_TRY(check_work(model, detection));
  linalg::set_threads(writer.options().threads);
  Record record = start_record(model, detection, options);
  BBZ_ASSIGN(ModelFile file,
             ModelFile::begin(model, longest_record(record),
                              changed_tensors(model, detection, options.method), writer, options));
  const bool junctions = wants_junctions(options.method) && detection.junctions.refusal.empty();
  if (junctions && options.method == RequestedMethod::kBitsBack) {
    BBZ_TRY(pack_bits_back(model, detection.junctions, file, record));
  } else if (junctions) {
    BBZ_TRY(pack_gauge(model, detection.junctions, options, file, record));
  }
  if (wants_pairs(options.method)) {
    BBZ_TRY(pack_pairs(model, detection.pairs, options.floor, file, record));
  }
  BBZ_TRY(file.add_the_rest());
  for (JunctionRecord& junction : record.junctions) junction.note = short_note(junction.note);
  for (PairRecord& pair : record.pairs) pair.note = short_note(pair.note);
  BBZ_TRY(file.finish(record));
  return record;
}

}  // namespace bbz::rotation
