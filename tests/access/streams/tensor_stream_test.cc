#include "bbz/access/streams/tensor_stream.h"

#include <iterator>

#include "archive/sample.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::streams {
namespace {

class TensorStreams : public testing::Test {
 protected:
  TensorStreams() {
    WriteOptions options;
    options.chunk_bytes = 64;
    archive_ = *write_sample(files_, options);
    memory_ = io::memory_source(Bytes(archive_));
    counting_ = std::make_shared<io::CountingSource>(*memory_);
    reader_ = *Reader::open(counting_);
    number_ = reader_->catalog().find_tensors("layers.0.w").at(0);
  }

  std::string expected() const {
    const auto& bytes = files_[3].tensors[2].bytes;
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::vector<SampleFile> files_ = sample_files();
  std::vector<std::byte> archive_;
  std::unique_ptr<io::Source> memory_;
  std::shared_ptr<io::CountingSource> counting_;
  std::optional<Reader> reader_;
  std::uint32_t number_ = 0;
};

TEST_F(TensorStreams, AnIstreamGivesTheTensor) {
  TensorIStream in(*reader_, number_);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(text, expected());
  EXPECT_FALSE(in.error().has_value());
}

TEST_F(TensorStreams, SeekingDecodesOnlyTheChunksItComesTo) {
  TensorIStream in(*reader_, number_);
  counting_->forget();
  in.seekg(-10, std::ios_base::end);
  std::string tail(10, ' ');
  in.read(tail.data(), 10);
  EXPECT_TRUE(in.good());
  EXPECT_EQ(tail, expected().substr(expected().size() - 10));
  const catalog::Tensor& tensor = reader_->catalog().tensors[number_];
  const auto chunks = reader_->catalog().chunks_of(tensor);
  ASSERT_GT(chunks.size(), 3u);
  EXPECT_LE(counting_->ranges().size(), 2u);
  EXPECT_FALSE(counting_->touched(chunks[0].payload.offset,
                                  chunks[0].payload.offset + chunks[0].payload.length));
  in.seekg(3);
  EXPECT_EQ(in.get(), static_cast<unsigned char>(expected()[3]));
  EXPECT_EQ(in.tellg(), std::streampos(4));
  in.seekg(100000);
  EXPECT_TRUE(in.fail());
}

TEST_F(TensorStreams, DamageMakesTheStreamBadAndIsTold) {
  const catalog::Tensor& tensor = reader_->catalog().tensors[number_];
  archive_[reader_->catalog().chunks_of(tensor)[1].payload.offset] ^= std::byte{1};
  TensorIStream in(*reader_, number_);
  std::string all(expected().size(), ' ');
  in.read(all.data(), static_cast<std::streamsize>(all.size()));
  EXPECT_TRUE(in.bad());
  ASSERT_TRUE(in.error().has_value());
  EXPECT_EQ(in.error()->code, Code::kChecksum);
}

TEST_F(TensorStreams, ATensorThatDoesNotExistFailsTheFirstRead) {
  TensorIStream in(*reader_, static_cast<std::uint32_t>(reader_->catalog().tensors.size()));
  EXPECT_EQ(in.get(), std::char_traits<char>::eof());
  EXPECT_TRUE(in.bad());
  ASSERT_TRUE(in.error().has_value());
  EXPECT_EQ(in.error()->code, Code::kInvalidArgument);
}

TEST_F(TensorStreams, SeekingOutsideFailsAndMovesNothing) {
  TensorSource device(*reader_, number_);
  EXPECT_EQ(device.seek(5, std::ios_base::beg), std::streampos(5));
  EXPECT_THROW(device.seek(-6, std::ios_base::cur), std::ios_base::failure);
  EXPECT_THROW(device.seek(1, std::ios_base::end), std::ios_base::failure);
  EXPECT_THROW(device.seek(std::numeric_limits<std::int64_t>::max(), std::ios_base::cur),
               std::ios_base::failure);
  EXPECT_EQ(device.seek(0, std::ios_base::cur), std::streampos(5));
}

TEST_F(TensorStreams, AnOstreamWritesATensor) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink);
  BBZ_ASSERT_OK(writer->begin_file("f"));
  BBZ_ASSERT_OK(writer->begin_tensor(files_[3].tensors[2].spec));
  {
    TensorOStream stream(*writer);
    stream << expected();
    EXPECT_TRUE(stream.flush().good());
    stream << "one too many" << std::flush;
    EXPECT_TRUE(stream.bad());
    EXPECT_EQ(stream.error()->code, Code::kInvalidArgument);
  }
}

TEST_F(TensorStreams, WhatAnOstreamWroteComesBack) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink);
  BBZ_ASSERT_OK(writer->begin_file("f"));
  BBZ_ASSERT_OK(writer->begin_tensor(files_[3].tensors[2].spec));
  TensorOStream(*writer) << expected();
  BBZ_ASSERT_OK(writer->end_tensor());
  BBZ_ASSERT_OK(writer->end_file());
  BBZ_ASSERT_OK(writer->finish());
  const auto reader = Reader::open(io::memory_source(Bytes(out)));
  BBZ_ASSERT_OK(reader);
  TensorIStream in(*reader, 0);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}), expected());
}

TEST_F(TensorStreams, SeekingToTheEndTellsTheSize) {
  TensorIStream in(*reader_, number_);
  const auto size = static_cast<std::streamoff>(expected().size());
  in.seekg(0, std::ios_base::end);
  EXPECT_TRUE(in.good());
  EXPECT_EQ(in.tellg(), std::streampos(size));
  EXPECT_EQ(in.get(), std::char_traits<char>::eof());
  EXPECT_TRUE(in.eof());
  EXPECT_FALSE(in.bad());
  EXPECT_FALSE(in.error().has_value());
  in.clear();
  in.seekg(size - 1);
  EXPECT_EQ(in.get(), static_cast<unsigned char>(expected().back()));
}

}  // namespace
}  // namespace bbz::streams
