#include "engine/out_of_memory.h"

#include <cctype>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// "1.5 GB" of "... you tried to allocate 1610612736 bytes ..."; empty where the words are others.
std::string amount_in(const std::string& words) {
  const size_t at = words.find_first_of("0123456789", words.find("allocate"));
  if (words.find("allocate") == std::string::npos || at == std::string::npos) return "";
  double number = 0;
  size_t end = at;
  for (; end < words.size() && std::isdigit(static_cast<unsigned char>(words[end])) != 0; ++end) number = number * 10 + (words[end] - '0');
  if (!words.substr(end).starts_with(" bytes")) return "";
  return fmt::format(" ({:.2f} GB more were asked for)", number / 1e9);
}

}  // namespace

void rethrow_out_of_memory(const c10::Error& error) {
  const std::string words = error.what_without_backtrace();
  const bool on_gpu = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr;
  if (!on_gpu && words.find("can't allocate memory") == std::string::npos && words.find("not enough memory") == std::string::npos) throw;
  throw Error(ErrorKind::memory, fmt::format("memory ran out{}{}", on_gpu ? " on the GPU" : "", amount_in(words)),
              "a smaller --num-frames, --height or --width needs less; so do --dtype bf16 and, for pictures, --vae-tiling");
}

}  // namespace dreamrunner
