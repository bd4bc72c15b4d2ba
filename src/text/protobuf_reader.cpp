#include "text/protobuf_reader.h"

#include <bit>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

[[noreturn]] void refuse(const std::string& origin, uint64_t offset, const std::string& what) {
  throw Error(ErrorKind::input_file, fmt::format("{}: byte {}: {}", origin, offset, what),
              "the file is damaged or not what its name says; fetch it again");
}

/// `bytes` as an unsigned number, lowest byte first.
uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

void ProtobufField::expect(Form form) const {
  if (form_ == form) return;
  refuse(*origin_, offset_,
         fmt::format("field {} has wire type {}, {} expected", number_, static_cast<int>(form_), static_cast<int>(form)));
}

std::string_view ProtobufField::as_bytes() const {
  expect(Form::bytes);
  return bytes_;
}

bool ProtobufField::as_bool() const {
  expect(Form::varint);
  return value_ != 0;
}

int32_t ProtobufField::as_int32() const {
  expect(Form::varint);
  return static_cast<int32_t>(static_cast<uint32_t>(value_));
}

float ProtobufField::as_float() const {
  expect(Form::fixed32);
  return std::bit_cast<float>(static_cast<uint32_t>(value_));
}

std::string_view ProtobufReader::take(uint64_t count) {
  if (count > rest_.size()) {
    refuse(*origin_, offset_, fmt::format("{} bytes announced, {} are left", count, rest_.size()));
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  offset_ += count;
  return taken;
}

uint64_t ProtobufReader::varint() {
  const uint64_t start = offset_;
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {  // 64 bits fit in ten groups of seven.
    const auto byte = static_cast<uint8_t>(take(1).front());
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  refuse(*origin_, start, "a number of more than 64 bits");
}

std::optional<ProtobufField> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  ProtobufField field;
  field.origin_ = origin_;
  field.offset_ = offset_;

  const uint64_t key = varint();
  constexpr uint64_t kHighestNumber = (1u << 29) - 1;
  if (key >> 3 == 0 || key >> 3 > kHighestNumber) refuse(*origin_, field.offset_, fmt::format("field number {}", key >> 3));
  field.number_ = static_cast<uint32_t>(key >> 3);
  field.form_ = static_cast<ProtobufField::Form>(key & 7);

  switch (field.form_) {
    case ProtobufField::Form::varint: field.value_ = varint(); break;
    case ProtobufField::Form::fixed64: field.value_ = little_endian(take(8)); break;
    case ProtobufField::Form::fixed32: field.value_ = little_endian(take(4)); break;
    case ProtobufField::Form::bytes: {
      const uint64_t length = varint();
      field.bytes_offset_ = offset_;
      field.bytes_ = take(length);
      break;
    }
    default: refuse(*origin_, field.offset_, fmt::format("field {} has the unknown wire type {}", key >> 3, key & 7));
  }
  return field;
}

}  // namespace dreamrunner
