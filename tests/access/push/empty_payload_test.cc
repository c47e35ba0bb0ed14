// An empty payload whose checksum is wrong: no bytes can mend it, so it is wrong for good.
#include "access/push/feeding.h"
#include "format/container/raw_archive.h"

namespace bbz::push {
namespace {

// Returns an archive of two metadata records with empty values. The checksum of the one with the
// key `wrong` is wrong, and all that cover it are right.
std::vector<std::byte> two_values(std::string_view wrong) {
  raw::Archive archive;
  for (const std::string_view key : {"a", "b"}) {
    archive.records.push_back(raw::metadata(raw::kNone, key, ""));
    if (key == wrong) archive.records.back().says_payload_check = 1;
  }
  return archive.bytes();
}

// Returns an archive without records, whose index is therefore empty.
std::vector<std::byte> no_records(bool wrong) {
  raw::Archive archive;
  if (wrong) archive.edit_index = [](raw::Record& index) { index.says_payload_check = 1; };
  return archive.bytes();
}

// Feeds an archive, and says how that ends. What the decoder still needs must not be nothing.
Code end_of(const std::vector<std::byte>& archive, std::size_t step) {
  Receiver receiver;
  Options options;
  options.total = archive.size();
  const auto decoder = *Decoder::create(options, receiver);
  for (std::size_t at = 0; at < archive.size(); at += step) {
    const std::size_t size = std::min(step, archive.size() - at);
    const Status fed = decoder->feed(at, Bytes(archive).subspan(at, size));
    EXPECT_EQ(decoder->failure().code(), fed.code());
    if (!fed.ok()) return fed.code();
  }
  EXPECT_EQ(decoder->complete(), decoder->finish().ok());
  EXPECT_EQ(decoder->complete(), decoder->needs().empty());
  return decoder->finish().code();
}

TEST(EmptyPayload, WithAWrongChecksumIsFinal) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    EXPECT_EQ(end_of(two_values(""), step), Code::kOk);
    for (const std::string_view wrong : {"a", "b"}) {
      EXPECT_EQ(end_of(two_values(wrong), step), Code::kChecksum) << wrong << ", step " << step;
    }
    EXPECT_EQ(end_of(no_records(false), step), Code::kOk);
    EXPECT_EQ(end_of(no_records(true), step), Code::kChecksum) << "index, step " << step;
  }
}

}  // namespace
}  // namespace bbz::push
