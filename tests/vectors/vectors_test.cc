// Every archive of format-spec/vectors as a reader must take it or refuse it, and each as its
// generator makes it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/base/format.h"
#include "support/faulty.h"
#include "vectors/vectors.h"

namespace bbz::vectors {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using raw::Buffer;

const fs::path kVectors = BBZ_VECTORS;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}
Buffer read_bytes(const fs::path& path) {
  return raw::text(read(path));
}
std::set<std::string> names(const fs::path& directory, const std::string& extension) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension) found.insert(entry.path().stem().string());
  }
  return found;
}

// Keeps what a visit delivers, by tensor number.
struct Collected : Visitor {
  std::map<std::uint32_t, Buffer> bytes;
  std::map<std::uint32_t, Code> failed;
  std::uint64_t next = 0;  // byte of the tensor that may come next

  Status begin_tensor(const catalog::Tensor& t) override {
    bytes[t.meta.number].resize(t.byte_size);
    next = 0;
    return {};
  }
  // Whatever the form, bytes come in the order in which a pipe can take them.
  Status data(const catalog::Tensor& t, std::uint64_t offset, Bytes part) override {
    EXPECT_GE(offset, next) << t.meta.name;
    next = offset + part.size();
    std::ranges::copy(part, bytes[t.meta.number].begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Result<bool> recall(const catalog::Tensor& t, std::uint64_t offset, MutableBytes part) override {
    std::ranges::copy(Bytes(bytes[t.meta.number]).subspan(offset, part.size()), part.begin());
    return true;
  }
  Status damaged(const catalog::Tensor& t, const catalog::Chunk&, const Error& error) override {
    failed[t.meta.number] = error.code;
    return {};
  }
  Status not_derived(const catalog::Tensor& t, const Error& error) override {
    failed[t.meta.number] = error.code;
    return {};
  }
};

std::string digest(Bytes bytes) {
  return to_hex(raw::sha256(bytes));
}

// The tensors of an archive, in the same form as its JSON file.
json tensors_of(const catalog::Catalog& catalog, const Collected& collected) {
  json all = json::array();
  for (const auto& t : catalog.tensors) {
    if (t.meta.kind == catalog::TensorKind::kBytes) continue;
    const auto* info = find_dtype(t.meta.dtype);
    json entry = {{"name", t.meta.name}, {"shape", t.meta.shape}};
    entry["file"] = t.is_operand() ? json(nullptr) : json(catalog.files[t.meta.file].path);
    entry["dtype"] = t.block != nullptr ? "block"
                     : info != nullptr  ? std::string(info->name)
                                        : std::to_string(static_cast<int>(t.meta.dtype));
    if (t.block != nullptr) {
      entry["block_type"] = t.block->name;
      entry["values"] = catalog::shape_in_values(t);
    }
    if (t.meta.layer != catalog::kNone) entry["layer"] = t.meta.layer;
    const auto failed = collected.failed.find(t.meta.number);
    if (failed != collected.failed.end()) {
      entry["error"] = std::string(code_name(failed->second));
    } else {
      entry["sha256"] = digest(collected.bytes.at(t.meta.number));
    }
    all.push_back(std::move(entry));
  }
  return all;
}

// The block types of an archive, in the same form; null if there are none.
json block_types_of(const catalog::Catalog& catalog) {
  json all;
  for (const catalog::BlockTypeMeta& meta : catalog.block_types) {
    json fields;
    for (const BlockField& field : meta.type->fields) {
      const auto* info = find_dtype(field.dtype);
      const auto number = std::to_string(static_cast<int>(field.dtype));
      fields.push_back({{"name", field.name},
                        {"dtype", info != nullptr ? std::string(info->name) : number},
                        {"bits", field.element_bits},
                        {"count", field.count}});
    }
    all.push_back({{"name", meta.type->name},
                   {"values", meta.type->values},
                   {"bytes", meta.type->bytes()},
                   {"fields", fields}});
  }
  return all;
}

// Checks in full: reads on after faults of content, and keeps the code of the first one that is not
// "unsupported", or else "unsupported" (format-spec/README.md, Order of the checks).
struct InFull : Visitor {
  std::optional<Code> first;  // fault of content, whatever its code
  std::optional<Code> code;   // of all faults of content

  Status note(const Error& error) {
    if (!first) first = error.code;
    if (!code || code == Code::kUnsupported) code = error.code;
    return {};
  }
  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error& error) override {
    return note(error);
  }
  Status not_derived(const catalog::Tensor&, const Error& error) override { return note(error); }
  Result<bool> recall(const catalog::Tensor&, std::uint64_t, MutableBytes) override {
    return false;
  }
};

// Whether the tensors of a file that have bytes are in the archive in the order of their offsets.
bool in_order(const catalog::Catalog& catalog, const catalog::File& file) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> places;  // number and offset
  for (const std::uint32_t number : file.tensors) {
    const auto& tensor = catalog.tensors[number];
    if (tensor.byte_size != 0) places.emplace_back(number, tensor.meta.offset);
  }
  std::ranges::sort(places);
  return std::ranges::is_sorted(places, {}, [](const auto& place) { return place.second; });
}

// Adds what the archive records of a file or directory beside its content.
void add_attributes(const catalog::File& file, json& entry) {
  const auto& [mode, time] = file.attributes();
  if (mode) entry["mode"] = fmt::format("{:04o}", *mode);
  if (time) entry["time"] = {{"seconds", time->seconds}, {"nanoseconds", time->nanoseconds}};
}

void check_reader(const json& expected, const Buffer& bytes, bool front,
                  const std::shared_ptr<Base>& base) {
  ReadOptions options;
  options.use_front_index = front;
  options.base = base;
  const auto opened = Reader::open(io::memory_source(Bytes(bytes)), options);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const Reader& reader = *opened;
  const catalog::Catalog& catalog = reader.catalog();
  EXPECT_EQ(reader.root().to_string(), expected["root"]);

  Collected collected;
  for (const auto& t : catalog.tensors) {
    Buffer& plain = collected.bytes[t.meta.number];
    plain.resize(t.byte_size);
    const Status status = reader.read_tensor(t.meta.number, plain);
    if (!status.ok()) collected.failed[t.meta.number] = status.code();
  }
  EXPECT_EQ(tensors_of(catalog, collected), expected["tensors"]);
  EXPECT_EQ(block_types_of(catalog), expected.value("block_types", json()));

  json files = json::array();
  for (std::uint32_t i = 0; i < catalog.files.size(); ++i) {
    const catalog::File& file = catalog.files[i];
    if (file.kind == catalog::FileKind::kDirectory) {
      files.push_back({{"path", file.path}, {"directory", true}});
      add_attributes(file, files.back());
      continue;
    }
    Buffer plain(file.size);
    const Status status = reader.read_file(i, 0, plain);
    const bool extended = !catalog::check_file(file).ok();
    const bool broken = std::ranges::any_of(
        file.tensors, [&](std::uint32_t t) { return collected.failed.contains(t); });
    if (broken || extended) {
      EXPECT_EQ(status.code(), Code::kUnsupported);
      plain.clear();
    } else {
      EXPECT_TRUE(status.ok()) << status.error().message;
      // Only a file whose tensors are in order may have a digest.
      EXPECT_TRUE(in_order(catalog, file) || !file.digest);
      EXPECT_EQ(file.digest ? to_hex(file.digest->view()) : digest(plain), digest(plain));
    }
    files.push_back({{"path", file.path}, {"size", file.size}, {"sha256", digest(plain)}});
    if (broken || extended) files.back()["sha256"] = to_hex(file.digest.value().view());
    add_attributes(file, files.back());
    if (extended) files.back()["error"] = std::string(code_name(status.code()));
  }
  EXPECT_EQ(files, expected["files"]);

  json metadata = json::array();
  for (const auto& entry : catalog.metadata) {
    const auto value = reader.read_metadata(entry);
    const bool of_file = entry.meta.file != catalog::kNone;
    metadata.push_back({{"file", of_file ? json(catalog.files[entry.meta.file].path) : json()},
                        {"key", entry.meta.key}});
    if (value.ok()) {
      metadata.back()["value"] = *value;
    } else {
      metadata.back()["error"] = std::string(code_name(value.code()));
    }
  }
  EXPECT_EQ(metadata, expected["metadata"]);
}

StreamOptions one_thread(bool decode = true) {
  StreamOptions options;
  options.threads = 1;
  options.decode = decode;
  return options;
}

// Returns the base of NAME.bbz if it leans on NAME-base.bbz beside it, or null.
std::shared_ptr<Base> base_of_archive(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / (name + "-base.bbz");
  if (!fs::exists(path)) return nullptr;
  auto reader = Reader::open(path.string());
  EXPECT_TRUE(reader.ok()) << path;
  return base_of(std::make_shared<const Reader>(std::move(reader).value()), name + "-base.bbz");
}

// Checks that every archive of a folder has the content that its JSON file describes.
void check_valid(const fs::path& folder) {
  const auto all = names(folder, ".bbz");
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all, names(folder, ".json"));
  for (const std::string& name : all) {
    SCOPED_TRACE(name);
    const json expected = json::parse(read(folder / (name + ".json")));
    const Buffer bytes = read_bytes(folder / (name + ".bbz"));
    const std::shared_ptr<Base> base = base_of_archive(folder, name);
    for (const bool front : {false, true}) check_reader(expected, bytes, front, base);

    const auto memory = io::memory_source(bytes);
    io::ShortReadSource shorts(*memory, 100);
    io::SequentialSource pipe(shorts);
    Collected collected;
    StreamOptions all_views = one_thread();
    all_views.base = base;
    all_views.wants = [](const auto&, const auto&) { return true; };
    const auto summary = read_stream(pipe, all_views, collected);
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    EXPECT_EQ(summary->root.to_string(), expected["root"]);
    EXPECT_EQ(tensors_of(summary->catalog, collected), expected["tensors"]);
    EXPECT_EQ(block_types_of(summary->catalog), expected.value("block_types", json()));
  }
}

TEST(Vectors, ValidOnesAreRead) {
  check_valid(kVectors / "valid");
}

TEST(Frozen, ArchivesAreReadAsEver) {
  check_valid(kVectors.parent_path() / "frozen");
}

TEST(Frozen, FilesAreTheOnesThatAreListed) {
  const fs::path frozen = kVectors.parent_path() / "frozen";
  std::set<std::string> listed;
  std::istringstream sums(read(frozen / "SHA256SUMS"));
  for (std::string sum, name; sums >> sum >> name;) {
    EXPECT_EQ(digest(read_bytes(frozen / name)), sum) << name;
    listed.insert(name);
  }
  for (const auto& entry : fs::directory_iterator(frozen)) {
    const std::string name = entry.path().filename().string();
    if (name == "README.md" || name == "SHA256SUMS") continue;
    EXPECT_TRUE(listed.contains(name)) << name;
  }
}

// What who unpacks need not look at (records.md, File end), but ops::verify, whose tests do.
const std::set<std::string> kOnlyInFull = {"directory-digest.bbz", "file-digest.bbz",
                                           "file-digest-xxh3.bbz"};

TEST(Vectors, InvalidOnesAreRefused) {
  const json manifest = json::parse(read(kVectors / "invalid" / "manifest.json"));
  std::set<std::string> listed;
  for (const auto& [file, expected] : manifest.items()) {
    SCOPED_TRACE(file);
    listed.insert(fs::path(file).stem().string());
    const Buffer bytes = read_bytes(kVectors / "invalid" / file);
    const bool only_in_full = kOnlyInFull.contains(file) || file.starts_with("safetensors-");
    const auto opened = Reader::open(io::memory_source(Bytes(bytes)));
    EXPECT_EQ(code_name(opened.code()), expected["open"]);
    for (const bool decode : {false, true}) {
      const auto memory = io::memory_source(bytes);
      InFull visitor;
      const auto read = read_stream(*memory, one_thread(decode), visitor);
      const Code code = read.ok() ? visitor.code.value_or(Code::kOk) : read.code();
      // A visitor that does not read on ends with the first fault.
      Visitor first;
      const auto again = io::memory_source(bytes);
      EXPECT_EQ(read_stream(*again, one_thread(decode), first).code(),
                visitor.first.value_or(read.code()));
      if (decode && only_in_full) continue;
      EXPECT_EQ(code_name(code), expected[decode ? "verify" : "stream"])
          << (read.ok() ? "" : read.error().message);
    }
  }
  EXPECT_EQ(listed, names(kVectors / "invalid", ".bbz"));
}

TEST(Vectors, AStreamSaysWhatIsNotKnownOfAGroup) {
  const Buffer bytes = read_bytes(kVectors / "invalid" / "polar-group-reserved.bbz");
  const auto memory = io::memory_source(bytes);
  Visitor visitor;
  const auto read = read_stream(*memory, one_thread(), visitor);
  ASSERT_EQ(read.code(), Code::kUnsupported);
  EXPECT_THAT(read.error().message, testing::HasSubstr("reserved bytes are set"));
}

TEST(Vectors, AreThoseOfTheGenerator) {
  std::set<std::string> made;
  for (const Valid& v : valid_vectors()) {
    made.insert(v.name);
    if (v.frozen) continue;
    EXPECT_EQ(read_bytes(kVectors / "valid" / (v.name + ".bbz")), v.bytes) << v.name;
    EXPECT_EQ(read(kVectors / "valid" / (v.name + ".json")), v.expected) << v.name;
  }
  EXPECT_EQ(made, names(kVectors / "valid", ".bbz"));
  const auto invalid = invalid_vectors();
  for (const Invalid& v : invalid) {
    EXPECT_EQ(read_bytes(kVectors / "invalid" / (v.name + ".bbz")), v.bytes) << v.name;
  }
  EXPECT_EQ(read(kVectors / "invalid" / "manifest.json"), manifest(invalid));
}

}  // namespace
}  // namespace bbz::vectors
