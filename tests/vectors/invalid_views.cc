// Archives with views that break a rule.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

using raw::view_fields;

TensorFields view_record(std::uint32_t number, const std::vector<std::uint64_t>& shape,
                         std::uint64_t back, std::uint64_t offset,
                         const std::vector<std::uint64_t>& strides) {
  return {.number = number,
          .file = kNone,
          .dtype = 4,
          .bits = 16,
          .form = 4,
          .shape = shape,
          .name = "v",
          .form_fields = view_fields(back, offset, strides)};
}

// The base: 6 elements of U16.
std::vector<Record> base_records(std::string_view name = "w") {
  return {
      raw::tensor({.dtype = 4, .bits = 16, .stored = 6, .chunk = 6, .shape = {6}, .name = name}),
      raw::raw_chunk({}, words(6, 1))};
}

class Views {
 public:
  explicit Views(Collector& c) : c_(c) {}

  // A view after the base, in its file.
  void refused(const char* name, const char* rule, const TensorFields& fields,
               const char* code = "malformed") {
    std::vector<Record> list = base_records();
    list.push_back(raw::tensor(fields));
    c_.records(name, rule, in_file(std::move(list), 1, 12), code);
  }

 private:
  Collector& c_;
};

void view_places(Collector& c) {
  Views v(c);
  v.refused("view-of-itself", "a view stands after its base", view_record(1, {6}, 0, 0, {1}));
  v.refused("view-of-none", "the base is a tensor before the view", view_record(1, {6}, 2, 0, {1}));
  v.refused("view-back-33-bits", "a number is within 32 bits",
            view_record(1, {6}, std::uint64_t{1} << 32, 0, {1}));
  v.refused("view-beyond-base", "a view lies within its base", view_record(1, {6}, 1, 1, {1}));
  v.refused("view-beyond-base-strides", "a view lies within its base",
            view_record(1, {2, 2}, 1, 0, {4, 2}));
  v.refused("view-beyond-base-empty", "a view lies within its base, an empty one too",
            view_record(1, {0}, 1, 13, {1}));
  v.refused("view-overflow-stride", "strides are within 64 bits",
            view_record(1, {3}, 1, 0, {kMax}));
  v.refused("view-overflow-sum", "strides are within 64 bits",
            view_record(1, {2, 2}, 1, 0, {kMax / 2 + 1, kMax / 2 + 1}));
  v.refused("view-overflow-bytes", "strides are within 64 bits",
            view_record(1, {2}, 1, 0, {kMax / 2 + 1}));
  v.refused("view-overflow-offset", "an offset is within 64 bits",
            view_record(1, {1}, 1, kMax, {1}));
  v.refused("view-strides-missing", "there is a stride for each axis",
            view_record(1, {2, 2}, 1, 0, {1}));
  v.refused("view-strides-many", "there is a stride for each axis",
            view_record(1, {2}, 1, 0, {1, 1}));
  v.refused("view-expanded-limit", "all views have at most 2^50 bytes",
            view_record(1, {std::uint64_t{1} << 50}, 1, 0, {0}), "limit");
  TensorFields bits = view_record(1, {2}, 1, 0, {1});
  bits.dtype = 48;  // F4
  v.refused("view-of-bits", "elements of a view are whole bytes", bits);
  TensorFields in_file_itself = view_record(1, {6}, 1, 0, {1});
  in_file_itself.file = 0;
  in_file_itself.offset = 12;
  v.refused("view-in-file", "a view is recorded as an operand", in_file_itself);
  v.refused("view-name-twice", "names are unique in a file, views included", [] {
    TensorFields same = view_record(1, {6}, 1, 0, {1});
    same.name = "w";
    return same;
  }());
}

void view_orders(Collector& c) {
  const Record v = raw::tensor(view_record(1, {6}, 1, 0, {1}));
  std::vector<Record> after = in_file(base_records(), 1, 12);
  after.push_back(v);
  c.records("view-outside-of-file", "a view stands in the file of its base", after, "malformed");

  std::vector<Record> next = in_file(base_records(), 1, 12);
  next.insert(next.end(), {raw::file(1, "g"), v, raw::file_end(1, 0, 0)});
  c.records("view-of-other-file", "a view stands in the file of its base", next, "malformed");

  std::vector<Record> of_operand = {
      raw::tensor({.file = kNone, .stored = 2, .chunk = 2, .shape = {2}, .name = "op"}),
      raw::raw_chunk({}, words(1, 1)), raw::tensor(view_record(1, {1}, 1, 0, {1}))};
  c.records("view-of-operand", "the base is no operand", in_file(of_operand, 0, 0), "malformed");

  std::vector<Record> of_view = base_records();
  of_view.push_back(v);
  TensorFields chain = view_record(2, {6}, 1, 0, {1});
  chain.name = "chain";
  of_view.push_back(raw::tensor(chain));
  c.records("view-of-view", "the base is no view", in_file(of_view, 1, 12), "malformed");

  std::vector<Record> in_directory = {
      raw::file(0, "d", 1), raw::tensor(view_record(0, {0}, 1, 0, {1})), raw::file_end(0, 0, 0)};
  c.records("view-in-directory", "a view has a base", in_directory, "malformed");

  std::vector<Record> stores = base_records();
  TensorFields stored = view_record(1, {6}, 1, 0, {1});
  stored.stored = stored.chunk = 6;
  stores.push_back(raw::tensor(stored));
  stores.push_back(raw::raw_chunk({.tensor = 1}, words(6, 2)));
  c.records("view-stores-elements", "a view stores no elements", in_file(stores, 1, 12),
            "malformed");
}

void view_storages(Collector& c) {
  const raw::Extension storage{.number = 5, .fields = {}};
  const auto refused = [&](const char* name, const char* rule, const TensorFields& fields,
                           const raw::Extension& extension) {
    const bool operand = fields.file == kNone;
    c.records(name, rule,
              in_file({raw::extend(raw::tensor(fields), {extension})}, operand ? 0 : 1, 0),
              "malformed");
  };
  const TensorFields in_file_one{.shape = {0}, .name = "data/0"};
  refused("extension-storage-fields", "the extension storage has no fields", in_file_one,
          {.number = 5, .fields = "x"});
  refused("extension-storage-required", "the extension storage is ignorable", in_file_one,
          {.number = 5, .required = true, .fields = {}});
  refused("extension-storage-operand", "memory of views is in a file",
          {.file = kNone, .shape = {0}, .name = "data/0"}, storage);
  refused("extension-storage-bytes", "memory of views is of kind tensor", {.kind = 0, .shape = {0}},
          storage);
}

// What shows when a view is decoded.
void view_forms(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, std::vector<Record> list,
                           std::uint64_t size, const char* code) {
    Archive archive;
    archive.records = in_file(std::move(list), 1, size);
    c.add_payload(name, rule, archive.bytes(), "ok", code);
  };
  refused("view-of-lower", "the base is dense",
          {raw::tensor({.dtype = 4,
                        .bits = 16,
                        .form = 1,
                        .stored = 3,
                        .chunk = 3,
                        .shape = {2, 2},
                        .name = "w"}),
           raw::raw_chunk({}, words(3, 1)), raw::tensor(view_record(1, {4}, 1, 0, {1}))},
          8, "malformed");
  std::vector<Record> expanded = base_records();
  expanded.push_back(raw::tensor(view_record(1, {(std::uint64_t{32} << 20) + 25}, 1, 0, {0})));
  refused("view-expansion-limit", "a view has at most 64 MiB and 4 times the bytes of its base",
          expanded, 12, "limit");
  // 34 Mi elements, whose windows span more than 64 MiB.
  const std::uint64_t count = std::uint64_t{34} << 20;
  const Buffer chunk = words(count / 2, 1);
  refused("view-span-limit", "a view whose axes overlap spans at most 64 MiB",
          {raw::tensor({.dtype = 4,
                        .bits = 16,
                        .stored = count,
                        .chunk = count / 2,
                        .shape = {count},
                        .name = "w"}),
           raw::chunk({.codec = 1}, chunk, Bytes(chunk).first(2)),
           raw::chunk({.number = 1, .codec = 1}, chunk, Bytes(chunk).first(2)),
           raw::tensor(view_record(1, {count - 1, 2}, 1, 0, {1, 1}))},
          count * 2, "limit");
}

}  // namespace

void add_view_vectors(Collector& c) {
  view_places(c);
  view_orders(c);
  view_storages(c);
  view_forms(c);
}

}  // namespace bbz::vectors
