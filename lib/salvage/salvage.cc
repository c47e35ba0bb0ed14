#include "bbz/salvage/salvage.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/safetensors/header.h"
#include "bbz/salvage/content.h"

namespace bbz::salvage {
namespace {

// At most this many sentences about the chunks of one tensor.
constexpr std::size_t kMostDamage = 20;

class Salvager {
 public:
  Salvager(io::Source& source, io::OutputTree& out, const Options& options, const Survey& survey)
      : content_(source, survey, options.threads), out_(out), options_(options), survey_(survey) {}

  Result<FileReport> file(std::uint32_t number, const FoundFile& found);

 private:
  Result<TensorReport> examine(const FoundTensor& tensor);
  bool tiles(const FoundFile& found, const FileReport& report) const;
  Result<bool> write_file(const FoundFile& found, const FileReport& report, const std::string& path,
                          bool whole);
  Status write_tensors(const FoundFile& found, const FileReport& report, const std::string& path);
  Status write_tensor(const FoundTensor& tensor, io::Sink& sink, Hasher* hash);
  Status write_zeros(std::uint64_t count, io::Sink& sink);

  Content content_;
  io::OutputTree& out_;
  const Options& options_;
  const Survey& survey_;
  std::uint64_t done_ = 0;
};

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
    } else if (report.damage.size() < kMostDamage) {
      report.damage.push_back(piece.outcome.error().message);
    }
    return Status();
  }));
  return report;
}

// Whether the tensors that were found cover the whole of a file whose end is known.
bool Salvager::tiles(const FoundFile& found, const FileReport& report) const {
  if (!found.meta || !found.end || found.tensors.size() != found.end->tensor_count) return false;
  std::uint64_t cursor = 0;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.offset != cursor || tensor.recovered != tensor.bytes) return false;
    cursor += tensor.bytes;
  }
  return cursor == found.end->size;
}

Status Salvager::write_zeros(std::uint64_t count, io::Sink& sink) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(count, 1 << 20));
  while (count > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(count, zeros.size());
    BBZ_TRY(sink.write(Bytes(zeros).first(part)));
    count -= part;
  }
  return {};
}

Status Salvager::write_tensor(const FoundTensor& tensor, io::Sink& sink, Hasher* hash) {
  return content_.read(tensor, [&](const Piece& piece) -> Status {
    if (piece.outcome.ok()) {
      BBZ_TRY(sink.write(piece.bytes));
      if (hash != nullptr) hash->update(piece.bytes);
    } else {
      BBZ_TRY(write_zeros(piece.size, sink));
    }
    done_ += piece.size;
    if (options_.progress) options_.progress(done_);
    return {};
  });
}

// Writes a file from its start to the last byte that is back. False where a file that seemed whole
// does not have its digest; it is then not published.
Result<bool> Salvager::write_file(const FoundFile& found, const FileReport& report,
                                  const std::string& path, bool whole) {
  BBZ_ASSIGN(const auto sink, out_.create_file(path, {options_.replace}));
  std::optional<Hasher> hash;
  if (whole && found.end->digest) hash.emplace(found.end->digest->kind);
  std::uint64_t cursor = 0;
  for (std::size_t i = 0; i < found.tensors.size(); ++i) {
    if (report.tensors[i].recovered == 0) continue;
    const FoundTensor& tensor = survey_.tensors.at(found.tensors[i]);
    if (tensor.meta.offset < cursor) continue;  // only hostile archives have overlaps
    BBZ_TRY(write_zeros(tensor.meta.offset - cursor, *sink));
    BBZ_TRY(write_tensor(tensor, *sink, hash ? &*hash : nullptr));
    cursor = tensor.meta.offset + tensor.byte_size;
  }
  if (hash && hash->finish() != *found.end->digest) {
    sink->abandon();
    return false;
  }
  BBZ_TRY(sink->finish());
  return true;
}

Status Salvager::write_tensors(const FoundFile& found, const FileReport& report,
                               const std::string& path) {
  std::vector<safetensors::Tensor> listed;
  std::vector<const FoundTensor*> sources;
  for (std::size_t i = 0; i < found.tensors.size(); ++i) {
    const FoundTensor& tensor = survey_.tensors.at(found.tensors[i]);
    if (tensor.meta.kind != catalog::TensorKind::kTensor) continue;
    if (report.tensors[i].outcome() != Outcome::kWhole) continue;
    listed.push_back({tensor.meta.name, tensor.meta.dtype, tensor.meta.shape, 0, 0});
    sources.push_back(&tensor);
  }
  if (listed.empty()) return {};
  BBZ_ASSIGN(const std::vector<std::byte> header, safetensors::build(listed, {}));
  BBZ_ASSIGN(const auto sink, out_.create_file(path, {options_.replace}));
  BBZ_TRY(sink->write(header));
  for (const FoundTensor* tensor : sources) BBZ_TRY(write_tensor(*tensor, *sink, nullptr));
  return sink->finish();
}

Result<FileReport> Salvager::file(std::uint32_t number, const FoundFile& found) {
  FileReport report;
  report.path = found.meta ? found.meta->path : fmt::format("file-{}", number);
  if (found.end) report.bytes = found.end->size;
  if (found.meta && found.meta->kind == catalog::FileKind::kDirectory) {
    BBZ_TRY(out_.make_directory(report.path));
    report.outcome = Outcome::kWhole;
    report.written.push_back(report.path);
    return report;
  }
  std::size_t whole_tensors = 0;
  for (const std::uint32_t tensor : found.tensors) {
    const FoundTensor& entry = survey_.tensors.at(tensor);
    BBZ_ASSIGN(TensorReport examined, examine(entry));
    report.tensors.push_back(std::move(examined));
    report.recovered += report.tensors.back().recovered;
    const bool whole = report.tensors.back().outcome() == Outcome::kWhole;
    if (whole && entry.meta.kind == catalog::TensorKind::kTensor) ++whole_tensors;
  }
  if (tiles(found, report)) {
    BBZ_ASSIGN(const bool written, write_file(found, report, report.path, true));
    if (written) {
      report.outcome = Outcome::kWhole;
      report.written.push_back(report.path);
      return report;
    }
  }
  if (report.recovered == 0) return report;
  report.outcome = Outcome::kPartial;
  report.written.push_back(report.path + ".partial");
  BBZ_TRY(write_file(found, report, report.written.back(), false));
  if (whole_tensors > 0) {
    report.written.push_back(report.path + ".rescued.safetensors");
    BBZ_TRY(write_tensors(found, report, report.written.back()));
  }
  return report;
}

}  // namespace

Outcome TensorReport::outcome() const {
  if (recovered == bytes && damage.empty()) return Outcome::kWhole;
  return recovered == 0 ? Outcome::kLost : Outcome::kPartial;
}

bool Report::whole() const {
  return gaps.empty() && orphans == 0 && !files.empty() &&
         std::ranges::all_of(
             files, [](const FileReport& file) { return file.outcome == Outcome::kWhole; });
}

Result<Report> salvage(io::Source& source, io::OutputTree& out, const Options& options) {
  BBZ_ASSIGN(const Survey found, survey(source, options.limits));
  Report report;
  report.gaps = found.gaps;
  report.orphans = found.orphans;
  report.had_index = found.had_index;
  Salvager salvager(source, out, options, found);
  for (const auto& [number, file] : found.files) {
    BBZ_ASSIGN(FileReport written, salvager.file(number, file));
    report.files.push_back(std::move(written));
  }
  return report;
}

}  // namespace bbz::salvage
