// The ids that transformers' CLIPTokenizerFast gives (tools/golden/clip_tokenizer.py) for 300 texts and a small vocabulary.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "text/clip_tokenizer.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;

const fs::path kGolden = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/clip-tokenizer";

class ClipTokenizerGolden : public testing::Test {
 protected:
  const ClipTokenizer tokenizer_ = ClipTokenizer::from_folder(kGolden);
  const Json texts_ = read_json_file(kGolden / "texts.json").at("texts");
  const Json ids_ = read_json_file(kGolden / "ids.json");
};

TEST_F(ClipTokenizerGolden, GivesTheReferencesIds) {
  ASSERT_GE(texts_.size(), 300u);
  ASSERT_EQ(ids_.at("ids").size(), texts_.size());
  for (size_t i = 0; i < texts_.size(); ++i) {
    const TokenizedText text = tokenizer_.encode(texts_[i].get<std::string>(), 1 << 20);
    EXPECT_EQ(text.ids, ids_.at("ids").at(i).get<Ids>()) << i << ": " << texts_[i];
    EXPECT_FALSE(text.cut);
    EXPECT_EQ(text.length, static_cast<int64_t>(text.ids.size()));
  }
}

TEST_F(ClipTokenizerGolden, CutsAsTheReferenceDoes) {
  int cut = 0;
  for (const int64_t length : {77, 32}) {
    for (size_t i = 0; i < texts_.size(); ++i) {
      const TokenizedText text = tokenizer_.encode(texts_[i].get<std::string>(), length);
      EXPECT_EQ(text.ids, ids_.at(std::to_string(length)).at(i).get<Ids>()) << length << ", " << i << ": " << texts_[i];
      EXPECT_EQ(text.cut, text.length > length);
      cut += text.cut ? 1 : 0;
    }
  }
  EXPECT_GT(cut, 20);
}

}  // namespace
}  // namespace dreamrunner
