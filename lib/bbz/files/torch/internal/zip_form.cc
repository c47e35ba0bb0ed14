// Files of PyTorch 1.6 and later: a zip archive, or several in a row.
#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/forms.h"
#include "bbz/files/torch/internal/framing.h"
#include "bbz/files/torch/internal/naming.h"
#include "bbz/files/torch/internal/zip.h"

namespace bbz::torch {
namespace {

// The versions of the file format, "<prefix>/version", that PyTorch reads.
constexpr int kOldestVersion = 1;
constexpr int kNewestVersion = 10;

// The entries of the archive by name, relative to the directory that torch.save puts them in.
class Entries {
 public:
  // Precondition: one of the entries is the pickle, as read_zip() checks.
  static Result<Entries> of(const ZipArchive& archive) {
    Entries entries;
    for (const ZipEntry& entry : archive.entries) {
      if (!entries.by_name_.emplace(entry.name, &entry).second) {
        return make_error(Code::kMalformed, "zip archive: the entry {} occurs twice",
                          quoted(entry.name));
      }
      if (is_pickle(entry)) {
        if (!entries.prefix_.empty()) {
          return make_error(Code::kMalformed, "zip archive: data.pkl is in two directories");
        }
        entries.prefix_ = entry.name.substr(0, entry.name.find('/') + 1);
      }
    }
    return entries;
  }

  const ZipEntry* find(std::string_view name) const {
    const auto found = by_name_.find(prefix_ + std::string(name));
    return found == by_name_.end() ? nullptr : found->second;
  }

  // Returns the name of an entry of which a frame says nothing, or an empty text.
  std::string_view beside_frame() const {
    constexpr std::string_view kKnown[] = {"data.pkl",
                                           "version",
                                           "byteorder",
                                           ".format_version",
                                           ".storage_alignment",
                                           ".data/serialization_id",
                                           kNoteEntry};
    for (const auto& [name, entry] : by_name_) {
      const std::string_view rest =
          name.starts_with(prefix_) ? name.substr(prefix_.size()) : std::string_view();
      const bool known =
          rest.starts_with("data/") || std::ranges::find(kKnown, rest) != std::end(kKnown);
      if (!known) return name;
    }
    return {};
  }

  // Returns at most 64 bytes of an entry's text without the newline, or nothing if there is none.
  Result<std::string> text(io::Source& file, std::string_view name) const {
    constexpr std::uint64_t kMost = 64;
    const ZipEntry* const entry = find(name);
    if (entry == nullptr) return std::string();
    BBZ_TRY(check_stored(*entry));
    std::string text(static_cast<std::size_t>(std::min(entry->size, kMost)), '\0');
    BBZ_TRY(io::read_exactly(file, entry->offset, std::as_writable_bytes(std::span(text))));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }

 private:
  std::unordered_map<std::string_view, const ZipEntry*> by_name_;
  std::string prefix_;
};

Status check_form(io::Source& file, const Entries& entries) {
  BBZ_ASSIGN(const std::string order, entries.text(file, "byteorder"));
  if (!order.empty() && order != "little") {
    return make_error(Code::kUnsupported, "its byte order is {}, expected \"little\"",
                      quoted(order));
  }
  BBZ_ASSIGN(const std::string version, entries.text(file, "version"));
  int number = kOldestVersion;
  const char* const end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data(), end, number);
  const bool whole = version.empty() || (parsed.ec == std::errc{} && parsed.ptr == end);
  if (!whole || number < kOldestVersion || number > kNewestVersion) {
    return make_error(Code::kUnsupported, "its version is {}, expected {} to {}", quoted(version),
                      kOldestVersion, kNewestVersion);
  }
  return {};
}

constexpr std::uint64_t kMostNote = std::uint64_t{16} << 20;

// Reads the pickle of an archive, whose entry is `name`, and takes its bytes from `left`. They and the
// limits must outlive the machine.
Result<ReadPickle> read_pickle_entry(io::Source& file, const Entries& entries,
                                     std::string_view name, Limits& left) {
  const ZipEntry& entry = *entries.find(name);
  BBZ_TRY(check_stored(entry));
  if (entry.size > left.pickle_bytes) {
    return make_error(Code::kLimit, "{}: {} bytes; the limit is {}", name, entry.size,
                      left.pickle_bytes);
  }
  left.pickle_bytes -= entry.size;
  ReadPickle read;
  read.bytes.resize(static_cast<std::size_t>(entry.size));
  BBZ_TRY(io::read_exactly(file, entry.offset, read.bytes));
  read.machine = std::make_unique<Unpickler>(left);
  BBZ_ASSIGN(read.root, read.machine->run(read.bytes, std::string(name)));
  if (read.machine->size() != read.bytes.size()) {
    return make_error(Code::kMalformed, "{}: byte {}: bytes follow the end of the pickle", name,
                      read.machine->size());
  }
  return read;
}

// A pickle of an archive: the entry, the directory of its storages, and what comes before the names
// of its tensors and the keys of its storages, unless it is empty.
struct Part {
  std::string_view pickle;
  std::string_view storages;
  std::string name;
};

// Reads archives and adds their tensors and storages to a StateDict.
class ZipFormReader {
 public:
  ZipFormReader(io::Source& file, const Limits& limits) : file_(file), left_(limits) {}

  Result<StateDict> read() {
    BBZ_TRY(list());
    std::ranges::reverse(archives_);
    for (std::size_t i = 0; i < archives_.size(); ++i) {
      BBZ_ASSIGN(const Entries entries, Entries::of(archives_[i]));
      BBZ_TRY(check_form(file_, entries));
      const std::string name = archives_.size() == 1 ? "" : std::to_string(i);
      BBZ_TRY(add(entries, {"data.pkl", "data/", name}));
      // Of TorchScript, whose code may need tensors that are no attributes.
      if (entries.find("constants.pkl") == nullptr) continue;
      BBZ_TRY(add(entries, {"constants.pkl", "constants/",
                            name.empty() ? "constants" : name + ".constants"}));
    }
    return std::move(state_);
  }

 private:
  // Lists the archives, the last first: each ends where the one after it begins.
  Status list() {
    for (std::uint64_t end = *file_.size(); end != 0; end = archives_.back().begin) {
      auto archive = read_zip(file_, end, left_);
      if (!archive.ok() && end != file_.size()) {
        return make_error(archive.code() == Code::kMalformed ? Code::kMalformed : archive.code(),
                          "what ends at byte {}: {}", end, archive.error().message);
      }
      if (!archive.ok()) return archive.error();
      left_.entries -= archive->entries.size();
      archives_.push_back(std::move(*archive));
    }
    return {};
  }

  Status add(const Entries& entries, const Part& part) {
    BBZ_ASSIGN(const ReadPickle read, read_pickle_entry(file_, entries, part.pickle, left_));
    const Unpickler& pickle = *read.machine;
    Naming naming(pickle, left_, names_);
    if (const Status named = naming.visit(read.root, part.name); !named.ok()) {
      return make_error(named.code(), "{}: {}", part.pickle, named.error().message);
    }
    left_.values -= std::min<std::uint64_t>(left_.values, pickle.count());
    const std::size_t first = state_.storages.size();
    for (const StorageMention& mention : pickle.storages()) {
      BBZ_ASSIGN(Storage storage, locate(mention, entries, part));
      state_.storages.push_back(std::move(storage));
    }
    for (Tensor& tensor : naming.take()) {
      tensor.storage += first;
      state_.tensors.push_back(std::move(tensor));
    }
    return {};
  }

  static Result<Storage> locate(const StorageMention& mention, const Entries& entries,
                                const Part& part) {
    const ZipEntry* const entry =
        entries.find(std::string(part.storages) + std::string(mention.key));
    if (entry == nullptr) {
      return make_error(Code::kMalformed, "zip archive: no entry for the storage {}",
                        quoted(mention.key));
    }
    BBZ_TRY(check_stored(*entry));
    if (mention.size && entry->size != *mention.size) {
      return make_error(Code::kMalformed,
                        "zip archive: the storage {} has {} bytes, expected {} by {}",
                        quoted(mention.key), entry->size, *mention.size, part.pickle);
    }
    std::string key(mention.key);
    if (!part.name.empty()) key = part.name + "/" + key;
    return Storage{std::move(key), entry->offset, entry->size, mention.dtype};
  }

  io::Source& file_;
  Limits left_;  // what the archives may still have
  UsedNames names_;
  std::vector<ZipArchive> archives_;
  StateDict state_;
};

}  // namespace

Result<StateDict> read_zip_form(io::Source& file, const Limits& limits) {
  return ZipFormReader(file, limits).read();
}

Result<Frame> read_zip_frame(io::Source& file, const StateDict& state, const Limits& limits) {
  Limits left = limits;
  BBZ_ASSIGN(const ZipArchive archive, read_zip(file, *file.size(), left));
  if (archive.begin != 0) {
    return make_error(Code::kUnsupported,
                      "it is several archives in a row, which cannot be written again");
  }
  BBZ_ASSIGN(const Entries entries, Entries::of(archive));
  if (const std::string_view other = entries.beside_frame(); !other.empty()) {
    return make_error(Code::kUnsupported,
                      "it has the entry {}, and only tensors and what leads to them can be written "
                      "again",
                      quoted(other));
  }
  BBZ_ASSIGN(const ReadPickle read, read_pickle_entry(file, entries, "data.pkl", left));
  BBZ_ASSIGN(Frame frame, frame_of(*read.machine, read.root, state.tensors, limits));
  if (const ZipEntry* const note = entries.find(kNoteEntry); note != nullptr) {
    BBZ_TRY(check_stored(*note));
    if (note->size > kMostNote) {
      return make_error(Code::kLimit, "{}: {} bytes; the limit is {}", kNoteEntry, note->size,
                        kMostNote);
    }
    frame.note.emplace(static_cast<std::size_t>(note->size), '\0');
    BBZ_TRY(io::read_exactly(file, note->offset, std::as_writable_bytes(std::span(*frame.note))));
  }
  return frame;
}

}  // namespace bbz::torch
