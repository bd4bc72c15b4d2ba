#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program_run.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class ClipsCommand : public testing::Test {
 protected:
  ClipsCommand() {
    std::ofstream(folder_ / "list.jsonl") << R"({"id":"bow","path":"bow.mp4","caption":"a person is bowing","start":0.5,"end":1.25,"score":0.4})" "\n"
                                          << R"({"id":"-dash","path":"dash.mp4","caption":"a dog is jumping"})" "\n";
    std::ofstream(folder_ / "bow.mp4") << "x";
  }
  ProgramResult clips(std::vector<std::string> words) const {
    words.insert(words.begin(), "clips");
    return run(words);
  }
  std::string list() const { return folder_ / "list.jsonl"; }
  std::string catalogue() const { return folder_ / "catalogue"; }

  TemporaryFolder folder_;
};

TEST_F(ClipsCommand, AddsSearchesShowsRemovesAndCounts) {
  EXPECT_THAT(clips({"add", catalogue(), "--from", list()}).out, HasSubstr("2 clips added"));
  EXPECT_THAT(clips({"add", catalogue(), "--from", list()}).out, HasSubstr("0 clips added, 2 were there already"));

  const auto hits = clips({"search", "person is bowing", "--catalogue", catalogue(), "--top", "400", "--json"}).events();
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].at("id"), "bow");
  EXPECT_EQ(hits[0].at("caption"), "a person is bowing");
  EXPECT_GT(hits[0].at("score").get<double>(), hits[1].at("score").get<double>());
  EXPECT_EQ(hits[1].at("missing"), true);
  EXPECT_THAT(clips({"search", "bowing unicorn", "--catalogue", catalogue()}).out, HasSubstr("no caption holds \"unicorn\""));

  EXPECT_THAT(clips({"show", "bow", "--catalogue", catalogue()}).out, HasSubstr("0.5 s to 1.25 s"));
  const Json shown = clips({"show", "--catalogue", catalogue(), "--json", "--", "-dash"}).events().at(0);
  EXPECT_EQ(shown.at("video"), nullptr);
  EXPECT_FALSE(shown.contains("end_s"));
  EXPECT_EQ(clips({"show", "bow", "--catalogue", catalogue(), "--json"}).events().at(0).at("more").dump(), R"({"score":0.4})");

  EXPECT_THAT(clips({"remove", "bow", "--catalogue", catalogue()}).out, HasSubstr("1 clips removed"));
  const ProgramResult stats = clips({"stats", "--catalogue", catalogue()});
  EXPECT_THAT(stats.out, HasSubstr("videos missing"));
  EXPECT_EQ(stats.code, 0);
}

TEST_F(ClipsCommand, AnIdInBracketsIsAnIdAndNoList) {
  std::ofstream(list()) << R"({"id":"a","path":"a.mp4","caption":"one"})" "\n"
                        << R"({"id":"b","path":"b.mp4","caption":"two"})" "\n"
                        << R"({"id":"c","path":"c.mp4","caption":"three"})" "\n"
                        << R"({"id":"[c]","path":"d.mp4","caption":"four"})" "\n"
                        << R"({"id":"[a,b]","path":"e.mp4","caption":"five"})" "\n";
  const std::string place = folder_ / "[catalogue]";
  EXPECT_EQ(clips({"add", place, "--from", list()}).code, 0);
  EXPECT_TRUE(fs::exists(place));
  const auto shown = clips({"show", "[c]", "[a,b]", "c", "--catalogue", place, "--json"}).events();
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0].at("caption"), "four");
  EXPECT_EQ(shown[1].at("caption"), "five");
  EXPECT_EQ(shown[2].at("caption"), "three");
  EXPECT_THAT(clips({"remove", "[a,b]", "--catalogue", place}).out, HasSubstr("1 clips removed"));
  EXPECT_EQ(clips({"show", "a", "b", "--catalogue", place, "--json"}).events().size(), 2u);
  const ProgramResult gone = clips({"remove", "[a,b]", "--catalogue", place});
  EXPECT_EQ(gone.code, 3);
  EXPECT_THAT(gone.err, HasSubstr("no clip has the id [a,b]"));
}

TEST_F(ClipsCommand, AVideoFolderThatIsNotUtf8IsRefused) {
  const ProgramResult result = clips({"add", catalogue(), "--from", list(), "--videos", folder_ / "vid\xff"});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_FALSE(fs::exists(catalogue()));
}

/// Field case R3, as a person meets it.
TEST_F(ClipsCommand, QueriesThatFindNothingSayWhy) {
  clips({"add", catalogue(), "--from", list()});
  const auto said = [&](const std::string& query) {
    const ProgramResult result = clips({"search", query, "--catalogue", catalogue()});
    EXPECT_EQ(result.code, 0);
    return result.out;
  };
  EXPECT_EQ(said("unicorn"), "nothing found: no caption holds \"unicorn\"\n");
  EXPECT_EQ(said(""), "nothing found: the query has no word\n");
  EXPECT_EQ(clips({"search", "unicorn", "--catalogue", catalogue(), "--json"}).out, "");
}

TEST_F(ClipsCommand, MistakesHaveTheirExitCodes) {
  const ProgramResult no_catalogue = clips({"search", "x", "--catalogue", catalogue()});
  EXPECT_EQ(no_catalogue.code, 3);
  EXPECT_THAT(no_catalogue.err, HasSubstr("no catalogue"));
  clips({"add", catalogue(), "--from", list()});
  EXPECT_EQ(clips({"show", "nobody", "--catalogue", catalogue()}).code, 3);
  EXPECT_EQ(clips({"search", "x", "--catalogue", catalogue(), "--top", "0"}).code, 2);
  EXPECT_EQ(clips({"search", "x", "--catalogue", catalogue(), "--b", "2"}).code, 2);
  EXPECT_EQ(clips({"add", catalogue(), "--from", list(), "--analyzer", "english"}).code, 2);
  EXPECT_THAT(clips({}).err, HasSubstr("one of add, search, show, remove, stats expected"));
  EXPECT_THAT(clips({"search", "--help"}).out, HasSubstr("--catalogue"));
  std::ofstream(list(), std::ios::app) << "bad\n";
  const ProgramResult bad = clips({"add", folder_ / "other", "--from", list()});
  EXPECT_EQ(bad.code, 3);
  EXPECT_THAT(bad.err, HasSubstr("list.jsonl:3: "));
  EXPECT_FALSE(fs::exists(folder_ / "other"));
  EXPECT_EQ(clips({"add", folder_ / "other", "--from", list(), "--allow-bad-rows"}).code, 0);
}

}  // namespace
}  // namespace dreamrunner::test
