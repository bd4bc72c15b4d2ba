#include "base/safetensors_index.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

/// A file: length of the header, header, `data` bytes of payload.
std::string file_of(const std::string& header, size_t data, uint64_t claimed) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(claimed >> (8 * i) & 0xff);
  return bytes + header + std::string(data, '\x01');
}
std::string file_of(const std::string& header, size_t data) { return file_of(header, data, header.size()); }

SafetensorsIndex parse(const std::string& file) { return parse_safetensors(std::as_bytes(std::span(file)), "x.safetensors"); }

struct Bad {
  std::string file;
  std::string message;  ///< Part of what is said of it.
};

std::string one(const std::string& fields) { return "{\"w\":{" + fields + "}}"; }
std::string placed(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return one("\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
}

std::vector<Bad> malformed() {
  const std::string sound = placed("\"F32\"", "[2]", "[0,8]");
  std::vector<Bad> cases = {
      // Lengths.
      {"", "file is 0 bytes"},
      {"\x01", "file is 1 bytes"},
      {std::string(7, '\0'), "file is 7 bytes"},
      {std::string(8, '\0'), "header length is 0"},
      {std::string(16, '\0'), "header length is 0"},
      {file_of(sound, 8, 1'000'000), "its header needs 1000008"},
      {file_of(sound, 8, 100'000'000), "its header needs"},
      {file_of(sound, 8, 100'000'001), "at most 100000000 expected"},
      {file_of(sound, 8, UINT64_MAX), "at most 100000000 expected"},
      {file_of(sound, 8, uint64_t{1} << 63), "at most 100000000 expected"},
      {file_of(sound, 8, sound.size() - 1), "header"},
      {file_of(sound, 8, sound.size() + 4), "header"},
      {file_of(sound, 8).substr(0, 20), "its header needs"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "Git-LFS pointer"},
      {"PK\x03\x04 a zip archive with pickled weights inside, long enough for eight bytes", "header length"},
      // JSON.
      {file_of("x", 0), "does not begin with {"},
      {file_of(" {}", 0), "does not begin with {"},
      {file_of("[]", 0), "does not begin with {"},
      {file_of("{", 0), "header:1:"},
      {file_of("{}x", 0), "header:1:"},
      {file_of("{\"w\":", 0), "header:1:"},
      {file_of("{'w':1}", 0), "header:1:"},
      {file_of("{\"w\xff\":1}", 0), "header:1:"},
      {file_of("{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", 0), "nested deeper than 4 levels"},
      {file_of("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "the name \"w\" comes twice"},
      {file_of("{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "comes twice"},
      // Entries.
      {file_of("{\"w\":1}", 0), "tensor \"w\": found no object"},
      {file_of("{\"w\":[]}", 0), "tensor \"w\": found no object"},
      {file_of("{\"w\":{}}", 0), "dtype is missing"},
      {file_of(one("\"dtype\":\"F32\""), 0), "shape is missing"},
      {file_of(one("\"dtype\":\"F32\",\"shape\":[1]"), 4), "data_offsets must be two numbers"},
      {file_of(placed("1", "[2]", "[0,8]"), 8), "dtype is missing"},
      {file_of(placed("\"F33\"", "[2]", "[0,8]"), 8), "dtype F33 is not supported"},
      {file_of(placed("\"f32\"", "[2]", "[0,8]"), 8), "dtype f32 is not supported"},
      {file_of(placed("\"F8_E4M3\"", "[8]", "[0,8]"), 8), "dtype F8_E4M3 is not supported"},
      {file_of(placed("\"F8_E5M2\"", "[8]", "[0,8]"), 8), "not supported"},
      {file_of(placed("\"F8_E8M0\"", "[8]", "[0,8]"), 8), "not supported"},
      {file_of(placed("\"F4\"", "[16]", "[0,8]"), 8), "not supported"},
      {file_of(placed("\"U16\"", "[4]", "[0,8]"), 8), "not supported"},
      {file_of(placed("\"F32\"", "2", "[0,8]"), 8), "shape is missing"},
      {file_of(placed("\"F32\"", "[2.0]", "[0,8]"), 8), "shape: found 2.0"},
      {file_of(placed("\"F32\"", "[-2]", "[0,8]"), 8), "shape: found -2"},
      {file_of(placed("\"F32\"", "[\"2\"]", "[0,8]"), 8), "shape: found \"2\""},
      {file_of(placed("\"F32\"", "[1e1]", "[0,40]"), 40), "shape: found"},
      {file_of(placed("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1), "9 dimensions, at most 8 expected"},
      {file_of(placed("\"F32\"", "[4294967296,4294967296]", "[0,8]"), 8), "overflows"},
      {file_of(placed("\"F32\"", "[9223372036854775807]", "[0,8]"), 8), "overflows"},
      {file_of(placed("\"F32\"", "[18446744073709551615]", "[0,8]"), 8), "overflows"},
      {file_of(placed("\"F32\"", "[4611686018427387904]", "[0,8]"), 8), "overflows"},
      {file_of(placed("\"F32\"", "[3]", "[0,8]"), 8), "8 bytes at its offsets, 12 expected for F32 [3]"},
      {file_of(placed("\"F32\"", "[]", "[0,8]"), 8), "8 bytes at its offsets, 4 expected"},
      {file_of(placed("\"F32\"", "[0]", "[0,8]"), 8), "8 bytes at its offsets, 0 expected"},
      {file_of(placed("\"F32\"", "[2]", "8"), 8), "data_offsets must be two numbers"},
      {file_of(placed("\"F32\"", "[2]", "[0]"), 8), "data_offsets must be two numbers"},
      {file_of(placed("\"F32\"", "[2]", "[0,8,8]"), 8), "data_offsets must be two numbers"},
      {file_of(placed("\"F32\"", "[2]", "[-8,0]"), 8), "data_offsets: found -8"},
      {file_of(placed("\"F32\"", "[2]", "[0.5,8.5]"), 9), "data_offsets: found 0.5"},
      {file_of(placed("\"F32\"", "[2]", "[8,0]"), 8), "run backwards"},
      {file_of(placed("\"F32\"", "[2]", "[0,8]"), 7), "ends at byte 8 of the data, the file holds 7"},
      {file_of(placed("\"F32\"", "[2]", "[18446744073709551608,18446744073709551615]"), 8), "ends at byte 18446744073709551615"},
      {file_of(placed("\"F32\"", "[2]", "[0,8]").insert(6, "\"extra\":1,"), 8), "unknown field \"extra\""},
      // Cover.
      {file_of(sound, 9), "1 trailing bytes"},
      {file_of("{}", 1), "1 trailing bytes"},
      {file_of(placed("\"F32\"", "[2]", "[4,12]"), 12), "gap of 4 bytes before tensor \"w\""},
      {file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6), "tensors \"a\" and \"b\" overlap"},
      {file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4), "overlap"},
      {file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}", 5), "gap of 1 bytes before tensor \"b\""},
      // Metadata.
      {file_of("{\"__metadata__\":1}", 0), "__metadata__ is no object"},
      {file_of("{\"__metadata__\":[]}", 0), "__metadata__ is no object"},
      {file_of("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__: \"a\" is no string"},
  };
  return cases;
}

TEST(SafetensorsIndexTest, MalformedFilesAreRefusedAtOnceSayingWhatIsWrong) {
  const std::vector<Bad> cases = malformed();
  EXPECT_GE(cases.size(), 60u);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(fmt::format("case {}: {}", i, cases[i].message));
    const auto start = std::chrono::steady_clock::now();
    try {
      parse(cases[i].file);
      ADD_FAILURE() << "nothing was refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file);
      EXPECT_THAT(error.what(), HasSubstr("x.safetensors: "));
      EXPECT_THAT(error.what(), HasSubstr(cases[i].message));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  }
}

TEST(SafetensorsIndexTest, OddButSoundFilesAreRead) {
  std::vector<std::pair<std::string, size_t>> cases = {
      {file_of("{}", 0), 0},
      {file_of("{\"__metadata__\":{}}", 0), 0},
      {file_of("{\"__metadata__\":{\"format\":\"pt\",\"\":\"\",\"\\u00e9\":\"\\n\"}}", 0), 0},
      {file_of("{}       ", 0), 0},
      {file_of("{\n\t}\r\n", 0), 0},
      {file_of(placed("\"F32\"", "[]", "[0,4]"), 4), 1},
      {file_of(placed("\"F32\"", "[0]", "[0,0]"), 0), 1},
      {file_of(placed("\"F32\"", "[0,4]", "[0,0]"), 0), 1},
      {file_of(placed("\"F32\"", "[4294967296,0,4294967296]", "[0,0]"), 0), 1},
      {file_of(placed("\"U8\"", "[1,1,1,1,1,1,1,1]", "[0,1]"), 1), 1},
      {file_of(one("\"data_offsets\":[0,2],\"shape\":[1],\"dtype\":\"F16\""), 2), 1},
      {file_of("{\"n\\u00e9 \\\"x\\\"\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), 1},
      {file_of("{\"\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), 1},
      {file_of("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 4), 2},
      {file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"e\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}", 3), 3},
      {file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"f\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]}}", 9), 2},
      {file_of("{\"" + std::string(5000, 'n') + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), 1},
  };
  for (const auto& [type, size] : std::vector<std::pair<std::string, size_t>>{
           {"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"I16", 2}, {"I32", 4}, {"I64", 8}, {"F16", 2}, {"BF16", 2}, {"F32", 4}, {"F64", 8}}) {
    cases.push_back({file_of(placed("\"" + type + "\"", "[3,2]", fmt::format("[0,{}]", 6 * size)), 6 * size), 1});
  }
  for (const size_t padding : {1u, 7u, 4096u}) cases.push_back({file_of(placed("\"F32\"", "[2]", "[0,8]") + std::string(padding, ' '), 8), 1});
  EXPECT_GE(cases.size(), 30u);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(fmt::format("case {}", i));
    EXPECT_EQ(parse(cases[i].first).tensors.size(), cases[i].second);
  }
}

TEST(SafetensorsIndexTest, ShapesNamesAndMetadataAreExact) {
  const SafetensorsIndex index = parse(file_of("{\"__metadata__\":{\"k\":\"v\"},\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                                               "\"e\":{\"dtype\":\"BF16\",\"shape\":[0,4],\"data_offsets\":[4,4]}}", 4));
  ASSERT_EQ(index.tensors.size(), 2u);
  EXPECT_EQ(index.tensors[0].name, "s");
  EXPECT_TRUE(index.tensors[0].shape.empty());
  EXPECT_EQ(index.tensors[1].shape, (std::vector<int64_t>{0, 4}));
  EXPECT_EQ(index.tensors[1].type, TensorType::bf16);
  EXPECT_EQ(index.metadata.at("k"), "v");
}

TEST(SafetensorsIndexTest, AWrittenHeaderIsReadBack) {
  std::vector<TensorEntry> entries = {{.name = "a", .type = TensorType::f32, .shape = {2, 3}, .offset = 0, .size = 0},
                                      {.name = "b \"\xC3\xA9", .type = TensorType::u8, .shape = {5}, .offset = 0, .size = 0}};
  const std::string header = make_safetensors_header(entries, {{"kind", "test"}});
  EXPECT_EQ(header.size() % 64, 0u);
  const SafetensorsIndex index = parse(header + std::string(24 + 5, '\0'));
  ASSERT_EQ(index.tensors.size(), 2u);
  EXPECT_EQ(index.tensors[1].name, entries[1].name);
  EXPECT_EQ(index.tensors[1].offset, entries[1].offset);
  EXPECT_EQ(index.tensors[0].size, 24u);
}

TEST(SafetensorsIndexTest, ManyTensorsTakeTimeInProportion) {
  std::string header = "{";
  for (int i = 0; i < 50'000; ++i) header += fmt::format("{}\"layer.{}.weight\":{{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[{},{}]}}", i ? "," : "", i, i, i + 1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse(file_of(header + "}", 50'000)).tensors.size(), 50'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << "a search per tensor takes minutes";
}

}  // namespace
}  // namespace dreamrunner
