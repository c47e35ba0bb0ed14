// The fixture of tests that push archives through the C interface.
#pragma once

#include <cstring>

#include "bbz/capi/push.h"
#include "capi/support.h"
#include "support/assert.h"

namespace bbz::capi {

// The data that was handed out, and the codes that a test makes the callbacks return.
struct Received {
  int structures = 0;
  std::map<std::string, std::string> metadata;
  std::map<std::uint32_t, std::vector<std::byte>> tensors;
  std::set<std::uint32_t> ended;
  std::map<std::uint32_t, std::string> files;  // that ended
  std::vector<std::string> failures;
  int result = 0;
  int throws = 0;
  int recalls = 0;
  int recall_result = 0;

  int answer() const {
    if (throws != 0) throw std::runtime_error("of the test");
    return result;
  }

  bbz_receiver receiver() {
    auto r = sized<bbz_receiver>();
    r.user = this;
    r.structure = [](void* user) {
      ++static_cast<Received*>(user)->structures;
      return 0;
    };
    r.metadata = [](void* user, const bbz_metadata_info* info, const char* value, std::size_t n) {
      static_cast<Received*>(user)->metadata[info->key] = std::string(value, n);
      return 0;
    };
    r.begin_tensor = [](void* user, std::uint32_t tensor, const bbz_tensor_info* info) {
      static_cast<Received*>(user)->tensors[tensor].resize(info->byte_size);
      return 0;
    };
    r.data = [](void* user, std::uint32_t tensor, std::uint64_t offset, const void* bytes,
                std::size_t size) {
      auto* self = static_cast<Received*>(user);
      std::memcpy(self->tensors[tensor].data() + offset, bytes, size);
      return self->answer();
    };
    r.end_tensor = [](void* user, std::uint32_t tensor) {
      static_cast<Received*>(user)->ended.insert(tensor);
      return 0;
    };
    r.end_file = [](void* user, std::uint32_t file, const bbz_file_info* info) {
      static_cast<Received*>(user)->files[file] = info->path;
      return 0;
    };
    r.failed = [](void* user, std::uint32_t, std::uint32_t, bbz_code, const char* message) {
      static_cast<Received*>(user)->failures.emplace_back(message);
      return 0;
    };
    r.recall = [](void* user, std::uint32_t tensor, std::uint64_t offset, void* buffer,
                  std::size_t size) {
      auto* self = static_cast<Received*>(user);
      ++self->recalls;
      std::memcpy(buffer, self->tensors.at(tensor).data() + offset, size);
      return self->recall_result;
    };
    return r;
  }
};

class CPush : public CInterface {
 protected:
  Owned<bbz_push> make(const bbz_push_options* options = nullptr) {
    const bbz_receiver receiver = received_.receiver();
    bbz_push* push = nullptr;
    EXPECT_EQ(bbz_push_new(options, &receiver, &push, error_.get()), BBZ_OK) << message();
    return Owned<bbz_push>(push);
  }

  bbz_code feed(bbz_push* push, std::uint64_t begin, std::uint64_t end) {
    return bbz_push_feed(push, begin, archive_.data() + begin, end - begin, error_.get());
  }
  bbz_code feed_all(bbz_push* push) { return feed(push, 0, archive_.size()); }

  bbz_push_info info(const bbz_push* push) {
    auto info = sized<bbz_push_info>();
    EXPECT_EQ(bbz_push_get(push, &info, error_.get()), BBZ_OK) << message();
    return info;
  }

  std::vector<bbz_byte_range> needs(const bbz_push* push, std::size_t most = 16) {
    std::vector<bbz_byte_range> ranges(most);
    std::size_t count = 0;
    EXPECT_EQ(bbz_push_needs(push, 0, ranges.data(), most, &count, error_.get()), BBZ_OK);
    ranges.resize(count);
    return ranges;
  }

  // Flips a bit in a chunk of "embed".
  std::uint64_t damage() {
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    const auto& tensor = reader->catalog().tensors[reader->catalog().find_tensors("embed").at(0)];
    const std::uint64_t at = reader->catalog().chunks_of(tensor)[1].payload.offset;
    archive_[at] ^= std::byte{1};
    return at;
  }

  void expect_everything() {
    EXPECT_EQ(received_.structures, 1);
    EXPECT_EQ(received_.metadata["made-for"], "tests");
    EXPECT_TRUE(received_.failures.empty());
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    const auto& tensors = reader->catalog().tensors;
    EXPECT_EQ(received_.ended.size(), tensors.size());
    for (std::uint32_t number = 0; number < tensors.size(); ++number) {
      std::vector<std::byte> expected(tensors[number].byte_size);
      BBZ_ASSERT_OK(reader->read_tensor(number, expected));
      EXPECT_EQ(received_.tensors[number], expected) << number;
    }
    EXPECT_EQ(received_.files[0], "config.json");
    EXPECT_EQ(received_.files[3], "model");
  }

  Received received_;
};

}  // namespace bbz::capi
