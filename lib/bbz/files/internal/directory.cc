#include "bbz/files/internal/directory.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bbz/base/checked.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/internal/format.h"
#include "bbz/files/internal/listing.h"
#include "bbz/files/internal/output_place.h"
#include "bbz/files/shards.h"
#include "bbz/io/file_source.h"

namespace bbz::files {
namespace {

// Returns whether an open failed because the file was removed or replaced.
bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV;
}

// Returns whether an open failed because the process lacks descriptors or memory.
bool is_own_lack(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

// Returns the share, from 0, in which byte `begin` of `whole` lies.
std::uint64_t share_of(std::uint64_t begin, std::uint64_t whole, std::uint64_t count) {
  if (begin >= whole) return count - 1;
  // Not begin * count / whole, which could overflow.
  const std::uint64_t size = divide_up(whole, count);
  return begin / size;
}

class ListedFiles final : public FileSequence {
 public:
  ListedFiles(Folder folder, Listing listing, Options options)
      : folder_(std::move(folder)), listing_(std::move(listing)), options_(std::move(options)) {
    std::uint64_t whole = 0;
    for (const ListedEntry& entry : listing_.entries) whole += entry.version.size;
    // A file belongs to the share in which its first byte lies.
    std::uint64_t begin = 0;
    for (const ListedEntry& entry : listing_.entries) {
      const std::uint64_t number = share_of(begin, whole, options_.share.count) + 1;
      if (number < options_.share.number) ++first_;
      if (number <= options_.share.number) ++end_;
      if (number == options_.share.number) total_ += entry.version.size;
      begin += entry.version.size;
    }
    position_ = first_;
  }

  Result<std::optional<SourceFile>> next() override {
    while (position_ < end_) {
      ListedEntry& entry = listing_.entries[position_++];
      if (entry.left_out) continue;
      if (options_.before_file) BBZ_TRY(options_.before_file());
      BBZ_ASSIGN(auto file, open(entry));
      if (!file) continue;
      note_model(*file);
      return file;
    }
    looked_ = true;
    return std::optional<SourceFile>();
  }

  std::optional<std::uint64_t> total_size() const override { return total_; }

  Status rewind() override {
    position_ = first_;
    return {};
  }

  Status look() override {
    if (looked_) return {};
    BBZ_TRY(rewind());
    while (true) {
      BBZ_ASSIGN(const std::optional<SourceFile> file, next());
      if (!file) break;
      if (is_shard_index(file->path)) look_at_index(*file);
    }
    return rewind();
  }

  Status check_unchanged() override {
    const std::size_t given = looked_ ? end_ : position_;
    for (std::size_t i = first_; i < given; ++i) {
      const ListedEntry& entry = listing_.entries[i];
      if (!entry.left_out) BBZ_TRY(check(entry));
    }
    return {};
  }

  std::vector<LeftOut> left_out() const override { return listing_.left_out; }
  std::vector<FoundModel> models() const override { return models_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  // Returns the file, or nullopt if it was left out.
  Result<std::optional<SourceFile>> open(ListedEntry& entry) {
    SourceFile file;
    file.kind = entry.kind;
    file.path = entry.path;
    file.attributes = entry.attributes;
    if (entry.kind == SourceFile::Kind::kDirectory) return std::optional(std::move(file));
    const std::string shown = shown_path(folder_.full(entry.path));
    Opened opened = folder_.open_file(entry.path);
    if (!opened.fd && is_gone(opened.error)) return gone(shown, opened.error);
    if (!opened.fd) {
      return skip_or_fail(entry, is_own_lack(opened.error),
                          io::system_error(opened.error, "cannot open", shown));
    }
    BBZ_TRY(check(entry, opened));
    auto source = io::file_source(std::move(opened.fd), entry.version, shown);
    auto described = describe(std::move(source), entry.path, shown, options_);
    if (described.ok()) {
      // Those of the open file too: a change would be one of its version.
      described->attributes = entry.attributes;
      return std::optional(std::move(described).value());
    }
    // Reports a change of the file first: its format may be fine.
    BBZ_TRY(check(entry));
    return skip_or_fail(entry, described.code() != Code::kIo, described.error());
  }

  // Leaves a file out if options.skip_unreadable is set and the files are gone through for the
  // first time, unless `never`; else returns the error.
  Result<std::optional<SourceFile>> skip_or_fail(ListedEntry& entry, bool never, Error error) {
    if (!options_.skip_unreadable || looked_ || never) return error;
    entry.left_out = true;
    total_ -= entry.version.size;
    listing_.left_out.push_back({folder_.shown(entry.path), std::move(error.message)});
    return std::optional<SourceFile>();
  }

  // Adds the file that was opened last to the models, if it is one and was not opened before.
  void note_model(const SourceFile& file) {
    if (position_ <= noted_) return;
    noted_ = position_;
    const Layout& layout = file.layout;
    if (!file.source || (layout.format == "bytes" && layout.why_bytes.empty())) return;
    models_.push_back({file.path, layout.format, layout.why_bytes});
  }

  void look_at_index(const SourceFile& file) {
    const std::string above = file.path.substr(0, file.path.rfind('/') + 1);
    const std::string missing = missing_shards(*file.source, [&](const std::string& name) {
      const auto& entries = listing_.entries;
      const auto found = std::ranges::lower_bound(entries, above + name, {}, &ListedEntry::path);
      return found != entries.end() && found->path == above + name && !found->left_out;
    });
    if (missing.empty()) return;
    warnings_.push_back(fmt::format("{}: {}", file.source->name(), missing));
  }

  // Checks that a file is as it was when it was listed.
  Status check(const ListedEntry& entry) const {
    if (entry.kind == SourceFile::Kind::kDirectory) return {};
    return check(entry, folder_.open_below(entry.path, O_PATH));
  }

  Status check(const ListedEntry& entry, const Opened& opened) const {
    const std::string shown = shown_path(folder_.full(entry.path));
    struct stat status {};
    if (!opened.fd && is_gone(opened.error)) return gone(shown, opened.error);
    if (!opened.fd || ::fstat(opened.fd.get(), &status) != 0) {
      return io::system_error(opened.fd ? errno : opened.error, "cannot stat", shown);
    }
    return io::check_same(entry.version, io::FileVersion(status), shown);
  }

  static Error gone(const std::string& shown, int error) {
    return make_error(Code::kIo, "{}: was removed or replaced while it was read: {}", shown,
                      io::system_text(error));
  }

  Folder folder_;
  Listing listing_;
  Options options_;
  std::size_t first_ = 0;  // the entries of the share are [first_, end_)
  std::size_t end_ = 0;
  std::size_t position_ = 0;
  std::uint64_t total_ = 0;
  bool looked_ = false;    // whether every file was opened once
  std::size_t noted_ = 0;  // entries whose models are in models_
  std::vector<FoundModel> models_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::unique_ptr<FileSequence>> open_directory(const std::string& root,
                                                     const Options& options) {
  BBZ_ASSIGN(Folder folder, Folder::open(root, options.follow_links));
  BBZ_ASSIGN(Listing listing, list(folder, options));
  return std::unique_ptr<FileSequence>(
      std::make_unique<ListedFiles>(std::move(folder), std::move(listing), options));
}

Result<std::unique_ptr<FileSequence>> open_regular(const std::string& path,
                                                   const struct stat& status,
                                                   const Options& options) {
  // Compares the file's identity alone: the given directory and name match no output.
  const OutputPlace output(options.output);
  if (output.role_of({}, "", io::file_id(status)) != OutputPlace::Role::kNone) {
    return make_error(Code::kInvalidArgument, "{}: is the output and also one of the files to pack",
                      shown_path(path));
  }
  BBZ_ASSIGN(Folder folder, Folder::of_file(path));
  Listing listing;
  listing.entries.push_back({path.substr(path.rfind('/') + 1), SourceFile::Kind::kRegular,
                             io::FileVersion(status), io::attributes_of(status)});
  Options of_one = options;
  of_one.skip_unreadable = false;  // the caller asked for this file alone
  auto files =
      std::make_unique<ListedFiles>(std::move(folder), std::move(listing), std::move(of_one));
  BBZ_TRY(files->look());
  return std::unique_ptr<FileSequence>(std::move(files));
}

}  // namespace bbz::files
