// Sources and sinks that misbehave or keep count, for the tests of every room.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/io/sink.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Passes everything on to a source that the test keeps alive; the base of those below.
class ForwardingSource : public Source {
 public:
  explicit ForwardingSource(Source& inner) : inner_(inner) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return inner_.read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  bool seekable() const override { return inner_.seekable(); }
  std::string_view name() const override { return inner_.name(); }

 protected:
  Source& inner_;
};

// Gives between 1 and `most` bytes a read, in a fixed irregular order.
class ShortReadSource final : public ForwardingSource {
 public:
  ShortReadSource(Source& inner, std::size_t most) : ForwardingSource(inner), most_(most) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    const std::size_t limit = 1 + static_cast<std::size_t>((offset * 2654435761u >> 7) % most_);
    return inner_.read_at(offset, out.first(std::min(out.size(), limit)));
  }

 private:
  std::size_t most_;
};

// Serves the bytes before `fail_at` and then gives kIo.
class FailingSource final : public ForwardingSource {
 public:
  FailingSource(Source& inner, std::uint64_t fail_at) : ForwardingSource(inner), at_(fail_at) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset >= at_ && !out.empty()) return error_with_message(Code::kIo, "failing source: EIO");
    return inner_.read_at(
        offset,
        out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), at_ - offset))));
  }

 private:
  std::uint64_t at_;
};

// Cannot seek and does not know its size, like a pipe; a read elsewhere is an error.
class SequentialSource final : public ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset != position_) return error_with_message(Code::kInvalidArgument, "cannot seek");
    BBZ_ASSIGN(const std::size_t n, inner_.read_at(offset, out));
    position_ += n;
    return n;
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }

 private:
  std::uint64_t position_ = 0;
};

// Notes which bytes were read, as ranges [begin, end) in the order of the reads.
class CountingSource final : public ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;
  using Range = std::pair<std::uint64_t, std::uint64_t>;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    BBZ_ASSIGN(const std::size_t n, inner_.read_at(offset, out));
    const std::lock_guard lock(mutex_);
    if (n != 0) ranges_.emplace_back(offset, offset + n);
    return n;
  }
  std::vector<Range> ranges() const {
    const std::lock_guard lock(mutex_);
    return ranges_;
  }
  std::uint64_t bytes_read() const {
    std::uint64_t total = 0;
    for (const auto& [begin, end] : ranges()) total += end - begin;
    return total;
  }
  // Whether any read touched a byte of [begin, end).
  bool touched(std::uint64_t begin, std::uint64_t end) const {
    return std::ranges::any_of(ranges(),
                               [&](const Range& r) { return r.first < end && begin < r.second; });
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    ranges_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Range> ranges_;
};

// Appends to a vector, and cannot be read again, like a pipe.
class OneWaySink final : public Sink {
 public:
  explicit OneWaySink(std::vector<std::byte>& out) : out_(out) {}
  Status write(Bytes bytes) override {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status finish() override { return {}; }
  std::uint64_t written() const override { return out_.size(); }

 private:
  std::vector<std::byte>& out_;
};

// Takes `most` bytes and then fails for good, like a full disk.
class FailingSink final : public Sink {
 public:
  FailingSink(Sink& inner, std::uint64_t most) : inner_(inner), most_(most) {}
  Status write(Bytes bytes) override {
    failed_ = failed_ || bytes.size() > most_ - inner_.written();
    if (failed_) return failure();
    return inner_.write(bytes);
  }
  Status finish() override { return failed_ ? failure() : inner_.finish(); }
  bool can_patch() const override { return inner_.can_patch(); }
  Status patch(std::uint64_t offset, Bytes bytes) override { return inner_.patch(offset, bytes); }
  std::uint64_t written() const override { return inner_.written(); }

 private:
  static Status failure() { return error_with_message(Code::kIo, "failing sink: ENOSPC"); }

  Sink& inner_;
  std::uint64_t most_;
  bool failed_ = false;
};

}  // namespace bbz::io
