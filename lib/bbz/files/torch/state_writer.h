// StateWriter: lays out a file of torch.save whose tensors may be written in any order.
//
// The file is a zip archive of stored entries, as PyTorch 1.6 and later write it: "archive/data.pkl", an
// entry for each tensor, whose data begin at a multiple of 64 bytes, and "archive/version". Each tensor is
// contiguous and has a storage of its own in the main memory.
#pragma once

#include "bbz/files/torch/frame.h"

namespace bbz::torch {

// Places the tensors of a file, and makes what lies between them. All of it follows from the frame and
// from the tensors' types, shapes and bytes.
class StateWriter {
 public:
  // A tensor of the file.
  struct Item {
    DType dtype{};  // type of its elements
    Shape shape;    // extents in elements, outermost first; empty for a scalar
  };
  // A range of the file that is no tensor.
  struct Piece {
    std::uint64_t offset = 0;      // in the file
    std::vector<std::byte> bytes;  // never empty
  };

  // Lays out a file. Precondition: the frame has what comes before each item. Errors: kUnsupported if
  // torch has no storages of a dtype; kMalformed if a size exceeds 64 bits.
  static Result<StateWriter> create(Frame frame, const std::vector<Item>& items);

  // Returns the offset of a tensor's bytes in the file.
  std::uint64_t offset(std::size_t item) const { return storages_[item].offset; }
  // Takes the bytes of a tensor, which it does not keep. Precondition: they are all of its bytes.
  void note_bytes(std::size_t item, Bytes bytes);
  // Returns all of the file that is no tensor, in order of offset: a piece before each, and one after the
  // last, which has the frame's note with this text. Precondition: note_bytes() was called for each tensor.
  std::vector<Piece> pieces(std::string_view note) const;

 private:
  struct Entry {
    std::string name;          // in the archive
    std::uint64_t header = 0;  // offset of its local header
    std::uint64_t offset = 0;  // of its data
    std::uint64_t size = 0;    // of its data, bytes
    std::uint32_t checksum = 0;
    // Returns whether its sizes need the fields of zip64.
    bool is_large() const { return size >= ~std::uint32_t{0}; }
  };
  StateWriter() = default;
  static Entry place(std::string name, std::uint64_t size, std::uint64_t header);
  static void put_header(const Entry& entry, std::vector<std::byte>& out);
  static void put_descriptor(const Entry& entry, std::vector<std::byte>& out);
  static void put_whole(std::string_view name, Bytes data, std::uint64_t begin,
                        std::vector<Entry>& entries, std::vector<std::byte>& out);
  static void put_directory(const std::vector<Entry>& entries, std::uint64_t begin,
                            std::vector<std::byte>& out);

  std::vector<std::byte> front_;  // the entries before the tensors
  std::vector<Entry> first_;      // those entries
  std::vector<Entry> storages_;   // as the items
};

}  // namespace bbz::torch
