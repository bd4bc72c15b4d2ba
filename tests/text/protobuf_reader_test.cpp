#include "text/protobuf_reader.h"

#include "spiece_builder.h"

namespace dreamrunner {
namespace {

using namespace test;
const std::string kOrigin = "file";

/// Reads all fields and returns the first one.
ProtobufField first_field(const std::string& bytes) {
  ProtobufReader reader(bytes, kOrigin);
  const auto first = reader.next();
  while (reader.next()) {
  }
  return first.value();
}

TEST(ProtobufReader, ReadsEveryForm) {
  const std::string bytes = number_field(1, 300) + number_field(2, UINT64_MAX) + float_field(3, -2.5f) + bytes_field(4, "fox") + key(5, 1) +
                            std::string(8, '\1') + number_field(536870911, 1);
  ProtobufReader reader(bytes, kOrigin);
  EXPECT_EQ(reader.next()->as_int32(), 300);
  EXPECT_EQ(reader.next()->as_int32(), -1);
  EXPECT_EQ(reader.next()->as_float(), -2.5f);
  EXPECT_EQ(reader.next()->as_bytes(), "fox");
  EXPECT_EQ(reader.next()->number(), 5u);
  const auto last = reader.next();
  EXPECT_EQ(last->number(), 536870911u);
  EXPECT_TRUE(last->as_bool());
  EXPECT_FALSE(reader.next());
}

TEST(ProtobufReader, AnInnerMessageNamesPlacesInTheWholeFile) {
  const std::string bytes = number_field(1, 7) + bytes_field(2, number_field(3, 1) + number_field(4, 2));
  ProtobufReader outer(bytes, kOrigin);
  outer.next();
  const auto message = outer.next();
  ProtobufReader inner(*message, kOrigin);
  EXPECT_EQ(inner.next()->offset(), 4u);
  EXPECT_EQ(inner.next()->offset(), 6u);
  EXPECT_FALSE(inner.next());
}

TEST(ProtobufReader, AnInnerLengthCannotReachBehindItsMessage) {
  // The inner field announces four bytes; they are in the file, but not in the message.
  const std::string bytes = bytes_field(1, key(2, 2) + varint(4)) + "abcd";
  ProtobufReader outer(bytes, kOrigin);
  const auto message = outer.next();
  ProtobufReader inner(*message, kOrigin);
  expect_refused([&] { inner.next(); }, "file: byte 4: 4 bytes announced, 0 are left");
}

TEST(ProtobufReader, RefusesWhatIsCutOrTooLong) {
  expect_refused([] { first_field("\x80"); }, "bytes announced");
  expect_refused([] { first_field(key(1, 0)); }, "bytes announced");
  expect_refused([] { first_field(key(1, 5) + "abc"); }, "4 bytes announced, 3 are left");
  expect_refused([] { first_field(key(1, 1) + "abc"); }, "8 bytes announced, 3 are left");
  expect_refused([] { first_field(key(1, 2) + varint(UINT64_MAX) + "abc"); }, "18446744073709551615 bytes announced");
  expect_refused([] { first_field(key(1, 0) + std::string(9, '\xFF') + '\x02'); }, "more than 64 bits");
  expect_refused([] { first_field(std::string(20, '\xFF')); }, "more than 64 bits");
}

TEST(ProtobufReader, RefusesUnknownFormsAndNumbers) {
  for (const int type : {3, 4, 6, 7}) expect_refused([type] { first_field(key(1, type)); }, "unknown wire type");
  expect_refused([] { first_field(number_field(0, 1)); }, "field number 0");
  expect_refused([] { first_field(number_field(1u << 29, 1)); }, "field number 536870912");
}

TEST(ProtobufReader, RefusesAValueInAnotherFormThanExpected) {
  expect_refused([] { first_field(number_field(1, 1)).as_bytes(); }, "field 1 has wire type 0, 2 expected");
  expect_refused([] { first_field(number_field(1, 1)).as_float(); }, "5 expected");
  expect_refused([] { first_field(bytes_field(1, "x")).as_bool(); }, "0 expected");
  expect_refused([] { first_field(bytes_field(1, "x")).as_int32(); }, "0 expected");
}

}  // namespace
}  // namespace dreamrunner
