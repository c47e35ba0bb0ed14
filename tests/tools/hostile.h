// Small inputs that ask for much: archives made record by record, and files of torch.save.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <numeric>
#include <stdexcept>

#include "bbz/format/catalog/builder.h"
#include "bbz/format/catalog/pivots.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/format/container/record_writer.h"
#include "files/torch/make_files.h"

namespace bbz::tools {

// Writes to a file, and leaves a hole instead of what it is told to leave out, and of megabytes of zeros.
class HoleSink final : public io::Sink {
 public:
  explicit HoleSink(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
  ~HoleSink() override { ::close(fd_); }

  Status write(Bytes bytes) override {
    if (!leave_out && !is_hole(bytes) &&
        ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(written_)) !=
            static_cast<ssize_t>(bytes.size())) {
      return error_with_message(Code::kIo, "cannot write");
    }
    written_ += bytes.size();
    return {};
  }
  Status finish() override { return {}; }
  std::uint64_t written() const override { return written_; }

  bool leave_out = false;

 private:
  static bool is_hole(Bytes bytes) {
    constexpr std::size_t kLeast = std::size_t{1} << 20;
    return bytes.size() >= kLeast &&
           std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
  }

  int fd_;
  std::uint64_t written_ = 0;
};

// An archive that keeps the rules of the format, unless it is told not to. Whatever is not read when
// it is opened may be a hole.
class Forgery {
 public:
  explicit Forgery(const std::string& path)
      : sink_(path), records_(sink_, header_), builder_(header_, limits()) {
    must(records_.begin());
  }

  // From now on the records need not fit together, as only salvage takes them.
  void break_rules() { kept_ = false; }

  template <class Meta>
  void add(container::RecordType type, const Meta& meta, Bytes payload = {}, bool hole = false,
           std::uint8_t flags = 0) {
    std::vector<std::byte> bytes;
    catalog::encode_meta(meta, bytes);
    // Only as much of the record is left out as has zeros in its place.
    sink_.leave_out = hole;
    const auto head = records_.append(type, bytes, payload, flags);
    must(head);
    if (kept_) must(builder_.add({*head, bytes}));
    sink_.leave_out = false;
  }

  void file(const std::string& path, bool hole = false) {
    catalog::FileMeta meta;
    meta.number = files_++;
    meta.path = path;
    add(container::RecordType::kFile, meta, {}, hole);
    offset_ = tensors_in_file_ = 0;
  }
  void end_file(bool hole = false) {
    catalog::FileEndMeta meta;
    meta.number = files_ - 1;
    meta.tensor_count = tensors_in_file_;
    meta.size = offset_;
    add(container::RecordType::kFileEnd, meta, {}, hole);
  }
  // A dense tensor of the open file.
  void tensor(const std::string& name, DType dtype, const Shape& shape,
              std::uint64_t chunk_elements = 1, bool hole = false) {
    add_tensor(meta_of(name, dtype, shape, chunk_elements), hole);
  }
  // Plain bytes of the open file.
  void plain_bytes(std::uint64_t size, std::uint64_t chunk_bytes) {
    catalog::TensorMeta meta = meta_of("", DType::kU8, {size}, chunk_bytes);
    meta.kind = catalog::TensorKind::kBytes;
    add_tensor(meta);
  }
  // One that is stored in another form, with so many elements, of a group if it needs one.
  void tensor_of_form(const std::string& name, DType dtype, const Shape& shape, catalog::Form form,
                      std::uint64_t stored, std::uint64_t chunk_elements,
                      std::uint32_t group = catalog::kNone) {
    catalog::TensorMeta meta = meta_of(name, dtype, shape, chunk_elements);
    meta.form = form;
    meta.group = group;
    meta.stored_elements = stored;
    add_tensor(meta);
  }
  // A matrix of form pivot, whose first rows or columns are those of an identity.
  void pivot_tensor(const std::string& name, DType dtype, const Shape& shape,
                    std::uint64_t chunk_elements) {
    const unsigned axis = shape[0] > shape[1] ? 0 : 1;
    const std::uint64_t rank = shape[1 - axis];
    std::vector<std::uint32_t> lines(rank);
    std::iota(lines.begin(), lines.end(), 0u);
    catalog::TensorMeta meta = meta_of(name, dtype, shape, chunk_elements);
    meta.form = catalog::Form::kPivot;
    meta.stored_elements = (shape[axis] - rank) * rank;
    meta.pivots = std::make_shared<const catalog::Pivots>(axis, shape[axis], lines);
    add_tensor(meta);
  }
  // A view of the tensor that is so many before it.
  void view(const std::string& name, DType dtype, const Shape& shape, std::uint32_t back,
            const std::vector<std::uint64_t>& strides) {
    catalog::TensorMeta meta = meta_of(name, dtype, shape, 1);
    meta.file = catalog::kNone;
    meta.offset = 0;
    meta.form = catalog::Form::kView;
    meta.stored_elements = 0;
    meta.view = std::make_shared<const catalog::View>(catalog::View{back, 0, strides});
    add_tensor(meta);
  }
  // Adds a base, on which tensors can lean.
  void base(const std::string& hint) {
    catalog::BaseMeta meta;
    meta.number = bases_++;
    meta.hint = hint;
    add(container::RecordType::kBase, meta);
  }
  // A tensor that leans on the one of its name in the newest base, which has this digest.
  void leaning_tensor(const std::string& name, DType dtype, const Shape& shape,
                      std::uint64_t chunk_elements, const Digest& digest) {
    catalog::TensorMeta meta = meta_of(name, dtype, shape, chunk_elements);
    meta.support =
        std::make_shared<const catalog::Support>(catalog::Support{bases_ - 1, name, digest});
    add_tensor(meta);
  }
  // Adds an operand, from which a group derives another tensor.
  void operand(DType dtype, std::uint64_t elements, std::uint64_t chunk_elements) {
    catalog::TensorMeta meta =
        meta_of("F" + std::to_string(tensors_), dtype, {elements}, chunk_elements);
    meta.file = catalog::kNone;
    meta.offset = 0;
    add_tensor(meta);
  }
  std::uint32_t group(catalog::GroupMethod method, Bytes payload) {
    catalog::GroupMeta meta;
    meta.number = groups_++;
    meta.method = method;
    meta.check = catalog::check_of(header_.digest_kind, payload);
    add(container::RecordType::kGroup, meta, payload);
    return meta.number;
  }

  // The next chunk of the tensor, as its codec makes it, or as it is.
  void chunk(Bytes plain, bool coded = true) {
    if (!coded) return chunk_as(codec::CodecId::kRaw, plain, plain);
    std::vector<std::byte> payload;
    const catalog::ChunkMeta meta =
        chunk::encode(newest_, chunk_, plain, {}, header_.digest_kind, payload);
    add_chunk(meta, payload);
  }
  // The next chunk of the tensor, of `plain`, with this payload, which need not decode to that.
  void chunk_as(codec::CodecId codec, Bytes plain, Bytes payload) {
    add_chunk(chunk::describe(newest_, chunk_, plain, codec, header_.digest_kind), payload);
  }
  // All other chunks of the tensor, of zeros, each in the codec's few bytes or, as those of the base are,
  // in none.
  void constant_chunks(codec::CodecId codec = codec::CodecId::kConstant) {
    const std::uint64_t width = newest_.element_bits / 8;
    const std::vector<std::byte> zeros(std::min(newest_.chunk_elements, newest_.stored_elements) *
                                       width);
    const std::vector<std::byte> payload(codec == codec::CodecId::kConstant ? width : 0);
    for (std::uint64_t first = chunk_ * newest_.chunk_elements; first < newest_.stored_elements;
         first += newest_.chunk_elements) {
      catalog::ChunkMeta meta;
      meta.tensor = newest_.number;
      meta.number = chunk_;
      meta.codec = codec;
      const auto count = std::min(newest_.stored_elements - first, newest_.chunk_elements);
      meta.decoded_checksum = xxh3_64(Bytes(zeros).first(count * width));
      add_chunk(meta, payload);
    }
  }
  void metadata(const std::string& key, Bytes value, bool hole = false) {
    catalog::MetadataMeta meta;
    meta.file = files_ == 0 ? catalog::kNone : files_ - 1;
    meta.key = key;
    meta.check = catalog::check_of(header_.digest_kind, value);
    add(container::RecordType::kMetadata, meta, value, hole);
  }

  void finish() {
    if (kept_) must(builder_.finish());
    must(records_.finish(kept_ ? builder_.root() : Digest()));
  }

 private:
  // Adds the next chunk of the tensor, the first one with the tensor's record.
  void add_chunk(const catalog::ChunkMeta& meta, Bytes payload) {
    if (chunk_++ == 0) {
      add(container::RecordType::kTensor, catalog::TensorRecord{newest_, true, false, meta},
          payload, false,
          container::kFlagPayload | (newest_.is_extended() ? container::kFlagExtended : 0));
    } else {
      add(container::RecordType::kChunk, meta, payload);
    }
  }
  catalog::TensorMeta meta_of(const std::string& name, DType dtype, const Shape& shape,
                              std::uint64_t chunk_elements) const {
    catalog::TensorMeta meta;
    meta.number = tensors_;
    meta.file = files_ - 1;
    meta.offset = offset_;
    meta.kind = catalog::TensorKind::kTensor;
    meta.dtype = dtype;
    meta.element_bits = static_cast<std::uint8_t>(dtype_info(dtype).bits);
    meta.stored_elements = bbz::element_count(shape).value();
    meta.chunk_elements = chunk_elements;
    meta.shape = shape;
    meta.name = name;
    return meta;
  }
  // A tensor with chunks is added with its first one.
  void add_tensor(const catalog::TensorMeta& meta, bool hole = false) {
    if (meta.stored_elements == 0) {
      add(container::RecordType::kTensor, catalog::TensorRecord{meta, true, false, {}}, {}, hole);
    }
    ++tensors_;
    chunk_ = 0;
    newest_ = meta;
    if (meta.file == catalog::kNone) return;
    offset_ += bbz::element_count(meta.shape).value() * meta.element_bits / 8;
    ++tensors_in_file_;
  }
  static Limits limits() {
    Limits limits;
    limits.unpacked_bytes = ~std::uint64_t{0};
    return limits;
  }
  template <class T>
  static void must(const Result<T>& result) {
    if (!result.ok()) throw std::runtime_error(result.error().message);
  }

  container::FileHeader header_;
  HoleSink sink_;
  container::RecordWriter records_;
  catalog::CatalogBuilder builder_;
  bool kept_ = true;  // whether the rules are
  std::uint32_t files_ = 0;
  std::uint32_t tensors_ = 0;
  std::uint32_t tensors_in_file_ = 0;
  std::uint32_t groups_ = 0;
  std::uint32_t bases_ = 0;
  std::uint32_t chunk_ = 0;  // the next of the newest tensor
  std::uint64_t offset_ = 0;
  catalog::TensorMeta newest_;
};

// The first bytes of an archive: its file header.
inline std::string archive_header() {
  const auto header = container::encode_file_header({});
  return std::string(reinterpret_cast<const char*>(header.data()), header.size());
}

// A file of torch.save whose tensors all are one element, repeated by strides of 0.
inline std::string torch_of_one_element(const std::vector<std::pair<std::string, Shape>>& tensors) {
  torch::PickleDict dict;
  for (const auto& [name, shape] : tensors) {
    torch::View view{"HalfStorage", "0", 1, 0, shape, std::vector<std::uint64_t>(shape.size(), 0)};
    dict.emplace_back(name, torch::pickle_view(view));
  }
  return torch::make_torch(torch::pickle(torch::pickle_dict(dict)), {std::string(2, '\x3c')});
}

// A file of torch.save in which one view of F16 has all these names.
inline std::string torch_of_one_view(const torch::View& view,
                                     const std::vector<std::string>& names) {
  std::string pickled = "}(";
  for (std::size_t i = 0; i < names.size(); ++i) {
    pickled += torch::pickle_text(names[i]);
    pickled += i == 0 ? torch::pickle_view(view) + std::string("q\0", 2) : std::string("h\0", 2);
  }
  return torch::make_torch(torch::pickle(pickled + "u"), {std::string(2 * view.elements, '\x3c')});
}

// A file of torch.save in which one number has a million names: lists of lists of it.
inline std::string torch_of_many_names() {
  const std::string get = "h";
  std::string pickled =
      torch::pickle_view({"HalfStorage", "0", 1, 0, {}, {}}) + std::string("q\0", 2);
  for (char level = 1; level <= 3; ++level) {
    std::string items;
    for (int i = 0; i < 100; ++i) items += get + static_cast<char>(level - 1);
    pickled += "](" + items + "eq" + level;
  }
  // A tuple of them, of which the last has the names.
  return torch::make_torch(torch::pickle("(" + pickled + "t"), {std::string(2, '\x3c')});
}

}  // namespace bbz::tools
