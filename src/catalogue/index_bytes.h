#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace dreamrunner {

// The files of a catalogue hold numbers as this machine does.
static_assert(std::endian::native == std::endian::little, "catalogue files are little-endian");

/// Appends a number, 7 bits a byte, the lowest first; the top bit says that more follow.
template <typename Bytes>
void append_varint(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<typename Bytes::value_type>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<typename Bytes::value_type>(value));
}

/// Appends a number's bytes.
template <typename Number>
void append_raw(std::string& out, Number value) {
  static_assert(std::is_trivially_copyable_v<Number>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// A number at `at`, which need not be aligned.
template <typename Number>
Number load_raw(const uint8_t* at) {
  static_assert(std::is_trivially_copyable_v<Number>);
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Reads what was appended, never past the end: throws Error(input_file) with `what` in its message instead.
class ByteReader {
 public:
  ByteReader(std::span<const uint8_t> bytes, const char* what) : at_(bytes.data()), end_(bytes.data() + bytes.size()), what_(what) {}

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) fail();
      const uint8_t byte = *at_++;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  template <typename Number>
  Number raw() {
    return load_raw<Number>(take(sizeof(Number)));
  }

  std::string_view text(uint64_t size) { return {reinterpret_cast<const char*>(take(size)), static_cast<size_t>(size)}; }
  /// A text behind its length.
  std::string_view text() { return text(varint()); }

  size_t left() const { return static_cast<size_t>(end_ - at_); }
  [[noreturn]] void fail() const { throw Error(ErrorKind::input_file, std::string(what_) + ": damaged", "make the catalogue anew with `dreamrunner clips add`"); }

 private:
  const uint8_t* take(uint64_t size) {
    if (size > left()) fail();
    const uint8_t* const begin = at_;
    at_ += size;
    return begin;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  const char* what_;
};

}  // namespace dreamrunner
