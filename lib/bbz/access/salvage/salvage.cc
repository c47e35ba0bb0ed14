#include "bbz/access/salvage/salvage.h"

#include <algorithm>
#include <map>

#include "bbz/access/salvage/internal/content.h"
#include "bbz/access/salvage/internal/names.h"
#include "bbz/base/format.h"
#include "bbz/files/safetensors/records.h"
#include "bbz/format/chunk/payload.h"

namespace bbz::salvage {
namespace {

// The largest number of sentences about the chunks of one tensor.
constexpr std::size_t kMostDamage = 20;

// Holes may be this much longer than the archive. A download that has just begun holds a small part
// of its files.
constexpr std::uint64_t kHoles = std::uint64_t{64} << 20;
constexpr std::uint64_t kHolesPerByte = 1024;

class Salvager {
 public:
  Salvager(io::Source& source, io::OutputTree& out, const Options& options, const Survey& survey)
      : source_(source),
        content_(source, survey, options.threads, options.base),
        names_(survey),
        out_(out),
        options_(options),
        output_{options.replace, options.sync, source.file_status()},
        survey_(survey),
        holes_left_(kHoles + kHolesPerByte * source.size().value_or(0)) {}

  Result<FileReport> file(std::uint32_t number, const FoundFile& found);
  // Publishes the files that are complete. Errors: kCancelled. Other errors go to problem().
  Status publish() { return pass(batch_.finish()); }
  // Returns why the first output that failed could not be made.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  Result<TensorReport> examine(const FoundTensor& tensor);
  bool tiles(const FoundFile& found, const FileReport& report) const;
  Result<bool> write_file(const FoundFile& found, const FileReport& report, const std::string& path,
                          bool whole);
  Result<std::vector<const FoundTensor*>> whole_views(const FoundFile& found);
  Status write_tensors(const FoundFile& found, const FileReport& report,
                       const std::vector<const FoundTensor*>& views, const std::string& path);
  // The properties of a whole file: its digest and, if it is one of safetensors, its header.
  struct Checks {
    std::optional<Hasher> hash;
    safetensors::RecordsCheck records;
  };
  void begin_checks(const FoundFile& found, Checks& checks);
  Status write_tensor(const FoundTensor& tensor, io::Sink& sink, Checks* checks);
  Status write_hole(std::uint64_t count, io::Sink& sink);
  Status count(std::uint64_t bytes);
  Status pass(Status status);
  Status note(FileReport& report, const std::string& path, Status status);

  io::Source& source_;
  Content content_;
  Names names_;
  io::OutputTree& out_;
  const Options& options_;
  const io::OutputOptions output_;
  io::Batch batch_;
  const Survey& survey_;
  std::uint64_t done_ = 0;
  std::uint64_t written_ = 0;  // including holes
  std::uint64_t holes_left_;
  std::optional<Error> problem_;
};

// Notes the error of an output as the problem, and returns only one that ends everything.
Status Salvager::pass(Status status) {
  if (status.ok() || status.code() == Code::kCancelled) return status;
  if (!problem_) problem_ = status.error();
  return {};
}

// Notes the result of an output in the report.
Status Salvager::note(FileReport& report, const std::string& path, Status status) {
  if (status.ok()) {
    report.written.push_back(path);
  } else {
    report.problems.push_back(status.error().message);
  }
  return pass(std::move(status));
}

Result<TensorReport> Salvager::examine(const FoundTensor& tensor) {
  TensorReport report;
  report.name = tensor.meta.name;
  report.offset = tensor.meta.offset;
  report.bytes = tensor.byte_size;
  if (tensor.chunks.empty() && tensor.chunk_count > 0) {
    report.damage.push_back(fmt::format("all {} chunks are missing", tensor.chunk_count));
    return report;
  }
  BBZ_TRY(content_.read(tensor, [&](const Piece& piece) {
    if (piece.outcome.ok()) {
      report.recovered += piece.size;
    } else if (piece.is_based && !report.lacks_base.empty()) {
      // The sentence is there.
    } else if (piece.is_based) {
      report.lacks_base = piece.outcome.error().message;
      report.damage.push_back(report.lacks_base);
    } else if (report.damage.size() < kMostDamage) {
      report.damage.push_back(piece.outcome.error().message);
    }
    return Status();
  }));
  return report;
}

// Returns whether the recovered tensors cover the whole of a file whose end is known.
bool Salvager::tiles(const FoundFile& found, const FileReport& report) const {
  if (!found.meta || !found.end || found.tensors.size() != found.end->tensor_count) return false;
  std::uint64_t cursor = 0;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.offset != cursor || tensor.recovered != tensor.bytes) return false;
    cursor += tensor.bytes;
  }
  return cursor == found.end->size;
}

Status Salvager::count(std::uint64_t bytes) {
  if (bytes <= options_.limits.unpacked_bytes - written_) {
    written_ += bytes;
    return {};
  }
  return make_error(Code::kLimit, "the recovered files have more than {} bytes",
                    options_.limits.unpacked_bytes);
}

Status Salvager::write_hole(std::uint64_t bytes, io::Sink& sink) {
  if (bytes == 0) return {};
  if (bytes > holes_left_) {
    return make_error(Code::kLimit, "{}: {} bytes are lost, too many to fill with zeros",
                      sink.name(), bytes);
  }
  holes_left_ -= bytes;
  BBZ_TRY(count(bytes));
  return sink.extend(sink.written() + bytes);
}

void Salvager::begin_checks(const FoundFile& found, Checks& checks) {
  if (found.end->digest) checks.hash.emplace(found.end->digest->kind);
  checks.records.begin_file(found.meta->path);
  for (const auto& [key, payload] : found.metadata) {
    const auto value = chunk::read_payload(source_, payload.check, payload.place);
    if (value.ok()) checks.records.metadata(key, as_text(*value));
  }
}

Status Salvager::write_tensor(const FoundTensor& tensor, io::Sink& sink, Checks* checks) {
  if (checks != nullptr) checks->records.tensor(tensor.meta, tensor.byte_size);
  std::uint64_t offset = 0;
  return content_.read(tensor, [&](const Piece& piece) -> Status {
    if (piece.outcome.ok()) {
      BBZ_TRY(count(piece.size));
      BBZ_TRY(sink.write(piece.bytes));
      if (checks != nullptr && checks->hash) checks->hash->update(piece.bytes);
      if (checks != nullptr) checks->records.data(offset, piece.bytes);
    } else {
      BBZ_TRY(write_hole(piece.size, sink));
    }
    offset += piece.size;
    done_ += piece.size;
    if (options_.progress) options_.progress(done_);
    return {};
  });
}

// Writes a file up to its last recovered tensor. Returns false, and publishes nothing, if a file
// that seemed whole does not agree with its digest or with its tensors' records.
Result<bool> Salvager::write_file(const FoundFile& found, const FileReport& report,
                                  const std::string& path, bool whole) {
  BBZ_ASSIGN(const auto sink, out_.create_file(path, output_, &batch_));
  Checks checks;
  if (whole) begin_checks(found, checks);
  std::uint64_t cursor = 0;
  for (std::size_t i = 0; i < found.tensors.size(); ++i) {
    const FoundTensor& tensor = survey_.tensors.at(found.tensors[i]);
    if (report.tensors[i].recovered == 0) {
      if (whole) checks.records.tensor(tensor.meta, tensor.byte_size);
      continue;
    }
    if (tensor.meta.offset < cursor) continue;  // only hostile archives have overlaps
    BBZ_TRY(write_hole(tensor.meta.offset - cursor, *sink));
    BBZ_TRY(write_tensor(tensor, *sink, whole ? &checks : nullptr));
    cursor = tensor.meta.offset + tensor.byte_size;
  }
  for (const std::uint32_t number : found.views) {
    const FoundTensor& view = survey_.tensors.at(number);
    if (whole) checks.records.tensor(view.meta, view.byte_size);
  }
  const bool agrees = !whole || ((!checks.hash || checks.hash->finish() == *found.end->digest) &&
                                 checks.records.end_file(found.end->size).ok());
  if (!agrees) {
    sink->abandon();
    return false;
  }
  BBZ_TRY(sink->finish());
  return true;
}

// Returns the views of a file that can be read.
Result<std::vector<const FoundTensor*>> Salvager::whole_views(const FoundFile& found) {
  std::vector<const FoundTensor*> whole;
  for (const std::uint32_t number : found.views) {
    const FoundTensor& view = survey_.tensors.at(number);
    BBZ_ASSIGN(const TensorReport examined, examine(view));
    if (examined.outcome() == Outcome::kWhole) whole.push_back(&view);
  }
  return whole;
}

Status Salvager::write_tensors(const FoundFile& found, const FileReport& report,
                               const std::vector<const FoundTensor*>& views,
                               const std::string& path) {
  std::vector<const FoundTensor*> whole;
  std::vector<safetensors::Tensor> listed;
  std::vector<const FoundTensor*> sources;
  // How many tensors have a name: those of several files may be in the unknown one.
  std::map<std::string, std::uint64_t> names;
  for (std::size_t i = 0; i < found.tensors.size(); ++i) {
    const FoundTensor& tensor = survey_.tensors.at(found.tensors[i]);
    if (report.tensors[i].outcome() == Outcome::kWhole) whole.push_back(&tensor);
  }
  whole.insert(whole.end(), views.begin(), views.end());
  for (const FoundTensor* const found_tensor : whole) {
    const FoundTensor& tensor = *found_tensor;
    if (!tensor.meta.is_named()) continue;
    if (find_dtype(tensor.meta.dtype) == nullptr) continue;  // safetensors has no name for it
    std::string name = tensor.meta.name;
    std::uint64_t& count = names[name];
    ++count;
    if (count > 1) name = fmt::format("{} ({})", tensor.meta.name, count);
    while (count > 1 && !names.try_emplace(name, 1).second) {
      name = fmt::format("{} ({})", tensor.meta.name, ++count);
    }
    listed.push_back({std::move(name), tensor.meta.dtype, tensor.meta.shape, 0, 0});
    sources.push_back(&tensor);
  }
  if (listed.empty()) return {};
  BBZ_ASSIGN(const std::vector<std::byte> header, safetensors::build(listed, {}));
  BBZ_ASSIGN(const auto sink, out_.create_file(path, output_, &batch_));
  BBZ_TRY(sink->write(header));
  for (const FoundTensor* tensor : sources) BBZ_TRY(write_tensor(*tensor, *sink, nullptr));
  return sink->finish();
}

Result<FileReport> Salvager::file(std::uint32_t number, const FoundFile& found) {
  FileReport report;
  report.path = names_.of_file(number, found);
  if (found.end) report.bytes = found.end->size;
  if (found.meta && found.meta->kind == catalog::FileKind::kDirectory) {
    BBZ_TRY(note(report, report.path, out_.make_directory(report.path)));
    report.outcome = report.written.empty() ? Outcome::kUnwritten : Outcome::kWhole;
    return report;
  }
  std::size_t whole_tensors = 0;
  for (const std::uint32_t tensor : found.tensors) {
    const FoundTensor& entry = survey_.tensors.at(tensor);
    BBZ_ASSIGN(TensorReport examined, examine(entry));
    report.tensors.push_back(std::move(examined));
    report.recovered += report.tensors.back().recovered;
    const bool whole = report.tensors.back().outcome() == Outcome::kWhole;
    if (whole && entry.meta.is_named()) ++whole_tensors;
  }
  const bool known = (!found.meta || !found.meta->extensions.unknown) &&
                     (!found.end || !found.end->extensions.unknown);
  if (!known) report.problems.emplace_back("the file requires an extension that is not known");
  if (known && tiles(found, report)) {
    const auto right = write_file(found, report, report.path, true);
    if (!right.ok() || *right) {
      BBZ_TRY(note(report, report.path, right.ok() ? Status() : Status(right.error())));
      report.outcome = right.ok() ? Outcome::kWhole : Outcome::kUnwritten;
      return report;
    }
  }
  if (report.recovered == 0) return report;
  const std::string partial = names_.beside(number, report.path, ".partial");
  const auto written = write_file(found, report, partial, false);
  BBZ_TRY(note(report, partial, written.ok() ? Status() : Status(written.error())));
  BBZ_ASSIGN(const auto views, whole_views(found));
  if (whole_tensors + views.size() > 0) {
    const std::string rescued = names_.beside(number, report.path, ".rescued.safetensors");
    BBZ_TRY(note(report, rescued, write_tensors(found, report, views, rescued)));
  }
  report.outcome = report.written.empty() ? Outcome::kUnwritten : Outcome::kPartial;
  return report;
}

}  // namespace

Outcome TensorReport::outcome() const {
  if (recovered == bytes && damage.empty()) return Outcome::kWhole;
  return recovered == 0 ? Outcome::kLost : Outcome::kPartial;
}

bool Report::whole() const {
  return gaps.empty() && orphans == 0 && !problem && !files.empty() &&
         std::ranges::all_of(
             files, [](const FileReport& file) { return file.outcome == Outcome::kWhole; });
}

Result<Report> salvage(io::Source& source, io::OutputTree& out, const Options& options) {
  BBZ_ASSIGN(const Survey found, survey(source, options.limits, options.id));
  Report report;
  report.gaps = found.gaps;
  report.orphans = found.orphans;
  report.had_index = found.had_index;
  Salvager salvager(source, out, options, found);
  for (const auto& [number, file] : found.files) {
    BBZ_ASSIGN(FileReport written, salvager.file(number, file));
    report.files.push_back(std::move(written));
  }
  BBZ_TRY(salvager.publish());
  report.problem = salvager.problem();
  return report;
}

}  // namespace bbz::salvage
