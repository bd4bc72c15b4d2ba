#include "text/spiece_model.h"

#include <limits>

#include <fmt/format.h>

#include "base/files.h"
#include "spiece_builder.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using namespace test;

void expect_bad_model(const std::string& bytes, const std::string& part) {
  expect_refused([&] { parse_spiece_model(bytes, "file"); }, part);
}

std::string byte_pieces(int count) {
  std::string pieces;
  for (int byte = 0; byte < count; ++byte) pieces += piece_field(fmt::format("<0x{:02X}>", byte), 0, 6);
  return pieces;
}

TEST(SpieceModel, ReadsPiecesAndFlags) {
  const std::string normalizer = number_field(3, 0) + number_field(4, 0) + number_field(5, 0) + bytes_field(2, "rules");
  const SpieceModel model =
      parse_spiece_model(small_model() + bytes_field(3, normalizer) + bytes_field(2, number_field(3, 1) + number_field(24, 1)), "file");
  ASSERT_EQ(model.pieces.size(), 10u);
  EXPECT_EQ(model.unknown_id, 2);
  EXPECT_EQ(model.pieces[1].kind, SpiecePiece::Kind::control);
  EXPECT_EQ(model.pieces[4].text, "\u2581fox");
  EXPECT_EQ(model.pieces[4].score, -4.0f);
  EXPECT_EQ(model.pieces[4].kind, SpiecePiece::Kind::normal);
  EXPECT_EQ(model.normalizer.charsmap, "rules");
  EXPECT_FALSE(model.normalizer.add_dummy_prefix || model.normalizer.remove_extra_whitespaces || model.normalizer.escape_whitespaces);
  EXPECT_TRUE(model.normalizer.blank_is_suffix);
}

TEST(SpieceModel, FlagsAreOnWhereTheFileIsSilent) {
  const SpieceModel model = parse_spiece_model(small_model(), "file");
  EXPECT_TRUE(model.normalizer.add_dummy_prefix && model.normalizer.remove_extra_whitespaces && model.normalizer.escape_whitespaces);
  EXPECT_FALSE(model.normalizer.blank_is_suffix || model.byte_fallback);
}

TEST(SpieceModel, SkipsFieldsItDoesNotNeed) {
  const std::string strange = number_field(200, 5) + bytes_field(4, "self test") + bytes_field(5, "denormaliser") + float_field(999, 1);
  EXPECT_EQ(parse_spiece_model(strange + small_model() + strange, "file").pieces.size(), 10u);
}

TEST(SpieceModel, ReadsTheBytePieces) {
  const SpieceModel model = parse_spiece_model(special_pieces() + byte_pieces(256) + bytes_field(2, number_field(35, 1)), "file");
  EXPECT_TRUE(model.byte_fallback);
  EXPECT_EQ(model.byte_ids[0x0A], 3 + 0x0A);
  EXPECT_EQ(model.byte_ids[0xFF], 3 + 0xFF);
}

TEST(SpieceModel, RefusesAVocabularyThatIsNotOne) {
  expect_bad_model("", "file: no pieces");
  expect_bad_model(bytes_field(2, number_field(3, 1)), "file: no pieces");
  expect_bad_model(piece_field("a", -1) + piece_field("</s>", 0, 3), "no unknown piece");
  expect_bad_model(small_model() + piece_field("<unk2>", 0, 2), "piece 10: a second unknown piece after 2");
  expect_bad_model(small_model() + piece_field("ox", -1), "piece 10: the same text as an earlier piece");
  expect_bad_model(small_model() + piece_field("ox", -1, 4), "piece 10: the same text as an earlier piece");
  expect_bad_model(small_model() + piece_field("</s>", 0, 3), "piece 10: the same text as an earlier piece");
}

TEST(SpieceModel, RefusesAPieceThatIsNotOne) {
  expect_bad_model(small_model() + bytes_field(1, ""), "piece 10: empty");
  expect_bad_model(small_model() + piece_field("", -1), "piece 10: empty");
  EXPECT_EQ(parse_spiece_model(small_model() + piece_field(std::string(2048, 'x'), -1), "file").pieces.size(), 11u);
  expect_bad_model(small_model() + piece_field(std::string(2049, 'x'), -1), "piece 10: 2049 bytes long, at most 2048 expected");
  expect_bad_model(small_model() + piece_field("\xFF", -1), "piece 10: not UTF-8");
  expect_bad_model(small_model() + piece_field(std::string_view("a\0b", 3), -1), "piece 10: not UTF-8");
  expect_bad_model(small_model() + piece_field("y", std::numeric_limits<float>::quiet_NaN()), "piece 10: score nan");
  expect_bad_model(small_model() + piece_field("y", -std::numeric_limits<float>::infinity()), "piece 10: score -inf");
  expect_bad_model(small_model() + piece_field("y", -1, 7), "piece 10: type 7, 1 to 6 expected");
  expect_bad_model(small_model() + piece_field("y", -1, 0), "piece 10: type 0");
}

TEST(SpieceModel, RefusesBytePiecesThatDoNotFitTheFlag) {
  expect_bad_model(special_pieces() + byte_pieces(256), "piece 3: a byte piece without byte fallback");
  expect_bad_model(special_pieces() + byte_pieces(255) + bytes_field(2, number_field(35, 1)),
                   "byte fallback without a piece for every byte");
  for (const char* text : {"<0xZZ>", "<0x0a>", "<0x0A", "0x0A>", "<0x0A>>"}) {
    expect_bad_model(special_pieces() + piece_field(text, 0, 6) + bytes_field(2, number_field(35, 1)),
                     "piece 3: a byte piece that names no byte");
  }
}

TEST(SpieceModel, RefusesOtherKindsOfModel) {
  expect_bad_model(small_model() + bytes_field(2, number_field(3, 2)), "a byte pair (BPE) model, unigram expected");
  expect_bad_model(small_model() + bytes_field(2, number_field(3, 3)), "a word model, unigram expected");
  expect_bad_model(small_model() + bytes_field(2, number_field(3, 4)), "a character model, unigram expected");
  expect_bad_model(small_model() + bytes_field(2, number_field(3, 99)), "a strange model, unigram expected");
}

TEST(SpieceModel, RefusesDamagedMessages) {
  expect_bad_model(small_model() + key(1, 2) + varint(1u << 30), "bytes announced");
  expect_bad_model(small_model() + bytes_field(1, key(1, 2) + varint(UINT64_MAX)), "bytes announced");
  expect_bad_model(small_model() + number_field(1, 5), "field 1 has wire type 0, 2 expected");
  expect_bad_model(small_model() + bytes_field(1, number_field(1, 5)), "wire type 0, 2 expected");
  expect_bad_model(small_model() + bytes_field(1, bytes_field(1, "y") + number_field(2, 5)), "wire type 0, 5 expected");
  expect_bad_model(small_model() + bytes_field(3, bytes_field(3, "yes")), "wire type 2, 0 expected");
  expect_bad_model(small_model() + bytes_field(2, "\xFF"), "bytes announced");
  expect_bad_model("PK\x03\x04 not a model at all", "file: byte 2: field number 0");
}

TEST(SpieceModel, EveryCutIsRefusedOrAShorterVocabulary) {
  const std::string whole = small_model();
  size_t refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    try {
      EXPECT_LT(parse_spiece_model(whole.substr(0, size), "file").pieces.size(), 10u);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file);
      ++refused;
    }
  }
  // Whole again only between two pieces, from the unknown one on: 7 places.
  EXPECT_EQ(refused, whole.size() - 7);
}

TEST(SpieceModel, FilesNameThemselves) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "spiece.model", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 791656\n");
  expect_refused([&] { read_spiece_model(folder / "spiece.model"); }, (folder / "spiece.model").string() + ": this is a Git-LFS pointer");
  expect_refused([&] { read_spiece_model(folder / "absent.model"); }, "no such file");
  expect_refused([&] { read_spiece_model(folder.path()); }, "not a regular file");

  write_file_atomic(folder / "large", "");
  std::filesystem::resize_file(folder / "large", (16u << 20) + 1);
  expect_refused([&] { read_spiece_model(folder / "large"); }, "16777217 bytes, at most 16777216 expected");
}

}  // namespace
}  // namespace dreamrunner
