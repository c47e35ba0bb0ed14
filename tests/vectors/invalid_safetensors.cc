// Files of safetensors whose records say something else than their own header, and digests of files
// that only a check in full compares.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

Buffer header_of(std::string_view json) {
  return raw::Fields().u64(json.size()).text(json);
}

// Two tensors of BF16 that take each other's place easily.
constexpr std::string_view kJson = R"({"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]},)"
                                   R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[8,16]}})";

// A file of that header; each test changes something.
struct File {
  std::string path = "m.safetensors";
  Buffer header = header_of(kJson);
  std::vector<TensorFields> tensors = {
      {.number = 1, .dtype = kBF16, .bits = 16, .shape = {4}, .name = "a"},
      {.number = 2, .dtype = kBF16, .bits = 16, .shape = {4}, .name = "b"}};
  std::vector<TensorFields> views{};
  std::uint8_t header_kind = 0;
  std::vector<Record> metadata{};
  std::vector<Record> after{};  // the file

  Buffer bytes() const {
    Archive archive;
    auto& records = archive.records;
    records.push_back(raw::file(0, path));
    records.insert(records.end(), metadata.begin(), metadata.end());
    TensorFields first;
    first.kind = header_kind;
    first.name = header_kind == 0 ? "" : "header";
    first.shape = {header.size()};
    add(records, first, header);
    std::uint64_t offset = header.size();
    for (TensorFields t : tensors) {
      const Buffer data(8, static_cast<std::byte>(t.number));
      t.offset = offset;
      add(records, t, data);
      offset += data.size();
    }
    for (const TensorFields& view : views) records.push_back(raw::tensor(view));
    const auto count = static_cast<std::uint32_t>(tensors.size() + 1);
    records.push_back(raw::file_end(0, count, offset));
    records.insert(records.end(), after.begin(), after.end());
    records = raw::join(records);
    return archive.bytes();
  }

  static void add(std::vector<Record>& records, TensorFields t, const Buffer& data) {
    t.stored = t.chunk = data.size() * 8 / t.bits;
    records.push_back(raw::tensor(t));
    records.push_back(raw::raw_chunk({.tensor = t.number}, data));
  }
};

// A view of all of plain bytes of a file.
TensorFields view_of_bytes(std::uint32_t number, std::uint64_t back, std::string_view name) {
  return {.number = number,
          .file = kNone,
          .dtype = kBF16,
          .bits = 16,
          .form = 4,
          .shape = {4},
          .name = name,
          .form_fields = raw::view_fields(back, 0, {1})};
}

}  // namespace

void add_safetensors_vectors(Collector& c) {
  const auto differs = [&](const char* name, const char* rule, auto change) {
    File file;
    change(file);
    c.add_payload(name, rule, file.bytes(), "ok", "malformed");
  };
  differs("safetensors-name", "a tensor's name is that in the file's header",
          [](File& f) { f.tensors[1].name = "c"; });
  const auto swap = [](File& f) { std::swap(f.tensors[0].name, f.tensors[1].name); };
  differs("safetensors-swapped", "a tensor lies where the file's header says", swap);
  differs("safetensors-swapped-unnamed", "a file that begins with a header is held to it",
          [&](File& f) {
            swap(f);
            f.path = "m";
          });
  differs("safetensors-dtype", "a tensor's dtype is that in the file's header",
          [](File& f) { f.tensors[0].dtype = kF16; });
  differs("safetensors-shape", "a tensor's shape is that in the file's header", [](File& f) {
    f.tensors[0].shape = {2, 2};
  });
  differs("safetensors-missing", "every tensor of the file's header is recorded",
          [](File& f) { f.tensors[1] = {.number = 2, .kind = 0, .shape = {8}}; });
  const TensorFields plain{.number = 2, .kind = 0, .shape = {8}};
  differs("safetensors-view", "no tensor of a safetensors file is a view", [&](File& f) {
    f.tensors[1] = plain;
    f.views = {view_of_bytes(3, 1, "b")};
  });
  differs("safetensors-views-only", "a file whose tensors are views is held to its header too",
          [&](File& f) {
            f.tensors = {plain, plain};
            f.tensors[0].number = 1;
            f.views = {view_of_bytes(3, 2, "a"), view_of_bytes(4, 2, "b")};
          });
  differs("safetensors-header-tensor", "the header is of kind bytes",
          [](File& f) { f.header_kind = 1; });
  differs("safetensors-no-header", "a safetensors file has a header", [](File& f) {
    f.header = raw::text("not really a header");
    f.metadata = {raw::metadata(0, "format", "safetensors")};
  });
  differs("safetensors-metadata", "recorded metadata is that of the file's header",
          [](File& f) { f.metadata = {raw::metadata(0, "safetensors", R"({"format":"pt"})")}; });
  differs("safetensors-metadata-after", "a file's format and metadata stand in its section",
          [](File& f) { f.after = {raw::metadata(0, "format", "safetensors")}; });

  const Buffer data = raw::text("01234567");
  Buffer digest = raw::sha256(data);
  digest.back() ^= std::byte{1};
  Archive archive;
  archive.records = raw::join({raw::file(0, "f"),
                               raw::tensor({.stored = 8, .chunk = 8, .shape = {8}, .name = "t"}),
                               raw::raw_chunk({}, data), raw::file_end(0, 1, 8, digest)});
  c.add_payload("file-digest-xxh3", "a file has its SHA-256, whatever the digest kind",
                archive.bytes(), "ok", "checksum");
}

}  // namespace bbz::vectors
