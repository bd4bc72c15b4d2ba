#include "plan/story_file.h"

#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "text/plain_text.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

constexpr uint64_t kMaxStoryBytes = 1 << 20;

}  // namespace

std::string read_story_file(const std::filesystem::path& file) {
  const std::string bytes = read_file(file, kMaxStoryBytes);
  const bool utf16 = is_marked_utf16(bytes);
  // A NUL is valid UTF-8, but only files that are no text have one, UTF-16 without its mark among them.
  if (utf16 || bytes.find('\0') != std::string::npos || !is_utf8(bytes)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: is {}, a story in UTF-8 expected", file.string(), utf16 ? "UTF-16" : "no text in UTF-8"), "save it as UTF-8");
  }
  return std::string(without_byte_order_mark(bytes));
}

}  // namespace dreamrunner
