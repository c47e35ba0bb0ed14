// URLs that redirect to links which expire, under every command that takes a URL.
#include "http/hub.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/noisy_model.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using http::Hub;

// Runs commands against a hub.
template <class Test>
class WithHub : public Test {
 protected:
  // A model whose chunks are small, so that many requests are made.
  void pack() {
    this->write("model.safetensors", noisy_model(3, 1 << 20));
    ASSERT_EQ(this->sh("$BBZ pack -q -f model.safetensors --chunk-size 64K -o here.bbz").code, 0);
  }

  // Runs the command with links that expire after a request or some time, and connections that
  // break after so many bytes, over 1, 4 and 16 of them: $URL is the hub's, $T the number. At least
  // once a link must have been refused, or nothing was tried.
  void expect_success(const std::string& command, const std::string& file = "here.bbz",
                      std::uint64_t body = UINT64_MAX) {
    using std::chrono::milliseconds;
    const Hub::Terms all[] = {{.requests = 1, .body = body},
                              {.time = milliseconds(80), .delay = milliseconds(2), .body = body}};
    std::size_t refused = 0;
    for (const Hub::Terms& terms : all) {
      for (const std::string threads : {"1", "4", "16"}) {
        Hub hub(terms, this->read(file));
        ::setenv("URL", hub.url().c_str(), 1);
        ::setenv("T", threads.c_str(), 1);
        const Finished finished = this->sh(command);
        EXPECT_EQ(finished.code, 0) << command << "\n-T " << threads << "\n" << finished.err;
        refused += hub.refused();
      }
    }
    EXPECT_GT(refused, 0u) << command;
  }
};

class ExpiringLinks : public WithHub<ToolTest> {};

TEST_F(ExpiringLinks, DoNotStopADownload) {
  pack();
  constexpr std::uint64_t kBody = 1'500'000;
  const std::string get = "$BBZ get -q $URL -o o.bbz -T $T ";
  expect_success(get + "&& cmp o.bbz here.bbz && rm o.bbz", "here.bbz", kBody);
  expect_success(get + "--layer 0-1 && $BBZ verify -q o.bbz && rm o.bbz", "here.bbz", kBody);
  expect_success("head -c 2000000 here.bbz > o.bbz && " + get +
                 "--repair && cmp o.bbz here.bbz && rm o.bbz");
}

TEST_F(ExpiringLinks, DoNotStopReading) {
  pack();
  expect_success("$BBZ unpack -q $URL -T $T -o - | cmp - model.safetensors");
  expect_success("$BBZ unpack -q $URL -T $T --layer 1 -f -o layer");
  expect_success("$BBZ cat $URL -T $T model.safetensors | cmp - model.safetensors");
  expect_success("$BBZ verify -q -T $T $URL");
  expect_success("$BBZ salvage -q $URL -T $T -o saved && rm -r saved");
  expect_success("$BBZ compare -q $URL -T $T model.safetensors --max-difference 0");
  expect_success("$BBZ compare -q $URL -T $T model.safetensors --max-difference 0",
                 "model.safetensors");
}

TEST_F(ExpiringLinks, DoNotStopAListing) {
  pack();
  expect_success("$BBZINFO --json --chunks $URL > there && grep -q layers.2 there");
  test_models::Spec spec;
  spec.hidden = 64;
  spec.widths = {50, 48, 51, 49, 48};
  spec.inner = 300;
  write("sliced.safetensors", safetensors_of(test_models::sliced_model(spec)));
  expect_success("$BBZ estimate $URL -T $T --json > there", "sliced.safetensors");
}

class MountedLinks : public WithHub<MountTest> {};

TEST_F(MountedLinks, NeverFailARead) {
  pack();
  expect_success(
      "$BBZ mount $URL m -T $T && tail -c 100000 m/model.safetensors > /dev/null && sleep 0.1 && "
      "cmp m/model.safetensors model.safetensors; code=$?; "
      "fusermount3 -u m || umount m; exit $code");
}

}  // namespace
}  // namespace bbz::tools
