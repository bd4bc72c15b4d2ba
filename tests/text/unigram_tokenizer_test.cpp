#include "text/unigram_tokenizer.h"

#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "spiece_builder.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

UnigramTokenizer tokenizer(const std::string& bytes) { return UnigramTokenizer(parse_spiece_model(bytes, "file")); }

std::vector<std::string> cut(const UnigramTokenizer& unigram, std::string_view text) {
  std::vector<std::string> result;
  for (const auto& piece : unigram.pieces(text)) result.push_back(piece.text);
  return result;
}

TEST(UnigramTokenizer, TakesTheHighestSumOfScores) {
  // ▁fox costs 4; ▁f + ox 10; ▁ + f + o + x 21.
  EXPECT_THAT(cut(tokenizer(small_model()), "fox"), ElementsAre("\u2581fox"));
  // A longer piece that costs more than its parts is not taken.
  const auto cheap_parts =
      tokenizer(special_pieces() + piece_field("\u2581", -1) + piece_field("ab", -9) + piece_field("a", -2) + piece_field("b", -2));
  EXPECT_THAT(cut(cheap_parts, "ab"), ElementsAre("\u2581", "a", "b"));
}

TEST(UnigramTokenizer, OfEqualSumsTheOneFoundFirstStays) {
  // ▁a + b and ▁ + ab cost the same; the way through ▁ ends at the same place earlier in the search.
  const auto tie = tokenizer(special_pieces() + piece_field("\u2581", -2) + piece_field("\u2581a", -3) + piece_field("ab", -3) +
                             piece_field("b", -2) + piece_field("a", -9));
  EXPECT_THAT(cut(tie, "ab"), ElementsAre("\u2581", "ab"));
}

TEST(UnigramTokenizer, NeighbouringUnknownCharactersAreOnePiece) {
  const auto unigram = tokenizer(small_model());
  EXPECT_THAT(cut(unigram, "fox\u6f22\u5b57fox"), ElementsAre("\u2581fox", "\u6f22\u5b57", "f", "ox"));
  EXPECT_THAT(unigram.encode("\u6f22\u5b57 \u6f22"), ElementsAre(3, 2, 3, 2));
}

TEST(UnigramTokenizer, AnUnknownCharacterCostsTenMoreThanTheWorstPiece) {
  // "ay" is the worst piece: with unknown y at ten below it, a + y gives 10 less the score of a more or less than "ay".
  const auto with_a_worth = [](float score) {
    return tokenizer(special_pieces() + piece_field("\u2581", -1) + piece_field("a", score) + piece_field("ay", -20)).encode("ay");
  };
  EXPECT_THAT(with_a_worth(9.5f), ElementsAre(3, 5));
  EXPECT_THAT(with_a_worth(10.5f), ElementsAre(3, 4, 2));
}

TEST(UnigramTokenizer, AUserDefinedPieceIsTaken) {
  const auto unigram = tokenizer(small_model() + piece_field("[v1]", 0, 4) + piece_field("fo", -99, 4));
  EXPECT_THAT(cut(unigram, "[v1]x"), ElementsAre("\u2581", "[v1]", "x"));
  EXPECT_THAT(cut(unigram, "ffox"), ElementsAre("\u2581f", "fo", "x"));
}

TEST(UnigramTokenizer, AUserDefinedPieceIsWorthTheBestScoreForEachByteLessATenth) {
  const auto with_scores = [](float a, float b) {
    return tokenizer(special_pieces() + piece_field("\u2581", -1) + piece_field("a", a) + piece_field("b", b) + piece_field("ab", 0, 4))
        .encode("ab");
  };
  // 2 * 1 - 0.1 against 1.85 and 1.95.
  EXPECT_THAT(with_scores(1, 0.85f), ElementsAre(3, 6));
  EXPECT_THAT(with_scores(1, 0.95f), ElementsAre(3, 4, 5));
  // The best score counts as 0 when all are below: -0.1 against -0.12 and -0.08.
  EXPECT_THAT(with_scores(-0.06f, -0.06f), ElementsAre(3, 6));
  EXPECT_THAT(with_scores(-0.04f, -0.04f), ElementsAre(3, 4, 5));
}

TEST(UnigramTokenizer, AnUnusedPieceIsNeverTaken) {
  const auto unigram = tokenizer(small_model() + piece_field("foxfox", 9, 5) + piece_field("y", 9, 5));
  EXPECT_THAT(unigram.encode("foxfoxy"), ElementsAre(4, 7, 6, 2));
  EXPECT_EQ(unigram.id_of_text("foxfox"), 10);
}

TEST(UnigramTokenizer, UnknownCharactersAreSpeltInBytesWhereTheModelHasThem) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += piece_field(fmt::format("<0x{:02X}>", byte), 0, 6);
  const auto unigram = tokenizer(small_model() + bytes + bytes_field(2, number_field(35, 1)));
  EXPECT_THAT(cut(unigram, "fox\u00e9\u00e9"), ElementsAre("\u2581fox", "<0xC3>", "<0xA9>", "<0xC3>", "<0xA9>"));
}

TEST(UnigramTokenizer, ControlPiecesNeverComeOutOfAText) {
  const auto unigram = tokenizer(small_model());
  for (const char* text : {"</s>", "<pad>", "<unk>", "fox</s>"}) {
    for (const int64_t id : unigram.encode(text)) EXPECT_GE(id, 2) << text;
  }
  EXPECT_EQ(unigram.id_of("</s>"), 1);
  EXPECT_FALSE(unigram.id_of_text("</s>"));
}

TEST(UnigramTokenizer, NothingComesOutOfNothing) {
  const auto unigram = tokenizer(small_model());
  for (const char* text : {"", " ", "    "}) EXPECT_THAT(unigram.encode(text), IsEmpty());
}

TEST(UnigramTokenizer, DamagedRulesAreRefusedWhenTheModelIsMade) {
  expect_refused([] { tokenizer(small_model() + bytes_field(3, bytes_field(2, "damaged"))); }, "file: normalisation rules");
}

TEST(UnigramTokenizer, TimeGrowsWithTheLengthOfATextWithoutBlanks) {
  // The longest piece allowed matches at every place: the worst case for the search. A quadratic search would need
  // 256 times as long for a text 16 times as long; the bound leaves room for a busy machine.
  const auto unigram = tokenizer(small_model() + piece_field(std::string(64, 'o'), -9));
  const auto seconds = [&unigram](size_t length) {
    const std::string text(length, 'o');
    const auto start = std::chrono::steady_clock::now();
    EXPECT_GT(unigram.encode(text).size(), length / 65);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double small = std::min(seconds(1 << 16), seconds(1 << 16));
  EXPECT_LT(seconds(1 << 20), 64 * small);
}

}  // namespace
}  // namespace dreamrunner
