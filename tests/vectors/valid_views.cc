// Archives with views: tensors whose elements are bytes of another one of the file.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

using raw::view_fields;

Maker::Options a_view(std::uint64_t back, std::uint64_t offset,
                      const std::vector<std::uint64_t>& strides, const char* fails = nullptr) {
  return {.view = view_fields(back, offset, strides), .fails = fails};
}

// A 3 x 4 matrix in chunks of 5 elements, and its views.
Valid views_of_a_matrix(const char* name, bool sha) {
  Maker m(name, false, sha);
  m.begin_file("t.bin");
  m.tensor("w", kU16, 16, {3, 4}, raw::text("a0a1a2a3b0b1b2b3c0c1c2c3"), {.chunk = 5});
  m.tensor("tied", kU16, 16, {3, 4}, raw::text("a0a1a2a3b0b1b2b3c0c1c2c3"), a_view(1, 0, {4, 1}));
  m.tensor("transposed", kU16, 16, {4, 3}, raw::text("a0b0c0a1b1c1a2b2c2a3b3c3"),
           a_view(2, 0, {1, 4}));
  m.tensor("rows", kU16, 16, {2, 4}, raw::text("b0b1b2b3c0c1c2c3"), a_view(3, 8, {4, 1}));
  m.tensor("column", kU16, 16, {3}, raw::text("a3b3c3"), a_view(4, 6, {4}));
  m.tensor("block", kU16, 16, {2, 2}, raw::text("b1b2c1c2"), a_view(5, 10, {4, 1}));
  m.tensor("repeated", kU16, 16, {2, 3, 2}, raw::text("a2a2b2b2c2c2a2a2b2b2c2c2"),
           a_view(6, 4, {0, 4, 0}));
  m.tensor("scalar", kU16, 16, {}, raw::text("c3"), a_view(7, 22, {}));
  m.tensor("empty", kU16, 16, {2, 0}, {}, a_view(8, 24, {99, 77}));
  m.tensor("of one", kU16, 16, {1, 2}, raw::text("b2b3"), a_view(9, 12, {~std::uint64_t{0}, 1}));
  m.tensor("windows", kU16, 16, {3, 2}, raw::text("a0a1a1a2a2a3"), a_view(10, 0, {1, 1}));
  m.tensor("diagonal", kU16, 16, {3}, raw::text("a0b1c2"), a_view(11, 0, {5}));
  m.end_file();
  return m.finish();
}

// Views of another dtype, of plain bytes, of a tensor without bytes, and of dtypes that no version
// knows; before and after other tensors of the file.
Valid views_of_other_dtypes() {
  Maker m("views-of-other-dtypes");
  m.begin_file("t.bin");
  m.bytes("0123456789");
  m.tensor("of bytes", kU32, 32, {2}, raw::text("12345678"), a_view(1, 1, {1}));
  m.tensor("w", kU32, 32, {2, 1}, raw::text("abcdefgh"));
  m.tensor("halves", kU16, 16, {2, 2}, raw::text("abefcdgh"), a_view(1, 0, {1, 2}));
  m.tensor("between", kU16, 16, {3}, raw::text("bcdefg"), a_view(2, 1, {1}));
  m.tensor("data/0", kU16, 16, {2}, raw::text("flat"), {.storage = true});
  m.tensor("of flat", kU16, 16, {1}, raw::text("at"), a_view(1, 2, {1}));
  m.tensor("bits", 48, 4, {4}, raw::text("xy"));
  m.tensor("bytes of bits", kU8, 8, {2}, raw::text("yy"), a_view(1, 1, {0}, nullptr));
  m.end_file();
  return m.finish();
}

// Extents and strides of views without elements may be of any size.
Valid empty_views() {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 60;
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  Maker m("views-empty");
  m.begin_file("t.bin");
  m.tensor("w", kU16, 16, {2}, raw::text("abcd"));
  m.tensor("long", kU16, 16, {kLarge, 0}, {}, a_view(1, 0, {1, 1}));
  m.tensor("far", kU16, 16, {2, 0}, {}, a_view(2, 4, {std::uint64_t{1} << 63, 1}));
  m.tensor("both", kU16, 16, {0, kLarge}, {}, a_view(3, 3, {kMost, kMost}));
  m.tensor("none", kU16, 16, {0}, {}, a_view(4, 1, {0}));
  m.end_file();
  return m.finish();
}

// Names of views are those of their files; layers follow from names and extensions.
Valid views_of_files() {
  Maker m("views-of-files");
  m.tensor("head", kU8, 8, {1}, raw::text("!"), {.operand = true});
  for (const char* path : {"a", "b"}) {
    m.begin_file(path);
    m.tensor("embed", kU8, 8, {4}, raw::text("weig"));
    m.tensor("head", kU8, 8, {4}, raw::text("weig"), a_view(1, 0, {1}));
    Maker::Options named = a_view(2, 2, {1});
    named.name_layer = 7;
    m.tensor("h.7.w", kU8, 8, {2}, raw::text("ig"), named);
    Maker::Options stated = a_view(3, 0, {1});
    stated.layer = 3;
    stated.placed = false;
    m.tensor("norm", kU8, 8, {1}, raw::text("w"), stated);
    m.end_file();
  }
  return m.finish();
}

// A view is decoded if its base can be.
Valid views_of_forms() {
  Maker m("views-of-forms");
  m.begin_file("t.bin");
  m.archive.records.push_back(example_group());
  m.tensor("carrier", kF16, 16, {6, 3}, example_carrier());
  const Buffer carrier = example_carrier();
  m.tensor("of carrier", kU8, 8, {2}, Buffer(carrier.begin(), carrier.begin() + 2),
           a_view(1, 0, {1}));
  m.tensor("later", kU8, 8, {2}, raw::text("ab"),
           {.coded = {{99, raw::text("a")}}, .fails = "unsupported"});
  m.tensor("of later", kU8, 8, {1}, raw::text("a"), a_view(1, 0, {1}, "unsupported"));
  m.tensor("form", kU8, 8, {2}, raw::text("ab"), {.form = 9, .fails = "unsupported"});
  m.tensor("of form", kU8, 8, {1}, raw::text("a"), a_view(1, 0, {1}, "unsupported"));
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_view_vectors() {
  return {views_of_a_matrix("views", false),
          views_of_a_matrix("views-sha256", true),
          views_of_other_dtypes(),
          empty_views(),
          views_of_files(),
          views_of_forms()};
}

}  // namespace bbz::vectors
