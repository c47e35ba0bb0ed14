#include "bbz/io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "bbz/base/format.h"

namespace bbz::io {
namespace {

// The number of bytes after which the system is asked to begin writing to the disk. The sync at the
// end then has less left to write.
constexpr std::uint64_t kWritebackStep = std::uint64_t{8} << 20;

}  // namespace

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path,
                                                       const OutputOptions& options) {
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return make_error(Code::kInvalidArgument, "\"{}\" is not the name of a file", path);
  }
  BBZ_ASSIGN(Directory directory, open_parent(path));
  return create_at(std::move(directory), name, path, options);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create_at(Directory directory,
                                                          const std::string& name, std::string path,
                                                          const OutputOptions& options,
                                                          Batch* batch) {
  BBZ_ASSIGN(Publication file,
             Publication::begin(std::move(directory), name, std::move(path), options));
  return std::unique_ptr<AtomicFile>(new AtomicFile(std::move(file), batch));
}

AtomicFile::AtomicFile(Publication file, Batch* batch)
    : file_(std::move(file)), batch_(batch), writer_(file_.fd(), file_.path()) {}

Status AtomicFile::check_open(std::string_view action) const {
  if (file_) return {};
  return make_error(Code::kInvalidArgument, "{}: {} after it was finished", name(), action);
}

void AtomicFile::count_dirty(std::size_t bytes) {
  if (!file_.options().sync) return;
  const std::uint64_t before = dirty_.fetch_add(bytes, std::memory_order_relaxed);
  if (before / kWritebackStep == (before + bytes) / kWritebackStep) return;
  // A hint: if the system ignores it, the sync at the end writes everything.
  (void)::sync_file_range(file_.fd(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

Status AtomicFile::write(Bytes bytes) {
  BBZ_TRY(check_open("written to"));
  BBZ_TRY(writer_.write(bytes));
  count_dirty(bytes.size());
  return {};
}

Status AtomicFile::patch(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_open("patched"));
  return writer_.patch(offset, bytes);
}

Status AtomicFile::read(std::uint64_t offset, MutableBytes out) {
  BBZ_TRY(check_open("read"));
  return writer_.read(offset, out);
}

Status AtomicFile::extend(std::uint64_t size) {
  BBZ_TRY(check_open("lengthened"));
  return writer_.extend(size);
}

Status AtomicFile::reserve(std::uint64_t size) {
  BBZ_TRY(check_open("lengthened"));
  return writer_.reserve(size);
}

Status AtomicFile::place(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_open("written to"));
  BBZ_TRY(writer_.place(offset, bytes));
  count_dirty(bytes.size());
  return {};
}

Status AtomicFile::add_input(const FileStatus& input) {
  BBZ_TRY(check_open("given an input"));
  return file_.add_input(input);
}

Status AtomicFile::finish() {
  BBZ_TRY(check_open("finished"));
  Publication file = std::move(file_);  // removed at the end of this function, if not published
  BBZ_TRY(writer_.flush());
  if (const auto& time = file.options().attributes.time) {
    BBZ_TRY(set_time(file.fd(), *time, file.path()));
  }
  if (batch_ != nullptr) return batch_->add(std::move(file), writer_.written());
  if (file.options().sync) BBZ_TRY(file.sync());
  BBZ_TRY(file.publish());
  // Makes the name survive a power failure too.
  if (file.options().sync) sync_directory(file.directory());
  return {};
}

}  // namespace bbz::io
