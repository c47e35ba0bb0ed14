// A mutator for fuzz targets that take heads of HTTP responses: it keeps lines, names and values
// apart and changes one of them, so that what reads a field is reached with values that are nearly
// right.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace bbz::fuzz {

class HeadsMutator {
 public:
  explicit HeadsMutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      lines.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (lines.empty()) lines.emplace_back("HTTP/1.1 206 Partial Content\r");
    change(lines);
    std::string out;
    for (const std::string& line : lines) out += line + '\n';
    return out;
  }

 private:
  template <std::size_t Size>
  const char* one_of(const char* const (&words)[Size]) {
    return words[below(Size)];
  }
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  // Changes which lines there are, or one of them.
  void change(std::vector<std::string>& lines) {
    const std::size_t at = below(lines.size());
    const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(10)) {
      case 0:
        lines.insert(place, std::string(lines[at]));
        break;
      case 1:
        lines.erase(place);
        break;
      case 2:
        std::swap(lines[at], lines[below(lines.size())]);
        break;
      case 3:
        lines.insert(place, new_field());
        break;
      case 4:
        fold(lines, at);
        break;
      case 5:
        lines.insert(place, one_of({"HTTP/1.1 100 Continue\r", "HTTP/2 503", "HTTP/1.1 302 Found\r",
                                    "HTTP/1.1 416 No\r", "HTTP/1.1 2060 x\r", "HTTP/", "\r"}));
        break;
      default:
        change_line(lines[at]);
    }
  }

  // Breaks a line in two, of which the second continues the first.
  void fold(std::vector<std::string>& lines, std::size_t at) {
    const std::size_t cut = below(lines[at].size() + 1);
    const std::string rest = one_of({" ", "\t", "  \t"}) + lines[at].substr(cut);
    lines[at].resize(cut);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at) + 1, rest);
  }

  std::string new_field() {
    const char* const name =
        one_of({"ETag", "Last-Modified", "Content-Range", "Content-Length", "Retry-After",
                "Content-Type", "Content-Encoding", "Location", "http", "HTTPS"});
    const char* const value =
        one_of({"\"a\"", "W/\"a\"", "\"a\rX: y\"", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed\rX: y",
                "bytes 0-99/1000", "bytes */7", "bytes 5-9/*", "bytes 9-5/1", "12", "-1",
                "//user:pass@host:80/a?b#c", "//[::1]:443/", "//0x7f.1/", "//127.0.0.1:80/"});
    return std::string(name) + one_of({":", ": ", ":\t", " : "}) + value +
           one_of({"\r", "", " \r"});
  }

  // Changes the name, the value or a number of a line.
  void change_line(std::string& line) {
    const std::size_t colon = line.find(':');
    const std::size_t value = colon == std::string::npos ? 0 : colon + 1;
    switch (below(5)) {
      case 0:
        change_number(line);
        break;
      case 1:  // the case of a letter of the name
        if (const std::size_t at = below(value); at < line.size()) {
          line[at] = static_cast<char>(line[at] ^ 0x20);
        }
        break;
      case 2: {  // a character that acts
        constexpr std::string_view kActing("\0\r\x1b\x7f\"\t /:@%#?[]\x80\x9b,;=-*", 23);
        line.insert(value + below(line.size() - value + 1), 1, kActing[below(kActing.size())]);
        break;
      }
      case 3:  // a long value
        line.insert(value + below(line.size() - value + 1), std::string(below(3000), 'a'));
        break;
      default: {
        std::vector<std::uint8_t> bytes(line.begin() + static_cast<std::ptrdiff_t>(value),
                                        line.end());
        const std::size_t size = bytes.size();
        bytes.resize(size + 64);
        bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
        line.resize(value);
        line.append(bytes.begin(), bytes.end());
      }
    }
  }

  void change_number(std::string& line) {
    const std::size_t from = below(line.size() + 1);
    const std::size_t begin = line.find_first_of("0123456789", from);
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(line.find_first_not_of("0123456789", begin), line.size());
    line.replace(begin, end - begin,
                 one_of({"0", "1", "99", "100", "1000", "4294967296", "9223372036854775807",
                         "9999999999999999999", "18446744073709551616", "-1", "+1", "0x1", ""}));
  }

  std::minstd_rand random_;
};

}  // namespace bbz::fuzz
