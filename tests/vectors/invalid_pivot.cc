#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

// A tensor s of form pivot, alone in its file; what is wrong with it shows when it is decoded.
struct PivotTensor {
  std::uint8_t dtype = kF16;
  std::uint32_t bits = 16;
  std::vector<std::uint64_t> shape{};
  std::uint64_t stored = 0;
  std::uint8_t axis = 0;
  std::vector<std::uint8_t> bitmap{};
};

class Pivots {
 public:
  explicit Pivots(Collector& c) : c_(c) {}

  void add(const char* name, const char* rule, const PivotTensor& p,
           const char* code = "malformed") {
    raw::Fields fields;
    fields.u8(p.axis);
    for (const std::uint8_t byte : p.bitmap) fields.u8(byte);
    const Buffer data = words(p.stored * p.bits / 16, 0x3C00);
    std::uint64_t size = p.bits / 8;
    for (const std::uint64_t extent : p.shape) size *= extent;
    Archive archive;
    archive.records = in_file({raw::tensor({.dtype = p.dtype,
                                            .bits = p.bits,
                                            .form = 5,
                                            .stored = p.stored,
                                            .chunk = std::max<std::uint64_t>(p.stored, 1),
                                            .shape = p.shape,
                                            .name = "s",
                                            .form_fields = Buffer(fields)}),
                               p.stored > 100 ? raw::chunk({.codec = 1}, data, Bytes(data).first(2))
                                              : raw::raw_chunk({}, data)},
                              1, size);
    c_.add_payload(name, rule, archive.bytes(), "ok", code);
  }

 private:
  Collector& c_;
};

// A bitmap of so many bytes, the first `count` lines of which are pivots.
std::vector<std::uint8_t> first_lines(std::size_t bytes, std::uint64_t count) {
  std::vector<std::uint8_t> bitmap(bytes, 0);
  for (std::uint64_t line = 0; line < count; ++line) {
    bitmap[line / 8] = static_cast<std::uint8_t>(bitmap[line / 8] | 1u << line % 8);
  }
  return bitmap;
}

}  // namespace

void add_pivot_vectors(Collector& c) {
  Pivots p(c);
  p.add("pivot-axis", "pivots are rows or columns",
        {.shape = {5, 2}, .stored = 6, .axis = 2, .bitmap = {0b11}});
  p.add("pivot-axes", "a pivot tensor is a matrix",
        {.shape = {5, 2, 1}, .stored = 6, .bitmap = {0b11}});
  p.add("pivot-vector", "a pivot tensor is a matrix", {.shape = {5}, .stored = 4, .bitmap = {1}});
  p.add("pivot-no-columns", "a pivot tensor has columns",
        {.shape = {5, 0}, .stored = 1, .bitmap = {0}});
  p.add("pivot-no-rows", "there is a pivot",
        {.shape = {0, 5}, .stored = 1, .axis = 1, .bitmap = {0}});
  p.add("pivot-square", "there are fewer pivots than lines",
        {.shape = {2, 2}, .stored = 1, .bitmap = {0b11}});
  p.add("pivot-wrong-side", "there are fewer pivots than lines",
        {.shape = {5, 2}, .stored = 6, .axis = 1, .bitmap = {0b11}});
  p.add("pivot-bitmap-missing", "a bitmap has a bit for each line", {.shape = {5, 2}, .stored = 6});
  p.add("pivot-bitmap-short", "a bitmap has a bit for each line",
        {.shape = {9, 2}, .stored = 14, .bitmap = {0b11}});
  p.add("pivot-bitmap-long", "a bitmap has no more bytes than it needs",
        {.shape = {8, 2}, .stored = 12, .bitmap = {0b11, 0}});
  p.add("pivot-bitmap-few", "there are as many pivots as the other axis is long",
        {.shape = {5, 2}, .stored = 6, .bitmap = {0b1}});
  p.add("pivot-bitmap-many", "there are as many pivots as the other axis is long",
        {.shape = {5, 2}, .stored = 6, .bitmap = {0b111}});
  p.add("pivot-bitmap-beyond", "no pivot is beyond the extent",
        {.shape = {5, 2}, .stored = 6, .bitmap = {0b100001}});
  p.add("pivot-bitmap-also-beyond", "no bit is set beyond the extent",
        {.shape = {5, 2}, .stored = 6, .bitmap = {0b100011}});
  p.add("pivot-stored-few", "a pivot tensor stores what is in no pivot",
        {.shape = {5, 2}, .stored = 5, .bitmap = {0b11}});
  p.add("pivot-stored-many", "a pivot tensor stores what is in no pivot",
        {.shape = {5, 2}, .stored = 7, .bitmap = {0b11}});
  p.add("pivot-stored-all", "a pivot tensor stores what is in no pivot",
        {.shape = {5, 2}, .stored = 10, .bitmap = {0b11}});
  p.add("pivot-dtype", "the bits of the number 1 are known",
        {.dtype = kU16, .shape = {5, 2}, .stored = 6, .bitmap = {0b11}});
  p.add("pivot-dtype-c64", "the bits of the number 1 are known",
        {.dtype = 20, .bits = 64, .shape = {5, 2}, .stored = 6, .bitmap = {0b11}});
  p.add("pivot-dtype-before-bitmap", "the dtype is checked before the bitmap",
        {.dtype = 250, .shape = {5, 2}, .stored = 6, .bitmap = {}}, "unsupported");
  p.add("pivot-rows-limit", "the extents are within the limit",
        {.shape = {262145, 1}, .stored = 262144, .bitmap = first_lines(32769, 1)}, "limit");
  p.add("pivot-columns-limit", "the extents are within the limit",
        {.shape = {1, 262145}, .stored = 262144, .axis = 1, .bitmap = first_lines(32769, 1)},
        "limit");
  p.add("pivot-rank-limit", "the pivots are within the limit",
        {.shape = {32770, 32769}, .stored = 32769, .bitmap = first_lines(4097, 32769)}, "limit");
  p.add("pivot-limit-before-dtype", "the extents are checked before the dtype",
        {.dtype = kU16, .shape = {262145, 1}, .stored = 1, .bitmap = {1}}, "limit");
}

}  // namespace bbz::vectors
