#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dreamrunner {

/// One field of a message in the wire format of Protocol Buffers: its number and its undecoded value. The accessors
/// throw Error(input_file) when the value was written in another form than the one asked for.
class ProtobufField {
 public:
  enum class Form { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  uint32_t number() const { return number_; }
  /// Where the field begins in the file.
  uint64_t offset() const { return offset_; }

  std::string_view as_bytes() const;
  bool as_bool() const;
  /// An enumeration or a signed 32-bit integer; higher bits are dropped, as protobuf does.
  int32_t as_int32() const;
  float as_float() const;

 private:
  friend class ProtobufReader;
  void expect(Form form) const;

  const std::string* origin_ = nullptr;
  uint32_t number_ = 0;
  Form form_ = Form::varint;
  uint64_t offset_ = 0;
  uint64_t bytes_offset_ = 0;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

/// Walks the fields of one message without a schema and without copying. It never looks past the bytes it was given:
/// each length is compared with what is left before it is used, and nothing is allocated. The bytes and `origin` (the
/// file's name for messages) must outlive the reader and its fields.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view message, const std::string& origin) : rest_(message), origin_(&origin) {}

  /// Reads the message inside a field.
  ProtobufReader(const ProtobufField& field, const std::string& origin)
      : rest_(field.as_bytes()), offset_(field.bytes_offset_), origin_(&origin) {}

  /// The next field, or nothing at the end. Throws Error(input_file) for a number or value that is cut off, too long or
  /// of an unknown form (groups, which proto2 has given up, are unknown).
  std::optional<ProtobufField> next();

 private:
  uint64_t varint();
  std::string_view take(uint64_t count);

  std::string_view rest_;
  uint64_t offset_ = 0;  // of rest_ in the file
  const std::string* origin_;
};

}  // namespace dreamrunner
