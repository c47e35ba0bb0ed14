// The records that a writer writes: their bytes, and what they state of a tensor's place and layer.
#include "archive/sample.h"
#include "bbz/format/container/index.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"

namespace bbz {
namespace {

using Buffer = std::vector<std::byte>;

// The records of an archive, as it lists them.
struct Listed {
  container::RecordHead head;
  Buffer meta;
};
std::vector<Listed> records_of(const Buffer& archive) {
  const auto opened = container::open_by_index(*io::memory_source(Bytes(archive)), {}, false);
  std::vector<Listed> all;
  EXPECT_TRUE(container::for_each_record(opened->index, {}, [&](const auto& record) {
                all.push_back({record.head, {record.meta.begin(), record.meta.end()}});
                return Status();
              }).ok());
  return all;
}
// Those of tensors, decoded.
std::vector<catalog::TensorRecord> tensors_of(const Buffer& archive) {
  std::vector<catalog::TensorRecord> all;
  for (const Listed& listed : records_of(archive)) {
    if (listed.head.type != container::RecordType::kTensor) continue;
    all.push_back(
        catalog::decode_tensor({listed.head, listed.meta}, DigestKind::kXxh3_128, {}).value());
  }
  return all;
}

Status add(Writer& writer, const TensorSpec& spec, Bytes bytes) {
  BBZ_TRY(writer.begin_tensor(spec));
  BBZ_TRY(writer.write(bytes));
  return writer.end_tensor();
}

TensorSpec vector_of(std::string name, DType dtype, std::uint64_t elements) {
  TensorSpec spec;
  spec.name = std::move(name);
  spec.dtype = dtype;
  spec.shape = {elements};
  return spec;
}

// An archive that `write` fills.
Buffer archive_of(const WriteOptions& options, const std::function<Status(Writer&)>& write) {
  Buffer out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink, options).value();
  const Status written = write(writer);
  EXPECT_TRUE(written.ok()) << written.error().message;
  EXPECT_TRUE(writer.finish().ok());
  return out;
}

// Every byte of an archive with a header of 5 bytes and a vector of 768 F16. The vector takes 28
// bytes beside its name and its payload.
TEST(Records, OfASmallArchiveByHand) {
  const Buffer vector = noise(1536, 1);
  const Buffer header = raw::text("[{}]\n");
  WriteOptions options;
  options.id = 0x1122334455667788;
  const Buffer archive = archive_of(options, [&](Writer& w) -> Status {
    BBZ_TRY(w.begin_file("m"));
    BBZ_TRY(add(w, TensorSpec::bytes(5), header));
    BBZ_TRY(add(w, vector_of("norm", DType::kF16, 768), vector));
    return w.end_file();
  });

  using raw::Fields;
  const auto record = [&](const Fields& entry, Bytes payload) {
    Fields sealed;
    sealed.bytes(entry.get());
    if (!payload.empty()) sealed.u32(check32(payload));
    return Fields()
        .u8(0xC7)
        .u8(0x62)
        .u8(0x7A)
        .u32(check32(sealed.get(), *options.id))
        .bytes(sealed.get())
        .bytes(payload)
        .get();
  };
  const Fields file = Fields().u8(1).u8(4).u8(0).u8(0).u8(1).text("m");
  // Plain bytes, and their place: tensor 0 of file 0, at byte 0.
  const Fields bytes =
      Fields().u8(0x23).u8(14).u8(5).u8(0x38).u8(1).u8(0).u8(0).u8(0).u8(5).u64(xxh3_64(header));
  const Fields norm = Fields()
                          .u8(0x23)  // a tensor with a payload
                          .u8(17)    // bytes of the meta
                          .u8(0x80)  // of the payload
                          .u8(0x0C)
                          .u8(0x20)  // codec raw, one axis
                          .u8(16)    // F16
                          .u8(0x80)  // 768
                          .u8(0x06)
                          .u8(4)
                          .text("norm")
                          .u64(xxh3_64(vector));
  // File 0, of two tensors and 1,541 bytes, in order.
  const Fields end = Fields().u8(2).u8(5).u8(0).u8(2).u8(0x85).u8(0x0C).u8(2);
  Fields expected;
  raw::FileHeaderFields fields;
  fields.id = *options.id;
  expected.bytes(fields.encode());
  EXPECT_EQ(record(norm, vector).size(), 28 + 4 + 1536u);
  expected.bytes(record(file, {})).bytes(record(bytes, header)).bytes(record(norm, vector));
  expected.bytes(record(end, {}));
  const Fields list =
      Fields().bytes(file.get()).bytes(bytes.get()).bytes(norm.get()).bytes(end.get());
  const std::uint64_t tail = 7 + 1 + 1 + 1 + 48 + 4 + list.get().size() + 73;
  const Fields index = Fields()
                           .u8(0x27)
                           .u8(48)
                           .u8(list.get().size())
                           .u64(4)
                           .u64(list.get().size())
                           .u64(xxh3_64(list.get()))
                           .u64(tail)
                           .u64(0)  // at the end, stored
                           .u64(*options.id);
  expected.bytes(record(index, list.get()));
  // What the root digest hashes: the codec of both tensors is 0.
  const Fields hashed = Fields()
                            .u8(1)
                            .u8(0)
                            .u8(4)
                            .bytes(Bytes(file.get()).subspan(2))
                            .u8(3)
                            .u8(0)
                            .u8(14)
                            .bytes(Bytes(bytes.get()).subspan(3))
                            .u8(3)
                            .u8(0)
                            .u8(17)
                            .bytes(Bytes(norm.get()).subspan(4))
                            .u8(2)
                            .u8(0)
                            .u8(5)
                            .bytes(Bytes(end.get()).subspan(2));
  const Digest root = digest_of(DigestKind::kXxh3_128, hashed.get());
  const Fields trailer = Fields()
                             .u8(8)
                             .u8(64)
                             .u64(tail - 73)
                             .u64(4)
                             .u64(expected.get().size() + 73)
                             .u64(*options.id)
                             .bytes(Bytes(root.bytes).first(16))
                             .zeros(16);
  expected.bytes(record(trailer, {}));
  EXPECT_EQ(to_hex(Bytes(archive)), to_hex(Bytes(expected.get())));
}

TEST(Records, StateAPlaceWhereItIsNeeded) {
  WriteOptions options;
  options.chunk_bytes = 30'000;
  const Buffer archive = archive_of(options, [&](Writer& w) -> Status {
    std::uint64_t end = 0;  // of the tensors that follow one another
    const auto put_at = [&](const std::string& name, std::uint64_t size, const auto& place) {
      TensorSpec spec = vector_of(name, DType::kU8, size);
      spec.place = place;
      return add(w, spec, noise(size, 1));
    };
    const auto put = [&](const std::string& name, std::uint64_t size) {
      end += size;
      return put_at(name, size, TensorSpec::Next());
    };
    BBZ_TRY(put_at("operand", 10, TensorSpec::Operand()));
    BBZ_TRY(w.begin_file("f"));
    BBZ_TRY(put("first", 10));
    BBZ_TRY(put("second", 16 * 1024 - 1));
    BBZ_TRY(put("large", 16 * 1024));
    BBZ_TRY(put("small", 1));
    BBZ_TRY(put("empty", 0));
    BBZ_TRY(put("chunked", 30'001));
    for (int i = 0; i < 4; ++i) BBZ_TRY(put("a" + std::to_string(i), 16 * 1024 - 1));
    BBZ_TRY(put("fifth", 4));
    BBZ_TRY(put("sixth", 5));  // behind 64 KiB
    BBZ_TRY(put_at("moved", 7, TensorSpec::At{end + 20}));
    BBZ_TRY(put_at("seventh", 3, TensorSpec::Next()));
    BBZ_TRY(put_at("gap", 20, TensorSpec::At{end}));
    BBZ_TRY(w.end_file());
    BBZ_TRY(w.begin_file("g"));
    BBZ_TRY(put("first", 10));
    BBZ_TRY(put("second", 10));
    return w.end_file();
  });
  std::string placed, moved;
  for (const catalog::TensorRecord& record : tensors_of(archive)) {
    if (record.placed) placed += record.tensor.name + " ";
    if (record.moved) moved += record.tensor.name + " ";
  }
  EXPECT_EQ(placed, "operand first large chunked sixth moved gap first ");
  EXPECT_EQ(moved, "moved gap ");
  // Wherever they are, readers find them.
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  for (const catalog::Tensor& t : reader->catalog().tensors) {
    Buffer out(t.byte_size);
    BBZ_ASSERT_OK(reader->read_tensor(t.meta.number, out));
    EXPECT_EQ(out, noise(t.byte_size, 1)) << t.meta.name;
  }
}

TEST(Records, StateALayerThatTheNameDoesNotTell) {
  const std::pair<const char*, std::optional<std::uint32_t>> specs[] = {
      {"w", {}}, {"w2", 7}, {"layers.3.a", {}}, {"layers.3.b", 3}, {"layers.3.c", 4}};
  const Buffer archive = archive_of({}, [&](Writer& w) -> Status {
    BBZ_TRY(w.begin_file("f"));
    for (const auto& [name, layer] : specs) {
      TensorSpec spec = vector_of(name, DType::kU8, 3);
      spec.layer = layer;
      BBZ_TRY(add(w, spec, noise(3, 1)));
    }
    return w.end_file();
  });
  const auto tensors = tensors_of(archive);
  const std::uint32_t layers[] = {catalog::kNone, 7, 3, 3, 4};
  const bool stated[] = {false, true, false, false, true};
  ASSERT_EQ(tensors.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(tensors[i].tensor.layer, layers[i]) << i;
    EXPECT_EQ(tensors[i].tensor.extensions.layer.has_value(), stated[i]) << i;
  }
}

// Elements that are not whole bytes, of which there are none.
TEST(Records, OfAnEmptyTensorOfHalfBytes) {
  const Buffer archive = archive_of({}, [&](Writer& w) -> Status {
    BBZ_TRY(w.begin_file("f"));
    BBZ_TRY(add(w, vector_of("none", DType::kF4, 0), {}));
    BBZ_TRY(add(w, vector_of("none6", DType::kF6E2M3, 0), {}));
    return w.end_file();
  });
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  EXPECT_EQ(reader->catalog().tensors.size(), 2u);
  BBZ_ASSERT_OK(reader->read_tensor(0, {}));
}

}  // namespace
}  // namespace bbz
