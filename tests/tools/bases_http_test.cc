// Archives relative to a base, both behind URLs: how much they move.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "http/nginx.h"
#include "tools/forged.h"
#include "tools/noisy_model.h"
#include "tools/over_nginx.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

using http::Nginx;

using BasesOverNginx = OverNginx;

TEST_F(BasesOverNginx, OneLayerOfADifferenceMovesThatLayerOfBoth) {
  const std::string base = noisy_model(3, 20 << 20);
  std::string tuned = base;
  for (std::size_t at = 1 << 16; at < tuned.size(); at += 40) tuned[at] ^= 1;
  write("base.safetensors", base);
  write("tuned.safetensors", tuned);
  ASSERT_EQ(sh("$BBZ pack -q base.safetensors && "
               "$BBZ pack -q tuned.safetensors --base base.bbz --index-first")
                .code,
            0);
  const auto of_base = nlohmann::json::parse(sh("$BBZINFO --json base.bbz").out);
  const auto of_tuned = nlohmann::json::parse(sh("$BBZINFO --json tuned.bbz").out);
  const std::uint64_t update = of_tuned.at("layers").at(1).at("stored_bytes");
  const auto& layer = of_base.at("layers").at(1);
  for (const std::string suffix : {"bbz", "safetensors"}) {
    const std::uint64_t support = layer.at(suffix == "bbz" ? "stored_bytes" : "bytes");
    nginx_->take_log();
    EXPECT_EXIT_CODE(0, "$BBZ unpack $URL/tuned.bbz --base $URL/base." + suffix +
                            " --layer 1 -f -o layer.safetensors");
    const std::uint64_t moved = Nginx::total_bytes(nginx_->take_log());
    EXPECT_GE(moved, update + support);
    EXPECT_LE(moved * 100, (update + support) * 105) << suffix;
    EXPECT_EXIT_CODE(0,
                     "$BBZ pack -q -f tuned.safetensors -o whole.bbz && "
                     "$BBZ unpack whole.bbz --layer 1 -f -o expected.safetensors && "
                     "cmp layer.safetensors expected.safetensors");
  }
}

// The download decodes a difference as it arrives, onto the base.
TEST_F(BasesOverNginx, GetExpectDecodesADifference) {
  const std::string base = layered_model(3, 128);
  std::string tuned = base;
  for (std::size_t at = tuned.size() / 2; at < tuned.size(); at += 40) tuned[at] ^= 1;
  write("base.safetensors", base);
  write("tuned.safetensors", tuned);
  write("other.safetensors", layered_model(3, 128, 50));
  ASSERT_EQ(sh("$BBZ pack -q base.safetensors && "
               "$BBZ pack -q tuned.safetensors --base base.bbz")
                .code,
            0);
  const std::string root =
      nlohmann::json::parse(sh("$BBZINFO --json tuned.bbz").out).at("root_digest");
  std::string other = root;
  other.back() = other.back() == '0' ? '1' : '0';
  const std::string get = "$BBZ get $URL/tuned.bbz -f -o got.bbz --expect ";
  const auto done = [&] {
    EXPECT_EXIT_CODE(0, "cmp got.bbz tuned.bbz && rm got.bbz");
    EXPECT_FALSE(exists("got.bbz.part"));
  };
  for (const std::string suffix : {"bbz", "safetensors"}) {
    const Finished got = sh(get + root + " --base base." + suffix);
    EXPECT_EQ(got.code, 0) << got.err;
    EXPECT_EQ(got.err.find("not decoded"), std::string::npos);
    done();
  }
  const Finished without = sh(get + root);
  EXPECT_EQ(without.code, 0) << without.err;
  EXPECT_THAT(without.err, testing::HasSubstr("lean on a base were not decoded"));
  EXPECT_EQ(sh("$BBZ verify -q got.bbz --base base.bbz").code, 0);
  done();
  EXPECT_EQ(sh(get + root + " -q").err, "");
  done();
  for (const std::string with : {"", " --base base.bbz"}) {
    EXPECT_EXIT_CODE(1, get + other + with);
    EXPECT_FALSE(exists("got.bbz"));
    EXPECT_FALSE(exists("got.bbz.part"));
  }

  // Another base is no fault of what was fetched.
  const Finished refused = sh(get + root + " --base other.safetensors");
  EXPECT_EQ(refused.code, 8);
  EXPECT_THAT(refused.err, testing::HasSubstr("another base"));
  EXPECT_FALSE(exists("got.bbz"));
  EXPECT_TRUE(exists("got.bbz.part"));
  EXPECT_EXIT_CODE(0, get + root + " --base base.bbz");
  done();

  // A part is decoded, so it needs the base.
  const std::string part = "$BBZ get $URL/tuned.bbz --layer 2 -o part.bbz";
  const Finished alone = sh(part);
  EXPECT_EQ(alone.code, 4);
  EXPECT_THAT(alone.err, testing::HasSubstr("no base is given"));
  EXPECT_EXIT_CODE(0, part + " --base base.bbz --expect " + root);
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack part.bbz -o got.safetensors && "
                   "$BBZ pack -q -f tuned.safetensors -o whole.bbz && "
                   "$BBZ unpack whole.bbz --layer 2 -o expected.safetensors && "
                   "cmp got.safetensors expected.safetensors");
}

// A payload is exchanged, and what is stored of it fits: only decoding finds that.
TEST_F(BasesOverNginx, OnlyTheBaseTellsAForgedPayload) {
  const std::string base = layered_model(2, 64);
  std::string tuned = base;
  for (std::size_t at = tuned.size() / 2; at < tuned.size(); at += 40) tuned[at] ^= 1;
  write("base.safetensors", base);
  write("tuned.safetensors", tuned);
  ASSERT_EQ(
      sh("$BBZ pack -q base.safetensors && $BBZ pack -q tuned.safetensors --base base.bbz").code,
      0);
  const std::string root =
      nlohmann::json::parse(sh("$BBZINFO --json tuned.bbz").out).at("root_digest");
  write("forged.bbz", forged(read("tuned.bbz"), true));
  EXPECT_EQ(nlohmann::json::parse(sh("$BBZINFO --json forged.bbz").out).at("root_digest"), root);
  const std::string get = "$BBZ get $URL/forged.bbz -f -o got.bbz --expect " + root;
  EXPECT_EXIT_CODE(3, get + " --base base.bbz");
  EXPECT_FALSE(exists("got.bbz"));
  EXPECT_FALSE(exists("got.bbz.part"));
  EXPECT_EXIT_CODE(0, get);
  EXPECT_EXIT_CODE(3, "$BBZ verify -q got.bbz --base base.bbz");
}

}  // namespace
}  // namespace bbz::tools
