// Archives whose chunks use what the codecs but split-float leave open.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

using raw::Fields;

// The headers that a frame of RFC 8878 may have.
Valid zstd_headers() {
  Maker m("zstd-headers");
  m.begin_file("t.bin");
  const auto add = [&](const char* name, std::size_t size, unsigned descriptor,
                       const Buffer& fields) {
    Buffer plain(size - 3, std::byte{'a'});
    raw::append(plain, raw::text("bcd"));
    const ZstdFrame frame{.descriptor = descriptor, .fields = fields};
    m.tensor(name, 2, 8, {size}, plain, {.coded = {{2, frame.of(plain, size - 3)}}});
  };
  constexpr unsigned k64MiB = 16 << 3;  // windows from 1 KiB on, and eighths of them
  add("size of 1 byte", 63, 0x20, Fields().u8(63));
  add("size of 2 bytes", 300, 0x60, Fields().u16(300 - 256));
  add("size of 4 bytes", 63, 0xA0, Fields().u32(63));
  add("size of 8 bytes", 63, 0xE0, Fields().u64(63));
  add("window of 1 KiB", 300, 0x40, Fields().u8(0).u16(300 - 256));
  add("window of 1.875 KiB", 63, 0x80, Fields().u8(7).u32(63));
  add("window of 64 MiB", 63, 0xC0, Fields().u8(k64MiB).u64(63));
  add("dictionary 0 of 1 byte", 63, 0x21, Fields().u8(0).u8(63));
  add("dictionary 0 of 2 bytes", 63, 0x22, Fields().u16(0).u8(63));
  add("dictionary 0 of 4 bytes", 300, 0x43, Fields().u8(8).u32(0).u16(300 - 256));
  add("unused bit", 63, 0x30, Fields().u8(63));
  m.end_file();
  return m.finish();
}

// Frames with a checksum of their content, and blocks that are as large as they may be.
Valid zstd_blocks() {
  Maker m("zstd-blocks");
  m.begin_file("t.bin");
  const auto add = [&](const char* name, const Buffer& plain, std::size_t run,
                       const ZstdFrame& frame) {
    m.tensor(name, 2, 8, {plain.size()}, plain,
             {.coded = {{2, frame.of(plain, run)}}, .chunk = plain.size()});
  };
  const Buffer plain = raw::text(std::string(60, 'a') + "bcd");
  add("checksum", plain, 60,
      {.descriptor = 0x24, .fields = Fields().u8(63), .checksum = Fields().u32(0x76790666)});
  const auto of = [](std::size_t run, std::size_t rest) {
    return raw::text(std::string(run, 'a') + std::string(rest, 'b'));
  };
  add("run of the window", of(1024, 1), 1024,
      {.descriptor = 0x80, .fields = Fields().u8(0).u32(1025)});
  add("block of the window", of(100, 1024), 100,
      {.descriptor = 0x80, .fields = Fields().u8(0).u32(1124)});
  constexpr std::size_t kMost = 128 << 10;
  add("run of 128 KiB", of(kMost, 1), kMost,
      {.descriptor = 0xA0, .fields = Fields().u32(kMost + 1)});
  m.end_file();
  return m.finish();
}

// Chunks whose own payload is of any codec, and lies with the riders, behind them, or both.
Valid carried() {
  Maker m("carried-codecs");
  m.begin_file("t.bin");
  m.archive.records.push_back(example_group());
  m.tensor("w", 16, 16, {6, 3}, example_carrier());
  const auto equal = [](const char* two, std::size_t times) {
    Buffer plain;
    for (std::size_t i = 0; i < times; ++i) raw::append(plain, raw::text(two));
    return plain;
  };
  Buffer plain = equal("bb", 20);
  raw::append(plain, equal("z!", 20));
  raw::append(plain, equal("!?", 20));
  raw::append(plain, equal("nn", 20));
  raw::append(plain, raw::text(std::string(37, '.') + "bcd"));
  std::vector<Coded> coded;
  coded.push_back({4, Carried()});
  coded.push_back({4, Carried{.offset = 2}});
  coded.push_back({4, Carried{.length = 1, .offset = 3, .tail = raw::text("?")}});
  coded.push_back({4, Carried{.length = 0, .offset = 4, .tail = raw::text("nn")}});
  coded.push_back(
      {4, Carried{.codec = 2,
                  .length = 0,
                  .tail = ZstdFrame{.fields = Fields().u8(40)}.of(Bytes(plain).last(40), 37)}});
  m.tensor("v", 16, 16, {100}, plain, {.coded = coded, .chunk = 20, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_codec_vectors() {
  return {zstd_headers(), zstd_blocks(), carried()};
}

}  // namespace bbz::vectors
