// Libraries that only some commands need, on a machine that lacks them: files without content stand
// for them.
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

class WithoutLibrary : public ToolTest {
 protected:
  void hide(const std::string& name) { write("missing/" + name, ""); }
};

TEST_F(WithoutLibrary, CurlIsNamedWhereAUrlIsOpened) {
  hide("libcurl.so.4");
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  EXPECT_EXIT_CODE(0, "LD_LIBRARY_PATH=missing $BBZ pack sliced.safetensors");
  const Finished refused = sh("LD_LIBRARY_PATH=missing $BBZINFO http://127.0.0.1:1/a.bbz");
  EXPECT_EQ(refused.code, 4);
  EXPECT_NE(refused.err.find("cannot load the library libcurl.so.4"), std::string::npos)
      << refused.err;
}

TEST_F(WithoutLibrary, EigenStandsInForOpenBlas) {
  hide("libopenblas.so.0");
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  EXPECT_EXIT_CODE(1,
                   "LD_DEBUG=files LD_LIBRARY_PATH=missing $BBZ pack sliced.safetensors "
                   "--symmetry polar 2>&1 | grep 'calling init.*libopenblas'");
  for (const std::string method : {"bits-back", "polar"}) {
    EXPECT_EXIT_CODE(
        0, "LD_LIBRARY_PATH=missing $BBZ pack sliced.safetensors -f --symmetry " + method);
    EXPECT_EXIT_CODE(0, "$BBZ unpack sliced.bbz -f -C with");
    EXPECT_EXIT_CODE(0, "LD_LIBRARY_PATH=missing $BBZ unpack sliced.bbz -f -C without");
    EXPECT_EXIT_CODE(0, "cmp with/sliced.safetensors without/sliced.safetensors");
  }
}

}  // namespace
}  // namespace bbz::tools
