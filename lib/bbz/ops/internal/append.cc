#include "bbz/ops/internal/append.h"

#include "bbz/base/format.h"

namespace bbz::ops {
namespace {

class OrderedWriter final : public Visitor {
 public:
  OrderedWriter(io::Sink& sink, const Progress& written) : sink_(sink), progress_(written) {}

  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    BBZ_TRY(sink_.write(bytes));
    written_ += bytes.size();
    if (progress_) progress_(written_);
    return {};
  }

 private:
  io::Sink& sink_;
  const Progress& progress_;
  std::uint64_t written_ = 0;
};

}  // namespace

Status append_tensors(const Reader& reader, std::span<const std::uint32_t> tensors, io::Sink& sink,
                      const Progress& written) {
  if (!sink.can_place()) {
    OrderedWriter writer(sink, written);
    return reader.visit_tensors(tensors, writer);
  }
  std::vector<Placement> placements;
  placements.reserve(tensors.size());
  std::uint64_t offset = sink.written();
  for (const std::uint32_t number : tensors) {
    placements.push_back({number, offset});
    const auto end = checked_add(offset, reader.catalog().tensors[number].byte_size);
    if (!end) return make_error(Code::kLimit, "{}: its size exceeds 64 bits", sink.name());
    offset = *end;
  }
  BBZ_TRY(sink.reserve(offset));
  return reader.place_tensors(placements, sink, written);
}

}  // namespace bbz::ops
