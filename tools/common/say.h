// put and say: the one place from which the tools write text to standard output and standard error.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "bbz/base/error.h"

namespace bbz::tools {

// Takes the place of each of the descriptors 0 to 2 that is closed, so that no file opened later
// gets its number and with it the messages. Reading or writing there fails as on a closed one.
// Precondition: nothing was opened yet.
void occupy_standard_descriptors();

// Report whether a person may be watching.
bool output_is_terminal();
bool messages_are_on_terminal();

// Returns the columns of the terminal that messages go to.
std::size_t message_width();

// Appends text to standard output, through a buffer. After an error everything is dropped, and
// flush_output() reports it. From one thread at a time. Of this and of all messages, only line ends
// reach a terminal as they are: what else would act on it is escaped as printable() does it.
void put_text(std::string_view text);

template <class... Args>
void put(fmt::format_string<Args...> format, Args&&... args) {
  put_text(fmt::format(format, std::forward<Args>(args)...));
}

// Writes what put() holds back. Errors: kIo if anything that put() took could not be written, now
// or before.
Status flush_output();

// Writes text to standard error, at once. Text that cannot be written, or formatted for want of
// memory, is dropped: a message must not end the work that it is about, so this neither throws nor
// raises SIGPIPE. From any thread.
void say_text(std::string_view text) noexcept;

// Writes to standard error, likewise, what is meant to act on a terminal.
void draw_text(std::string_view text) noexcept;

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    say_text(fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {
  }
}

}  // namespace bbz::tools
