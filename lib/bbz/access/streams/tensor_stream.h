// Tensors as C++ streams: Boost.Iostreams devices for Reader and Writer.
//
//   streams::TensorIStream in(reader, tensor);          // a std::istream that can seek
//   in.seekg(first * 2);
//   in.read(buffer, count * 2);
//   if (!in) std::cerr << in.error()->message;
//
// Streams have no Result. If decoding or writing fails, the device throws std::ios_base::failure,
// and the stream sets badbit, or rethrows if its exception mask says so. error() says what
// happened.
#pragma once

#include <memory>
#include <optional>

#include <boost/iostreams/categories.hpp>
#include <boost/iostreams/stream.hpp>

#include "bbz/archive/reader.h"
#include "bbz/archive/writer.h"

namespace bbz::streams {

// Reads the decoded bytes of one tensor lazily. A block (a chunk; a part of one of an expanded form;
// a derived tensor as a whole) is decoded when the position first comes to it, and one block is
// kept. Copies share position and state, as Boost.Iostreams asks of a device. A device is not
// thread-safe; several devices may share one Reader.
class TensorSource {
 public:
  // The type of elements that Boost.Iostreams transfers: bytes.
  using char_type = char;
  // The concepts of Boost.Iostreams that the device models.
  struct category : boost::iostreams::input_seekable, boost::iostreams::device_tag {};

  // Makes a device for a tensor, by number. `reader` must outlive it. If the tensor does not exist,
  // the first read fails.
  TensorSource(const Reader& reader, std::uint32_t tensor);

  // Reads up to `size` bytes; returns -1 at the end. Throws std::ios_base::failure.
  std::streamsize read(char* out, std::streamsize size);
  // Moves the position, and returns it. Throws std::ios_base::failure outside of the tensor.
  std::streampos seek(boost::iostreams::stream_offset offset, std::ios_base::seekdir way);

  // Returns the error that made the last read fail, or nullopt.
  const std::optional<Error>& error() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Appends what is written to the open tensor of a Writer. The caller calls begin_tensor() and
// end_tensor().
class TensorSink {
 public:
  // The type of elements that Boost.Iostreams transfers: bytes.
  using char_type = char;
  // The concepts of Boost.Iostreams that the device models.
  struct category : boost::iostreams::output, boost::iostreams::device_tag {};

  // Makes a device for a writer, which must outlive it.
  explicit TensorSink(Writer& writer);

  // Writes all of `bytes`. Throws std::ios_base::failure.
  std::streamsize write(const char* bytes, std::streamsize size);

  // Returns the error of the last write that failed, or nullopt.
  const std::optional<Error>& error() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// A std::istream over one tensor, which can seek.
class TensorIStream : public boost::iostreams::stream<TensorSource> {
 public:
  // Makes a stream for a tensor, by number. `reader` must outlive it.
  TensorIStream(const Reader& reader, std::uint32_t tensor)
      : TensorIStream(TensorSource(reader, tensor)) {}
  // Returns the error that made the last read fail, or nullopt.
  const std::optional<Error>& error() const { return device_.error(); }

 private:
  explicit TensorIStream(const TensorSource& device)
      : boost::iostreams::stream<TensorSource>(device), device_(device) {}
  TensorSource device_;
};

// A std::ostream into the open tensor of a Writer. Flush or destroy it before end_tensor().
class TensorOStream : public boost::iostreams::stream<TensorSink> {
 public:
  // Makes a stream for a writer, which must outlive it.
  explicit TensorOStream(Writer& writer) : TensorOStream(TensorSink(writer)) {}
  // Returns the error of the last write that failed, or nullopt.
  const std::optional<Error>& error() const { return device_.error(); }

 private:
  explicit TensorOStream(const TensorSink& device)
      : boost::iostreams::stream<TensorSink>(device), device_(device) {}
  TensorSink device_;
};

}  // namespace bbz::streams
