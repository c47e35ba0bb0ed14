// Payloads of the codecs but split-float that break one rule each.
#include "vectors/codec_payloads.h"
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

using raw::Fields;

// An archive of one U8 tensor and its only chunk.
Buffer chunk_of(std::uint8_t codec, const Buffer& plain, const Buffer& payload,
                std::uint8_t dtype = 2, std::uint8_t bits = 8) {
  const auto count = static_cast<std::uint32_t>(plain.size() * 8 / bits);
  Archive archive;
  archive.records = in_file({raw::tensor({.dtype = dtype,
                                          .bits = bits,
                                          .stored = count,
                                          .chunk = count,
                                          .shape = {count},
                                          .name = "t"}),
                             raw::chunk({.codec = codec}, plain, payload)},
                            1, plain.size());
  return archive.bytes();
}

void zstd(Collector& c) {
  const Buffer plain = raw::text(std::string(60, 'a') + "bcd");
  const Bytes p(plain);
  constexpr std::size_t kRun = 60;
  const auto add = [&](const char* name, const char* rule, const Buffer& payload) {
    c.add_payload(name, rule, chunk_of(2, plain, payload), "ok", "malformed");
  };
  const ZstdFrame frame{.fields = Fields().u8(63)};
  const Buffer good = frame.of(plain, kRun);
  const auto joined = [](const Buffer& a, const Buffer& b) {
    return Buffer(Fields().bytes(a).bytes(b));
  };
  const Buffer skippable = Fields().u32(0x184D2A50).u32(0);
  const char* one_frame = "a zstd payload is one frame and nothing else";
  add("zstd-byte-after-frame", one_frame, joined(good, raw::text("e")));
  add("zstd-skippable-after-frame", one_frame, joined(good, skippable));
  add("zstd-skippable-before-frame", one_frame, joined(skippable, good));
  add("zstd-two-frames", one_frame,
      joined(ZstdFrame{.fields = Fields().u8(30)}.of(p.first(30), 29),
             ZstdFrame{.fields = Fields().u8(33)}.of(p.subspan(30), 30)));
  add("zstd-cut", one_frame, Buffer(good.begin(), good.end() - 1));
  add("zstd-magic", one_frame,
      ZstdFrame{.fields = Fields().u8(63), .magic = 0xFD2FB527}.of(p, kRun));
  add("zstd-reserved-bit", "a frame is one of RFC 8878",
      ZstdFrame{.descriptor = 0x28, .fields = Fields().u8(63)}.of(p, kRun));
  add("zstd-reserved-block", "a frame is one of RFC 8878",
      ZstdFrame{.fields = Fields().u8(63), .last_type = 3}.of(p, kRun));
  add("zstd-no-content-size", "a frame says the size of its content",
      ZstdFrame{.descriptor = 0, .fields = Fields().u8(0)}.of(p, kRun));
  add("zstd-content-size-less", "the content's size is the chunk's",
      ZstdFrame{.fields = Fields().u8(62)}.of(p, kRun));
  add("zstd-shorter", "the content's size is the chunk's",
      ZstdFrame{.fields = Fields().u8(62)}.of(p.first(62), kRun));
  add("zstd-longer", "the content's size is the chunk's",
      ZstdFrame{.fields = Fields().u8(64)}.of(raw::text(std::string(60, 'a') + "bcde"), kRun));
  add("zstd-dictionary", "a frame needs no dictionary",
      ZstdFrame{.descriptor = 0x21, .fields = Fields().u8(7).u8(63)}.of(p, kRun));
  // 72 MiB, and a content size of four bytes.
  add("zstd-window", "a window has at most 64 MiB",
      ZstdFrame{.descriptor = 0x80, .fields = Fields().u8(16 << 3 | 1).u32(63)}.of(p, kRun));
  add("zstd-content-checksum", "the content has the frame's checksum",
      ZstdFrame{.descriptor = 0x24, .fields = Fields().u8(63), .checksum = Fields().u32(0x76790667)}
          .of(p, kRun));
  // Blocks of one byte more than the window of 1 KiB, and than 128 KiB in a window of 256 KiB.
  const auto large = [&](const char* name, const char* rule, std::size_t run, std::size_t rest,
                         unsigned window) {
    const Buffer content = raw::text(std::string(run, 'a') + std::string(rest, 'b'));
    const ZstdFrame in_window{.descriptor = 0x80,
                              .fields = Fields().u8(window).u32(content.size())};
    c.add_payload(name, rule, chunk_of(2, content, in_window.of(content, run)), "ok", "malformed");
  };
  large("zstd-run-over-window", "a block is not larger than the window", 1025, 1, 0);
  large("zstd-block-over-window", "a block is not larger than the window", 100, 1025, 0);
  large("zstd-run-over-128-kib", "a block has at most 128 KiB", (128 << 10) + 1, 1, 8 << 3);
}

// A rider of 20 elements after the example's carrier.
void carried(Collector& c) {
  const Buffer carrier = example_carrier();
  const Buffer plain = raw::text(std::string(40, '!'));
  const auto add = [&](const char* name, const char* rule, const Buffer& payload,
                       const char* code = "malformed", std::uint8_t form = 3) {
    Archive archive;
    const std::uint32_t group = form == 3 ? 0 : kNone;
    archive.records = in_file(
        {example_group(),
         raw::tensor(
             {.dtype = 16, .bits = 16, .stored = 18, .chunk = 18, .shape = {6, 3}, .name = "w"}),
         raw::raw_chunk({}, carrier),
         raw::tensor({.number = 1,
                      .offset = 36,
                      .dtype = 16,
                      .bits = 16,
                      .form = form,
                      .group = group,
                      .stored = 20,
                      .chunk = 20,
                      .shape = {20, 1},
                      .name = "v"}),
         raw::chunk({.tensor = 1, .codec = 4}, plain, payload)},
        2, 76);
    c.add_payload(name, rule, archive.bytes(), "ok", code);
  };
  const Buffer good = Carried();
  add("carried-cut", "a carried payload has its head", Buffer(good.begin(), good.end() - 1));
  add("carried-reserved", "the head's reserved field is 0",
      Carried{.reserved = 1, .length = 0, .tail = raw::text("!!")}, "unsupported");
  add("carried-in-carried", "a carried chunk's own codec is another", Carried{.codec = 4});
  add("carried-same", "a carried chunk's own codec is not same", Carried{.codec = 5});
  const char* no_base = "a carried chunk's own codec needs no base";
  add("carried-unchanged", no_base, Carried{.codec = 6, .length = 0});
  add("carried-difference", no_base, Carried{.codec = 7});
  add("carried-codec", "a carried chunk's own codec is known", Carried{.codec = 999},
      "unsupported");
  add("carried-beyond-riders", "what is carried lies within the riders",
      Carried{.offset = 3, .tail = raw::text("!")});
  add("carried-none-beyond-riders", "what is carried lies within the riders, even if it is nothing",
      Carried{.length = 0, .offset = 5, .tail = raw::text("!!")});
  add("carried-offset-wraps", "what is carried lies within the riders",
      Carried{.offset = kMax, .tail = raw::text("!!")});
  add("carried-length", "the own payload is as its codec says", Carried{.length = 3});
  const char* riders = "a carried chunk is of a rider";
  add("carried-dense", riders, Carried{.length = 0, .tail = raw::text("!!")}, "malformed", 0);
  add("carried-lower", riders, Carried{.length = 0, .tail = raw::text("!!")}, "malformed", 1);
}

}  // namespace

void add_codec_vectors(Collector& c) {
  const Buffer equal(24, std::byte{0x3C});
  c.add_payload("constant-part-of-element", "a pattern holds whole elements",
                chunk_of(1, equal, Buffer(1, std::byte{0x3C}), 18, 32), "ok", "malformed");
  c.add_payload("constant-two-elements", "a pattern is of the fewest bytes",
                chunk_of(1, equal, Buffer(8, std::byte{0x3C}), 18, 32), "ok", "malformed");
  c.add_payload("constant-empty", "a constant payload is one pattern", chunk_of(1, equal, {}), "ok",
                "malformed");
  zstd(c);
  carried(c);
}

}  // namespace bbz::vectors
