// An empty payload whose checksum is wrong: no bytes can mend it, so it is wrong for good.
#include "access/push/feeding.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/index.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

using container::RecordHead;
using container::RecordType;

// Writes archives record by record. Their checksums are right, but for one of an empty payload.
class Forgery {
 public:
  Forgery() : builder_(header_, {}) { append(container::encode_file_header(header_)); }

  void metadata(const std::string& key, bool wrong) {
    catalog::MetadataMeta meta;
    meta.file = catalog::kNone;
    meta.key = key;
    std::vector<std::byte> bytes;
    catalog::encode_meta(meta, bytes);
    const RecordHead head = record(RecordType::kMetadata, bytes, {}, wrong);
    container::encode_entry(head, bytes, list_);
    EXPECT_TRUE(builder_.add({head, bytes}).ok());
    ++count_;
  }

  std::vector<std::byte> finish(bool wrong_index) {
    container::IndexMeta index;
    index.record_count = count_;
    index.list_length = list_.size();
    index.list_checksum = xxh3_64(list_);
    std::vector<std::byte> payload;
    index.coding = container::encode_list(list_, payload);
    std::vector<std::byte> meta;
    container::encode_index_meta(index, meta);
    const auto made = container::make_head(RecordType::kIndex, meta, payload, archive_.size());
    index.tail_length = made.size() + payload.size() + container::kTrailerSize;
    meta.clear();
    container::encode_index_meta(index, meta);
    const RecordHead head = record(RecordType::kIndex, meta, payload, wrong_index);

    EXPECT_TRUE(builder_.finish().ok());
    container::Trailer trailer;
    trailer.index_offset = head.offset;
    trailer.index_length = head.end() - head.offset;
    trailer.record_count = count_;
    trailer.archive_length = archive_.size() + container::kTrailerSize;
    trailer.root = builder_.root();
    meta.clear();
    container::encode_trailer(trailer, meta);
    record(RecordType::kTrailer, meta, {}, false);
    return archive_;
  }

 private:
  void append(Bytes bytes) { archive_.insert(archive_.end(), bytes.begin(), bytes.end()); }
  RecordHead record(RecordType type, Bytes meta, Bytes payload, bool wrong) {
    RecordHead head = container::make_head(type, meta, payload, archive_.size());
    if (wrong) ++head.payload_checksum;
    container::encode_head(head, meta, archive_);
    append(payload);
    return head;
  }

  container::FileHeader header_;
  catalog::CatalogBuilder builder_;
  std::vector<std::byte> archive_;
  std::vector<std::byte> list_;
  std::uint64_t count_ = 0;
};

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
    Forgery right;
    right.metadata("a", false);
    right.metadata("b", false);
    EXPECT_EQ(end_of(right.finish(false), step), Code::kOk);
    for (const std::string wrong : {"a", "b"}) {
      Forgery forged;
      forged.metadata("a", wrong == "a");
      forged.metadata("b", wrong == "b");
      EXPECT_EQ(end_of(forged.finish(false), step), Code::kChecksum) << wrong << ", step " << step;
    }
    EXPECT_EQ(end_of(Forgery().finish(false), step), Code::kOk);
    EXPECT_EQ(end_of(Forgery().finish(true), step), Code::kChecksum) << "index, step " << step;
  }
}

}  // namespace
}  // namespace bbz::push
