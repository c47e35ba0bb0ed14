// Tensors as C++ streams: Boost.Iostreams devices over Reader and Writer.
//
//   streams::TensorIStream in(reader, tensor);          // a std::istream that can seek
//   in.seekg(first * 2);
//   in.read(buffer, count * 2);
//   if (!in) std::cerr << in.error()->message;
//
// A stream knows no Result: where decoding or writing fails, the device throws
// std::ios_base::failure, which the stream turns into badbit (or rethrows, where its exception mask
// says so). error() tells what happened.
#pragma once

#include <memory>
#include <optional>

#include <boost/iostreams/categories.hpp>
#include <boost/iostreams/stream.hpp>

#include "bbz/archive/reader.h"
#include "bbz/archive/writer.h"

namespace bbz::streams {

// The decoded bytes of one tensor, read lazily: a block (a chunk; a part of one of a lower tensor; a
// derived tensor as a whole) is decoded when the position first comes to it, and one is kept. Copies share position and state, as Boost.Iostreams asks of a
// device. Not for two threads at once; any number of devices over one Reader is.
class TensorSource {
 public:
  using char_type = char;
  struct category : boost::iostreams::input_seekable, boost::iostreams::device_tag {};

  // `reader` must outlive the device. A tensor that does not exist fails the first read.
  TensorSource(const Reader& reader, std::uint32_t tensor);

  // The device's side of Boost.Iostreams: -1 at the end.
  std::streamsize read(char* out, std::streamsize size);
  std::streampos seek(boost::iostreams::stream_offset offset, std::ios_base::seekdir way);

  // The error that made the last read fail.
  const std::optional<Error>& error() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Appends what is written to the open tensor of a Writer. begin_tensor() and end_tensor() stay with
// the caller.
class TensorSink {
 public:
  using char_type = char;
  struct category : boost::iostreams::output, boost::iostreams::device_tag {};

  // `writer` must outlive the device.
  explicit TensorSink(Writer& writer);

  std::streamsize write(const char* bytes, std::streamsize size);

  const std::optional<Error>& error() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The devices as ready-made streams. Flush or destroy an output stream before end_tensor().
class TensorIStream : public boost::iostreams::stream<TensorSource> {
 public:
  TensorIStream(const Reader& reader, std::uint32_t tensor)
      : TensorIStream(TensorSource(reader, tensor)) {}
  const std::optional<Error>& error() const { return device_.error(); }

 private:
  explicit TensorIStream(const TensorSource& device)
      : boost::iostreams::stream<TensorSource>(device), device_(device) {}
  TensorSource device_;
};

class TensorOStream : public boost::iostreams::stream<TensorSink> {
 public:
  explicit TensorOStream(Writer& writer) : TensorOStream(TensorSink(writer)) {}
  const std::optional<Error>& error() const { return device_.error(); }

 private:
  explicit TensorOStream(const TensorSink& device)
      : boost::iostreams::stream<TensorSink>(device), device_(device) {}
  TensorSink device_;
};

}  // namespace bbz::streams
