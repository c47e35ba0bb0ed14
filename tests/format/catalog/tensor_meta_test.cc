// The meta of a tensor record: every field and bit, as it is written and as it is decoded.
#include <gmock/gmock.h>

#include "bbz/format/catalog/pivots.h"
#include "format/catalog/views.h"

namespace bbz::catalog {
namespace {

using raw::Buffer;

Buffer from_hex(std::string_view hex) {
  Buffer out;
  for (std::size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    out.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    i += 2;
  }
  return out;
}

// A record with the check of "x" after `hex`, if it has a payload, and `extensions` after that.
raw::Record record_of(std::string_view hex, bool payload, bool sha,
                      std::string_view extensions = {}) {
  raw::Fields meta;
  meta.bytes(from_hex(hex));
  if (payload) meta.bytes(raw::check_of(raw::text("x"), sha));
  meta.bytes(from_hex(extensions));
  raw::Record record{3, 0, meta, {}};
  if (payload) record.flags |= raw::kPayload;
  if (!extensions.empty()) record.flags |= raw::kExtended;
  return record;
}

// All fields, in one text.
std::string describe(const TensorRecord& r) {
  const TensorMeta& t = r.tensor;
  std::string s = (t.kind == TensorKind::kBytes ? "bytes" : "tensor");
  const auto add = [&](const char* name, std::uint64_t value) {
    s += std::string(" ") + name + " " + std::to_string(value);
  };
  add("number", t.number), add("file", t.file), add("offset", t.offset);
  add("dtype", static_cast<std::uint64_t>(t.dtype)), add("bits", t.element_bits);
  add("form", static_cast<std::uint64_t>(t.form)), add("layer", t.layer), add("group", t.group);
  add("stored", t.stored_elements), add("chunk", t.chunk_elements);
  for (const std::uint64_t extent : t.shape) add("extent", extent);
  s += " name \"" + t.name + "\"";
  if (t.pivots != nullptr) {
    add("axis", t.pivots->axis()), add("bitmap", t.pivots->bitmap_bytes());
    for (const std::uint32_t line : t.pivots->lines()) add("pivot", line);
  }
  add("stated layer", t.extensions.layer.value_or(kNone));
  add("unknown", t.extensions.unknown ? 1 : 0);
  add("placed", r.placed ? 1 : 0), add("moved", r.moved ? 1 : 0);
  if (!r.chunk) return s;
  add("codec", static_cast<std::uint64_t>(r.chunk->codec));
  add("checksum", r.chunk->decoded_checksum);
  return s + (r.chunk->decoded_digest ? " " + to_hex(r.chunk->decoded_digest->view()) : "");
}

struct Case {
  const char* hex;  // without the check at the end
  std::function<void(TensorRecord&)> change;
  const char* extensions = "";
};

// Six U8 called "w" in one raw chunk, without a place, with what a case changes.
TensorRecord record_with(const Case& c, bool sha) {
  TensorRecord r;
  r.tensor.file = 0;
  r.tensor.kind = TensorKind::kTensor;
  r.tensor.dtype = DType::kU8;
  r.tensor.shape = {6};
  r.tensor.stored_elements = r.tensor.chunk_elements = 6;
  r.tensor.name = "w";
  r.placed = false;
  r.chunk.emplace();
  r.chunk->decoded_checksum = xxh3_64(raw::text("x"));
  if (sha) r.chunk->decoded_digest = digest_of(DigestKind::kSha256, raw::text("x"));
  c.change(r);
  return r;
}

void store(TensorRecord& r, std::uint64_t stored, std::uint64_t chunk) {
  r.tensor.stored_elements = stored;
  r.tensor.chunk_elements = chunk;
}
void store_none(TensorRecord& r) {
  store(r, 0, 1);
  r.chunk.reset();
}
void at(TensorRecord& r, std::uint32_t number, std::uint32_t file, std::uint64_t offset) {
  r.placed = true;
  r.tensor.number = number;
  r.tensor.file = file;
  r.tensor.offset = offset;
}
void be_unknown(TensorRecord& r, std::uint8_t dtype, std::uint8_t bits) {
  r.tensor.dtype = static_cast<DType>(dtype);
  r.tensor.element_bits = bits;
}
void take_form(TensorRecord& r, std::uint8_t form, std::uint32_t group) {
  r.tensor.form = static_cast<Form>(form);
  r.tensor.group = group;
}
void be_of_codec(TensorRecord& r, std::uint8_t codec) {
  r.chunk->codec = static_cast<codec::CodecId>(codec);
}

std::vector<Case> cases() {
  using R = TensorRecord;
  return {
      {"20 02 06 01 77", [](R&) {}},
      // The rank.
      {"00 02 01 77", [](R& r) { r.tensor.shape = {}, store(r, 1, 1); }},
      {"40 02 02 03 01 77",
       [](R& r) {
         r.tensor.shape = {2, 3};
       }},
      {"c0 02 01 01 01 01 01 06 01 77", [](R& r) { r.tensor.shape = {1, 1, 1, 1, 1, 6}; }},
      {"e0 02 07 01 01 01 01 01 01 06 01 77", [](R& r) { r.tensor.shape = {1, 1, 1, 1, 1, 1, 6}; }},
      // An extent of several bytes, and a name of none.
      {"20 02 ac02 00",
       [](R& r) { r.tensor.shape = {300}, r.tensor.name = "", store(r, 300, 300); }},
      // The codec.
      {"21 02 06 01 77", [](R& r) { be_of_codec(r, 1); }},
      {"26 02 06 01 77", [](R& r) { be_of_codec(r, 6); }},
      {"27 07 02 06 01 77", [](R& r) { be_of_codec(r, 7); }},
      {"27 64 02 06 01 77", [](R& r) { be_of_codec(r, 100); }},
      {"27 ff 02 06 01 77", [](R& r) { be_of_codec(r, 255); }},
      // Plain bytes, and tensors that store nothing.
      {"28 06", [](R& r) { r.tensor.kind = TensorKind::kBytes, r.tensor.name = ""; }},
      {"28 00",
       [](R& r) {
         r.tensor.kind = TensorKind::kBytes, r.tensor.name = "", r.tensor.shape = {0},
         store_none(r);
       }},
      {"20 02 00 01 77", [](R& r) { r.tensor.shape = {0}, store_none(r); }},
      // The place.
      {"30 01 02 01 02 03 06 01 77", [](R& r) { at(r, 1, 2, 3); }},
      {"30 01 02 ac02 c801 808080808020 06 01 77",
       [](R& r) { at(r, 300, 200, std::uint64_t{1} << 40); }},
      {"30 21 02 01 02 03 06 01 77", [](R& r) { at(r, 1, 2, 3), r.moved = true; }},
      {"30 08 02 06 01 77", [](R& r) { r.tensor.file = kNone; }},
      {"30 09 02 05 06 01 77", [](R& r) { at(r, 5, kNone, 0); }},
      // Chunks, forms, and a dtype that no table lists.
      {"30 02 02 04 06 01 77", [](R& r) { store(r, 6, 4); }},
      {"50 04 02 01 06 00 03 03 01 77",
       [](R& r) {
         r.tensor.shape = {3, 3}, take_form(r, 1, kNone);
       }},
      {"50 04 12 02 00 01 07 03 03 01 77",
       [](R& r) {
         r.tensor.dtype = DType::kF32, r.tensor.element_bits = 32, r.tensor.shape = {3, 3};
         take_form(r, 2, 7), store_none(r);
       }},
      {"30 04 02 03 06 02 ac02 06 01 77", [](R& r) { take_form(r, 3, 300); }},
      {"30 04 02 64 04 00 06 01 77", [](R& r) { take_form(r, 100, kNone), store(r, 4, 4); }},
      {"50 04 02 05 06 02 00 12 05 02 01 77",
       [](R& r) {
         r.tensor.shape = {5, 2}, take_form(r, 5, kNone);
         r.tensor.pivots = std::make_shared<const Pivots>(0, 5, std::vector<std::uint32_t>{1, 4});
       }},
      // Pivots that fit no shape: whether they do shows when the tensor is decoded.
      {"30 04 02 05 06 01 ff 06 01 77",
       [](R& r) {
         take_form(r, 5, kNone), r.tensor.pivots = std::make_shared<const Pivots>(255, Bytes());
       }},
      {"30 10 64 0c 08 01 77",
       [](R& r) { be_unknown(r, 100, 12), r.tensor.shape = {8}, store(r, 8, 8); }},
      // The layer.
      {"20 02 06 08 6c61796572732e33",
       [](R& r) { r.tensor.name = "layers.3", r.tensor.layer = 3; }},
      {"20 02 06 01 77", [](R& r) { r.tensor.layer = 5, r.tensor.extensions.layer = 5; },
       "01 06 01 05"},
      {"20 02 06 08 6c61796572732e33",
       [](R& r) {
         r.tensor.name = "layers.3", r.tensor.layer = 300, r.tensor.extensions.layer = 300;
       },
       "01 06 02 ac02"},
      // Everything at once, of a tensor in a file and of an operand.
      {"f7 37 64 61 04 01 02 03 02 03 06 01 01 07 01 01 01 01 01 01 06 01 77",
       [](R& r) {
         be_of_codec(r, 100), be_unknown(r, 97, 4), at(r, 1, 2, 3), r.moved = true;
         store(r, 6, 2), take_form(r, 3, 1), r.tensor.shape = {1, 1, 1, 1, 1, 1, 6};
         r.tensor.layer = 5, r.tensor.extensions.layer = 5;
       },
       "01 06 01 05"},
      {"f7 1f 64 61 04 01 02 03 06 01 01 07 01 01 01 01 01 01 06 01 77",
       [](R& r) {
         be_of_codec(r, 100), be_unknown(r, 97, 4), at(r, 1, kNone, 0);
         store(r, 6, 2), take_form(r, 3, 1), r.tensor.shape = {1, 1, 1, 1, 1, 1, 6};
       }},
  };
}

TEST(TensorMeta, EveryFieldAndBit) {
  for (const bool sha : {false, true}) {
    const auto kind = sha ? DigestKind::kSha256 : DigestKind::kXxh3_128;
    for (const Case& c : cases()) {
      SCOPED_TRACE(c.hex);
      const TensorRecord expected = record_with(c, sha);
      raw::Record record = record_of(c.hex, expected.chunk.has_value(), sha, c.extensions);
      EXPECT_EQ(to_hex(encoded(expected)), to_hex(record.meta));
      const auto decoded = decode_tensor(view(record), kind, {});
      ASSERT_TRUE(decoded.ok()) << decoded.error().message;
      EXPECT_EQ(describe(*decoded), describe(expected));
      // Cut anywhere, and with one byte more.
      const Buffer whole = record.meta;
      for (std::size_t size = 0; size < whole.size(); ++size) {
        record.meta.resize(size);
        EXPECT_EQ(decode_tensor(view(record), kind, {}).code(), Code::kMalformed) << size;
        record.meta = whole;
      }
      record.meta.push_back(std::byte{0});
      EXPECT_EQ(decode_tensor(view(record), kind, {}).code(), Code::kMalformed);
    }
  }
}

// Of the fields of an unknown form, the length is known.
TEST(TensorMeta, FieldsOfAnUnknownFormAreSkipped) {
  for (const char* fields : {"00", "01 aa", "03 ff ff ff"}) {
    const std::string hex = std::string("30 04 02 08 05 ") + fields + " 06 01 77";
    const auto decoded = decode_tensor(view(record_of(hex, true, false)), {}, {});
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    EXPECT_EQ(decoded->tensor.form, Form{8});
    EXPECT_EQ(decoded->tensor.stored_elements, 5u);
    EXPECT_EQ(decoded->tensor.chunk_elements, 5u);
    EXPECT_EQ(decoded->tensor.group, kNone);
    EXPECT_EQ(decoded->tensor.shape, Shape{6});
    EXPECT_EQ(decoded->tensor.name, "w");
  }
}

TEST(TensorMeta, WhatNoWriterMayWrite) {
  struct Bad {
    const char* hex;
    Code code = Code::kMalformed;
    bool payload = true;
  };
  const Bad all[] = {
      {"30 40 02 06 01 77", Code::kUnsupported},  // reserved bits
      {"30 80 02 06 01 77", Code::kUnsupported},
      {"30 c1", Code::kUnsupported},
      {"30 00 02 06 01 77"},  // *more* without need
      {"27 00 02 06 01 77"},  // a codec that fits into *first*
      {"27 06 02 06 01 77"},
      {"e0 02 01 06 01 77"},  // a rank that does
      {"e0 02 06 01 01 01 01 01 06 01 77"},
      {"e0 02 41 01", Code::kLimit},
      {"30 10 02 08 06 01 77"},  // element bits of a listed dtype
      {"30 10 02 07 06 01 77"},
      {"38 10 08 06"},
      {"20 64 06 01 77"},  // none of one that is not
      {"20 00 06 01 77"},
      {"30 10 64 00 06 01 77"},
      {"30 20 02 06 01 77"},  // moved, and not placed
      {"30 29 02 05 06 01 77"},
      {"30 28 02 06 01 77"},
      {"30 01 02 01 ffffffff0f 03 06 01 77"},  // a file that cannot be open
      {"30 01 02 8080808010 02 03 06 01 77"},  // a number of 33 bits, and one of too many bytes
      {"30 01 02 8100 02 03 06 01 77"},
      {"08"},  // plain bytes have one axis, and a file
      {"48 02 03"},
      {"38 08 06"},
      {"30 04 02 00 06 00 06 01 77"},  // dense without need
      {"50 04 02 01 06 01 07 03 03 01 77"},
      {"50 04 12 02 00 00 03 03 01 77", Code::kMalformed, false},
      {"30 04 02 03 06 02 01 01 06 01 77"},  // fields of a rider: too many, too long, none
      {"30 04 02 03 06 02 81 00 06 01 77"},
      {"30 04 02 03 06 05 ffffffff0f 06 01 77"},
      {"30 04 02 03 06 05 ffffffff1f 06 01 77"},
      {"30 04 02 64 04 ffffffffffffffffff01 06 01 77"},
      {"30 04 02 05 06 00 06 01 77"},  // a pivot tensor without an axis
      {"30 02 02 00 06 01 77"},        // chunks of none, of all, of more
      {"30 02 02 06 06 01 77"},
      {"30 02 02 07 06 01 77"},
      {"30 02 02 01 00 01 77", Code::kMalformed, false},
      {"20 02 00 01 77"},  // a payload of no elements, and elements without one
      {"50 04 12 02 00 01 07 03 03 01 77"},
      {"20 02 06 01 77", Code::kMalformed, false},
      {"21 02 00 01 77", Code::kMalformed, false},  // a codec without a payload
      {"27 07 02 00 01 77", Code::kMalformed, false},
      {"27 00 02 00 01 77", Code::kMalformed, false},
      {"40 02 ffffffffffffffffff01 02 01 77"},  // 2^65 - 2 elements
      {"20 02 06 01 ff"},                       // a name that is not UTF-8
  };
  for (const Bad& bad : all) {
    const auto decoded = decode_tensor(view(record_of(bad.hex, bad.payload, false)), {}, {});
    EXPECT_EQ(decoded.code(), bad.code) << bad.hex;
  }
}

TEST(TensorMeta, RanksAndNamesHaveLimits) {
  const auto code_of = [](const raw::TensorFields& fields) {
    std::vector<raw::Record> records =
        raw::join({raw::tensor(fields), raw::raw_chunk({}, raw::text("x"))});
    return decode_tensor(view(records[0]), DigestKind::kXxh3_128, {}).code();
  };
  const std::string longest(4096, 'n'), longer(4097, 'n');
  EXPECT_EQ(code_of({.shape = std::vector<std::uint64_t>(64, 1)}), Code::kOk);
  EXPECT_EQ(code_of({.shape = std::vector<std::uint64_t>(65, 1)}), Code::kLimit);
  EXPECT_EQ(code_of({.name = longest}), Code::kOk);
  EXPECT_EQ(code_of({.name = longer}), Code::kLimit);
}

// What the specification says that a tensor costs: 28 bytes beside its name and its payload.
TEST(TensorMeta, AVectorOf768F16) {
  TensorRecord r;
  r.tensor.file = 0;
  r.tensor.kind = TensorKind::kTensor;
  r.tensor.dtype = DType::kF16;
  r.tensor.element_bits = 16;
  r.tensor.shape = {768};
  r.tensor.stored_elements = r.tensor.chunk_elements = 768;
  r.tensor.name = "norm";
  r.placed = false;
  r.chunk.emplace();
  const Buffer payload(1536, std::byte{7});
  r.chunk->decoded_checksum = xxh3_64(payload);
  const Buffer meta = encoded(r);
  raw::Fields expected;
  expected.bytes(from_hex("20 10 8006 04")).text("norm").u64(xxh3_64(payload));
  EXPECT_EQ(meta, expected.get());
  const auto head = container::make_head(container::RecordType::kTensor, meta, payload, 32, 0,
                                         container::kFlagPayload);
  Buffer bytes;
  container::encode_head(head, meta, 7, bytes);
  EXPECT_EQ(bytes.size(), 28u + 4);
  raw::Fields sealed;
  sealed.bytes(from_hex("23 11 800c")).bytes(meta).u32(check32(payload));
  EXPECT_EQ(bytes, Buffer(raw::Fields()
                              .bytes(from_hex("c7627a"))
                              .u32(check32(sealed.get(), 7))
                              .bytes(sealed.get())));
}

}  // namespace
}  // namespace bbz::catalog
