#include "film/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JournalTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder;
  fs::path file = folder / "journal.jsonl";

  static Record record(const std::string& path, int steps) {
    const Json inputs = {{"artefact", "latents"}, {"steps", steps}};
    return {path, key_of(inputs), std::string(64, 'a'), 1234, "0.1.0", inputs};
  }
};

TEST_F(JournalTest, RemembersAcrossReadersAndTheLastRecordCounts) {
  {
    Journal journal(file);
    EXPECT_EQ(journal.find("a"), nullptr);
    journal.append(record("a", 1));
    journal.append(record("b", 2));
    journal.append(record("a", 3));
  }
  const Journal journal(file);
  EXPECT_THAT(journal.notes(), IsEmpty());
  ASSERT_NE(journal.find("a"), nullptr);
  EXPECT_EQ(journal.find("a")->inputs["steps"], 3);
  EXPECT_EQ(journal.find("a")->key, key_of(journal.find("a")->inputs));
  EXPECT_EQ(journal.find("a")->size, 1234u);
  EXPECT_EQ(journal.find("a")->program, "0.1.0");
  EXPECT_EQ(journal.find("b")->inputs["steps"], 2);
}

TEST_F(JournalTest, ARetiredRecordCountsNoMore) {
  Journal journal(file);
  journal.append(record("a", 1));
  journal.retire("a");
  EXPECT_EQ(journal.find("a"), nullptr);
  EXPECT_EQ(Journal(file).find("a"), nullptr);
  const auto size = fs::file_size(file);
  journal.retire("a");
  EXPECT_EQ(fs::file_size(file), size) << "nothing is written when no record counts";
}

TEST_F(JournalTest, OneThatCannotBeLookedAtIsNotAnEmptyOne) {
  fs::create_symlink("journal.jsonl", file);  // a link to itself stands for a disk that fails for a moment
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { Journal journal(file); }), HasSubstr("journal.jsonl: cannot be looked at"));
}

TEST_F(JournalTest, ATornLastLineIsDroppedWhereverItIsCut) {
  Journal(file).append(record("a", 1));
  const std::string first = test::read_bytes(file);
  {
    Journal journal(file);
    journal.append(record("b", 2));
  }
  const std::string both = test::read_bytes(file);
  for (size_t cut = first.size() + 1; cut < both.size(); ++cut) {
    test::write_text(file, both.substr(0, cut));
    Journal journal(file);
    EXPECT_NE(journal.find("a"), nullptr);
    EXPECT_EQ(journal.find("b"), nullptr);
    EXPECT_THAT(journal.notes(), ElementsAre(HasSubstr("journal.jsonl:2: the last line was cut off")));
    journal.append(record("b", 2));
    ASSERT_EQ(test::read_bytes(file), both) << "cut at byte " << cut;
  }
}

TEST_F(JournalTest, DamagedLinesAreSkippedAndNamed) {
  Journal(file).append(record("a", 1));
  const std::string good = test::read_bytes(file);
  const std::string zeros(100, '\0');
  for (const std::string& bad : {std::string("{\"schema\": 1, \"pa"), zeros, std::string("[1]"), std::string("{}"), std::string("{\"schema\":1}"),
                                 std::string("{\"schema\":\"1\",\"path\":\"b\"}"), std::string(200, '[')}) {
    test::write_text(file, bad + "\n" + good);
    const Journal journal(file);
    EXPECT_NE(journal.find("a"), nullptr) << bad;
    EXPECT_THAT(journal.notes(), ElementsAre(HasSubstr("journal.jsonl:1: "))) << bad;
  }
}

TEST_F(JournalTest, ADamagedRecordTakesItsForerunnerOutOfForce) {
  Journal(file).append(record("a", 1));
  test::write_text(file, test::read_bytes(file) + "{\"schema\":1,\"path\":\"a\",\"key\":\"k\",\"sha256\":\"s\",\"size\":-4}\n");
  EXPECT_EQ(Journal(file).find("a"), nullptr);
}

TEST_F(JournalTest, ANewerSchemaIsRefused) {
  test::write_text(file, "{\"schema\":2,\"something\":\"else\"}\n");
  const std::string line = expect_error(ErrorKind::input_file, [&] { Journal journal(file); });
  EXPECT_THAT(line, HasSubstr("found schema 2, at most 1 expected; the film was made by a newer program"));
}

TEST_F(JournalTest, AJournalThatCannotBeWrittenIsAStorageError) {
  Journal journal(folder / "nowhere/journal.jsonl");
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { journal.append(record("a", 1)); }), HasSubstr("No such file or directory"));
  EXPECT_EQ(journal.find("a"), nullptr);
}

TEST(RecordKey, FollowsEveryInputAndNothingElse) {
  const Json inputs = {{"a", 1}, {"b", 0.1}};
  EXPECT_EQ(key_of(inputs), key_of(Json::parse("{ \"a\": 1, \"b\": 1e-1 }")));
  EXPECT_NE(key_of(inputs), key_of({{"a", 1}, {"b", 0.2}}));
  EXPECT_NE(key_of(inputs), key_of({{"a", 1}}));
}

}  // namespace
}  // namespace dreamrunner
