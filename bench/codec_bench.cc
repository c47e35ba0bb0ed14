// bench_codec: speed and ratio of the codecs beside memcpy, the planes-with-Huffman baseline and
// general compressors, all in one run. Every repetition takes each way of running each coder in
// turn, so that what else the machine does meets all of them; the tables show medians.
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include "data.h"

namespace bbz::bench {
namespace {

// One, and as many as there are cores.
std::vector<unsigned> default_threads() {
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 1 ? std::vector<unsigned>{1, cores} : std::vector<unsigned>{1};
}

struct Options {
  std::vector<std::string> types = {"BF16", "F16", "F32", "F8_E4M3", "F8_E5M2"};
  std::vector<std::filesystem::path> files;
  std::filesystem::path base;
  std::vector<std::string> numbers;
  std::vector<double> steps;
  std::vector<std::string> only;
  std::size_t mib = 64;
  int repeat = 5;
  std::vector<unsigned> threads = default_threads();
  std::vector<std::string> outputs = {"warm", "fresh"};
  std::string csv;
};

// One table: the data, on some threads, into one kind of output.
struct Way {
  unsigned threads = 1;
  bool fresh = false;

  const char* output() const { return fresh ? "fresh" : "warm"; }
};

// Memory for decoded chunks: kept, or mapped anew so that every page is touched for the first time.
class Output {
 public:
  Output(std::size_t size, bool fresh) : size_(size), fresh_(fresh) { map(); }
  ~Output() { munmap(p_, size_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  std::byte* next() {
    if (fresh_) {
      munmap(p_, size_);
      map();
    }
    return static_cast<std::byte*>(p_);
  }

 private:
  void map() {
    p_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p_ == MAP_FAILED) std::abort();
    if (!fresh_) std::memset(p_, 0, size_);
  }

  std::size_t size_;
  bool fresh_;
  void* p_ = nullptr;
};

// Runs f(i) for all chunks on some threads and returns the seconds that took.
template <class F>
double timed(std::size_t chunks, unsigned threads, F f) {
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < chunks;) f(i);
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < threads; ++t) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Row {
  std::string coder;
  double ratio = 0;
  std::vector<double> encode;  // seconds, a repetition each
  std::vector<double> decode;
};

// The chunks of a data set, with a place for what each is coded to and for where it is decoded.
class Bench {
 public:
  Bench(const DataSet& set, bool warm, bool fresh) : set_(set), payloads_(set.chunks.size()) {
    std::size_t size = 0;
    for (const Chunk& chunk : set.chunks) {
      at_.push_back(size);
      // Each chunk begins at a page, as the first tensor of a fresh buffer does.
      size += (chunk.plain.size() + 4095) / 4096 * 4096;
    }
    if (warm) warm_.emplace(size, false);
    if (fresh) fresh_.emplace(size, true);
  }

  // Codes all chunks once. Returns false if a chunk cannot be decoded.
  bool time(const Coder& coder, const Way& way, double& encode, double& decode) {
    encode = timed(set_.chunks.size(), way.threads,
                   [&](std::size_t i) { coder.encode(set_.chunks[i], payloads_[i]); });
    out_ = (way.fresh ? *fresh_ : *warm_).next();
    if (coder.in_place) {
      for (std::size_t i = 0; i < set_.chunks.size(); ++i) {
        std::ranges::copy(set_.chunks[i].base, out_ + at_[i]);
      }
    }
    std::atomic<bool> ok = true;
    decode = timed(set_.chunks.size(), way.threads, [&](std::size_t i) {
      const Chunk& chunk = set_.chunks[i];
      if (!coder.decode(chunk, payloads_[i], {out_ + at_[i], chunk.plain.size()})) ok = false;
    });
    return ok;
  }

  // Whether time() gave the bytes back.
  bool same() const {
    for (std::size_t i = 0; i < set_.chunks.size(); ++i) {
      const Bytes bytes = set_.chunks[i].plain;
      if (std::memcmp(out_ + at_[i], bytes.data(), bytes.size()) != 0) return false;
    }
    return true;
  }

  // The size that time() stored over the size of the data.
  double ratio() const {
    std::size_t stored = 0;
    std::size_t plain = 0;
    for (std::size_t i = 0; i < set_.chunks.size(); ++i) {
      stored += payloads_[i].size();
      plain += set_.chunks[i].plain.size();
    }
    return static_cast<double>(stored) / static_cast<double>(plain);
  }

 private:
  const DataSet& set_;
  std::vector<std::vector<std::byte>> payloads_;
  std::vector<std::size_t> at_;
  std::optional<Output> warm_;
  std::optional<Output> fresh_;
  std::byte* out_ = nullptr;
};

// Measures all coders on a data set in every way: tables[way][coder]. Returns false if a coder
// does not give the bytes back.
bool measure(const DataSet& set, const std::vector<Coder>& coders, const std::vector<Way>& ways,
             int repeat, std::vector<std::vector<Row>>& tables) {
  Bench bench(set, !std::ranges::all_of(ways, &Way::fresh), std::ranges::any_of(ways, &Way::fresh));
  tables.assign(ways.size(), std::vector<Row>(coders.size()));
  for (int repetition = 0; repetition <= repeat; ++repetition) {
    for (std::size_t c = 0; c < coders.size(); ++c) {
      const Coder& coder = coders[c];
      if (!std::ranges::all_of(set.chunks, coder.takes)) continue;
      for (std::size_t w = 0; w < ways.size(); ++w) {
        if (coder.in_place && ways[w].fresh) continue;  // the base is there already
        Row& row = tables[w][c];
        row.coder = coder.name;
        double encode = 0;
        double decode = 0;
        bool ok = bench.time(coder, ways[w], encode, decode);
        if (repetition == 0) {  // warms the caches and checks
          ok = ok && bench.same();
          row.ratio = bench.ratio();
        } else {
          row.encode.push_back(encode);
          row.decode.push_back(decode);
        }
        if (!ok) {
          std::fprintf(stderr, "%s: %s does not give the bytes back\n", set.name.c_str(),
                       coder.name.c_str());
          return false;
        }
      }
    }
  }
  return true;
}

void report(const DataSet& set, const std::vector<Row>& rows, const Way& way, int repeat,
            std::FILE* csv) {
  double plain = 0;
  for (const Chunk& chunk : set.chunks) plain += static_cast<double>(chunk.plain.size());
  const auto speed = [&](const std::vector<double>& seconds) {
    return seconds.empty() ? 0.0 : plain / median(seconds) / 1e6;
  };
  double copy = 0;
  double planes_encode = 0;
  double planes_decode = 0;
  for (const Row& row : rows) {
    if (row.coder == kMemcpy) copy = speed(row.decode);
    if (row.coder == kPlanes) {
      planes_encode = speed(row.encode);
      planes_decode = speed(row.decode);
    }
  }
  std::printf("\n%s, %.0f MiB, %u thread%s, %s output, medians of %d\n", set.name.c_str(),
              plain / (1 << 20), way.threads, way.threads == 1 ? "" : "s", way.output(), repeat);
  std::printf("%-22s %8s %10s %10s %9s %9s %9s\n", "coder", "ratio", "enc MB/s", "dec MB/s",
              "dec/copy", "enc/base", "dec/base");
  for (const Row& row : rows) {
    if (row.encode.empty()) continue;
    const double encode = speed(row.encode);
    const double decode = speed(row.decode);
    const auto part = [](double a, double b) { return b == 0 ? 0 : a / b; };
    const double of_copy = part(decode, copy);
    const double encode_gain = part(encode, planes_encode);
    const double decode_gain = part(decode, planes_decode);
    std::printf("%-22s %8.4f %10.0f %10.0f %9.2f %9.2f %9.2f\n", row.coder.c_str(), row.ratio,
                encode, decode, of_copy, encode_gain, decode_gain);
    if (csv != nullptr) {
      std::fprintf(csv, "%s,%s,%u,%s,%.5f,%.0f,%.0f,%.3f,%.3f,%.3f\n", set.name.c_str(),
                   row.coder.c_str(), way.threads, way.output(), row.ratio, encode, decode, of_copy,
                   encode_gain, decode_gain);
    }
  }
  std::fflush(stdout);
}

std::vector<Coder> chosen_coders(const Options& options) {
  std::vector<Coder> coders = all_coders();
  if (options.only.empty()) return coders;
  std::erase_if(coders, [&](const Coder& coder) {
    return coder.name != kMemcpy && coder.name != kPlanes &&
           std::ranges::none_of(options.only, [&](const std::string& part) {
             return coder.name.find(part) != std::string::npos;
           });
  });
  return coders;
}

int run(const Options& options) {
  const std::vector<Coder> coders = chosen_coders(options);
  std::vector<Way> ways;
  for (const unsigned threads : options.threads) {
    for (const std::string& output : options.outputs) ways.push_back({threads, output == "fresh"});
  }
  std::FILE* csv = options.csv.empty() ? nullptr : std::fopen(options.csv.c_str(), "w");
  if (csv != nullptr) {
    std::fputs(
        "data,coder,threads,output,ratio,encode_mb_s,decode_mb_s,decode_of_memcpy,"
        "encode_of_planes,decode_of_planes\n",
        csv);
  }
  bool ok = options.csv.empty() || csv != nullptr;
  if (!ok) std::perror(options.csv.c_str());
  const auto one = [&](const DataSet& set) {
    std::vector<std::vector<Row>> tables;
    ok = ok && measure(set, coders, ways, options.repeat, tables);
    for (std::size_t w = 0; ok && w < ways.size(); ++w) {
      report(set, tables[w], ways[w], options.repeat, csv);
    }
  };
  for (const std::string& name : options.types) {
    const DTypeInfo* info = find_dtype(name);
    if (info == nullptr || info->layout.exponent_bits == 0) {
      std::fprintf(stderr, "%s is not a type with an exponent\n", name.c_str());
      ok = false;
      continue;
    }
    one(generated(info->dtype, options.mib << 20));
    for (const double step : options.steps) {
      one(generated_step(info->dtype, options.mib << 20, step));
    }
  }
  for (const std::string& part : options.numbers) {
    const std::vector<DataSet> sets =
        generated_numbers(part == "all" ? "" : part, options.mib << 20);
    if (sets.empty()) {
      std::fprintf(stderr, "no case of numbers has a name with %s\n", part.c_str());
      ok = false;
    }
    for (const DataSet& set : sets) one(set);
  }
  for (const std::filesystem::path& path : options.files) {
    const Result<DataSet> set = from_file(path, options.base);
    if (set.ok()) {
      one(*set);
    } else {
      std::fprintf(stderr, "%s\n", set.error().message.c_str());
      ok = false;
    }
  }
  if (csv != nullptr) std::fclose(csv);
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace bbz::bench

int main(int argc, char** argv) {
  bbz::bench::Options options;
  CLI::App app(
      "Speed and ratio of bbz's codecs beside memcpy in 1 MiB calls, byte planes with zstd's "
      "Huffman coder (the baseline), and general compressors. MB/s are of decoded bytes.\n"
      "Where a name says checksums, encoding hashes chunk and payload, and decoding hashes what it "
      "decodes, as a reader does; verify hashes the payload as well. The others hash nothing.");
  app.add_option("--types", options.types, "types of generated rows; \"\" for none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--numbers", options.numbers,
                 "code generated numbers whose names have one of these parts, or all: narrower "
                 "floats, zeros, products, integers, smooth rows")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("files", options.files, "safetensors files to code as well");
  app.add_option("--base", options.base, "a safetensors file that is the base of the files");
  app.add_option(
         "--steps", options.steps,
         "code generated rows also after a step of training of this size, with these rows as "
         "base: 4e-6 changes few elements of BF16, 1.5e-4 most")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--only", options.only, "coders whose name has one of these parts")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--mib", options.mib, "size of generated data")->capture_default_str();
  app.add_option("--repeat", options.repeat, "repetitions, of which the median is shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "how many threads, a table each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--output", options.outputs,
                 "where decoded bytes go, a table each: warm, pages that are in use; fresh, pages "
                 "that were never touched")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"warm", "fresh"}))
      ->capture_default_str();
  app.add_option("--csv", options.csv, "write the tables to this file too");
  app.add_flag_callback(
      "--list",
      [] {
        for (const auto& coder : bbz::bench::all_coders()) std::puts(coder.name.c_str());
        throw CLI::Success();
      },
      "list the coders");
  CLI11_PARSE(app, argc, argv);
  std::erase(options.types, "");
  return bbz::bench::run(options);
}
