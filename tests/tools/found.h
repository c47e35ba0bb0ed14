// Shared by the tests that put files beside an output before bbz get runs.
#pragma once

#include <sys/stat.h>

#include "bbz/access/download/identity.h"
#include "bbz/access/push/state.h"
#include "tools/getting.h"

namespace bbz::tools {

inline constexpr const char* kPart = "model.bbz.part";
inline constexpr const char* kState = "model.bbz.part.state";
inline constexpr const char* kGet = "$BBZ get $URL --retries 0 ";

class Found : public Get {
 protected:
  // An archive of the same size with other content.
  std::string other_archive(std::uint64_t layer_bytes, const std::string& options = "") {
    const std::string model = noisy_model(3, layer_bytes);
    std::string other;
    for (int change = 1; change < 256 && other.size() != archive_.size(); ++change) {
      std::string changed = model;  // and so the index, which is compressed, has another length
      for (std::size_t i = model.size() / 3; i < model.size(); ++i) {
        changed[i] = static_cast<char>(changed[i] ^ change);
      }
      write("model.safetensors", changed);
      EXPECT_EXIT_CODE(0, "$BBZ pack -q -f " + options + " model.safetensors -o other.bbz");
      other = read("other.bbz");
    }
    EXPECT_EQ(other.size(), archive_.size());
    EXPECT_NE(other, archive_);
    EXPECT_EXIT_CODE(0, "rm other.bbz");
    return other;
  }

  std::string identity(const Server& server, const std::string& etag = "\"one\"") {
    return download::encode_origin({etag, "", server.url()});
  }
  // A state that lists all of an archive of that size.
  static std::string state_of(const std::string& identity, std::uint64_t total,
                              std::vector<push::Interval> there = {}) {
    push::State state{identity, total, {}, std::move(there)};
    if (state.there.empty()) state.there = {{0, total}};
    const auto bytes = push::encode_state(state);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::vector<push::Interval> listed() const {
    const std::string state = read(kState);
    const auto decoded = push::decode_state(std::as_bytes(std::span(state)));
    return decoded.ok() ? decoded->there : std::vector<push::Interval>();
  }
  std::uint64_t bytes_listed() const {
    std::uint64_t bytes = 0;
    for (const push::Interval& range : listed()) bytes += range.size();
    return bytes;
  }

  std::uint32_t mode_of(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(::lstat((dir_ / name).c_str(), &status), 0) << name;
    return status.st_mode & 07777;
  }
  void chmod(const std::string& name, std::uint32_t mode) const {
    ASSERT_EQ(::chmod((dir_ / name).c_str(), mode), 0);
  }

  // Fails after about so many bytes, and leaves what has come.
  void begin(Server& server, Budget& budget, std::uint64_t bytes,
             const std::string& options = "-T 1") {
    budget.allow(server, bytes);
    expect_failure(kGet + options, 5, "");
    ASSERT_TRUE(exists(kPart) && exists(kState));
    budget.lift();
  }
};

}  // namespace bbz::tools
