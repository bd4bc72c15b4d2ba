#include "text/t5_tokenizer.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "spiece_builder.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

class T5Folder {
 public:
  explicit T5Folder(const std::string& config = "", const std::string& model = small_model()) {
    write_file_atomic(folder_ / "spiece.model", model);
    if (!config.empty()) write_file_atomic(folder_ / "tokenizer_config.json", config);
  }
  T5Tokenizer open() const { return T5Tokenizer::from_folder(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

void expect_bad_config(const std::string& config, const std::string& part) {
  const T5Folder folder(config);
  expect_refused([&] { folder.open(); }, part);
}

T5Tokenizer playset() { return T5Tokenizer::from_folder(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "models/playset/tokenizer"); }

TEST(T5Tokenizer, EndsEveryTextAndPadsOnTheRight) {
  const T5Tokenizer tokenizer = T5Folder().open();
  const TokenizedText text = tokenizer.encode("fox fox", 226);
  EXPECT_THAT(text.ids, ElementsAre(4, 4, 1));
  EXPECT_EQ(text.length, 3);
  EXPECT_FALSE(text.cut);
  EXPECT_THAT(tokenizer.padded(text.ids, 5), ElementsAre(4, 4, 1, 0, 0));
  EXPECT_THAT(tokenizer.padded(text.ids, 3), ElementsAre(4, 4, 1));
}

TEST(T5Tokenizer, AnEmptyTextIsTheEndAlone) {
  const T5Tokenizer tokenizer = T5Folder().open();
  for (const char* text : {"", "   "}) EXPECT_THAT(tokenizer.padded(tokenizer.encode(text, 4).ids, 4), ElementsAre(1, 0, 0, 0));
}

TEST(T5Tokenizer, ALongTextIsCutAndSaysSo) {
  const T5Tokenizer tokenizer = T5Folder().open();
  std::string long_text;
  for (int i = 0; i < 400; ++i) long_text += "fox ";
  const TokenizedText text = tokenizer.encode(long_text, 226);
  EXPECT_EQ(text.ids.size(), 226u);
  EXPECT_EQ(text.ids[224], 4);
  EXPECT_EQ(text.ids.back(), 1);
  EXPECT_TRUE(text.cut);
  EXPECT_EQ(text.length, 401);
  EXPECT_FALSE(tokenizer.encode(long_text, 401).cut);
  EXPECT_THAT(tokenizer.encode(long_text, 1).ids, ElementsAre(1));
}

TEST(T5Tokenizer, WrongLengthsAreTheCallersFault) {
  const T5Tokenizer tokenizer = T5Folder().open();
  for (const auto& call : {std::function<void()>([&] { tokenizer.encode("fox", 0); }), std::function<void()>([&] {
                             tokenizer.padded({4, 4, 1}, 2);
                           })}) {
    try {
      call();
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bug);
    }
  }
}

TEST(T5Tokenizer, ATextThatOnlyAnUnusedPieceSpellsGetsIt) {
  const T5Tokenizer tokenizer = T5Folder("", small_model() + piece_field("y", 9, 5)).open();
  EXPECT_THAT(tokenizer.encode("foxy", 9).ids, ElementsAre(4, 10, 1));
  EXPECT_EQ(tokenizer.unknown_pieces("foxy"), 0);
}

TEST(T5Tokenizer, TheNewerBehaviourKeepsABlankThatIsWrittenAsAMark) {
  // Without rules that know U+2581, the older one takes the mark as it stands and the newer one as a blank.
  const T5Tokenizer older = T5Folder(R"({"legacy": true})").open();
  const T5Tokenizer newer = T5Folder(R"({"legacy": false})").open();
  EXPECT_THAT(older.encode("\u2581 fox", 9).ids, ElementsAre(3, 3, 4, 1));
  EXPECT_THAT(newer.encode("\u2581 fox", 9).ids, ElementsAre(3, 4, 1));
  EXPECT_THAT(newer.encode("", 9).ids, ElementsAre(1));
  const T5Tokenizer bare = T5Folder(R"({"legacy": false, "add_prefix_space": false})").open();
  EXPECT_THAT(bare.encode("fox", 9).ids, ElementsAre(7, 6, 1));
  EXPECT_THAT(bare.encode(" fox", 9).ids, ElementsAre(4, 1));
}

TEST(T5Tokenizer, NamesUnknownWordsOnceAndWithoutTheirPunctuation) {
  const T5Tokenizer tokenizer = playset();
  EXPECT_THAT(tokenizer.unknown_words("the horse is running"), IsEmpty());
  EXPECT_THAT(tokenizer.unknown_words(""), IsEmpty());
  const auto words = tokenizer.unknown_words("the \u6f22\u5b57, a (\u6f22\u5b57) is\n\u00f8re \u00f8re \xff running");
  EXPECT_THAT(words, ElementsAre("\u6f22\u5b57", "\u00f8re", "\xff"));
  EXPECT_EQ(tokenizer.unknown_pieces("the horse"), 0);
  EXPECT_EQ(tokenizer.unknown_pieces("\u6f22\u5b57 the \u6f22"), 2);
}

TEST(T5Tokenizer, UnknownPunctuationIsNamedWithItsWord) {
  EXPECT_THAT(T5Folder().open().unknown_words("fox {fox} fox"), ElementsAre("{fox}"));
}

TEST(T5Tokenizer, TokenizerJsonAloneIsRefusedWithTheWayOut) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "tokenizer.json", "{}");
  try {
    T5Tokenizer::from_folder(folder.path());
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input_file);
    EXPECT_EQ(std::string(error.what()), folder.path().string() + ": tokenizer.json without spiece.model");
    EXPECT_NE(error.hint().find("put the spiece.model of the same model beside it"), std::string::npos);
  }
  const TemporaryFolder empty;
  expect_refused([&] { T5Tokenizer::from_folder(empty.path()); }, "spiece.model: no such file");
}

TEST(T5Tokenizer, ReadsTokensAsTextsAndAsObjects) {
  const std::string config = R"({"eos_token": {"content": "<pad>"}, "pad_token": "</s>", "tokenizer_class": "T5TokenizerFast",
      "added_tokens_decoder": {"0": {"content": "<pad>", "special": true}, "500": {"content": "<extra_id_0>", "special": true}}})";
  const T5Tokenizer tokenizer = T5Folder(config).open();
  EXPECT_EQ(tokenizer.eos_id(), 0);
  EXPECT_EQ(tokenizer.pad_id(), 1);
  EXPECT_EQ(tokenizer.unknown_id(), 2);
}

TEST(T5Tokenizer, RefusesAConfigThatWouldChangeTheIds) {
  expect_bad_config("[]", "tokenizer_config.json: an object expected");
  expect_bad_config("{", "tokenizer_config.json");
  expect_bad_config(R"({"tokenizer_class": "LlamaTokenizer"})", "tokenizer_class: \"LlamaTokenizer\", T5Tokenizer expected");
  expect_bad_config(R"({"eos_token": "<end>"})", "eos_token: \"<end>\" is not in the vocabulary");
  expect_bad_config(R"({"eos_token": null})", "eos_token: a token expected");
  expect_bad_config(R"({"pad_token": 0})", "pad_token: a token expected");
  expect_bad_config(R"({"unk_token": "<pad>"})", "unk_token: \"<pad>\" is not the unknown piece");
  expect_bad_config(R"({"legacy": "no"})", "legacy: true or false expected");
  expect_bad_config(R"({"sp_model_kwargs": {"enable_sampling": true}})", "sp_model_kwargs: none expected");
  expect_bad_config(R"({"added_tokens_decoder": []})", "added_tokens_decoder: an object expected");
  expect_bad_config(R"({"added_tokens_decoder": {"x": {"content": "a", "special": true}}})", "not named by an id");
  expect_bad_config(R"({"added_tokens_decoder": {"-1": {"content": "a", "special": true}}})", "not named by an id");
  expect_bad_config(R"({"added_tokens_decoder": {"1": {"content": "<pad>", "special": true}}})",
                    "\"<pad>\" has id 1 here and 0 in spiece.model");
  expect_bad_config(R"({"added_tokens_decoder": {"50": {"content": "[v1]", "special": false}}})", "added token \"[v1]\" (id 50)");
}

}  // namespace
}  // namespace dreamrunner
