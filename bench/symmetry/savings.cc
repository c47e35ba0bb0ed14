#include "symmetry/savings.h"

#include <algorithm>
#include <cstdio>

#include "symmetry/shapes.h"

namespace bbz::bench {
namespace {

using catalog::Catalog;
using rotation::RequestedMethod;

// The part of Parts that a tensor's bytes belong to.
double& part_of(Parts& parts, const catalog::Tensor& tensor) {
  if (tensor.meta.kind == catalog::TensorKind::kBytes) return parts.text;
  if (tensor.meta.layer == catalog::kNone) return parts.rest;
  return tensor.meta.layer == 0 ? parts.first : parts.last;
}

// Every byte of an archive: a payload with the heads before it, the rest as index.
Parts bytes_of(const Packed& packed) {
  const Catalog& catalog = packed.catalog;
  struct Piece {
    std::uint64_t offset, length;
    double* part;
  };
  Parts parts;
  std::vector<Piece> pieces;
  const auto add = [&](const catalog::Payload& payload, double& part) {
    pieces.push_back({payload.offset, payload.length, &part});
  };
  for (const catalog::Tensor& tensor : catalog.tensors) {
    for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
      add(chunk.payload, part_of(parts, tensor));
    }
  }
  for (const catalog::Group& group : catalog.groups) {
    add(group.payload, part_of(parts, catalog.tensors[group.first_tensor]));
  }
  for (const catalog::Metadata& metadata : catalog.metadata) add(metadata.payload, parts.text);
  std::ranges::sort(pieces, {}, &Piece::offset);
  std::uint64_t at = 0;
  for (const Piece& piece : pieces) {
    *piece.part += static_cast<double>(piece.offset + piece.length - at);
    at = piece.offset + piece.length;
  }
  parts.index = static_cast<double>(packed.archive_bytes - at);
  return parts;
}

Parts chunks_of(const Catalog& catalog) {
  Parts parts;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    part_of(parts, tensor) += static_cast<double>(tensor.chunk_count);
  }
  return parts;
}

// A junction belongs to the layer whose shortcut enters it; under bits-back to the one whose
// tensors carry its rotation.
Parts entries_saved(const rotation::Record& record, std::uint64_t sub_blocks,
                    RequestedMethod method, double element_bits) {
  Parts parts;
  for (std::uint64_t j = 0; j < record.junctions.size(); ++j) {
    const double saved = static_cast<double>(record.junctions[j].bits_saved) / element_bits;
    if (method == RequestedMethod::kBitsBack) {
      (j < sub_blocks ? parts.first : j < 2 * sub_blocks ? parts.last : parts.rest) += saved;
    } else {
      (j == 0 ? parts.rest : j <= sub_blocks ? parts.first : parts.last) += saved;
    }
  }
  return parts;
}

void print_row(const Shape& shape, unsigned percent, const SavingsOptions& options,
               const std::vector<MethodSavings>& found) {
  const test_models::Spec spec = sliced(shape.spec, sliced_width(shape.spec.hidden, percent));
  const auto entries = static_cast<double>(entries_of(spec));
  const ByShape expected = by_shape(spec, 11);
  std::printf("| %s, %u %% | %llu | %.3f", std::string(shape.name).c_str(), percent,
              static_cast<unsigned long long>(spec.widths[0]), entries * 2e-9);
  for (const MethodSavings& one : found) std::printf(" | %.3f", one.archive_bytes * 1e-9);
  if (!options.bits_back) std::printf(" |");
  const auto saved = [&](std::size_t m, double shape_says) {
    std::printf(" | %.1f %% | %.1f (%.1f) %%",
                100 * (1 - found[m].archive_bytes / found[0].archive_bytes),
                100 * found[m].entries_saved / entries, 100 * shape_says / entries);
  };
  saved(1, expected.triangular);
  saved(2, expected.polar);
  if (options.bits_back) {
    saved(3, expected.bits_back);
  } else {
    std::printf(" | | (%.1f) %%", 100 * expected.bits_back / entries);
  }
  std::printf(" |\n");
  std::fflush(stdout);
}

// A way of packing a model.
struct Packing {
  std::optional<RequestedMethod> method;  // nothing: exactly
  gauge::Floor floor = gauge::Floor::kNone;
};

// Packs each model in each way, and prints its row. Returns false if one could not be packed.
template <class Print>
bool each_model(const SavingsOptions& options, const std::vector<Packing>& packings,
                const Print& print) {
  for (const Shape& shape : shapes()) {
    if (!options.models.empty() &&
        std::ranges::find(options.models, shape.name) == options.models.end()) {
      continue;
    }
    for (const unsigned percent : options.slicings) {
      const test_models::Spec spec = sliced(shape.spec, sliced_width(shape.spec.hidden, percent));
      std::vector<MethodSavings> found;
      for (const Packing& packing : packings) {
        const auto savings = measure(spec, packing.method, packing.floor);
        if (!savings.ok()) {
          std::fprintf(stderr, "%s: %s\n", std::string(shape.name).c_str(),
                       savings.error().message.c_str());
          return false;
        }
        found.push_back(*savings);
      }
      print(shape, percent, found);
    }
  }
  return true;
}

bool print_floors(const SavingsOptions& options) {
  std::vector<Packing> packings = {{std::nullopt}};
  std::printf(
      "Archives of two layers with embeddings and head; the bytes of the first layer count for\n"
      "every layer but the last. GB are of the whole model. With each floor: saved of the exact\n"
      "archive (in brackets: the error of a junction's tensors, as a multiple of that without a\n"
      "floor, at most).\n\n"
      "| model | width | exact, GB");
  for (const RequestedMethod method : {RequestedMethod::kTriangular, RequestedMethod::kPolar}) {
    for (const std::string& floor : options.floors) {
      packings.push_back({method, gauge::find_floor(floor).value_or(gauge::Floor::kNone)});
      std::printf(" | %s, floor %s", std::string(rotation::method_name(method)).c_str(),
                  floor.c_str());
    }
  }
  std::printf(" |\n| --- | ---: | ---:");
  for (std::size_t i = 1; i < packings.size(); ++i) std::printf(" | ---:");
  std::printf(" |\n");
  return each_model(options, packings, [](const Shape& shape, unsigned percent, const auto& found) {
    std::printf("| %s, %u %% | %llu | %.3f", std::string(shape.name).c_str(), percent,
                static_cast<unsigned long long>(sliced_width(shape.spec.hidden, percent)),
                found[0].archive_bytes * 1e-9);
    for (std::size_t i = 1; i < found.size(); ++i) {
      std::printf(" | %.1f %% (%.2f)", 100 * (1 - found[i].archive_bytes / found[0].archive_bytes),
                  found[i].growth);
    }
    std::printf(" |\n");
    std::fflush(stdout);
  });
}

}  // namespace

double Parts::whole(std::uint32_t layers, double tensors_ratio, double chunks_ratio) const {
  return first * (layers - 1) + last + rest + text * tensors_ratio + index * chunks_ratio;
}

Result<MethodSavings> measure(const test_models::Spec& spec, std::optional<RequestedMethod> method,
                              gauge::Floor floor) {
  test_models::Spec two = spec;
  two.layers = 2;
  const test_models::LargeModel large(two);
  const auto sink = io::null_sink();
  BBZ_ASSIGN(const Packed packed, pack(model_of(large), method, *sink, floor));
  const auto count = [](const test_models::Spec& s) {
    return static_cast<double>(test_models::sliced_infos(s).size());
  };
  const Parts chunks = chunks_of(packed.catalog);
  const double chunks_ratio =
      chunks.whole(spec.layers, 1, 1) / static_cast<double>(packed.catalog.chunks.size());
  const double tensors_ratio = count(spec) / count(two);
  MethodSavings savings;
  savings.archive_bytes = bytes_of(packed).whole(spec.layers, tensors_ratio, chunks_ratio);
  if (method) {
    const std::uint64_t sub_blocks = (packed.record.junctions.size() - 1) / 2;
    savings.entries_saved =
        entries_saved(packed.record, sub_blocks, *method, dtype_info(spec.dtype).bits)
            .whole(spec.layers, 1, 1);
    for (const auto& one : packed.record.junctions) {
      savings.growth = std::max(savings.growth, one.growth);
    }
  }
  return savings;
}

ByShape by_shape(const test_models::Spec& spec, double bits) {
  ByShape sum;
  for (const TensorInfo& info : test_models::sliced_infos(spec)) {
    const bool shortcut = info.name.ends_with("shortcut_Q");
    if (!shortcut && info.name.find("embed_tokens") == std::string::npos) {
      continue;
    }
    const double rows = static_cast<double>(info.shape[0]);
    const double cols = static_cast<double>(info.shape[1]);
    // A junction of width `cols`; entries right of the diagonal.
    const double square = std::min(rows, cols);
    const double triangular = square * (square - 1) / 2 + (cols - square) * square;
    const double rank = static_cast<double>(spec.hidden) - cols;
    sum.triangular += triangular;
    sum.polar += shortcut ? rows * cols - rank * rows + rank * (rank - 1) / 2 : triangular;
    sum.bits_back += bits / 16 * cols * (cols - 1) / 2;
  }
  return sum;
}

bool print_savings(const SavingsOptions& options) {
  if (!options.floors.empty()) return print_floors(options);
  std::printf(
      "Archives of two layers with embeddings and head; the bytes of the first layer count for\n"
      "every layer but the last. GB are of the whole model. Saved: of the exact archive, and in\n"
      "entries of the model (in brackets: as follows from the shape alone, bits-back at 11 bits "
      "of\n"
      "16 for each degree of freedom).\n\n"
      "| model | width | GB | exact | triangular | polar | bits-back | triangular saves | entries |"
      " polar saves | entries | bits-back saves | entries |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
      "\n");
  std::vector<Packing> packings = {
      {std::nullopt}, {RequestedMethod::kTriangular}, {RequestedMethod::kPolar}};
  if (options.bits_back) packings.push_back({RequestedMethod::kBitsBack});
  return each_model(options, packings,
                    [&](const Shape& shape, unsigned percent, const auto& found) {
                      print_row(shape, percent, options, found);
                    });
}

}  // namespace bbz::bench
