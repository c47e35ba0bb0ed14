// The worst that small archives can do: memory and processor time of each command, bounded.
#include "bbz/base/format.h"
#include "bbz/format/container/record.h"
#include "support/bytes.h"
#include "tools/hostile_costs.h"
#include "tools/models.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Letters that do not compress, so that an index is in proportion to its payload.
std::string noisy_name(std::size_t size, unsigned seed) {
  std::string name;
  for (const char c : noise_text(size, seed)) name += static_cast<char>('0' + (c & 63));
  std::ranges::replace(name, '\\', 'z');
  return name;
}

// --- indexes that are small once they are compressed, and list what is a hole

TEST_F(WorstCase, AnIndexOfManyTensorsOfManyAxes) {
  forge("an index of 70,000 tensors of 64 axes", [](Forgery& archive) {
    archive.file("m");
    for (unsigned i = 0; i < 70'000; ++i) {
      archive.tensor(noisy_name(14, i), DType::kU8, Shape(64, 0), 1, i > 0);
    }
    archive.end_file();
  });
  expect_archive_bounded();
}

TEST_F(WorstCase, AnIndexOfManyFiles) {
  forge("an index of 150,000 files", [](Forgery& archive) {
    for (int i = 0; i < 150'000; ++i) {
      archive.file(std::to_string(i), i > 0);
      archive.end_file(i > 0);
    }
  });
  // Files without content need no record to be unpacked.
  Commands commands = kOfArchives;
  std::erase_if(commands, [](const Command& command) {
    return command.line.starts_with("$BBZ unpack in") || command.column == "salvage";
  });
  expect_bounded("in", commands);
  expect_get_bounded("--tensor 'w*'");
}

TEST_F(WorstCase, AnIndexOfDeepFolders) {
  forge("an index of 1,600 files, each in 1,600 directories", [](Forgery& archive) {
    for (unsigned i = 0; i < 1600; ++i) {
      std::string path = noisy_name(240, 3 * i);
      for (unsigned j = 1; j < 3; ++j) path += "/" + noisy_name(240, 3 * i + j);
      for (int depth = 0; depth < 1600; ++depth) path += "/a";
      archive.file(path, i > 0);
      archive.end_file(i > 0);
    }
  });
  expect_archive_bounded();
}

TEST_F(WorstCase, MetadataOfHoles) {
  forge("640 MiB of metadata, of holes", [](Forgery& archive) {
    archive.file("m");
    const std::vector<std::byte> zeros(16 * kMiB);
    for (int i = 0; i < 40; ++i) archive.metadata("key" + std::to_string(i), zeros, true);
    archive.end_file();
  });
  expect_archive_bounded();
}

// Their records are whole, so that a command that writes them again does.
TEST_F(WorstCase, MetadataOfZeros) {
  forge("640 MiB of metadata, of zeros", [](Forgery& archive) {
    archive.file("m");
    const std::vector<std::byte> zeros(16 * kMiB);
    for (int i = 0; i < 40; ++i) archive.metadata("key" + std::to_string(i), zeros);
    archive.end_file();
  });
  // Readers work on values as they do on chunks. A writer holds one at a time.
  Commands readers = kOfArchives;
  std::erase_if(readers, [](const Command& command) { return command.column == "flatten"; });
  expect_bounded("in", readers, 16);
  expect_bounded("in", {{"flatten", "$BBZ flatten in -o /dev/null"}});
}

TEST_F(WorstCase, ASymmetryRecordOfManyObjects) {
  std::string json = "{\"junctions\":[{}";
  while (json.size() < 980'000) json += ",{}";
  json += "]}";
  forge("a symmetry record of 320,000 objects", [&](Forgery& archive) {
    archive.file("m");
    archive.metadata("symmetry", std::as_bytes(std::span(json)));
    archive.end_file();
  });
  expect_archive_bounded();
}

// --- records without content

TEST_F(WorstCase, ManyEmptyFiles) {
  forge("18,000 empty files", [](Forgery& archive) {
    for (int i = 0; i < 18'000; ++i) {
      archive.file(std::to_string(i));
      archive.end_file();
    }
  });
  expect_archive_bounded();
}

TEST_F(WorstCase, ManyEmptyTensors) {
  forge("11,000 tensors without elements", [](Forgery& archive) {
    archive.file("m");
    for (int i = 0; i < 11'000; ++i) {
      archive.tensor("w" + std::to_string(i), DType::kF16, {0}, 1);
    }
    archive.end_file();
  });
  expect_archive_bounded();
}

TEST_F(WorstCase, ManyTinyChunks) {
  forge("10,000 chunks of a byte", [](Forgery& archive) {
    constexpr std::uint64_t kChunks = 10'000;
    archive.file("m");
    archive.tensor("w0", DType::kU8, {kChunks}, 1);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_archive_bounded();
}

// --- chunks that stand for more than they take

TEST_F(WorstCase, ConstantChunksOfTheLargestSize) {
  forge("20 constant chunks of 64 MiB", [](Forgery& archive) {
    archive.file("m");
    archive.tensor("w0", DType::kU8, {20 * 64 * kMiB}, 64 * kMiB);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_large_archive_bounded(64);
}

TEST_F(WorstCase, ZstdChunksOfTheLargestSize) {
  forge("20 chunks of zstd of 64 MiB", [](Forgery& archive) {
    constexpr std::uint64_t kChunk = 64 * kMiB;
    std::vector<std::byte> plain(kChunk);
    plain[0] = std::byte{1};
    archive.file("m");
    archive.tensor("w0", DType::kU8, {20 * kChunk}, kChunk);
    for (int i = 0; i < 20; ++i) archive.chunk(plain);
    archive.end_file();
  });
  expect_large_archive_bounded(64);
}

TEST_F(WorstCase, SplitNumberChunksOfTheLargestSize) {
  forge("20 chunks of split-number of 64 MiB", [](Forgery& archive) {
    constexpr std::uint64_t kChunk = 64 * kMiB;
    std::vector<std::byte> plain(kChunk);
    for (std::size_t i = 0; i < kChunk; i += 65536) plain[i] = std::byte{1};
    codec::ChunkShape shape;
    shape.dtype = DType::kI8;
    shape.elements = shape.row_length = kChunk;
    std::vector<std::byte> payload;
    if (!codec::find_codec(codec::CodecId::kSplitNumber)
             ->encode(shape, plain, codec::Level::kDefault, kChunk, payload)) {
      throw std::runtime_error("split-number has not encoded the chunk");
    }
    archive.file("m");
    archive.tensor("w0", DType::kI8, {20 * kChunk}, kChunk);
    for (int i = 0; i < 20; ++i) archive.chunk_as(codec::CodecId::kSplitNumber, plain, payload);
    archive.end_file();
  });
  // With eight threads, some 200 MB a thread were measured.
  expect_large_archive_bounded(96);
}

// The names and shapes of a sliced model whose matrices are constant chunks.
TEST_F(WorstCase, AWideModelOfConstantChunks) {
  forge("a sliced model of width 4096 of constant chunks", [](Forgery& archive) {
    archive.file("model.safetensors");
    for (const auto& [name, shape] : wide_model(4096)) {
      archive.tensor(name, DType::kF16, shape, std::uint64_t{1} << 19);
      archive.constant_chunks();
    }
    archive.end_file();
  });
  expect_archive_bounded(1);
}

// The header of a safetensors file, in few bytes of zstd: it is parsed when the archive is checked.
// --- bases

// The base is larger than what is kept of one.
TEST_F(WorstCase, ADifferenceOfUnchangedChunks) {
  constexpr std::uint64_t kBytes = 5 * 64 * kMiB;
  const std::string header =
      fmt::format(R"({{"w0":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}})", kBytes);
  write("base.safetensors", raw_safetensors(header, ""));
  std::filesystem::resize_file(dir_ / "base.safetensors", 8 + header.size() + kBytes);
  Hasher hasher(DigestKind::kXxh3_128);
  const std::vector<std::byte> zeros(64 * kMiB);
  for (int i = 0; i < 5; ++i) hasher.update(zeros);
  const Digest digest = hasher.finish();
  forge("5 unchanged chunks of 64 MiB", [&](Forgery& archive) {
    archive.base("base.safetensors");
    archive.file("model.safetensors");
    const std::string front = raw_safetensors(header, "");
    archive.plain_bytes(front.size(), front.size());
    archive.chunk(std::as_bytes(std::span(front)));
    archive.leaning_tensor("w0", DType::kU8, {kBytes}, 64 * kMiB, digest);
    archive.constant_chunks(codec::CodecId::kUnchanged);
    archive.end_file();
  });
  const std::string base = " --base base.safetensors";
  expect_bounded("in",
                 {{"verify", "$BBZ verify in" + base},
                  {"verify", "$BBZ verify -" + base + " < in"},
                  {"unpack", "$BBZ unpack in -f --no-sync -C out" + base},
                  {"cat", "$BBZ cat in w0 -f -o /dev/null" + base},
                  {"salvage", "$BBZ salvage in -f --no-sync -C out" + base},
                  {"flatten", "$BBZ flatten in -o /dev/null" + base},
                  {"apply", "$BBZ apply in base.safetensors --no-sync"},
                  {"push", "$RECEIVE < in"}},
                 128);  // flatten reads chunks and writes others
}

// --- views, which a comparison reads

const Commands kOfViews = {{"bbzinfo", "$BBZINFO in --json"},
                           {"verify", "$BBZ verify in"},
                           {"unpack", "$BBZ unpack in -f --no-sync -C out"},
                           {"cat", "$BBZ cat in v0 -f -o /dev/null"},
                           {"salvage", "$BBZ salvage in -f --no-sync -C out"},
                           {"compare", "$BBZ compare in in"},
                           {"estimate", "$BBZ estimate in"},
                           {"report", "$BBZ report in --json --against in -o /dev/null"}};

TEST_F(WorstCase, ManyViewsOfATensorInAnotherOrder) {
  forge("10,000 views of a tensor in another order", [](Forgery& archive) {
    archive.file("m");
    archive.tensor("w", DType::kU8, {64 * kMiB}, kMiB);
    archive.constant_chunks();
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      archive.view("v" + std::to_string(i), DType::kU8, {4096 + i, 8000},
                   static_cast<std::uint32_t>(i + 1), {1, 8000});
    }
    archive.end_file();
  });
  expect_bounded("in", kOfViews, 64);
}

TEST_F(WorstCase, AViewInAnotherOrderOfManyParts) {
  forge("a view of 3 GiB of a constant tensor of 1 GiB", [](Forgery& archive) {
    archive.file("m");
    archive.tensor("w", DType::kU8, {1024 * kMiB}, 64 * kMiB);
    archive.constant_chunks();
    archive.view("v0", DType::kU8, {3, 1 << 15, 1 << 15}, 1, {0, 1, 1 << 15});
    archive.end_file();
  });
  Commands commands = kOfViews;
  std::erase_if(commands, [](const Command& command) { return command.column == "cat"; });
  expect_bounded("in", commands, 64);
}

TEST_F(WorstCase, ASafetensorsHeaderInFewBytes) {
  forge("a header of 60 MB of JSON, as zstd", [](Forgery& archive) {
    std::string axes = "0";
    for (int i = 1; i < 64; ++i) axes += ",0";
    std::string json = "{";
    for (int i = 0; json.size() < 60'000'000; ++i) {
      json += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[" +
              axes + "],\"data_offsets\":[0,0]}";
    }
    json += "}";
    const std::string header = raw_safetensors(json, "");
    archive.file("m.safetensors");
    archive.plain_bytes(header.size(), header.size());
    archive.chunk(std::as_bytes(std::span(header)));
    archive.tensor("w0", DType::kU8, {0}, 1);
    archive.end_file();
  });
  expect_archive_bounded(61);
}

TEST_F(WorstCase, ALongStringInASafetensorsHeader) {
  forge("a header of 60 MB of JSON with one string", [](Forgery& archive) {
    const std::string json = "{\"__metadata__\":{\"a\":\"" + std::string(60'000'000, 'a') + "\"}}";
    const std::string header = raw_safetensors(json, "");
    archive.file("m.safetensors");
    archive.metadata("format", std::as_bytes(std::span(std::string_view("safetensors"))));
    archive.plain_bytes(header.size(), header.size());
    archive.chunk(std::as_bytes(std::span(header)));
    archive.end_file();
  });
  expect_archive_bounded(61);
}

// --- what salvage alone believes

// Each index lists the same lost record a thousand times.
TEST_F(WorstCase, ManyIndexes) {
  constexpr std::size_t kLost = 500'000;  // bytes in which the listed records would lie
  std::string archive = archive_header();
  catalog::FileMeta file;
  file.path = "a";
  std::vector<std::byte> meta;
  catalog::encode_meta(file, meta);
  const auto listed = container::make_head(container::RecordType::kFile, meta, {}, 0);
  container::IndexMeta index;
  std::vector<std::byte> list;
  while ((index.record_count + 1) * listed.end() < kLost) {
    container::encode_entry(listed, meta, list);
    ++index.record_count;
  }
  index.list_length = list.size();
  index.list_checksum = xxh3_64(list);
  std::vector<std::byte> payload;
  index.coding = container::encode_list(list, payload);
  meta.clear();
  container::encode_index_meta(index, meta);
  archive.resize(archive.size() + kLost);
  while (archive.size() < 1'000'000) {
    const auto head =
        container::make_head(container::RecordType::kIndex, meta, payload, archive.size());
    std::vector<std::byte> record;
    container::encode_head(head, meta, container::FileHeader().id, record);
    record.insert(record.end(), payload.begin(), payload.end());
    archive.append(reinterpret_cast<const char*>(record.data()), record.size());
  }
  put("indexes that list lost files, again and again", "in", archive);
  expect_bounded("in", {{"salvage", "$BBZ salvage in -f --no-sync -C out"}});
}

TEST_F(WorstCase, ManySyncMarksThatBeginNoRecord) {
  std::string archive = archive_header();
  // Each claims to be a file with the longest meta, under a wrong check.
  const std::string head = "\xC7\x62\x7A" + std::string(4, 'x') + "\x01\xFF\xFF\x03";
  while (archive.size() < 1'000'000) archive += head;
  put("90,000 heads of records that are none", "in", archive);
  expect_bounded("in", {{"salvage", "$BBZ salvage in -f --no-sync -C out"},
                        {"verify", "$BBZ verify in"},
                        {"push", "$RECEIVE < in"}});
}

}  // namespace
}  // namespace bbz::tools
