// The methods of Reader for tensors that lean on a base.
#include "bbz/archive/internal/reader_state.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz {
namespace {

// The tensors of an archive that is open.
class ReaderBase final : public Base {
 public:
  ReaderBase(std::shared_ptr<const Reader> reader, std::string name)
      : reader_(std::move(reader)), name_(std::move(name)) {
    catalog::BaseMeta meta;
    meta.root = reader_->root();
    meta.hint = name_;
    meta_ = std::make_shared<const catalog::BaseMeta>(std::move(meta));
    for (const catalog::Tensor& tensor : reader_->catalog().tensors) {
      if (tensor.meta.is_named()) numbers_.emplace(tensor.meta.name, tensor.meta.number);
    }
  }

  Result<std::vector<BaseTensor>> find(std::string_view name, const catalog::BaseMeta*) override {
    std::vector<BaseTensor> found;
    const auto [begin, end] = numbers_.equal_range(name);
    for (auto at = begin; at != end; ++at) {
      const catalog::Tensor& tensor = reader_->catalog().tensors[at->second];
      BaseTensor one;
      one.info = {tensor.meta.name, tensor.meta.dtype, tensor.meta.shape, tensor.block};
      one.origin = name_;
      one.file = meta_;
      one.read = [reader = reader_, number = at->second, name = name_](std::uint64_t offset,
                                                                       MutableBytes out) -> Status {
        Status done = reader->read_bytes(number, offset, out);
        if (done.ok()) return done;
        return make_error(done.code(), "base {}: {}", quoted(name), done.error().message);
      };
      found.push_back(std::move(one));
    }
    return found;
  }
  Status add_inputs(io::Sink& sink) const override {
    BBZ_TRY(io::add_input(sink, reader_->source()));
    return reader_->add_base_inputs(sink);
  }
  std::string shown() const override { return name_; }

 private:
  std::shared_ptr<const Reader> reader_;
  std::string name_;
  std::shared_ptr<const catalog::BaseMeta> meta_;
  std::multimap<std::string_view, std::uint32_t> numbers_;  // of the tensors, by name
};

}  // namespace

std::shared_ptr<Base> base_of(std::shared_ptr<const Reader> reader, std::string name) {
  return std::make_shared<ReaderBase>(std::move(reader), std::move(name));
}

Status Reader::State::fill(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                           MutableBytes out) {
  return supports.fill(tensor, catalog.bases[tensor.meta.support->base], chunk, out);
}

Status Reader::update_tensor(std::uint32_t tensor, MutableBytes bytes) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const catalog::Tensor& entry = catalog().tensors[tensor];
  if (!entry.meta.leans()) return read_tensor(tensor, bytes);
  BBZ_TRY(check_support(tensor, bytes));
  return state_->read_dense(entry, 0, bytes, chunk::Before::kSupport);
}

Status Reader::check_support(std::uint32_t tensor, Bytes bytes) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const catalog::Tensor& entry = catalog().tensors[tensor];
  if (bytes.size() != entry.byte_size) {
    return make_error(Code::kInvalidArgument, "tensor {}: a buffer of {} bytes, expected {}",
                      tensor, bytes.size(), entry.byte_size);
  }
  BBZ_TRY(symmetry::check_form(catalog(), entry));
  if (!entry.meta.leans()) return {};
  const Digest& expected = entry.meta.support->digest;
  const Digest found = digest_of(expected.kind, bytes);
  if (found == expected) return {};
  return make_error(
      Code::kDigestMismatch,
      "tensor {}: the bytes to update have the digest {}, and it leans on those of {}",
      quoted(entry.meta.name), found.to_string(), expected.to_string());
}

Status Reader::add_base_inputs(io::Sink& sink) const {
  return state_->supports.add_inputs(sink);
}

Status Reader::check_support(std::uint32_t tensor) const {
  BBZ_TRY(state_->check_tensor(tensor));
  const catalog::Tensor& entry = catalog().tensors[tensor];
  if (!entry.meta.leans()) return {};
  return state_->supports.check(entry, catalog().bases[entry.meta.support->base]);
}

}  // namespace bbz
