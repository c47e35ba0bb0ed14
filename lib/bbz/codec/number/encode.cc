// Encoding of a chunk as one candidate: what limits its bits, what its keys are, its tables, and then
// the parts of the payload.
#include <cstring>

#include "bbz/codec/number/analysis.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/number/bit_writer.h"
#include "bbz/codec/number/centres.h"
#include "bbz/codec/number/row_loops.h"
#include "bbz/codec/number/scale.h"
#include "bbz/codec/number/wire.h"
#include "bbz/codec/split/symbols.h"
#include "bbz/codec/split/wire.h"

namespace bbz::codec::number {
namespace {

// The encoder keeps three bytes of each element, and tables of each row, so larger chunks are left to
// other codecs.
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 26;
// So many elements of a row tell its scale.
constexpr std::uint64_t kScaleSample = 1 << 12;

// Memory that a thread keeps from chunk to chunk.
struct EncodeScratch {
  std::vector<FineKey> keys;
  std::vector<std::uint8_t> used;  // bits of the fraction above the lowest one that is set
  split::ScratchBuffer low;
  std::vector<std::uint8_t> wholes;
  std::vector<std::uint16_t> fields;
  std::vector<split::EncodeTable> tables;
  std::vector<split::Row> rows;
  std::vector<split::Patch> patches;  // stays empty: escapes express every byte
  split::ScratchBuffer buffer;
};

// The finest key of parts, as key_of() returns it for a model with such keys.
FineKey fine_key(int lead, const Parts& parts) {
  const std::uint64_t top = lead >= kMaxTopBits ? parts.fraction >> (lead - kMaxTopBits)
                                                : parts.fraction << (kMaxTopBits - lead);
  const auto order = static_cast<unsigned>(parts.order);
  const unsigned sign = parts.sign ? 1 : 0;
  return static_cast<FineKey>((order << kMaxTopBits | static_cast<unsigned>(top)) << 1 | sign);
}

// The encoder of one chunk. T is the unsigned integer of an element's size, at least a byte.
template <class T>
class Encoder {
 public:
  Encoder(const Candidate& candidate, Bytes plain, EncodeScratch& scratch)
      : level_(candidate.level), scratch_(scratch) {
    header_.model = candidate.model;
    header_.width = candidate.width;
    header_.first = candidate.first;
    const std::uint64_t elements =
        plain.size() * 8 / static_cast<std::uint64_t>(candidate.model.bits);
    header_.lanes_log2 = split::choose_lanes_log2(elements);
    grid_ = {elements, header_.width, header_.first, header_.lanes()};
    source_ = {candidate.model, plain.data(), header_.width, &numbers_};
  }

  bool encode(const split::Kernel* kernel, std::size_t limit, std::vector<std::byte>& payload) {
    if (grid_.elements > kMaxElements || grid_.rows() > split::kMaxRows) return false;
    if (!find_scales()) return false;
    if (header_.model.kind == Kind::kInteger) {
      header_.centres = find_centres(source_, grid_, numbers_.centres);
    }
    with_kind(header_.model, [&]<Kind kKind>() { read<kKind>(); });
    choose_limits();
    choose_shifts();
    if (choice_.cost / 8 / 17 * 16 >= limit) return false;  // an estimate
    std::uint8_t* const symbols = scratch_.buffer.reserve((2 + split::kMaxStreams) * room());
    make_symbols(symbols);
    RowTables tables =
        choose_tables(grid_, symbols, level_ == Level::kFast ? 4 : split::kMaxTables);
    header_.tables = static_cast<std::uint8_t>(tables.tables.size());
    with_kind(header_.model, [&]<Kind kKind>() { put_low_bits<kKind>(symbols); });
    return put(kernel, tables, symbols, limit, payload);
  }

 private:
  std::size_t room() const { return grid_.elements + 64; }

  // The keys and the used bits of a row.
  struct RowKeys {
    FineKey* keys;
    const std::uint8_t* used;
    std::size_t count;
  };
  // Calls f with each row and its keys.
  template <class F>
  void for_each_row(F f) const {
    for (std::uint64_t r = 0; r < grid_.rows(); ++r) {
      const std::uint64_t begin = grid_.row_begin(r);
      f(r, RowKeys{scratch_.keys.data() + begin, scratch_.used.data() + begin,
                   grid_.row_end(r) - begin});
    }
  }

  // Returns false if too few rows have a scale.
  bool find_scales() {
    if (header_.model.kind != Kind::kScaled) return true;
    const std::uint64_t rows = grid_.rows();
    std::uint64_t without = 0;
    std::vector<std::uint32_t> elements;
    for (std::uint64_t r = 0; r < rows; ++r) {
      elements.clear();
      const std::uint64_t end = std::min(grid_.row_end(r), grid_.row_begin(r) + kScaleSample);
      for (std::uint64_t i = grid_.row_begin(r); i < end; ++i) {
        elements.push_back(static_cast<std::uint32_t>(source_.element(i)));
      }
      const std::optional<float> scale = find_scale(header_.model, elements);
      without += scale ? 0 : 1;
      if (without > 2 + rows / 8) return false;
      numbers_.scales.push_back(scale.value_or(1));
    }
    return true;
  }

  template <Kind kKind>
  void read() {
    const Source<T> source = source_;  // stores of bytes cannot change it
    scratch_.keys.resize(grid_.elements);
    scratch_.used.resize(grid_.elements);
    UsedBits used(source.model);
    for (std::uint64_t r = 0; r < grid_.rows(); ++r) {
      FineKey* const keys = scratch_.keys.data();
      std::uint8_t* const used_bits = scratch_.used.data();
      const std::uint64_t end = grid_.row_end(r);
      for (std::uint64_t i = grid_.row_begin(r); i < end; ++i) {
        const Number number = source.template number<kKind>(i, r);
        used_bits[i] = 0;
        if (number.is_whole || number.magnitude == 0) {
          keys[i] = number.is_whole ? kFineWhole : number.sign ? kFineMinusZero : kFineZero;
          continue;
        }
        const Parts parts = parts_of(source.model, number.sign, number.magnitude);
        const int most = lead(source.model, parts.order);
        const int bits = parts.fraction == 0 ? 0 : most - std::countr_zero(parts.fraction);
        keys[i] = fine_key(most, parts);
        used_bits[i] = static_cast<std::uint8_t>(bits);
        used.add(parts.order, bits);
      }
    }
    const UsedBits::Choice choice = used.choose();
    limits_ = choice.limits;
    limits_cost_ = choice.cost;
    most_used_ = choice.most_used;
  }

  int floor_of(std::uint64_t row) const {
    return limits_.floor + (floors_.empty() ? 0 : floors_[row]);
  }

  // The floors of rows for a precision.
  struct RowFloors {
    int precision = 0;
    std::vector<int> least;  // kNoFloor for a row without keys
    int lowest = 255;        // of all
    int bits = 0;            // of one in a row's field
    std::uint64_t cost = 0;  // in bits, without keys
  };

  RowFloors find_floors(int precision) const {
    const Model& model = header_.model;
    RowFloors floors;
    floors.precision = precision;
    floors.least.resize(grid_.rows());
    for_each_row([&](std::uint64_t r, const RowKeys& row) {
      const int least = least_floor(row.keys, row.used, row.count, precision);
      floors.least[r] = least;
      floors.cost += cost_of_row({model, least, precision}, row.keys, row.used, row.count,
                                 precision, model.bits + 16);
    });
    int highest = 0;
    for (const int floor : floors.least) {
      floors.lowest = std::min(floors.lowest, floor);
      if (floor < kNoFloor) highest = std::max(highest, floor);
    }
    floors.bits = std::bit_width(static_cast<unsigned>(std::max(highest - floors.lowest, 0)));
    floors.cost += grid_.rows() * static_cast<std::uint64_t>(floors.bits);
    return floors;
  }

  // Chooses a floor for each row if that pays, and has elements stored whole that break a limit.
  void choose_limits() {
    const Model& model = header_.model;
    RowFloors floors = find_floors(limits_.precision);
    if (most_used_ > limits_.precision) {
      // The floor of all rows may have made a lower precision look better.
      RowFloors others = find_floors(most_used_);
      if (others.cost < floors.cost) floors = std::move(others);
    }
    if (floors.bits > 0 && floors.bits <= kMaxFieldBits &&
        floors.cost < limits_cost_ - limits_cost_ / kFloorWorth) {
      header_.floor_bits = static_cast<std::uint8_t>(floors.bits);
      limits_ = {floors.precision, floors.lowest};
      for (const int floor : floors.least) {
        floors_.push_back(
            static_cast<std::uint16_t>(floor == kNoFloor ? 0 : floor - floors.lowest));
      }
    }
    for_each_row([&](std::uint64_t r, const RowKeys& row) {
      drop_deep({model, floor_of(r), limits_.precision}, row.keys, row.used, row.count);
    });
    header_.model.precision = limits_.precision;
    header_.floor = static_cast<std::uint8_t>(limits_.floor);
  }

  void choose_shifts() {
    const KeyAnalysis analysis(header_.model, grid_, scratch_.keys, limits_);
    choice_ = analysis.choose_keys({});
    const std::uint64_t rows = grid_.rows();
    const auto try_shifts = [&](bool with_columns) {
      Shifts shifts = analysis.find_shifts(with_columns);
      if (shifts.rows.empty() && shifts.columns.empty()) return;
      const int row_bits = bits_of(shifts.rows);
      if (row_bits + header_.floor_bits > static_cast<int>(kMaxRowFieldBits)) return;
      KeyChoice choice = analysis.choose_keys(shifts);
      choice.cost +=
          rows * static_cast<std::uint64_t>(row_bits) +
          std::uint64_t{header_.width} * static_cast<std::uint64_t>(bits_of(shifts.columns));
      if (choice.cost >= choice_.cost) return;
      choice_ = choice;
      shifts_ = std::move(shifts);
    };
    if (rows > 1) try_shifts(false);
    if (rows >= 8 && header_.width >= 8 && level_ != Level::kFast) try_shifts(true);
    header_.model.top_bits = choice_.top_bits;
    header_.model.sign_bits = choice_.sign_bits;
    header_.base = choice_.base;
    header_.row_bits = static_cast<std::uint8_t>(bits_of(shifts_.rows));
    header_.column_bits = static_cast<std::uint8_t>(bits_of(shifts_.columns));
    source_.model = header_.model;
  }

  static int bits_of(const std::vector<std::uint16_t>& shifts) {
    return shifts.empty()
               ? 0
               : std::bit_width(static_cast<unsigned>(*std::ranges::max_element(shifts)));
  }

  void make_symbols(std::uint8_t* symbols) const {
    const Model& model = header_.model;
    for_each_row([&](std::uint64_t r, const RowKeys& row) {
      const auto origin =
          static_cast<std::uint16_t>(header_.base + (shifts_.of_row(r) << model.low_key_bits()));
      std::uint8_t* const out = symbols + grid_.row_begin(r);
      if (shifts_.columns.empty()) {
        make_row_symbols<false>(model, row.keys, row.count, origin, nullptr, out);
      } else {
        const std::uint16_t* const columns = shifts_.columns.data() + (r == 0 ? grid_.first : 0);
        make_row_symbols<true>(model, row.keys, row.count, origin, columns, out);
      }
    });
  }

  template <Kind kKind>
  void put_low_bits(const std::uint8_t* symbols) {
    const Source<T> source = source_;  // stores of bytes cannot change it
    const Model model = header_.model;
    BitWriter low(scratch_.low.reserve(
        BitWriter::room(grid_.elements * static_cast<std::uint64_t>(most_low_bits(model)))));
    scratch_.wholes.clear();
    for (std::uint64_t r = 0; r < grid_.rows(); ++r) {
      const int floor = floor_of(r);
      const std::uint64_t end = grid_.row_end(r);
      for (std::uint64_t i = grid_.row_begin(r); i < end; ++i) {
        if (symbols[i] < kFirstKey) continue;
        if (symbols[i] == kWhole) {
          std::array<std::uint8_t, sizeof(T)> bytes;
          store_le(bytes.data(), source.element(i));
          scratch_.wholes.insert(scratch_.wholes.end(), bytes.begin(), bytes.end());
          continue;
        }
        const Number number = source.template number<kKind>(i, r);
        const Parts parts = parts_of(model, number.sign, number.magnitude);
        const int kept = depth(model, parts.order, floor);
        const int below = std::max(kept - model.top_bits, 0);
        std::uint64_t bits = parts.fraction >> (lead(model, parts.order) - kept) & low_mask(below);
        // The most bits are those of a fraction, which leaves room for the sign.
        if (model.sign_bits == 0) bits = bits << 1 | (parts.sign ? 1 : 0);
        low.put(bits, below + 1 - model.sign_bits);
      }
    }
    low_ = low.finish();
  }

  void make_rows(const RowTables& tables) {
    scratch_.fields.resize(grid_.rows());
    scratch_.rows.resize(grid_.rows());
    for (std::uint64_t r = 0; r < grid_.rows(); ++r) {
      scratch_.rows[r].table = tables.rows[r];
      const unsigned floor = floors_.empty() ? 0 : floors_[r];
      scratch_.fields[r] = static_cast<std::uint16_t>(
          tables.rows[r] | (shifts_.of_row(r) | floor << header_.row_bits) << header_.table_bits());
    }
  }

  bool put(const split::Kernel* kernel, const RowTables& tables, std::uint8_t* symbols,
           std::size_t limit, std::vector<std::byte>& payload) {
    make_rows(tables);
    scratch_.tables.resize(tables.tables.size());
    for (std::size_t t = 0; t < tables.tables.size(); ++t) {
      split::make_encode_table(tables.tables[t], scratch_.tables[t]);
    }
    scratch_.patches.clear();
    split::EncodeJob coder;
    coder.layout = split::kByteLayout;
    coder.grid = grid_;
    coder.tables = scratch_.tables.data();
    coder.rows = scratch_.rows.data();
    coder.in = symbols;
    coder.packed = symbols;  // of no bytes, as the next
    coder.bytes = symbols;
    coder.states.fill(split::kStateStart);
    coder.patches = &scratch_.patches;
    std::array<std::uint8_t*, split::kMaxStreams> ends{};
    for (int i = 0; i < split::kMaxStreams; ++i) ends[i] = symbols + (i + 2) * room();
    coder.streams = ends;
    std::uint8_t* const escapes_end = symbols + (split::kMaxStreams + 2) * room();
    coder.escapes = escapes_end;
    if (kernel == nullptr) kernel = split::kernels().front();
    if (!kernel->takes(coder.layout, grid_)) kernel = &split::kPortableKernel;
    kernel->encode(coder);

    header_.low_size = static_cast<std::uint32_t>(low_.size());
    header_.escape_count = static_cast<std::uint32_t>(escapes_end - coder.escapes);
    header_.whole_count = static_cast<std::uint32_t>(scratch_.wholes.size() / sizeof(T));
    for (int i = 0; i < header_.streams(); ++i) {
      header_.stream_size[i] = static_cast<std::uint32_t>(ends[i] - coder.streams[i]);
    }
    payload.clear();
    WireWriter out(payload);
    put_header(header_, out);
    for (const split::Frequencies& table : tables.tables) split::put_table(table, out);
    split::put_fields(scratch_.fields, header_.row_field_bits(), out);
    if (header_.column_bits != 0) split::put_fields(shifts_.columns, header_.column_bits, out);
    put_centres(out);
    for (const float scale : numbers_.scales) out.put(std::bit_cast<std::uint32_t>(scale));
    out.put_bytes(std::as_bytes(low_));
    for (int i = 0; i < header_.streams(); ++i) {
      out.put_bytes(std::as_bytes(std::span(coder.streams[i], ends[i])));
    }
    out.put_bytes(std::as_bytes(std::span(coder.escapes, escapes_end)));
    out.put_bytes(std::as_bytes(std::span(scratch_.wholes)));
    for (int lane = 0; lane < header_.lanes(); ++lane) out.put(coder.states[lane]);
    return payload.size() < limit;
  }

  void put_centres(WireWriter& out) const {
    for (std::uint64_t centre : numbers_.centres) {
      for (std::size_t i = 0; i < header_.model.centre_bytes(); ++i, centre >>= 8) {
        out.put(static_cast<std::uint8_t>(centre));
      }
    }
  }

  Level level_;
  EncodeScratch& scratch_;
  Header header_;
  split::Grid grid_;
  RowNumbers numbers_;
  Source<T> source_;
  Limits limits_;
  std::uint64_t limits_cost_ = 0;
  int most_used_ = 0;                  // the most bits of a fraction
  std::vector<std::uint16_t> floors_;  // of each row, above that of the header; or empty
  Shifts shifts_;
  KeyChoice choice_;
  std::span<const std::uint8_t> low_;  // the lower bits of all elements
};

}  // namespace

bool encode_with(const split::Kernel* kernel, const Candidate& candidate, Bytes plain,
                 std::size_t limit, std::vector<std::byte>& payload) {
  thread_local EncodeScratch scratch;
  switch (candidate.model.bits) {
    case 4:
    case 8:
      return Encoder<std::uint8_t>(candidate, plain, scratch).encode(kernel, limit, payload);
    case 16:
      return Encoder<std::uint16_t>(candidate, plain, scratch).encode(kernel, limit, payload);
    case 32:
      return Encoder<std::uint32_t>(candidate, plain, scratch).encode(kernel, limit, payload);
    default:
      return Encoder<std::uint64_t>(candidate, plain, scratch).encode(kernel, limit, payload);
  }
}

}  // namespace bbz::codec::number
