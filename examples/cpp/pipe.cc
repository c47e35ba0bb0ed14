// Reads an archive from standard input, front to back, and lists its tensors as they pass. What is
// listed is checked; an archive that ends too early or is damaged is an error.
//   curl -s https://example.org/model.bbz | pipe
#include <bbz/archive/stream.h>

#include <cstdio>

namespace {

// Receives the files and tensors in archive order.
class Lister final : public bbz::Visitor {
 public:
  bbz::Status data(const bbz::catalog::Tensor&, std::uint64_t, bbz::Bytes bytes) override {
    bytes_ += bytes.size();  // here a program would copy them to their place
    return {};
  }
  bbz::Status end_tensor(const bbz::catalog::Tensor& tensor) override {
    if (tensor.meta.kind != bbz::catalog::TensorKind::kTensor || tensor.is_operand()) return {};
    std::printf("%s %llu bytes\n", tensor.meta.name.c_str(),
                static_cast<unsigned long long>(tensor.byte_size));
    return {};
  }

  unsigned long long bytes() const { return bytes_; }

 private:
  unsigned long long bytes_ = 0;
};

bbz::Status list() {
  BBZ_ASSIGN(const auto source, bbz::io::open_file("-"));
  Lister lister;
  BBZ_ASSIGN(const bbz::StreamSummary summary, bbz::read_stream(*source, {}, lister));
  std::printf("%llu bytes, %s\n", lister.bytes(), summary.root.to_string().c_str());
  return {};
}

}  // namespace

int main() {
  const bbz::Status listed = list();
  if (!listed.ok()) std::fprintf(stderr, "pipe: %s\n", listed.error().message.c_str());
  return listed.ok() ? 0 : 1;
}
