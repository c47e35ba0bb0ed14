#include "bbz/files/internal/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <new>
#include <set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/internal/format.h"
#include "bbz/files/internal/tar_copies.h"

namespace bbz::files {
namespace {

constexpr std::string_view kMagic = "ustar";
constexpr std::size_t kMagicOffset = 257;
constexpr std::size_t kBlockSize = std::size_t{1} << 16;

// Reads a tar from a Source with libarchive.
class TarReader {
 public:
  explicit TarReader(std::unique_ptr<io::Source> stream)
      : stream_(std::move(stream)), archive_(::archive_read_new()), block_(kBlockSize) {}
  ~TarReader() { ::archive_read_free(archive_); }
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  Status open() {
    if (archive_ == nullptr) throw std::bad_alloc();
    ::archive_read_support_format_tar(archive_);
    const int status =
        ::archive_read_open(archive_, this, nullptr, &TarReader::read_block, nullptr);
    return status == ARCHIVE_OK ? Status() : failure();
  }

  // Returns the next member's header, or null at the end of the tar.
  Result<::archive_entry*> next_header() {
    ::archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(archive_, &entry);
    if (status == ARCHIVE_EOF) return static_cast<::archive_entry*>(nullptr);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failure();
    return entry;
  }

  std::optional<io::FileStatus> file_status() const { return stream_->file_status(); }

  // Reads data of the current member, which messages call `member`.
  Result<std::size_t> read_data(MutableBytes out, std::string_view member) {
    const la_ssize_t n = ::archive_read_data(archive_, out.data(), out.size());
    if (n < 0) return failure(member);
    return static_cast<std::size_t>(n);
  }

  // Reads the stream to its end, so that its writer does not fail, and checks that the tar has its
  // end marker (without it, it may be truncated between two members) and only zeros after that.
  Status expect_end() {
    const auto consumed = static_cast<std::uint64_t>(::archive_filter_bytes(archive_, 0));
    const std::uint64_t in_block = std::min<std::uint64_t>(position_ - consumed, block_size_);
    Bytes rest = Bytes(block_).subspan(block_size_ - in_block, in_block);
    while (true) {
      if (std::ranges::any_of(rest, [](std::byte b) { return b != std::byte{0}; })) {
        return make_error(Code::kMalformed, "{}: data follows the end of the tar", name());
      }
      BBZ_ASSIGN(const std::size_t n, stream_->read_at(position_, block_));
      if (n == 0) break;
      took_block(n);
      rest = Bytes(block_).first(n);
    }
    if (zeros_at_end_ < kTarProbeSize) {
      return make_error(Code::kTruncated, "{}: the tar ends after {} bytes without its end marker",
                        name(), position_);
    }
    return {};
  }

  Status check_unchanged() { return stream_->check_unchanged(); }
  std::string_view name() const { return stream_->name(); }

 private:
  void took_block(std::size_t size) {
    position_ += size;
    block_size_ = size;
    const Bytes block = Bytes(block_).first(size);
    const auto last =
        std::find_if(block.rbegin(), block.rend(), [](std::byte b) { return b != std::byte{0}; });
    const auto zeros = static_cast<std::uint64_t>(last - block.rbegin());
    zeros_at_end_ = zeros == size ? zeros_at_end_ + size : zeros;
  }

  static la_ssize_t read_block(::archive* archive, void* self, const void** buffer) {
    auto& reader = *static_cast<TarReader*>(self);
    auto n = reader.stream_->read_at(reader.position_, reader.block_);
    if (!n.ok()) {
      reader.error_ = std::move(n).error();
      ::archive_set_error(archive, EIO, "%s", "cannot read the stream");
      return -1;
    }
    if (*n != 0) reader.took_block(*n);
    *buffer = reader.block_.data();
    return static_cast<la_ssize_t>(*n);
  }

  Error failure() { return failure(name()); }
  Error failure(std::string_view where) {
    if (error_) return *error_;
    const char* text = ::archive_error_string(archive_);
    return make_error(Code::kMalformed, "{}: tar: {}", where, text == nullptr ? "damaged" : text);
  }

  std::unique_ptr<io::Source> stream_;
  ::archive* archive_;
  std::vector<std::byte> block_;
  std::size_t block_size_ = 0;      // bytes of block_ that were read last
  std::uint64_t position_ = 0;      // offset in the stream after block_
  std::uint64_t zeros_at_end_ = 0;  // zero bytes at the end of what was read so far
  std::optional<Error> error_;      // an error of the stream, which libarchive cannot pass on
};

// The data of the reader's current member. Bytes that are read are also given to the copies.
class MemberSource final : public io::Source {
 public:
  MemberSource(std::shared_ptr<TarReader> reader, std::shared_ptr<TarCopies> copies,
               std::uint64_t size, std::string name)
      : reader_(std::move(reader)),
        copies_(std::move(copies)),
        size_(size),
        name_(std::move(name)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset != position_) {
      return make_error(
          Code::kInvalidArgument,
          "{}: cannot seek to offset {}: a tar is read in order, and the position is {}", name_,
          offset, position_);
    }
    BBZ_ASSIGN(const std::size_t n, reader_->read_data(out, name_));
    copies_->append(out.first(n));
    position_ += n;
    return n;
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return false; }
  std::optional<io::FileStatus> file_status() const override { return reader_->file_status(); }
  std::string_view name() const override { return name_; }

 private:
  std::shared_ptr<TarReader> reader_;
  std::shared_ptr<TarCopies> copies_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::string name_;
};

// Returns what the header of a member says. Leaves a time out that is none.
io::FileAttributes attributes_of(::archive_entry* entry) {
  io::FileAttributes found;
  found.mode = ::archive_entry_perm(entry) & io::FileAttributes::kPermissions;
  if (::archive_entry_mtime_is_set(entry) == 0) return found;
  const long nanoseconds = ::archive_entry_mtime_nsec(entry);
  if (nanoseconds < 0 || nanoseconds >= static_cast<long>(io::FileTime::kSecond)) return found;
  found.time = {::archive_entry_mtime(entry), static_cast<std::uint32_t>(nanoseconds)};
  return found;
}

class TarSequence final : public FileSequence {
 public:
  TarSequence(std::shared_ptr<TarReader> reader, Options options)
      : reader_(std::move(reader)),
        options_(std::move(options)),
        copies_(std::make_shared<TarCopies>(options_.temporary_folder, options_.kept_bytes)) {}

  Result<std::optional<SourceFile>> next() override {
    while (!ended_) {
      BBZ_ASSIGN(::archive_entry* const entry, reader_->next_header());
      if (entry == nullptr) {
        BBZ_TRY(reader_->expect_end());
        ended_ = true;
        break;
      }
      BBZ_ASSIGN(auto file, read_member(entry));
      if (file) return file;
    }
    return next_directory();
  }
  Status check_unchanged() override { return reader_->check_unchanged(); }

 private:
  // Returns the file, or nullopt for a directory, which is noted, and for excluded members.
  Result<std::optional<SourceFile>> read_member(::archive_entry* entry) {
    BBZ_ASSIGN(std::string path,
               path_of(::archive_entry_pathname(entry), ::archive_entry_pathname_utf8(entry)));
    const bool folder = ::archive_entry_filetype(entry) == AE_IFDIR;
    if (folder && path.empty()) return std::optional<SourceFile>();  // "./", the root itself
    if (is_excluded(path)) return std::optional<SourceFile>();
    if (const Status safe = check_safe_path(path); !safe.ok()) {
      return make_error(safe.error().code, "{}: {}", reader_->name(), safe.error().message);
    }
    if (files_.size() + folders_.size() >= options_.max_files) {
      return make_error(Code::kLimit, "{}: more than {} members", reader_->name(),
                        options_.max_files);
    }
    if (folder) {
      folders_.insert_or_assign(std::move(path), attributes_of(entry));
      return std::optional<SourceFile>();
    }
    const std::string shown = fmt::format("{}: {}", reader_->name(), bbz::quoted(path));
    // In some tars, hard links have the data as well.
    const bool link =
        ::archive_entry_hardlink(entry) != nullptr && ::archive_entry_size(entry) == 0;
    if (!link) BBZ_TRY(check_kind(entry, shown));
    if (!files_.insert(path).second) {
      return make_error(Code::kMalformed, "{}: occurs twice in the tar", shown);
    }
    if (::archive_entry_size(entry) < 0) {
      return make_error(Code::kMalformed, "{}: has a negative size", shown);
    }
    std::unique_ptr<io::Source> source;
    if (link) {
      BBZ_ASSIGN(source, open_link(entry, path, shown));
    } else {
      const auto size = static_cast<std::uint64_t>(::archive_entry_size(entry));
      copies_->begin(path, size);
      source = std::make_unique<MemberSource>(reader_, copies_, size, shown);
    }
    const io::FileAttributes attributes = attributes_of(entry);
    BBZ_ASSIGN(SourceFile file, describe(std::move(source), std::move(path), shown, options_));
    file.attributes = attributes;
    return std::optional(std::move(file));
  }

  // Returns whether the path or a directory above it is excluded.
  bool is_excluded(const std::string& path) const {
    if (options_.excluded.empty()) return false;
    for (std::size_t end = path.find('/'); end != std::string::npos;
         end = path.find('/', end + 1)) {
      if (matches_path(options_.excluded, path.substr(0, end))) return true;
    }
    return matches_path(options_.excluded, path);
  }

  static Status check_kind(::archive_entry* entry, const std::string& shown) {
    const auto kind = ::archive_entry_filetype(entry);
    if (::archive_entry_hardlink(entry) != nullptr || kind == AE_IFREG) return {};
    if (kind != AE_IFLNK) {
      return make_error(
          Code::kInvalidArgument,
          "{}: is a device, a FIFO or a socket; only regular files and directories can be packed",
          shown);
    }
    const char* const target = ::archive_entry_symlink(entry);
    return make_error(
        Code::kInvalidArgument,
        "{}: is a symbolic link to {}; only regular files and directories can be packed "
        "(\"tar -h --hard-dereference\" stores what links lead to)",
        shown, bbz::quoted(target == nullptr ? "?" : target));
  }

  // Returns the content of the earlier member that a hard link names.
  Result<std::unique_ptr<io::Source>> open_link(::archive_entry* entry, const std::string& path,
                                                const std::string& shown) {
    BBZ_ASSIGN(const std::string target,
               path_of(::archive_entry_hardlink(entry), ::archive_entry_hardlink_utf8(entry)));
    if (is_excluded(target)) {
      return make_error(Code::kInvalidArgument, "{}: is a hard link to {}, which was left out",
                        shown, bbz::quoted(target));
    }
    if (target == path || !files_.contains(target)) {
      return make_error(Code::kMalformed,
                        "{}: is a hard link to {}, which is not an earlier file of the tar", shown,
                        bbz::quoted(target));
    }
    BBZ_ASSIGN(auto source, copies_->link(path, target, shown));
    if (source != nullptr) return source;
    return make_error(
        Code::kInvalidArgument,
        "{}: is a hard link to {}, of which no copy was kept, because copies may take {} bytes "
        "(\"tar --hard-dereference\" stores the file again)",
        shown, bbz::quoted(target), options_.kept_bytes);
  }

  // Returns a path as other tools would unpack it, without leading "./" and trailing '/'. Names in
  // the old headers are raw bytes, which are taken as UTF-8 whatever the locale. Names in pax
  // headers are UTF-8, which libarchive may be unable to convert to the locale.
  Result<std::string> path_of(const char* text, const char* utf8) const {
    if (text == nullptr || !is_utf8(text)) text = utf8;
    if (text == nullptr) {
      return make_error(Code::kUnsafePath, "{}: tar: a member's name is not UTF-8",
                        reader_->name());
    }
    std::string_view path = text;
    while (path.starts_with("./")) path.remove_prefix(2);
    if (path == ".") path = {};
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return std::string(path);
  }

  // Returns whether the tar has something in the directory. Looks at the paths themselves: one of
  // 4 KB lies in thousands of directories.
  bool is_filled(const std::string& folder) const {
    const std::string below = folder + '/';
    const auto file = files_.lower_bound(below);
    if (file != files_.end() && file->starts_with(below)) return true;
    const auto other = folders_.lower_bound(below);
    return other != folders_.end() && other->first.starts_with(below);
  }

  std::optional<SourceFile> next_directory() {
    while (!folders_.empty()) {
      auto node = folders_.extract(folders_.begin());
      if (is_filled(node.key())) continue;
      SourceFile file;
      file.kind = SourceFile::Kind::kDirectory;
      file.path = std::move(node.key());
      file.attributes = node.mapped();
      return file;
    }
    return std::nullopt;
  }

  std::shared_ptr<TarReader> reader_;
  Options options_;
  std::shared_ptr<TarCopies> copies_;
  bool ended_ = false;
  std::set<std::string> files_;
  std::map<std::string, io::FileAttributes> folders_;
};

}  // namespace

bool is_tar(Bytes first) {
  if (first.size() < kTarProbeSize) return false;
  const Bytes magic = first.subspan(kMagicOffset, kMagic.size());
  return std::ranges::equal(magic, std::as_bytes(std::span(kMagic)));
}

Result<std::unique_ptr<FileSequence>> open_tar(std::unique_ptr<io::Source> stream,
                                               const Options& options) {
  auto reader = std::make_shared<TarReader>(std::move(stream));
  BBZ_TRY(reader->open());
  return std::unique_ptr<FileSequence>(std::make_unique<TarSequence>(std::move(reader), options));
}

}  // namespace bbz::files
