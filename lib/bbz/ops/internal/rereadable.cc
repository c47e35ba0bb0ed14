#include "bbz/ops/internal/rereadable.h"

#include "bbz/base/format.h"

namespace bbz::ops {

class Rereadable::Copying final : public io::Sink {
 public:
  Copying(io::Sink& sink, const std::string& folder) : sink_(sink), begin_(sink.written()) {
    auto spool = io::Spool::create(folder);
    if (spool.ok()) {
      spool_ = std::move(spool).value();
    } else {
      failure_ = spool.error();
    }
  }

  Status write(Bytes bytes) override {
    BBZ_TRY(sink_.write(bytes));
    if (!failure_.ok()) return {};
    failure_ = spool_->write(bytes);
    if (!failure_.ok()) spool_.reset();  // what it takes may be needed elsewhere
    return {};
  }
  Status finish() override { return sink_.finish(); }
  bool can_read() const override { return true; }
  Status read(std::uint64_t offset, MutableBytes out) override {
    if (!failure_.ok()) {
      return make_error(Code::kUnsupported,
                        "{}: cannot read {} bytes at offset {} again: no copy was kept: {}", name(),
                        out.size(), offset, failure_.error().message);
    }
    if (offset < begin_ || offset > written() || out.size() > written() - offset) {
      return make_error(Code::kInvalidArgument, "{}: no {} bytes at offset {}", name(), out.size(),
                        offset);
    }
    return spool_->read(offset - begin_, out);
  }
  std::uint64_t written() const override { return sink_.written(); }
  std::string_view name() const override { return sink_.name(); }

 private:
  io::Sink& sink_;
  std::uint64_t begin_;               // what was written to the sink before
  std::unique_ptr<io::Spool> spool_;  // null after a failure
  Status failure_;                    // of the copy
};

Rereadable::Rereadable(io::Sink& sink, const std::string& folder) : sink_(sink) {
  // What can be patched is a file, of which a copy in order would not be one.
  if (!sink.can_read() && !sink.can_patch()) copying_ = std::make_unique<Copying>(sink, folder);
}
Rereadable::~Rereadable() = default;

io::Sink& Rereadable::sink() {
  return copying_ ? *copying_ : sink_;
}

}  // namespace bbz::ops
