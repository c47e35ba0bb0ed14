// Shared by the tests of this room: a file that differs from any other, and options without waits.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bbz/http/source.h"
#include "http/server.h"
#include "support/bytes.h"

namespace bbz::http {

inline std::string content_of(std::size_t size, unsigned seed = 1) {
  return noise_text(size, seed);
}

inline Options quick() {
  Options options;
  options.front_bytes = 1000;
  options.first_delay = std::chrono::milliseconds(1);
  options.longest_delay = std::chrono::milliseconds(20);
  options.proxy = "";  // whatever the environment of the tests says
  options.traffic = std::make_shared<Traffic>();
  return options;
}

// Reads [offset, offset + size), or less if the source ends.
inline Result<std::string> read(io::Source& source, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  BBZ_ASSIGN(const std::size_t got,
             io::read_up_to(source, offset, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

inline std::string message_of(const Result<std::string>& result) {
  return result.ok() ? "no error" : result.error().message;
}

}  // namespace bbz::http
