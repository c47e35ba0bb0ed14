// The bytes as an archive, judged by a check in full and by unpacking, by the index and front to back: what is whole is
// unpacked to the same files in both ways, and what is unpacked is whole, but for the faults that only a check in full looks
// for. At the end it says how many inputs were unpacked.
#include <cstdio>
#include <filesystem>
#include <map>

#include "archive_mutator.h"
#include "bbz/ops/unpack.h"
#include "bbz/ops/verify.h"
#include "support/temp_dir.h"

namespace {

using namespace bbz;
using fuzz::require;

constexpr std::uint64_t kMost = 1 << 20;  // bytes of what an archive holds, to be unpacked here

struct Share {
  std::uint64_t inputs = 0, unpacked = 0, whole = 0;
  ~Share() {
    if (inputs == 0) return;
    std::fprintf(stderr, "verify: %llu inputs, %llu unpacked, %llu of them whole\n",
                 static_cast<unsigned long long>(inputs), static_cast<unsigned long long>(unpacked),
                 static_cast<unsigned long long>(whole));
  }
} share;

// The files below a directory, and its directories with a name that ends in '/'.
std::map<std::string, std::string> files_of(const io::TempDir& dir) {
  std::map<std::string, std::string> files;
  for (const std::string& name : dir.entries()) {
    const std::string path = dir / name;
    if (std::filesystem::is_directory(path)) {
      files[name + "/"];
    } else {
      files[name] = io::read_text(path);
    }
  }
  return files;
}

// What only a check in full looks for is no tensor that files are made of, and nothing that ends the reading.
bool keeps_from_unpacking(const ops::VerifyReport& report, const catalog::Catalog& catalog) {
  if (report.broken) return true;
  return std::ranges::any_of(report.damages, [&](const ops::Damage& damage) {
    if (damage.file.empty()) return false;
    if (damage.chunk) return true;
    if (damage.tensor.empty()) return false;  // of the whole file
    return std::ranges::any_of(catalog.tensors, [&](const catalog::Tensor& tensor) {
      return tensor.meta.is_named() && !tensor.meta.is_view() && tensor.meta.name == damage.tensor;
    });
  });
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  return fuzz::mutate_archive(data, size, most, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ++share.inputs;
  const auto source =
      std::shared_ptr<io::Source>(io::memory_source(std::as_bytes(std::span(data, size))));
  ops::VerifyOptions verifying;
  verifying.threads = 1;
  verifying.limits = fuzz::small_limits(kMost);
  const auto report = ops::verify(*source, verifying);
  require(report.ok());
  const bool whole = report->outcome().ok();

  ops::UnpackOptions unpacking;
  unpacking.sync = false;
  ReadOptions reading;
  reading.threads = 1;
  reading.limits = fuzz::small_limits(kMost);
  const auto reader = Reader::open(source, reading);
  const io::TempDir by_index;
  bool unpacked = reader.ok();
  if (unpacked) {
    auto out = io::OutputTree::open(by_index.path().string());
    unpacked = ops::unpack(*reader, *out, unpacking).ok();
  }
  require(unpacked || !whole);
  if (whole) require(reader->root() == *report->root);

  const io::TempDir in_passing;
  auto out = io::OutputTree::open(in_passing.path().string());
  const auto summary = ops::unpack_stream(
      {.source = *source, .threads = 1, .limits = fuzz::small_limits(kMost)}, *out, unpacking);
  require(summary.ok() || !whole);
  if (summary.ok()) require(unpacked && !keeps_from_unpacking(*report, reader->catalog()));
  if (unpacked && summary.ok()) require(files_of(by_index) == files_of(in_passing));
  share.unpacked += unpacked;
  share.whole += whole;
  return 0;
}
