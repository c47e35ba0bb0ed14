// put and say: all text that the tools write to standard output and standard error goes through
// them.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "bbz/base/error.h"

namespace bbz::tools {

// Opens each of the descriptors 0 to 2 that is closed, so that no file which is opened later gets
// its number, and with it the messages. Reading or writing there fails, as on a closed descriptor.
// Precondition: no file was opened yet.
void occupy_standard_descriptors();

// Returns whether standard output is a terminal, so that a person may be watching.
bool output_is_terminal();
// Returns whether standard error is a terminal.
bool messages_are_on_terminal();

// Returns the width of the terminal for messages, in columns.
std::size_t message_width();

// Appends text to standard output, through a buffer. After an error, all text is dropped, and
// flush_output() reports the error. Call it from one thread at a time. Of this text and of all
// messages, only line ends reach a terminal as they are: whatever else would act on it is escaped
// as by printable().
void put_text(std::string_view text);

// Formats text and appends it as put_text() does.
template <class... Args>
void put(fmt::format_string<Args...> format, Args&&... args) {
  put_text(fmt::format(format, std::forward<Args>(args)...));
}

// Writes what put() holds back. Errors: kIo if any text of put() could not be written, now or
// before.
Status flush_output();

// Writes text to standard error at once, from any thread. Text that cannot be written, or cannot be
// formatted because memory is short, is dropped: a message must not end the work that it is about.
// So this neither throws nor raises SIGPIPE.
void say_text(std::string_view text) noexcept;

// Lets messages begin with "bbz: " from now on if they would begin with '{', as names of files can, so
// that programs can tell them from lines of JSON.
void keep_messages_apart_from_json();

// Writes text with control characters for a terminal to standard error, in the same way.
void draw_text(std::string_view text) noexcept;

// Formats text and writes it as say_text() does.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    say_text(fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {
  }
}

}  // namespace bbz::tools
