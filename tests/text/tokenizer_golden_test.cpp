// The ids that transformers 4.57.1 and sentencepiece 0.2.1 give (tools/golden/tokenizer.py), for small models with every
// kind of normaliser and for the playset's tokenizer.

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "support/temporary_folder.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;

const fs::path kGolden = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/tokenizer";

class TokenizerGolden : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const {
    return GetParam() == std::string("playset") ? fs::path(DREAMRUNNER_SOURCE_DIR) / "models/playset/tokenizer" : kGolden / GetParam();
  }
  std::vector<std::string> texts(const char* name) const { return texts_.at(name).get<std::vector<std::string>>(); }
  /// Row `i` of a table that holds only the rows that differ from the legacy ones.
  Ids row(const char* table, size_t i) const {
    const Json& rows = ids_.at(table);
    const std::string name = std::to_string(i);
    return (rows.contains(name) ? rows.at(name) : ids_.at("legacy").at(i)).get<Ids>();
  }
  /// All ids of a text without the `</s>` at their end.
  static Ids without_end(const T5Tokenizer& tokenizer, const std::string& text) {
    Ids ids = tokenizer.encode(text, 1 << 20).ids;
    EXPECT_EQ(ids.back(), 1);
    ids.pop_back();
    return ids;
  }

  const Json texts_ = read_json_file(kGolden / "texts.json");
  const Json ids_ = read_json_file(kGolden / GetParam() / "ids.json");
};

TEST_P(TokenizerGolden, OlderBehaviour) {
  const T5Tokenizer tokenizer = T5Tokenizer::from_folder(folder());
  const auto all = texts("texts");
  ASSERT_GE(all.size(), 200u);
  ASSERT_EQ(ids_.at("legacy").size(), all.size());
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(without_end(tokenizer, all[i]), ids_.at("legacy").at(i).get<Ids>()) << i << ": " << all[i];
}

TEST_P(TokenizerGolden, NewerBehaviour) {
  const test::TemporaryFolder copy;
  fs::copy_file(folder() / "spiece.model", copy / "spiece.model");
  write_file_atomic(copy / "tokenizer_config.json", R"({"legacy": false})");
  const T5Tokenizer tokenizer = T5Tokenizer::from_folder(copy.path());
  const auto all = texts("texts");
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(without_end(tokenizer, all[i]), row("modern", i)) << i << ": " << all[i];
}

TEST_P(TokenizerGolden, SentencepieceItself) {
  const UnigramTokenizer tokenizer = UnigramTokenizer::from_file(folder() / "spiece.model");
  const auto all = texts("texts");
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(tokenizer.encode(all[i]), row("plain", i)) << i << ": " << all[i];
}

TEST_P(TokenizerGolden, BytesThatAreNotUtf8) {
  const UnigramTokenizer tokenizer = UnigramTokenizer::from_file(folder() / "spiece.model");
  const auto all = texts("bytes");
  ASSERT_EQ(ids_.at("bytes").size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    std::string bytes;
    for (size_t at = 0; at < all[i].size(); at += 2) bytes += static_cast<char>(std::stoi(all[i].substr(at, 2), nullptr, 16));
    EXPECT_EQ(tokenizer.encode(bytes), ids_.at("bytes").at(i).get<Ids>()) << all[i];
  }
}

TEST_P(TokenizerGolden, NamesOfSpecialTokensArePlainText) {
  const UnigramTokenizer unigram = UnigramTokenizer::from_file(folder() / "spiece.model");
  const T5Tokenizer t5 = T5Tokenizer::from_folder(folder());
  const auto all = texts("literals");
  for (size_t i = 0; i < all.size(); ++i) {
    const Ids expected = ids_.at("literals").at(i).get<Ids>();
    EXPECT_EQ(unigram.encode(all[i]), expected) << all[i];
    for (const int64_t id : without_end(t5, all[i])) EXPECT_TRUE(id != t5.eos_id() && id != t5.pad_id()) << all[i];
  }
}

TEST_P(TokenizerGolden, CutAndPaddedAsThePipelineAsks) {
  const T5Tokenizer tokenizer = T5Tokenizer::from_folder(folder());
  const auto all = texts("texts");
  const std::vector<std::string> chosen = {all[all.size() - 4], all.back(), "the fox", ""};
  for (const auto& [name, rows] : ids_.at("padded").items()) {
    const int64_t length = std::stoll(name);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const TokenizedText text = tokenizer.encode(chosen[i], length);
      EXPECT_EQ(tokenizer.padded(text.ids, length), rows.at(i).get<Ids>()) << name << ", text " << i;
      EXPECT_EQ(text.cut, text.length > length);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, TokenizerGolden,
                         testing::Values("nmt_nfkc", "nmt_nfkc_cf", "nfkc", "identity", "keep_blanks", "no_prefix", "suffix",
                                         "byte_fallback", "user_defined", "across_blanks", "unused", "bare_blanks", "playset"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace dreamrunner
