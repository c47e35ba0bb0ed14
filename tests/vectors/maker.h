// Maker: an archive and what must be expected of it, built together.
#pragma once

#include <nlohmann/json.hpp>

#include "bbz/base/dtype.h"
#include "bbz/base/format.h"
#include "vectors/vectors.h"

namespace bbz::vectors {

using nlohmann::ordered_json;
using raw::Buffer;
using raw::kNone;

// One coded chunk.
struct Coded {
  std::uint8_t codec = 0;
  Buffer payload;
};

// What the extensions of a file record state.
struct Attributes {
  std::optional<std::uint32_t> mode{};
  std::optional<std::pair<std::int64_t, std::uint32_t>> time{};  // seconds and nanoseconds
};

// Builds an archive and what must be expected of it together.
class Maker {
 public:
  explicit Maker(std::string name, bool front = false, bool sha = false)
      : name_(std::move(name)), sha_(sha) {
    archive.header.required = front ? 1 : 0;
    archive.header.digest_kind = sha ? 2 : 1;
    expected_["files"] = ordered_json::array();
    expected_["tensors"] = ordered_json::array();
    expected_["metadata"] = ordered_json::array();
  }

  void begin_file(const std::string& path, const Attributes& attributes = {}) {
    archive.records.push_back(with_attributes(raw::file(files_, path), attributes));
    path_ = path;
    attributes_ = attributes;
    content_.clear();
    end_ = 0;
    last_begin_ = 0;
    ordered_ = true;
    tensors_in_file_ = 0;
  }
  void directory(const std::string& path, const Buffer& digest = {},
                 const Attributes& attributes = {}) {
    archive.records.push_back(with_attributes(raw::file(files_, path, 1), attributes));
    archive.records.push_back(raw::file_end(files_++, 0, 0, digest));
    expected_["files"].push_back({{"path", path}, {"directory", true}});
    expect(attributes);
  }
  // `fails` is the code of unpacking the file. A file that is not ordered has no digest.
  void end_file(const char* fails = nullptr) {
    const Buffer digest = raw::sha256(content_);
    archive.records.push_back(raw::file_end(files_, tensors_in_file_, content_.size(),
                                            ordered_ ? digest : Buffer(), ordered_));
    expected_["files"].push_back(
        {{"path", path_}, {"size", content_.size()}, {"sha256", to_hex(digest)}});
    expect(attributes_);
    if (fails != nullptr) expected_["files"].back()["error"] = fails;
    ++files_;
  }

  // Bytes of the file that are no tensor.
  void bytes(std::string_view text, std::optional<bool> placed = {},
             const std::optional<Coded>& coded = {}) {
    raw::TensorFields t;
    t.kind = 0;
    t.shape = {text.size()};
    Options options{.placed = placed};
    if (coded) options.coded.push_back(*coded);
    add(t, raw::text(text), options);
  }
  // A tensor of the file at `at`, by default where the last one ended, in chunks of `chunk`
  // elements; coded as given, or raw.
  struct Options {
    std::vector<Coded> coded{};
    std::optional<Buffer> kept{};  // what the chunks decode to, where that is not all of it
    std::optional<std::uint64_t> at{};
    std::uint64_t chunk = 1024;
    std::optional<std::uint32_t> layer{};       // that an extension states
    std::optional<std::uint32_t> name_layer{};  // that follows from the name, if none is stated
    std::optional<bool> placed{};               // by default as a writer decides
    bool operand = false;
    std::uint8_t form = 0;
    std::uint32_t group = kNone;
    Buffer form_fields{};          // those of a form that is neither view nor of a group
    Buffer view{};                 // the fields of form 4, which makes it a view in the open file
    bool storage = false;          // an extension says that it is memory of its views
    const char* fails = nullptr;   // the code of reading it
    std::uint32_t block_type = 0;  // if the dtype is 64
    std::string leaning{};         // the fields of that extension, if it leans
  };
  void tensor(const std::string& name, std::uint8_t dtype, std::uint32_t bits,
              const std::vector<std::uint64_t>& shape, const Buffer& plain,
              const Options& options) {
    raw::TensorFields t;
    t.dtype = dtype;
    t.bits = bits;
    t.shape = shape;
    t.name = name;
    t.form = options.form;
    t.group = options.group;
    t.block_type = options.block_type;
    t.form_fields = options.form_fields;
    if (options.operand) t.file = kNone;
    if (options.view.empty()) {
      add(t, plain, options);
    } else {
      add_view(t, options);
    }
    const auto* info = find_dtype(static_cast<DType>(dtype));
    ordered_json entry;
    entry["file"] = options.operand ? ordered_json(nullptr) : ordered_json(path_);
    entry["name"] = name;
    entry["dtype"] = info != nullptr ? std::string(info->name) : std::to_string(dtype);
    entry["shape"] = shape;
    if (dtype == kBlock) {
      const ordered_json& type = expected_["block_types"][options.block_type];
      std::vector<std::uint64_t> values = shape;
      values.back() *= type["values"].get<std::uint64_t>();
      entry["dtype"] = "block";
      entry["block_type"] = type["name"];
      entry["values"] = values;
    }
    const auto layer = options.layer ? options.layer : options.name_layer;
    if (layer) entry["layer"] = *layer;
    if (options.fails != nullptr) {
      entry["error"] = options.fails;
    } else {
      entry["sha256"] = to_hex(raw::sha256(plain));
    }
    expected_["tensors"].push_back(std::move(entry));
  }
  void tensor(const std::string& name, std::uint8_t dtype, std::uint32_t bits,
              const std::vector<std::uint64_t>& shape, const Buffer& plain) {
    tensor(name, dtype, bits, shape, plain, Options());
  }
  void bytes(std::string_view text, const Options& options) {
    raw::TensorFields t;
    t.kind = 0;
    t.shape = {text.size()};
    t.form = options.form;
    t.group = options.group;
    add(t, raw::text(text), options);
  }
  // `fails` is the code of reading the value.
  void metadata(bool of_file, const std::string& key, const std::string& value,
                const char* fails = nullptr) {
    archive.records.push_back(raw::metadata(of_file ? files_ : kNone, key, value, sha_));
    ordered_json entry;
    entry["file"] = of_file ? ordered_json(path_) : ordered_json(nullptr);
    entry["key"] = key;
    entry[fails == nullptr ? "value" : "error"] = fails == nullptr ? value : fails;
    expected_["metadata"].push_back(std::move(entry));
  }

  void block_type(const std::string& name, std::uint32_t values,
                  const std::vector<raw::BlockField>& fields) {
    ordered_json& types = expected_["block_types"];
    const auto number = static_cast<std::uint32_t>(types.size());
    archive.records.push_back(raw::block_type(number, name, values, fields));
    ordered_json entry = {{"name", name}, {"values", values}, {"bytes", 0}};
    std::uint64_t bits = 0;
    for (const raw::BlockField& field : fields) {
      const auto* info = find_dtype(static_cast<DType>(field.dtype));
      const int each = info != nullptr ? info->bits : field.bits.value_or(8);
      bits += each * field.count;
      entry["fields"].push_back(
          {{"name", field.name},
           {"dtype", info != nullptr ? std::string(info->name) : std::to_string(field.dtype)},
           {"bits", each},
           {"count", field.count}});
    }
    entry["bytes"] = bits / 8;
    types.push_back(std::move(entry));
  }

  Valid finish(bool frozen = false) const {
    ordered_json expected = expected_;
    const bool sha = archive.header.digest_kind == 2;
    const Buffer root = raw::root_digest(archive.records, archive.kind());
    expected["root"] = (sha ? "sha256:" : "xxh3-128:") + to_hex(Bytes(root).first(sha ? 32 : 16));
    return {name_, archive.bytes(), expected.dump(2) + "\n", frozen};
  }

  raw::Archive archive;

 private:
  void add(raw::TensorFields t, const Buffer& plain, const Options& options) {
    t.number = tensors_++;
    const Buffer& kept = options.kept ? *options.kept : plain;
    t.stored = kept.size() * 8 / t.bits;
    t.chunk = options.chunk;
    bool states = t.file == kNone || t.stored > t.chunk || plain.size() >= 16384;
    if (t.file != kNone) {
      states = states || tensors_in_file_ == 0;
      lay(t, plain, options.at.value_or(end_));
    }
    t.placed = options.placed.value_or(states || t.moved);
    std::vector<raw::Record> parts = {raw::tensor(t)};
    if (options.layer) parts[0] = with_layer(parts[0], *options.layer);
    if (options.storage) parts[0] = raw::extend(parts[0], {{.number = 5, .fields = {}}});
    if (!options.leaning.empty()) {
      parts[0] = raw::extend(parts[0], {{.number = 6, .fields = options.leaning}});
    }
    const std::size_t chunk_bytes = t.chunk * t.bits / 8;
    std::uint32_t number = 0;
    for (std::size_t at = 0; at < kept.size(); at += chunk_bytes, ++number) {
      const Bytes part = Bytes(kept).subspan(at, std::min(chunk_bytes, kept.size() - at));
      raw::ChunkFields c{.tensor = t.number, .number = number};
      Bytes payload = part;
      if (number < options.coded.size()) {
        c.codec = options.coded[number].codec;
        payload = options.coded[number].payload;
      }
      parts.push_back(raw::chunk(c, part, payload, sha_));
    }
    for (raw::Record& record : raw::join(parts)) archive.records.push_back(std::move(record));
  }

  void add_view(raw::TensorFields t, const Options& options) {
    t.number = tensors_++;
    t.file = kNone;
    t.form = 4;
    t.form_fields = options.view;
    t.placed = options.placed.value_or(true);
    archive.records.push_back(options.layer ? with_layer(raw::tensor(t), *options.layer)
                                            : raw::tensor(t));
  }

  // Puts the bytes of a tensor into the open file.
  void lay(raw::TensorFields& t, const Buffer& plain, std::uint64_t at) {
    t.file = files_;
    t.offset = at;
    t.moved = at != end_;
    end_ = at + plain.size();
    if (!plain.empty()) {
      ordered_ = ordered_ && at >= last_begin_;
      last_begin_ = at;
    }
    content_.resize(std::max<std::uint64_t>(content_.size(), end_));
    std::ranges::copy(plain, content_.begin() + static_cast<std::ptrdiff_t>(at));
    ++tensors_in_file_;
  }

  static raw::Record with_layer(const raw::Record& record, std::uint32_t layer) {
    const Buffer field = raw::Fields().var(layer);
    const std::string_view fields(reinterpret_cast<const char*>(field.data()), field.size());
    return raw::extend(record, {{.number = 3, .fields = fields}});
  }

  static raw::Record with_attributes(raw::Record record, const Attributes& attributes) {
    const auto text = [](const Buffer& bytes) {
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    std::string mode, time;
    std::vector<raw::Extension> extensions;
    if (attributes.mode) {
      mode = text(raw::Fields().var(*attributes.mode));
      extensions.push_back({.number = 1, .fields = mode});
    }
    if (attributes.time) {
      const auto [seconds, nanoseconds] = *attributes.time;
      const auto bits = static_cast<std::uint64_t>(seconds);
      time = text(raw::Fields().var(seconds < 0 ? ~(2 * bits) : 2 * bits).var(nanoseconds));
      extensions.push_back({.number = 2, .fields = time});
    }
    return extensions.empty() ? record : raw::extend(std::move(record), extensions);
  }

  // Adds the attributes of the last file or directory to what is expected.
  void expect(const Attributes& attributes) {
    ordered_json& file = expected_["files"].back();
    if (attributes.mode) file["mode"] = fmt::format("{:04o}", *attributes.mode);
    if (attributes.time) {
      file["time"] = {{"seconds", attributes.time->first},
                      {"nanoseconds", attributes.time->second}};
    }
  }

  std::string name_;
  bool sha_;
  ordered_json expected_;
  std::string path_;
  Attributes attributes_;  // of the open file
  Buffer content_;
  std::uint32_t files_ = 0;
  std::uint32_t tensors_ = 0;
  // Of the open file: its tensors so far, where the last one ends, where the last one that has bytes
  // begins, and whether all that have bytes are in order.
  std::uint32_t tensors_in_file_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t last_begin_ = 0;
  bool ordered_ = true;
};

}  // namespace bbz::vectors
