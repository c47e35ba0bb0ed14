#include "bbz/ops/bits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/io/byte_range.h"
#include "bbz/ops/info.h"

namespace bbz::ops {
namespace {

constexpr std::uint64_t kLeastPiece = std::uint64_t{1} << 20;
constexpr int kMostCounted = 16;  // bits of a field whose values are counted as one
constexpr int kPart = 13;         // bits of a part of any other

// A field of an element that is loaded as a number.
struct Field {
  std::string name;
  int shift = 0;  // of its lowest bit
  int bits = 0;
};

std::vector<Field> float_fields(const std::string& before, int top, FloatLayout layout) {
  std::vector<Field> fields;
  for (const auto& [name, bits] : {std::pair{"sign", layout.sign_bits},
                                   {"exponent", layout.exponent_bits},
                                   {"mantissa", layout.mantissa_bits}}) {
    if (bits == 0) continue;
    top -= bits;
    fields.push_back({before + name, top, bits});
  }
  return fields;
}

// Returns the fields of an element, from the top bit down.
std::vector<Field> fields_of(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kU8:
    case DType::kI8:
      return {{"value", 0, 8}};
    case DType::kU16:
    case DType::kI16:
      return {{"value", 0, 16}};
    case DType::kU32:
    case DType::kI32:
      return {{"bits 31-16", 16, 16}, {"bits 15-0", 0, 16}};
    case DType::kU64:
    case DType::kI64:
      return {{"bits 63-48", 48, 16},
              {"bits 47-32", 32, 16},
              {"bits 31-16", 16, 16},
              {"bits 15-0", 0, 16}};
    case DType::kC64: {
      // Little-endian: the real part, which comes first, is the lower half.
      const FloatLayout half = dtype_info(DType::kF32).layout;
      std::vector<Field> fields = float_fields("real ", 32, half);
      for (Field& field : float_fields("imaginary ", 64, half)) fields.push_back(std::move(field));
      return fields;
    }
    case DType::kF8E8M0:
      return {{"exponent", 0, 8}};
    case DType::kF4:
      return float_fields("", 4, {1, 2, 1});
    default:
      break;
  }
  const DTypeInfo* const known = find_dtype(dtype);
  if (known == nullptr || known->layout.exponent_bits == 0) return {};
  return float_fields("", known->bits, known->layout);
}

// Counts the values of one run of bits.
struct Histogram {
  int shift = 0;
  std::uint64_t mask = 0;
  std::size_t field = 0;
  std::vector<std::uint64_t> counts;

  void add(std::uint64_t element) { ++counts[(element >> shift) & mask]; }
};

std::vector<Histogram> histograms_of(const std::vector<Field>& fields) {
  std::vector<Histogram> histograms;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const int most = fields[i].bits <= kMostCounted ? kMostCounted : kPart;
    for (int left = fields[i].bits; left > 0;) {
      const int bits = std::min(left, most);
      left -= bits;
      const std::uint64_t values = std::uint64_t{1} << bits;
      histograms.push_back(
          {fields[i].shift + left, values - 1, i, std::vector<std::uint64_t>(values)});
    }
  }
  return histograms;
}

template <class T>
void count(Bytes elements, std::vector<Histogram>& histograms) {
  for (std::size_t at = 0; at + sizeof(T) <= elements.size(); at += sizeof(T)) {
    const std::uint64_t element = load_le<T>(elements.data() + at);
    for (Histogram& histogram : histograms) histogram.add(element);
  }
}

void count_halves(Bytes elements, std::vector<Histogram>& histograms) {
  for (const std::byte byte : elements) {
    const auto both = std::to_integer<std::uint64_t>(byte);
    for (Histogram& histogram : histograms) {
      histogram.add(both & 15);
      histogram.add(both >> 4);
    }
  }
}

// The tensors of a dtype, as if they lay one after the other.
struct Tensors {
  DType dtype{};
  Tally all;
  std::vector<std::uint32_t> readable;
  std::uint64_t bytes = 0;          // of the readable ones
  std::uint64_t largest_chunk = 0;  // of these, decoded
  std::uint64_t leaning = 0;        // tensors that are left out
};

std::map<DType, Tensors> tensors_by_dtype(const catalog::Catalog& catalog, bool with_base) {
  std::map<DType, Tensors> dtypes;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    const catalog::TensorMeta& meta = tensor.meta;
    if (meta.is_operand() || meta.is_view() || meta.kind == catalog::TensorKind::kBytes) continue;
    Tensors& of = dtypes[meta.dtype];
    of.dtype = meta.dtype;
    of.all += Info::of(tensor);
    if (meta.leans() && !with_base) {
      ++of.leaning;
      continue;
    }
    of.readable.push_back(meta.number);
    of.bytes += tensor.byte_size;
    const auto chunks = catalog.chunks_of(tensor);
    if (!chunks.empty())
      of.largest_chunk = std::max(of.largest_chunk, chunks.front().decoded_bytes);
  }
  return dtypes;
}

// The ranges to read of the tensors as they lie one after the other.
std::vector<io::ByteRange> sample_of(const Tensors& tensors, const BitsOptions& options) {
  if (tensors.bytes <= options.sample_bytes) return {{0, tensors.bytes}};
  // Chunks are decoded whole, so that pieces which are smaller would cost more than they have.
  const std::uint64_t most = std::max<std::uint64_t>(options.sample_bytes / 8 * 8, 8);
  const std::uint64_t piece =
      std::clamp(tensors.largest_chunk, std::min(kLeastPiece, most), most) / 8 * 8;
  const std::uint64_t pieces = most / piece;
  // The first piece is at the begin, and the last one near the end.
  // Whole elements: those of one dtype all have a size that divides 8.
  const std::uint64_t step = pieces == 1 ? 0 : (tensors.bytes - piece) / (pieces - 1) / 8 * 8;
  std::vector<io::ByteRange> ranges;
  for (std::uint64_t i = 0; i < pieces; ++i) ranges.push_back({i * step, piece});
  return ranges;
}

// Reads the ranges into `out`, which is as large as they are.
Status read_sample(const Reader& reader, const Tensors& tensors,
                   const std::vector<io::ByteRange>& ranges, MutableBytes out) {
  std::vector<ReadPart> parts;
  std::uint64_t begin = 0;  // of the tensor, among all
  std::size_t range = 0;
  for (const std::uint32_t number : tensors.readable) {
    const std::uint64_t size = reader.catalog().tensors[number].byte_size;
    for (std::size_t i = range; i < ranges.size() && ranges[i].offset < begin + size; ++i) {
      const std::uint64_t from = std::max(begin, ranges[i].offset);
      const std::uint64_t to = std::min(begin + size, ranges[i].end());
      if (from < to) {
        parts.push_back({number, from - begin, out.first(to - from)});
        out = out.subspan(to - from);
      }
      if (ranges[i].end() <= begin + size) range = i + 1;
    }
    begin += size;
  }
  return reader.read_parts(parts);
}

void measure(const Reader& reader, const Tensors& tensors, const BitsOptions& options,
             DTypeBits& bits) {
  if (fields_of(tensors.dtype).empty()) {
    bits.note = "the elements of this dtype have no fields that are counted";
    return;
  }
  if (tensors.leaning != 0) {
    bits.note =
        tensors.readable.empty()
            ? "all tensors lean on a base, without which they cannot be decoded"
            : fmt::format("{} tensors lean on a base and are not in the sample", tensors.leaning);
  }
  const std::vector<io::ByteRange> ranges = sample_of(tensors, options);
  std::uint64_t size = 0;
  for (const io::ByteRange& range : ranges) size += range.size;
  if (size == 0) return;
  std::vector<std::byte> sample(size);
  if (const Status read = read_sample(reader, tensors, ranges, sample); !read.ok()) {
    bits.failed = read.code();
    bits.note = read.error().message;
    return;
  }
  bits.sampled = size * 8 / static_cast<std::uint64_t>(dtype_info(tensors.dtype).bits);
  bits.fields = measure_fields(tensors.dtype, sample);
}

}  // namespace

double entropy_of(std::span<const std::uint64_t> counts) {
  double total = 0;
  double sum = 0;  // of n log n
  std::uint64_t values = 0;
  for (const std::uint64_t n : counts) {
    if (n == 0) continue;
    const auto occurrences = static_cast<double>(n);
    total += occurrences;
    sum += occurrences * std::log2(occurrences);
    ++values;
  }
  if (total == 0) return 0;
  const double plug_in = std::log2(total) - sum / total;
  const double correction = static_cast<double>(values - 1) / (2 * total * std::numbers::ln2);
  const double most = std::log2(static_cast<double>(counts.size()));
  return std::clamp(plug_in + correction, 0.0, most);
}

std::vector<BitField> measure_fields(DType dtype, Bytes elements) {
  const std::vector<Field> fields = fields_of(dtype);
  if (fields.empty()) return {};
  std::vector<Histogram> histograms = histograms_of(fields);
  switch (dtype_info(dtype).bits) {
    case 4:
      count_halves(elements, histograms);
      break;
    case 8:
      count<std::uint8_t>(elements, histograms);
      break;
    case 16:
      count<std::uint16_t>(elements, histograms);
      break;
    case 32:
      count<std::uint32_t>(elements, histograms);
      break;
    default:
      count<std::uint64_t>(elements, histograms);
      break;
  }
  std::vector<BitField> measured;
  measured.reserve(fields.size());
  for (const Field& field : fields) measured.push_back({field.name, field.bits, 0});
  for (const Histogram& histogram : histograms)
    measured[histogram.field].entropy += entropy_of(histogram.counts);
  return measured;
}

std::vector<DTypeBits> bits_of(const Reader& reader, const BitsOptions& options) {
  std::vector<Tensors> dtypes;
  for (auto& [dtype, tensors] : tensors_by_dtype(reader.catalog(), options.with_base)) {
    dtypes.push_back(std::move(tensors));
  }
  std::ranges::stable_sort(dtypes, std::greater{}, [](const Tensors& of) { return of.all.bytes; });
  std::vector<DTypeBits> measured;
  for (const Tensors& tensors : dtypes) {
    DTypeBits bits;
    bits.dtype = dtype_name(tensors.dtype);
    bits.elements = tensors.all.elements;
    if (bits.elements != 0) {
      bits.stored_bits =
          8 * static_cast<double>(tensors.all.stored) / static_cast<double>(bits.elements);
    }
    measure(reader, tensors, options, bits);
    measured.push_back(std::move(bits));
  }
  return measured;
}

}  // namespace bbz::ops
