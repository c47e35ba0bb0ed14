// Collector: gathers the invalid archives, each with the codes that it must give.
#pragma once

#include "vectors/vectors.h"

namespace bbz::vectors {

using raw::Archive;
using raw::Buffer;
using raw::kNone;
using raw::Record;
using raw::TensorFields;

inline constexpr std::uint64_t kMax = ~std::uint64_t{0};

// These records within file 0, which has so many tensors and bytes.
inline std::vector<Record> in_file(std::vector<Record> within, std::uint32_t tensors,
                                   std::uint64_t size) {
  within.insert(within.begin(), raw::file(0, "f"));
  within.push_back(raw::file_end(0, tensors, size));
  return raw::join(within);
}

inline Buffer words(std::size_t count, std::uint16_t value) {
  raw::Fields f;
  for (std::size_t i = 0; i < count; ++i) f.u16(value);
  return f;
}

class Collector {
 public:
  // One code whatever way the archive is read.
  void add(const char* name, const char* rule, const Buffer& bytes, const char* code) {
    add(name, rule, bytes, code, code);
  }
  // Opened by the index; and streamed, with decoding or without.
  void add(const char* name, const char* rule, const Buffer& bytes, const char* open,
           const char* stream) {
    all.push_back({name, rule, bytes, open, stream, stream});
  }
  // Found when payloads are read, or only when they are decoded.
  void add_payload(const char* name, const char* rule, const Buffer& bytes, const char* stream,
                   const char* verify) {
    all.push_back({name, rule, bytes, "ok", stream, verify});
  }

  // The sample archive with one thing changed.
  void edit(const char* name, const char* rule, const std::function<void(Archive&)>& change,
            const char* open, const char* stream = nullptr) {
    Archive archive = raw::sample(front_);
    change(archive);
    add(name, rule, archive.bytes(), open, stream != nullptr ? stream : open);
  }
  // An archive of these records.
  void records(const char* name, const char* rule, const std::vector<Record>& list,
               const char* code) {
    Archive archive;
    archive.records = raw::join(list);
    add(name, rule, archive.bytes(), code);
  }
  void with_front(bool front) { front_ = front; }

  std::vector<Invalid> all;

 private:
  bool front_ = false;
};

// Of the container, and of what its records say.
void add_container_vectors(Collector& c);
void add_extension_vectors(Collector& c);
void add_catalog_vectors(Collector& c);
void add_tensor_vectors(Collector& c);
void add_chunk_vectors(Collector& c);
void add_payload_vectors(Collector& c);
// Of safetensors files whose header is not what their records say, and of files' digests.
void add_safetensors_vectors(Collector& c);
// Of codecs.
void add_codec_vectors(Collector& c);
void add_repeat_vectors(Collector& c);
void add_block_vectors(Collector& c);
void add_split_vectors(Collector& c);
void add_number_vectors(Collector& c);
void add_field_vectors(Collector& c);
// Of forms and groups.
void add_symmetry_vectors(Collector& c);
void add_pivot_vectors(Collector& c);
void add_bits_back_vectors(Collector& c);
void add_view_vectors(Collector& c);
void add_base_vectors(Collector& c);
// Of two rules that are broken at once.
void add_order_vectors(Collector& c);

}  // namespace bbz::vectors
