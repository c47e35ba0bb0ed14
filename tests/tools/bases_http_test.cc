// Archives relative to a base, both behind URLs: how much they move.
#include <nlohmann/json.hpp>

#include "http/nginx.h"
#include "tools/noisy_model.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

using http::Nginx;

class BasesOverNginx : public ToolTest {
 protected:
  void SetUp() override {
    if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
    nginx_.emplace(dir_.path());
    ::setenv("URL", nginx_->url("").c_str(), 1);
  }

  std::optional<Nginx> nginx_;
};

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

}  // namespace
}  // namespace bbz::tools
