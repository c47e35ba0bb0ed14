// Extensions: what a later version, or somebody else, adds to the meta of a record.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bbz/format/container/record.h"
#include "bbz/io/file_attributes.h"

namespace bbz {
class WireReader;
}

namespace bbz::container {

// What a reader needs to know of the extensions at the end of a meta. It is small, because every chunk
// of a catalog has it.
struct Extensions {
  // The private numbers among them: bit i is number kFirstPrivate + i.
  std::uint32_t private_numbers = 0;
  // The layer of a tensor whose name does not tell it.
  std::optional<std::uint32_t> layer{};
  // The tensor is memory that others are views of, and no tensor of the model.
  bool storage = false;
  // One of them is required, and this version does not know it. What the record declares is then
  // unsupported.
  bool unknown = false;

  // Returns whether there are some that write_extensions() writes: those that are known.
  bool has_known() const { return layer.has_value() || storage; }
};

// The same of a file record.
struct FileExtensions : Extensions {
  // The permissions and the modification time of the file, as far as its record states them.
  io::FileAttributes attributes{};

  // Returns whether there are some that write_extensions() writes: those that are known.
  bool has_known() const { return !attributes.empty() || Extensions::has_known(); }
};

// The same of any record, with what is too large to be kept for each.
struct RecordExtensions : FileExtensions {
  // The fields of the extension *leaning* of a tensor, which catalog::decode_tensor() reads.
  std::optional<std::vector<std::byte>> leaning{};
};

// Appends a list of extensions with the known ones of `extensions`. Precondition: it has one.
void write_extensions(const RecordExtensions& extensions, std::vector<std::byte>& out);
// Does the same for a record that is not that of a tensor which leans.
void write_extensions(const FileExtensions& extensions, std::vector<std::byte>& out);
// Does the same for a record that is not that of a file either.
void write_extensions(const Extensions& extensions, std::vector<std::byte>& out);

// Returns a list of extensions with other fields of its extension *leaning*. Precondition: `list` is one
// that read_extensions() takes.
std::vector<std::byte> replace_leaning(Bytes list, const std::vector<std::byte>& fields);

// Reads the list of extensions that ends the meta of an extended record. Returns nothing if it is
// not valid, or does not fill the rest of the meta exactly. For another record, returns no
// extensions if the meta was read to its end. Only a file record has attributes, and only that of a
// tensor leans.
std::optional<RecordExtensions> read_extensions(const RecordHead& head, WireReader& rest);

// Checks that no extension is required that is not known. `what` names what they are of. Errors:
// kUnsupported.
Status check_extensions(const Extensions& extensions, std::string_view what);

}  // namespace bbz::container
