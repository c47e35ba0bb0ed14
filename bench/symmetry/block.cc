#include "symmetry/block.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "bbz/archive/reader.h"
#include "bbz/io/atomic_file.h"
#include "bbz/ops/unpack.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::bench {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;
using rotation::RequestedMethod;

// One layer of Llama, with as little as can be before and after it.
test_models::Spec block_spec(const BlockOptions& options) {
  test_models::Spec spec;
  spec.layers = 1;
  spec.hidden = options.hidden;
  spec.widths = {options.width};
  spec.sliced_head = true;
  spec.heads = spec.kv_heads = options.heads;
  spec.inner = options.inner;
  spec.vocabulary = 16;
  return spec;
}

// Seconds of the products that rotating every member of every junction takes, in float64, of the clock
// and of the processors, and how many floating-point operations that is.
struct Products {
  double seconds = 0;
  double processor = 0;
  double operations = 0;
};

Products multiply_all(const rotation::Model& model) {
  Products sum;
  for (const junction::Junction& junction : rotation::detect(model).junctions.junctions) {
    const auto d = static_cast<Index>(junction.width);
    const Matrix u = Matrix::Constant(d, d, 0.5);
    for (const junction::Member& member : junction.members) {
      const Shape& shape = model.tensors[member.tensor].shape;
      const auto rows = static_cast<Index>(shape.front());
      const Index cols = shape.size() == 1 ? 1 : static_cast<Index>(shape[1]);
      const Matrix w = Matrix::Constant(rows, cols, 0.5);
      Matrix out = Matrix::Zero(rows, cols);
      const Timer timer;
      if (junction::role_axis(member.role) == 1) {
        linalg::multiply(w, linalg::Op::kPlain, u, linalg::Op::kPlain, out);
      } else {
        linalg::multiply(u, linalg::Op::kTransposed, w, linalg::Op::kPlain, out);
      }
      sum.seconds += timer.seconds();
      sum.processor += timer.processor();
      sum.operations += 2.0 * static_cast<double>(rows * cols * d);
    }
  }
  return sum;
}

// The archive of a block, in a file that is gone with it.
class BlockArchive {
 public:
  explicit BlockArchive(std::string path) : path_(std::move(path)) {}
  ~BlockArchive() { unlink(path_.c_str()); }
  BlockArchive(const BlockArchive&) = delete;
  BlockArchive& operator=(const BlockArchive&) = delete;

  Status pack(const rotation::Model& model, std::optional<RequestedMethod> method) {
    BBZ_ASSIGN(cost_, measure_apart([&]() -> Result<double> {
                 BBZ_ASSIGN(const auto file, io::AtomicFile::create(path_, {.replace = true}));
                 const Timer timer;
                 BBZ_TRY(bench::pack(model, method, *file));
                 const double seconds = timer.seconds();
                 BBZ_TRY(file->finish());
                 return seconds;
               }));
    return {};
  }

  const Cost& cost() const { return cost_; }
  std::uint64_t bytes() const { return std::filesystem::file_size(path_); }

  // Seconds of decoding every chunk and deriving every shortcut once: into a file, or, without a
  // directory, into nothing.
  Result<double> decode(unsigned threads, const std::string& folder) const {
    BBZ_ASSIGN(const Reader reader, open(threads));
    Visitor visitor;
    if (folder.empty()) {
      const Timer timer;
      BBZ_TRY(reader.visit_all(visitor));
      return timer.seconds();
    }
    BBZ_ASSIGN(io::OutputTree tree, io::OutputTree::open(folder));
    const Timer timer;
    BBZ_TRY(ops::unpack(reader, tree));
    const double seconds = timer.seconds();
    std::filesystem::remove_all(folder);
    return seconds;
  }

 private:
  Result<Reader> open(unsigned threads) const {
    BBZ_ASSIGN(auto source, io::map_file(path_, io::Access::kSequential));
    ReadOptions reading;
    reading.threads = threads;
    return Reader::open(std::move(source), reading);
  }

  std::string path_;
  Cost cost_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The medians of the seconds, and the most memory.
Cost summary(const std::vector<Cost>& costs) {
  std::vector<double> seconds, processor;
  Cost all;
  for (const Cost& cost : costs) {
    seconds.push_back(cost.seconds);
    processor.push_back(cost.processor);
    all.mib = std::max(all.mib, cost.mib);
  }
  all.seconds = median(seconds);
  all.processor = median(processor);
  return all;
}

// Decoding both archives in turn, so that what else the machine does meets both.
struct Decoding {
  std::vector<Cost> exact, other;
  std::vector<double> ratios;  // of each round
};

Result<Decoding> decode_both(const BlockArchive& exact, const BlockArchive& other, unsigned threads,
                             int repeat, const std::string& folder) {
  Decoding found;
  for (int i = 0; i < repeat; ++i) {
    BBZ_ASSIGN(const Cost a, measure_apart([&] { return exact.decode(threads, folder); }));
    BBZ_ASSIGN(const Cost b, measure_apart([&] { return other.decode(threads, folder); }));
    found.exact.push_back(a);
    found.other.push_back(b);
    found.ratios.push_back(b.seconds / a.seconds);
  }
  return found;
}

Status print_decoding(const BlockArchive& exact, const BlockArchive& other, const char* name,
                      int repeat, const std::string& path) {
  for (const bool into_file : {false, true}) {
    for (const unsigned threads : {1U, std::max(2U, std::thread::hardware_concurrency())}) {
      linalg::set_threads(threads);
      BBZ_ASSIGN(const Decoding found,
                 decode_both(exact, other, threads, repeat, into_file ? path + "-unpacked" : ""));
      const Cost a = summary(found.exact), b = summary(found.other);
      const char* const what = into_file ? "unpack" : "decode";
      const auto [least, most] = std::ranges::minmax(found.ratios);
      std::printf(
          "%s %-10s %2u thread%s %9.3f s                         %6.0f MiB  processors %.3f s\n",
          what, "exact,", threads, threads == 1 ? " " : "s", a.seconds, a.mib, a.processor);
      std::printf(
          "%s %-10s %2u thread%s %9.3f s   %5.2f x (%.2f-%.2f)   %6.0f MiB  processors %.3f s, %.2f x\n",
          what, name, threads, threads == 1 ? " " : "s", b.seconds, median(found.ratios), least,
          most, b.mib, b.processor, b.processor / a.processor);
    }
  }
  return {};
}

Status measure_block(const BlockOptions& options) {
  const test_models::LargeModel large(block_spec(options));
  rotation::Model model = model_of(large);
  std::vector<std::vector<std::byte>> bytes;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    bytes.push_back(large.make(i));
    total += bytes.back().size();
  }
  model.load = [&bytes](std::size_t i) -> Result<std::vector<std::byte>> { return bytes[i]; };

  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  linalg::set_threads(threads);
  std::printf("one block: width %llu of %llu, mlp %llu, %.1f MB in F16; %u threads\n\n",
              static_cast<unsigned long long>(options.width),
              static_cast<unsigned long long>(options.hidden),
              static_cast<unsigned long long>(options.inner), static_cast<double>(total) * 1e-6,
              threads);
  const std::string path = options.folder + "/bench-block-" + std::to_string(getpid());
  BlockArchive exact(path + "-exact.bbz"), polar(path + "-polar.bbz");
  BBZ_TRY(exact.pack(model, std::nullopt));
  const auto print_pack = [&](const char* name, const BlockArchive& archive,
                              const Products& products) {
    const Cost& cost = archive.cost();
    std::printf(
        "pack %-21s %9.3f s   %5.2f x   %6.0f MiB   processors %.3f s, %.2f x   %.4f of the bytes\n",
        name, cost.seconds, cost.seconds / products.seconds, cost.mib, cost.processor,
        cost.processor / products.processor,
        static_cast<double>(archive.bytes()) / static_cast<double>(total));
  };
  BBZ_TRY(polar.pack(model, RequestedMethod::kPolar));
  const Products products = multiply_all(model);
  std::printf("products %27.3f s   processors %.3f s, %.0f GFLOP/s in float64 on one%s\n",
              products.seconds, products.processor, products.operations / products.processor * 1e-9,
              linalg::has_lapack() ? "" : ", without BLAS");
  print_pack("exact", exact, products);
  print_pack("polar", polar, products);
  BBZ_TRY(print_decoding(exact, polar, "polar,", options.repeat, path));
  if (!options.bits_back) return {};
  BlockArchive bits_back(path + "-bits-back.bbz");
  linalg::set_threads(threads);
  BBZ_TRY(bits_back.pack(model, RequestedMethod::kBitsBack));
  print_pack("bits-back", bits_back, products);
  BBZ_TRY(print_decoding(exact, bits_back, "bits-back,", 1, path));
  return {};
}

}  // namespace

bool print_block(const BlockOptions& options) {
  const Status status = measure_block(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status.ok();
}

}  // namespace bbz::bench
