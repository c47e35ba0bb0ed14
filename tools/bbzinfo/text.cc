#include <fmt/format.h>

#include <algorithm>

#include "bbz/base/names.h"
#include "bbz/format/catalog/pivots.h"
#include "bbz/format/container/constants.h"
#include "bbzinfo/summary.h"
#include "common/say.h"
#include "common/table.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

class TextView {
 public:
  TextView(const Summary& summary, bool verbose) : view_(summary), verbose_(verbose) {}

  void print_summary() const;
  void print_as_bytes() const;
  void print_kinds() const;
  void print_files() const;
  void print_layers() const;
  void print_tensors(bool chunks) const;

 private:
  std::string size(std::uint64_t bytes) const {
    return verbose_ ? grouped(bytes) : human_size(bytes);
  }
  // Appends size, stored size and ratio.
  std::vector<std::string> with_sizes(std::vector<std::string> row, const ops::Tally& tally) const {
    row.push_back(size(tally.bytes));
    row.push_back(size(tally.stored));
    row.push_back(percentage(tally.stored, tally.bytes));
    return row;
  }

  const Summary& view_;
  bool verbose_;
};

std::string shape_text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// Returns text from an archive, made printable.
std::string shown_text(std::string_view text) {
  const std::string shown = quoted(text);
  return shown.substr(1, shown.size() - 2);
}

// Returns what is not stored of a tensor with pivots, and nothing for any other.
std::string pivot_text(const catalog::TensorMeta& meta) {
  if (meta.pivots == nullptr) return {};
  return fmt::format("form {}, axis {}, rank {}", ops::form_name(meta.form), meta.pivots->axis(),
                     meta.pivots->count());
}

// Returns which bytes of which tensor a view has, or what else is special about a tensor.
std::string note_text(const catalog::Catalog& catalog, const catalog::TensorMeta& meta) {
  if (meta.leans()) {
    const ops::LeaningTally tally = ops::leaning_of(catalog, catalog.tensors[meta.number]);
    return fmt::format("leans on {}{}, {} unchanged",
                       meta.support->name == meta.name ? "" : quoted(meta.support->name) + " of ",
                       quoted(catalog.bases[meta.support->base].hint),
                       percentage(tally.unchanged, tally.bytes));
  }
  if (meta.pivots != nullptr) return pivot_text(meta);
  if (meta.extensions.storage) return "memory of views";
  if (meta.is_operand()) return "operand";
  if (!meta.is_view()) return {};
  const catalog::TensorMeta& base = catalog.tensors[meta.base()].meta;
  const bool bytes = base.kind == catalog::TensorKind::kBytes;
  return fmt::format("of {} at byte {}, strides {}", bytes ? "plain bytes" : quoted(base.name),
                     meta.view->offset, shape_text(meta.view->strides));
}

std::string layer_text(std::optional<std::uint32_t> layer) {
  return layer ? std::to_string(*layer) : "-";
}

std::optional<std::uint32_t> layer_of(const catalog::TensorMeta& meta) {
  if (meta.layer == catalog::kNone) return std::nullopt;
  return meta.layer;
}

// Returns which chunk another one repeats, as the end of a line about that; empty if it repeats none.
std::string repeated_text(const catalog::Catalog& catalog, const catalog::Chunk& chunk) {
  if (!chunk.same_as) return {};
  const catalog::ChunkMeta& other = catalog.chunks[*chunk.same_as].meta;
  const catalog::TensorMeta& tensor = catalog.tensors[other.tensor].meta;
  const bool bytes = tensor.kind == catalog::TensorKind::kBytes;
  return fmt::format(", chunk {} of {} of {}", other.number,
                     bytes ? "the bytes" : quoted(tensor.name),
                     quoted(catalog.files[tensor.file].path));
}

// Returns what a block of a type holds.
std::string block_text(const BlockType& type) {
  std::string fields;
  for (const BlockField& field : type.fields) {
    const bool bytes = field.dtype == BlockField::kNoDType;
    fields += fmt::format("{}{} {} {}", fields.empty() ? "" : ", ", quoted(field.name), field.count,
                          bytes ? "bytes" : ops::dtype_name(field.dtype));
  }
  return fmt::format("{}: {} values in {} bytes: {}", quoted(type.name), type.values, type.bytes(),
                     fields);
}

// Prints the first files that look like models and were packed as bytes, with the reasons.
void TextView::print_as_bytes() const {
  constexpr std::size_t kShown = 10;
  std::size_t count = 0;
  for (const auto& [place, value] : view_.metadata) {
    if (place.second != "as-bytes" || place.first == catalog::kNone || ++count > kShown) continue;
    put("  as bytes     {}: it is {}\n", quoted(view_.catalog->files[place.first].path),
        value.text ? shown_text(*value.text) : "?");
  }
  if (count > kShown) put("  as bytes     {} more files\n", count - kShown);
}

void TextView::print_summary() const {
  const ops::Info& info = view_.info;
  const container::FileHeader& header = view_.catalog->header;
  put("{}: {} in {} ({})\n\n", printable(view_.name), size(info.file_bytes),
      size(info.archive_bytes), percentage(info.archive_bytes, info.file_bytes));
  put("  format       {}.{}{}{}\n", header.major, header.minor,
      header.required_features & container::kFeatureIndexFirst ? ", index at the front" : "",
      header.alignment == 0 ? "" : fmt::format(", aligned to {}", header.alignment));
  put("  root digest  {}\n", view_.root.to_string());
  put("  files        {}", grouped(info.files));
  if (info.directories != 0) put(", {} empty directories", grouped(info.directories));
  const auto layers =
      std::ranges::count_if(info.layers, [](const auto& l) { return l.layer.has_value(); });
  put("\n  tensors      {}, {} elements, {} layers\n",
      grouped(info.tensors.tensors - info.storages.tensors), human_count(info.tensors.elements),
      layers);
  if (info.views.tensors != 0) {
    put("  views        {} more tensors, of bytes of others\n", grouped(info.views.tensors));
  }
  if (info.unseen_bytes != 0) {
    put("  unseen       {} of storages that no tensor has\n", size(info.unseen_bytes));
  }
  put("  chunks       {}\n", grouped(view_.catalog->chunks.size()));
  for (const auto& [place, value] : view_.metadata) {
    if (place.second != "symmetry") continue;
    put("  not exact    {} was rotated; --symmetry shows the measured error\n",
        quoted(view_.catalog->files[place.first].path));
  }
  print_as_bytes();
  for (const catalog::BlockTypeMeta& entry : view_.catalog->block_types) {
    put("  block type   {}\n", block_text(*entry.type));
  }
  for (const catalog::BaseMeta& base : view_.catalog->bases) {
    const ops::LeaningTally& leans = info.bases[base.number];
    put("  leans on     {}{}: {} tensors, {} unchanged, {} changed in {}\n",
        base.hint.empty() ? "a base" : quoted(base.hint),
        base.root ? " " + base.root->to_string() : "", grouped(leans.tensors),
        percentage(leans.unchanged, leans.bytes),
        percentage(leans.bytes - leans.unchanged, leans.bytes), size(leans.stored));
  }
  if (!view_.catalog->groups.empty()) {
    put("  groups       {}\n", grouped(view_.catalog->groups.size()));
  }
  put("  overhead     {} ({})\n\n", size(info.overhead_bytes),
      percentage(info.overhead_bytes, info.archive_bytes));
}

void TextView::print_kinds() const {
  Table dtypes({"dtype", "tensors", "elements", "size", "stored", "ratio"});
  const auto add = [&](const std::string& name, const ops::Tally& tally) {
    if (tally.tensors == 0) return;
    dtypes.add(
        with_sizes({printable(name), grouped(tally.tensors), human_count(tally.elements)}, tally));
  };
  for (const ops::NamedTally& row : view_.info.dtypes) {
    add(row.name, row);
    if (row.name != ops::dtype_name(DType::kBlock)) continue;
    for (std::size_t i = 0; i < view_.info.block_types.size(); ++i) {
      add("  " + quoted(view_.catalog->block_types[i].type->name), view_.info.block_types[i]);
    }
  }
  add("no tensor", view_.info.other);
  add("operands", view_.info.operands);
  dtypes.print();
  Table codecs({"codec", "chunks", "size", "stored", "ratio"});
  for (const ops::NamedTally& row : view_.info.codecs) {
    codecs.add(with_sizes({row.name, grouped(row.chunks)}, row));
  }
  codecs.print();
}

// Prints the files, and what is recorded of them if it is of any.
void TextView::print_files() const {
  const auto& files = view_.catalog->files;
  const auto any = [&](auto member) {
    return std::ranges::any_of(
        files, [&](const catalog::File& file) { return (file.attributes().*member).has_value(); });
  };
  const bool modes = any(&io::FileAttributes::mode);
  const bool times = any(&io::FileAttributes::time);
  std::vector<std::string> titles = {"file", "tensors", "size", "stored", "ratio"};
  if (modes) titles.emplace_back("mode");
  if (times) titles.emplace_back("modified (UTC)");
  Table table(titles);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const catalog::File& file = files[i];
    const auto tiles = std::ranges::count_if(file.tensors, [&](std::uint32_t number) {
      return view_.catalog->tensors[number].meta.is_named();
    });
    const std::uint64_t tensors = static_cast<std::uint64_t>(tiles) + file.views.size();
    const bool directory = file.kind == catalog::FileKind::kDirectory;
    std::vector<std::string> row =
        directory ? std::vector<std::string>{quoted(file.path + "/"), "", "", "", ""}
                  : with_sizes({quoted(file.path), grouped(tensors)}, view_.info.by_file[i]);
    const auto& [mode, time] = file.attributes();
    if (modes) row.push_back(mode ? fmt::format("{:04o}", *mode) : "");
    if (times) row.push_back(time ? utc_time(*time) : "");
    table.add(row);
  }
  table.print();
  for (const auto& [place, value] : view_.metadata) {
    const std::string where =
        place.first == catalog::kNone ? "archive" : quoted(view_.catalog->files[place.first].path);
    put("  {}: {} = {}\n", where, quoted(place.second),
        value.text
            ? quoted(*value.text)
            : fmt::format("{} bytes, {}", grouped(value.bytes),
                          value.unknown ? "which this version cannot read" : "too large to show"));
  }
  if (!view_.metadata.empty()) put("\n");
}

void TextView::print_layers() const {
  std::vector<std::string> titles = {"layer", "tensors", "elements", "size", "stored", "ratio"};
  const bool leans = !view_.info.leaning_layers.empty();
  if (leans) titles.insert(titles.end(), {"leaning", "unchanged"});
  Table table(titles);
  for (std::size_t i = 0; i < view_.info.layers.size(); ++i) {
    const ops::LayerTally& row = view_.info.layers[i];
    auto cells =
        with_sizes({layer_text(row.layer), grouped(row.tensors), human_count(row.elements)}, row);
    if (leans) {
      const ops::LeaningTally& tally = view_.info.leaning_layers[i];
      cells.push_back(grouped(tally.tensors));
      cells.push_back(tally.tensors == 0 ? "" : percentage(tally.unchanged, tally.bytes));
    }
    table.add(cells);
  }
  table.print();
}

void TextView::print_tensors(bool chunks) const {
  const catalog::Catalog& catalog = *view_.catalog;
  if (!chunks) {
    const bool notes = view_.info.views.tensors != 0 || !catalog.bases.empty() ||
                       std::ranges::any_of(catalog.tensors,
                                           [](const auto& t) { return t.meta.pivots != nullptr; });
    Table table({"tensor", "dtype", "shape", "layer", "chunks", "size", "stored", "ratio"});
    for (const catalog::Tensor& tensor : catalog.tensors) {
      if (tensor.meta.kind == catalog::TensorKind::kBytes) continue;
      std::vector<std::string> row =
          with_sizes({quoted(tensor.meta.name), printable(ops::dtype_name(tensor)),
                      shape_text(catalog::shape_in_values(tensor)),
                      layer_text(layer_of(tensor.meta)), grouped(tensor.chunk_count)},
                     ops::Info::of(tensor));
      if (notes) row.push_back(note_text(catalog, tensor.meta));
      table.add(row);
    }
    table.print();
    return;
  }
  for (const catalog::Tensor& tensor : catalog.tensors) {
    const std::string pivots = pivot_text(tensor.meta);
    put("  {} {} {}{}\n",
        tensor.meta.kind == catalog::TensorKind::kBytes ? "bytes of a file"
                                                        : quoted(tensor.meta.name),
        printable(ops::dtype_name(tensor)), shape_text(catalog::shape_in_values(tensor)),
        pivots.empty() ? "" : ", " + pivots);
    for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
      const std::uint64_t stored = ops::stored_bytes(chunk);
      put("    chunk {}: {} elements from {}, {} {} -> {} bytes ({}) at offset {}{}\n",
          chunk.meta.number, chunk.element_count, chunk.first_element,
          ops::codec_name(ops::stored_codec(chunk)), chunk.decoded_bytes, stored,
          percentage(stored, chunk.decoded_bytes), chunk.payload.offset,
          repeated_text(catalog, chunk));
    }
  }
  put("\n");
}

}  // namespace

void print_text(const Summary& summary, const Lists& lists, bool verbose) {
  const TextView text(summary, verbose);
  text.print_summary();
  text.print_kinds();
  if (lists.files) text.print_files();
  if (lists.layers) text.print_layers();
  if (lists.tensors || lists.chunks) text.print_tensors(lists.chunks);
  if (lists.symmetry) print_symmetry(summary);
}

}  // namespace bbz::tools
