// Tensors that lean on a base. Without it, a chunk that needs it is unsupported, and all else is read.
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

const Coded kUnchanged{6, {}};
const Coded kSame{5, {}};
const Buffer kPlain = raw::text("0123456789abcdef");

// The digest of a support, of the kind of the archive.
Buffer digest(const Buffer& support, bool sha) {
  if (sha) return raw::sha256(support);
  const Digest of = digest_of(DigestKind::kXxh3_128, support);
  return {of.view().begin(), of.view().end()};
}

Valid bases(const char* name, bool front, bool sha) {
  Maker m(name, front, sha);
  const Buffer of_plain = digest(kPlain, sha);
  m.archive.records.push_back(raw::base(0, "base.bbz", sha ? 2 : 1, of_plain));
  m.begin_file("a.bin");
  m.bytes("a header");
  m.archive.records.push_back(raw::base(1, ""));
  m.tensor("alone", kU16, 16, {2, 4}, kPlain);
  m.tensor("unchanged", kU16, 16, {2, 4}, kPlain,
           {.coded = {kUnchanged}, .fails = "unsupported", .leaning = raw::leaning(0, of_plain)});
  m.tensor("renamed", kU16, 16, {2, 4}, kPlain,
           {.coded = {kUnchanged},
            .fails = "unsupported",
            .leaning = raw::leaning(1, of_plain, "of another name")});
  m.tensor("all its own", kU16, 16, {2, 4}, kPlain, {.leaning = raw::leaning(1, of_plain)});
  m.tensor("in part", kU16, 16, {2, 4}, kPlain,
           {.coded = {{0, raw::text("01234567")}, kUnchanged},
            .chunk = 4,
            .fails = "unsupported",
            .leaning = raw::leaning(0, of_plain)});
  m.tensor("view of its own", kU16, 16, {2}, raw::text("0123"),
           {.view = raw::view_fields(2, 0, {1})});
  m.tensor("view of in part", kU16, 16, {2}, raw::text("cdef"),
           {.view = raw::view_fields(2, 12, {1}), .fails = "unsupported"});
  m.tensor("again", kU16, 16, {2, 4}, kPlain, {.coded = {kSame}});
  m.end_file();
  m.begin_file("b.bin");
  m.tensor("whole", kU8, 8, {4}, raw::text("abcd"));
  m.end_file();
  return m.finish();
}

// A chunk is not repeated if its tensor leans: the one before it is.
Valid passed_over() {
  Maker m("bases-repeats");
  m.archive.records.push_back(raw::base(0, "base.safetensors"));
  m.begin_file("a.bin");
  m.tensor("first", kU8, 8, {16}, kPlain);
  m.tensor("unchanged", kU8, 8, {16}, kPlain,
           {.coded = {kUnchanged},
            .fails = "unsupported",
            .leaning = raw::leaning(0, digest(kPlain, false))});
  m.tensor("of the first", kU8, 8, {16}, kPlain, {.coded = {kSame}});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_base_vectors() {
  return {bases("bases", false, false), bases("bases-front-sha256", true, true), passed_over()};
}

}  // namespace bbz::vectors
