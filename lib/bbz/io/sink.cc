#include "bbz/io/sink.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/io/fd_writer.h"

namespace bbz::io {
namespace {

class MemorySink final : public Sink {
 public:
  MemorySink(std::vector<std::byte>& out, std::string name)
      : out_(out), start_(out.size()), name_(std::move(name)) {}

  Status write(Bytes bytes) override {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status finish() override { return {}; }
  bool can_patch() const override { return true; }
  Status patch(std::uint64_t offset, Bytes bytes) override {
    BBZ_TRY(check_written(name_, written(), offset, bytes.size(), "patch"));
    std::ranges::copy(bytes, out_.begin() + static_cast<std::ptrdiff_t>(start_ + offset));
    return {};
  }
  bool can_read() const override { return true; }
  Status read(std::uint64_t offset, MutableBytes out) override {
    BBZ_TRY(check_written(name_, written(), offset, out.size(), "read"));
    std::ranges::copy(Bytes(out_).subspan(start_ + offset, out.size()), out.begin());
    return {};
  }
  std::uint64_t written() const override { return out_.size() - start_; }
  std::string_view name() const override { return name_; }

 private:
  std::vector<std::byte>& out_;
  std::size_t start_;
  std::string name_;
};

class NullSink final : public Sink {
 public:
  Status write(Bytes bytes) override {
    written_ += bytes.size();
    return {};
  }
  Status finish() override { return {}; }
  std::uint64_t written() const override { return written_; }
  std::string_view name() const override { return "nowhere"; }

 private:
  std::uint64_t written_ = 0;
};

class PipeSink final : public Sink {
 public:
  PipeSink(int fd, Ownership ownership, std::string name)
      : owned_(ownership == Ownership::kOwned ? fd : -1), writer_(fd, std::move(name)) {}

  Status write(Bytes bytes) override { return writer_.write(bytes); }
  Status finish() override { return writer_.flush(); }
  std::uint64_t written() const override { return writer_.written(); }
  std::string_view name() const override { return writer_.name(); }

 private:
  Fd owned_;
  FdWriter writer_;
};

}  // namespace

Status Sink::patch(std::uint64_t offset, Bytes bytes) {
  return make_error(Code::kUnsupported,
                    "{}: cannot patch {} bytes at offset {}: the output cannot seek", name(),
                    bytes.size(), offset);
}

Status Sink::read(std::uint64_t offset, MutableBytes out) {
  return make_error(Code::kUnsupported,
                    "{}: cannot read {} bytes at offset {} again: the output cannot seek", name(),
                    out.size(), offset);
}

Status Sink::extend(std::uint64_t size) {
  return make_error(Code::kUnsupported, "{}: cannot extend to {} bytes: not a file", name(), size);
}

Status Sink::reserve(std::uint64_t size) {
  return make_error(Code::kUnsupported, "{}: cannot reserve {} bytes: not a file", name(), size);
}

Status Sink::place(std::uint64_t offset, Bytes bytes) {
  return make_error(Code::kUnsupported, "{}: cannot write {} bytes at offset {}: not a file",
                    name(), bytes.size(), offset);
}

std::unique_ptr<Sink> memory_sink(std::vector<std::byte>& out, std::string name) {
  return std::make_unique<MemorySink>(out, std::move(name));
}

std::unique_ptr<Sink> null_sink() {
  return std::make_unique<NullSink>();
}

std::unique_ptr<Sink> pipe_sink(int fd, Ownership ownership, std::string name) {
  return std::make_unique<PipeSink>(fd, ownership, std::move(name));
}

Status add_input(Sink& sink, const Source& source) {
  const std::optional<FileStatus> status = source.file_status();
  return status ? sink.add_input(*status) : Status();
}

}  // namespace bbz::io
