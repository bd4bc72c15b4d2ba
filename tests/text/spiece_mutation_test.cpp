// Damaged models by the thousand: each is refused with Error(input_file) or works, and never crashes or hangs. Meant for
// a sanitizer build too; DREAMRUNNER_MUTATIONS sets how many damaged models are made (default 1500).

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "spiece_builder.h"
#include "text/unigram_tokenizer.h"

namespace dreamrunner {
namespace {

using Random = std::mt19937_64;

int mutation_count() {
  const char* text = std::getenv("DREAMRUNNER_MUTATIONS");
  return text != nullptr ? std::max(1, std::atoi(text)) : 1500;
}

std::string golden_model(const std::string& name) {
  return read_file(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/tokenizer" / name / "spiece.model", 1 << 20);
}

const std::vector<std::string>& texts() {
  static const std::vector<std::string> result = [] {
    std::vector<std::string> all = {"",
                                    " ",
                                    "the young fox walks",
                                    "  caf\u00e9 \ufb01re \uff21\uff22 \ufdfa \u1112\u1161\u11ab  ",
                                    "A\tB--A\nzz\u2581",
                                    "\xff\xed\xa0\x80 fox \xe2\x96",
                                    "[v1] <mask>  witch\u2581hat"};
    std::string every_byte;
    for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
    for (char32_t c = 0x80; c < 0x3400; c += 7) {
      every_byte += static_cast<char>(c < 0x800 ? 0xC0 | c >> 6 : 0xE0 | c >> 12);
      if (c >= 0x800) every_byte += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      every_byte += static_cast<char>(0x80 | (c & 0x3F));
    }
    all.push_back(every_byte);
    return all;
  }();
  return result;
}

/// Whether the model was accepted; all that an accepted one gives must be ids of its own.
bool try_model(const std::string& bytes) {
  try {
    const UnigramTokenizer tokenizer(parse_spiece_model(bytes, "file"));
    for (const std::string& text : texts()) {
      for (const int64_t id : tokenizer.encode(text)) {
        EXPECT_GE(id, 0);
        EXPECT_LT(id, tokenizer.size());
      }
    }
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    EXPECT_EQ(std::string(error.what()).rfind("file: ", 0), 0u) << error.what();
    return false;
  }
}

std::string damaged(std::string bytes, Random& random) {
  const int steps = 1 + static_cast<int>(random() % 3);
  for (int i = 0; i < steps && !bytes.empty(); ++i) {
    const size_t at = random() % bytes.size();
    switch (random() % 6) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8); break;
      case 1: bytes[at] = static_cast<char>(random()); break;
      case 2: bytes.resize(at); break;
      case 3: bytes.erase(at, 1 + random() % 8); break;
      case 4: bytes.insert(at, test::varint(random() >> random() % 64)); break;
      default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 64)); break;
    }
  }
  return bytes;
}

void damage_many(const std::string& whole, int count, uint64_t seed) {
  ASSERT_TRUE(try_model(whole));
  Random random(seed);
  int accepted = 0;
  for (int i = 0; i < count; ++i) accepted += try_model(damaged(whole, random));
  // Both outcomes must occur, or the test does not test what it says.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

TEST(SpieceMutation, ASmallModelWithRules) {
  const std::string model = test::small_model() + test::piece_field("[v1]", 0, 4) + test::piece_field("zz", -7, 5) +
                            test::bytes_field(3, test::bytes_field(2, test::small_charsmap().bytes()));
  damage_many(model, 4 * mutation_count(), 1);
}

TEST(SpieceMutation, AModelWithoutRules) { damage_many(golden_model("across_blanks"), mutation_count(), 2); }

TEST(SpieceMutation, AModelWithByteFallback) { damage_many(golden_model("byte_fallback"), mutation_count() / 8 + 8, 3); }

TEST(SpieceMutation, AModelWithUserDefinedSymbols) { damage_many(golden_model("user_defined"), mutation_count() / 8 + 8, 4); }

TEST(SpieceMutation, TheRulesOfARealModelBitByBit) {
  // Only the trie and the replacements are hit, so that most damage gets past the reader to the walk.
  const std::string whole = golden_model("nmt_nfkc");
  const std::string rules = parse_spiece_model(whole, "file").normalizer.charsmap;
  const size_t start = whole.find(rules);
  ASSERT_NE(start, std::string::npos);
  Random random(5);
  int accepted = 0;
  const int count = mutation_count() / 4 + 8;
  for (int i = 0; i < count; ++i) {
    std::string bytes = whole;
    // Near the beginning lie the root and the characters that the texts hold.
    const size_t reach = random() % 2 == 0 ? rules.size() : 8192;
    for (size_t n = 1 + random() % 4; n-- > 0;) bytes[start + random() % reach] ^= static_cast<char>(1 << random() % 8);
    accepted += try_model(bytes);
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

}  // namespace
}  // namespace dreamrunner
