#include "catalogue/catalogue.h"

#include <fstream>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "plain_bm25.h"
#include "catalogue/catalogue_change.h"
#include "catalogue/catalogue_manifest.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class CatalogueTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }
  AddReport add(const fs::path& from, AddRequest request = {}) {
    request.folder = folder();
    request.from = from;
    return add_clips(request, run_);
  }
  fs::path folder() const { return root_ / "catalogue"; }
  Catalogue open() const { return Catalogue(folder()); }
  std::vector<std::string> ids(const std::string& query) const {
    const Catalogue catalogue(folder());
    std::vector<std::string> result;
    for (const ClipHit& hit : catalogue.search(query, 400)) result.push_back(catalogue.clip(hit.row).id);
    return result;
  }
  std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> files;
    if (!fs::exists(folder())) return files;
    for (const auto& entry : fs::directory_iterator(folder())) {
      if (entry.path().filename() != "lock") files[entry.path().filename()] = read_file(entry.path(), 1 << 28);
    }
    return files;
  }

  /// Adds a list before its first row's video is there, and again with the folder that has it by then.
  void expect_videos_named_late(const std::string& rows, const std::string& video_name) {
    const fs::path list = write("lists/list.jsonl", rows);
    add(list);
    const fs::path video = write("elsewhere/" + video_name, "x");
    EXPECT_EQ(open().clip(0).video, std::nullopt);
    EXPECT_EQ(add(list, {.videos = root_ / "elsewhere"}).added, 0u);
    EXPECT_EQ(open().clip(0).video, video);
  }

  test::TemporaryFolder root_;
  RunContext run_;
};

const std::string kInternVid =
    R"({"YoutubeID":"aaa","Start_timestamp":"00:00:03.160","End_timestamp":"00:00:08.520","Caption":"a person is bowing","Aesthetic_Score":4.5,"UMT_Score":0.4})" "\n"
    R"({"YoutubeID":"-bb","Start_timestamp":"00:01:00.000","End_timestamp":"00:01:02.000","Caption":"a dog is jumping","Aesthetic_Score":3.5,"UMT_Score":0.3})" "\r\n"
    "\n"
    R"({"YoutubeID":"aaa","Start_timestamp":"00:00:09.000","End_timestamp":"00:00:12.000","Caption":"the person bows again","Aesthetic_Score":4.0,"UMT_Score":0.2})";

TEST_F(CatalogueTest, InternVidIsSearchedBeforeAVideoIsThere) {
  const AddReport report = add(write("list.jsonl", kInternVid), {.videos = root_ / "videos"});
  EXPECT_EQ(report.format, CaptionFormat::internvid);
  EXPECT_EQ(report.rows, 3u);
  EXPECT_EQ(report.added, 3u);
  EXPECT_THAT(ids("person is bowing"), ElementsAre("aaa@3.16-8.52", "-bb@60-62", "aaa@9-12"));
  const Clip clip = open().clip(0);
  EXPECT_EQ(clip.source, "aaa");
  EXPECT_EQ(clip.caption, "a person is bowing");
  EXPECT_DOUBLE_EQ(clip.start_s, 3.16);
  EXPECT_DOUBLE_EQ(clip.end_s.value(), 8.52);
  EXPECT_EQ(clip.extra.dump(), R"({"Aesthetic_Score":4.5,"UMT_Score":0.4})");
  EXPECT_EQ(clip.video, std::nullopt);
  EXPECT_EQ(open().stats(run_).videos_missing, 3u);

  // Once the file appears it is found, without another import.
  const fs::path video = write("videos/aaa.webm", "x");
  EXPECT_EQ(open().clip(0).video, video);
  EXPECT_EQ(open().clip(1).video, std::nullopt);
  const CatalogueStats stats = open().stats(run_);
  EXPECT_EQ(stats.clips, 3u);
  EXPECT_EQ(stats.videos_there, 2u);
  EXPECT_EQ(stats.videos_missing, 1u);
  EXPECT_EQ(stats.words, 12u);
  EXPECT_EQ(stats.longest, 4u);
}

TEST_F(CatalogueTest, WebVidsCsvIsReadInAnyOrder) {
  const std::string csv = "\xEF\xBB\xBFname;videoid;page_dir;duration;contentUrl;\r\n\"Woman bows;\r\nthen \"\"waves\"\"\";10;p1;PT00H00M18S;u;\r\nDog;11;p1;PT00H00M05S;u";
  const AddReport report = add(write("list.csv", csv));
  EXPECT_EQ(report.added, 2u);
  const Clip clip = open().clip(0);
  EXPECT_EQ(clip.id, "10");
  EXPECT_EQ(clip.caption, "Woman bows;\r\nthen \"waves\"");
  EXPECT_EQ(clip.end_s, std::nullopt);
  EXPECT_EQ(clip.extra.dump(), R"({"duration":"PT00H00M18S","contentUrl":"u"})");
  const fs::path video = write("p1/10.mp4", "x");
  EXPECT_EQ(open().clip(0).video, video);
}

TEST_F(CatalogueTest, ACsvWithoutTheColumnsIsRefusedAsAWhole) {
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(write("a.csv", "id,size\n1,2\n")); }), HasSubstr("a.csv:1: no column is called caption"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(write("a.csv", "id,name\n1,2\n")); }), HasSubstr("no column is called path"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(write("a.csv", "videoid,name,Name\n1,2,3\n")); }), HasSubstr("comes twice"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(write("a.csv", "")); }), HasSubstr("empty"));
  EXPECT_FALSE(fs::exists(folder())) << "nothing is left of an import that failed";
}

TEST_F(CatalogueTest, PlainRowsAndFoldersAreRead) {
  const AddReport report = add(write("library/list.jsonl", R"({"id":"0096","path":"clips/0096.mp4","caption":"cartoon of a witch","start":0.0,"end":1.25})" "\n"
                                                           R"({"path":"clips/7.mp4","caption":"b","start":1,"width":320,"height":240})" "\n"));
  EXPECT_EQ(report.format, CaptionFormat::jsonl);
  const fs::path video = write("library/clips/0096.mp4", "x");
  EXPECT_EQ(open().clip(0).id, "0096");
  EXPECT_EQ(open().clip(0).video, video);
  EXPECT_EQ(open().clip(1).id, "clips/7@1-");
  EXPECT_EQ(open().clip(1).width, 320);
  EXPECT_EQ(open().clip(1).height, 240);

  write("own/a/bow.mp4", "x");
  write("own/a/bow.txt", "\xEF\xBB\xBF  a person is bowing\n");
  write("own/wave.MKV", "x");
  write("own/wave.txt", "waving");
  write("own/note.pdf", "x");
  const AddReport second = add(root_ / "own");
  EXPECT_EQ(second.format, CaptionFormat::folder);
  EXPECT_EQ(second.added, 2u);
  EXPECT_EQ(open().clip(2).id, "a/bow");
  EXPECT_EQ(open().clip(2).caption, "a person is bowing");
  EXPECT_EQ(open().clip(2).video, root_ / "own/a/bow.mp4");
  EXPECT_EQ(open().rows(), 4u);
}

TEST_F(CatalogueTest, AVideoWithoutItsTextIsABadRow) {
  write("own/a.mp4", "x");
  write("own/b.mp4", "x");
  write("own/b.txt", "waving");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(root_ / "own"); }), HasSubstr("1 of 2 rows are bad"));
  const AddReport report = add(root_ / "own", {.allow_bad_rows = true});
  EXPECT_EQ(report.added, 1u);
  EXPECT_THAT(report.faults, ElementsAre(HasSubstr("a.txt: no such file")));
}

TEST_F(CatalogueTest, TheSameRowsAgainAddNothing) {
  const fs::path list = write("list.jsonl", kInternVid + "\n" + kInternVid);
  EXPECT_EQ(add(list).known, 3u) << "doubled rows of one list";
  const auto before = tree();
  const AddReport again = add(list);
  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.known, 6u);
  EXPECT_EQ(tree(), before) << "not even a byte changes";
  // Other values than video, span and caption do not make a clip another one.
  EXPECT_EQ(add(write("b.jsonl", R"({"YoutubeID":"aaa","Start_timestamp":3.16,"End_timestamp":"8.52","Caption":"a person is bowing","UMT_Score":0.9})")).added, 0u);
  EXPECT_EQ(add(write("c.jsonl", R"({"YoutubeID":"aaa","Start_timestamp":3.16,"End_timestamp":"8.53","Caption":"a person is bowing"})")).added, 1u);
  EXPECT_EQ(open().rows(), 4u);
}

TEST_F(CatalogueTest, RowsAreKnownAcrossSegmentsOfOneImport) {
  std::string list;
  for (int i = 0; i < 50; ++i) list += fmt::format(R"({{"path":"{}.mp4","caption":"caption {}"}})" "\n", i % 20, i % 20);
  const AddReport report = add(write("list.jsonl", list), {.rows_per_segment = 7});
  EXPECT_EQ(report.added, 20u);
  EXPECT_EQ(report.known, 30u);
  EXPECT_EQ(open().stats(run_).segments, 3u);
  EXPECT_THAT(ids("13"), ElementsAre("13"));
}

TEST_F(CatalogueTest, AnotherVideoFolderIsRememberedWithoutNewRows) { expect_videos_named_late(kInternVid, "aaa.mp4"); }

TEST_F(CatalogueTest, VideosOfOneNameInTwoFoldersKeepTheirCaptions) {
  for (const char* name : {"a", "b"}) {
    write(std::string(name) + "/bow-1.mp4", name);
    write(std::string(name) + "/bow-1.txt", "a person is bowing");
    write(std::string(name) + "/wave.mp4", name);
    write(std::string(name) + "/wave.txt", std::string("waving in ") + name);
  }
  EXPECT_EQ(add(root_ / "a").added, 2u);
  const AddReport second = add(root_ / "b");
  EXPECT_EQ(second.added, 2u) << "an equal caption of an equal name is another video's";
  EXPECT_EQ(second.known, 0u);
  for (uint64_t row = 0; row < 4; ++row) EXPECT_EQ(open().clip(row).video->parent_path().filename(), row < 2 ? "a" : "b") << row;
  EXPECT_EQ(add(root_ / "a").added, 0u);
  EXPECT_EQ(add(root_ / "b").added, 0u);

  // The same folder by another name holds no other videos.
  fs::create_directory_symlink(root_ / "b", root_ / "link");
  EXPECT_EQ(add(root_ / "link").added, 0u);
}

TEST_F(CatalogueTest, ALateFolderOfVideosIsNamedWithoutNewRows) { expect_videos_named_late(R"({"path":"a.mp4","caption":"a person is bowing"})", "a.mp4"); }

TEST_F(CatalogueTest, ACatalogueThatDoesNotSayWhichFolderIsReadAndAddedTo) {
  for (const char* name : {"a", "b"}) {
    write(std::string(name) + "/bow.mp4", name);
    write(std::string(name) + "/bow.txt", "a person is bowing");
  }
  add(root_ / "a");
  const auto forget_folders = [&] {
    Json json = Json::parse(read_file(manifest_file(folder()), 1 << 20));
    for (Json& segment : json["segments"]) EXPECT_EQ(segment.erase("videos"), 1u);
    write_file_atomic(manifest_file(folder()), json.dump());
  };
  forget_folders();
  EXPECT_EQ(open().clip(0).video, root_ / "a/bow.mp4");
  EXPECT_EQ(add(root_ / "a").added, 0u) << "there is only one folder that it can be";
  EXPECT_EQ(add(root_ / "b").added, 1u);
  forget_folders();
  EXPECT_EQ(add(root_ / "a").added, 0u) << "it is found there";
  EXPECT_EQ(open().clip(0).id, "bow");
}

TEST_F(CatalogueTest, ACatalogueBehindALinkFindsTheVideosBesideIt) {
  const fs::path video = write("deep/place/videos/aaa.mp4", "x");
  const fs::path list = write("list.jsonl", kInternVid);
  fs::create_directory_symlink(root_ / "deep/place", root_ / "place");
  fs::create_directory_symlink(root_ / "deep/place/catalogue", root_ / "catalogue");
  RunContext run;
  add_clips({.folder = root_ / "deep/place/catalogue", .from = list, .videos = root_ / "place/videos"}, run);
  EXPECT_EQ(load_manifest(folder()).video_folders, std::vector<std::string>{"../videos"});
  EXPECT_EQ(open().clip(0).video, video);
  EXPECT_EQ(add(list, {.videos = root_ / "deep/place/videos"}).added, 0u);
  EXPECT_EQ(load_manifest(folder()).video_folders.size(), 1u) << "by either way it is the same folder";
}

TEST_F(CatalogueTest, EndingsInCapitalsAreFoundAndCountedAlike) {
  add(write("list.jsonl", kInternVid));
  const fs::path video = write("aaa.MP4", "x");
  write("-bb.Mp4", "x");
  EXPECT_EQ(open().clip(0).video, video);
  EXPECT_EQ(open().clip(1).video, std::nullopt);
  EXPECT_EQ(open().stats(run_).videos_there, 2u) << "both clips of aaa, and nothing that search would not find";
}

TEST_F(CatalogueTest, AFolderOfVideosThatNoFileCanNameIsRefused) {
  const fs::path list = write("list.jsonl", kInternVid);
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { add(list, {.videos = root_ / "vid\xff"}); }), HasSubstr("not UTF-8"));
  EXPECT_FALSE(fs::exists(folder()));
  // The list's own name is for people only.
  EXPECT_EQ(add(write("li\xffst.jsonl", kInternVid), {.videos = root_ / "videos"}).added, 3u);
  EXPECT_THAT(load_manifest(folder()).segments[0].from, HasSubstr("li\uFFFDst.jsonl"));
}

TEST_F(CatalogueTest, LinksThatGoRoundInACircleAreNoVideos) {
  write("own/wave.mp4", "x");
  write("own/wave.txt", "waving");
  fs::create_symlink("loop.mp4", root_ / "own/loop.mp4");
  fs::create_symlink("nowhere.mp4", root_ / "own/dangling.mp4");
  fs::create_directory_symlink("..", root_ / "own/above");
  EXPECT_EQ(add(root_ / "own").added, 1u);
}

TEST_F(CatalogueTest, ACatalogueMovesWithTheVideosBesideIt) {
  add(write("list.jsonl", kInternVid), {.videos = root_ / "videos"});
  write("videos/aaa.mp4", "x");
  fs::create_directory(root_ / "moved");
  fs::rename(root_ / "catalogue", root_ / "moved/catalogue");
  fs::rename(root_ / "videos", root_ / "moved/videos");
  EXPECT_EQ(Catalogue(root_ / "moved/catalogue").clip(0).video, root_ / "moved/videos/aaa.mp4");
}

TEST_F(CatalogueTest, BadRowsAreNamedSkippedAndCounted) {
  std::string list;
  for (int i = 0; i < 200; ++i) {
    if (i == 4) list += "{\"path\":\"x\",\"caption\":\n";
    else if (i == 150) list += R"({"path":"x","path":"y","caption":"twice"})" "\n";
    else list += fmt::format(R"({{"path":"{}.mp4","caption":"caption {}"}})" "\n", i, i);
  }
  const AddReport report = add(write("list.jsonl", list));
  EXPECT_EQ(report.rows, 200u);
  EXPECT_EQ(report.added, 198u);
  EXPECT_EQ(report.bad, 2u);
  EXPECT_THAT(report.faults, ElementsAre(HasSubstr("list.jsonl:5: "), HasSubstr("list.jsonl:151: ")));
  EXPECT_THAT(report.faults[1], HasSubstr("comes twice"));
}

TEST_F(CatalogueTest, MoreThanOneInAHundredBadRowsStopsTheImport) {
  add(write("first.jsonl", kInternVid));
  const auto before = tree();
  std::string list;
  for (int i = 0; i < 200; ++i) list += i % 60 == 7 ? "bad\n" : fmt::format(R"({{"path":"{}.mp4","caption":"caption {}"}})" "\n", i, i);
  const fs::path file = write("list.jsonl", list);
  const std::string line = expect_error(ErrorKind::input_file, [&] { add(file, {.rows_per_segment = 50}); });
  EXPECT_THAT(line, HasSubstr("4 of 200 rows are bad, at most 1 % expected; the first: "));
  EXPECT_THAT(line, HasSubstr("list.jsonl:8: "));
  EXPECT_THAT(line, HasSubstr("--allow-bad-rows"));
  EXPECT_EQ(tree(), before);
  EXPECT_EQ(add(file, {.allow_bad_rows = true}).added, 196u);
}

TEST_F(CatalogueTest, LinesThatAreNoRowsAreBad) {
  const auto fault_of = [&](const std::string& line) {
    const AddReport report = add(write("list.jsonl", line + "\n"), {.allow_bad_rows = true});
    return report.faults.empty() ? std::string("none") : report.faults.front();
  };
  EXPECT_THAT(fault_of("[1]"), HasSubstr("an object expected"));
  EXPECT_THAT(fault_of("{\"path\":\"a\",\"caption\":\"\xFF\"}"), HasSubstr("list.jsonl:1: column "));
  EXPECT_THAT(fault_of(R"({"path":"a","caption":"x","more":)" + std::string(30, '[') + std::string(30, ']') + "}"), HasSubstr("nested deeper"));
  EXPECT_THAT(fault_of(R"({"path":"a","caption":")" + std::string(2'000'000, 'x') + "\"}"), HasSubstr("at most 1048576"));
  EXPECT_THAT(fault_of(R"({"YoutubeID":"a","Start_timestamp":"1","Caption":"x"})"), HasSubstr("End_timestamp: missing"));
}

/// Field case R3.
TEST_F(CatalogueTest, EmptyCaptionsAndOddQueriesAreNoError) {
  std::string list;
  for (const char* caption : {"", "   ", "...", "a person", "waving"}) list += fmt::format(R"({{"path":"{}.mp4","caption":"{}"}})" "\n", list.size(), caption);
  const AddReport report = add(write("list.jsonl", list));
  EXPECT_EQ(report.without_words, 3u);
  const Catalogue catalogue = open();
  EXPECT_EQ(catalogue.search("person waving", 50).size(), 2u);
  EXPECT_TRUE(catalogue.search("", 50).empty());
  EXPECT_TRUE(catalogue.search("unheard of", 50).empty());
  EXPECT_TRUE(catalogue.search("\xFF\xFE", 50).empty());
  EXPECT_THAT(catalogue.words_of("A person, a unicorn"), ElementsAre(testing::Pair("a", 1), testing::Pair("person", 1), testing::Pair("unicorn", 0)));
  EXPECT_EQ(catalogue.stats(run_).without_words, 3u);
}

TEST_F(CatalogueTest, AnEmptyListMakesAnEmptyCatalogue) {
  EXPECT_EQ(add(write("list.jsonl", "")).rows, 0u);
  EXPECT_EQ(open().rows(), 0u);
  EXPECT_TRUE(open().search("person", 400).empty());
  EXPECT_EQ(open().stats(run_).clips, 0u);
}

TEST_F(CatalogueTest, RemovedClipsAreNotFoundAndCanBeAddedAgain) {
  const fs::path list = write("list.jsonl", kInternVid);
  add(list);
  EXPECT_EQ(remove_clips(folder(), {"aaa@3.16-8.52"}), 1u);
  EXPECT_THAT(ids("person is bowing"), ElementsAre("-bb@60-62", "aaa@9-12"));
  EXPECT_TRUE(open().is_removed(0));
  EXPECT_TRUE(open().rows_with_id("aaa@3.16-8.52").empty());
  EXPECT_EQ(open().stats(run_).removed, 1u);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { remove_clips(folder(), {"-bb@60-62", "nobody"}); }), HasSubstr("no clip has the id nobody"));
  EXPECT_EQ(ids("dog").size(), 1u) << "nothing is removed when one id is unknown";
  EXPECT_EQ(add(list).added, 1u);
  EXPECT_EQ(ids("bowing").size(), 1u);
  EXPECT_EQ(open().rows_with_id("aaa@3.16-8.52"), std::vector<uint64_t>{3});
}

TEST_F(CatalogueTest, ACatalogueHasOneAnalyzer) {
  add(write("list.jsonl", kInternVid), {.analyzer = AnalyzerKind::english});
  EXPECT_THAT(ids("bow"), UnorderedElementsAre("aaa@3.16-8.52", "aaa@9-12")) << "bowing and bows";
  EXPECT_EQ(open().analyzer(), AnalyzerKind::english);
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { add(root_ / "list.jsonl", {.analyzer = AnalyzerKind::plain}); }), HasSubstr("its analyzer is english"));
}

TEST_F(CatalogueTest, OnlyACatalogueIsOpenedOrAddedTo) {
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { Catalogue(root_ / "nowhere"); }), HasSubstr("no catalogue"));
  write("catalogue/holiday.jpg", "x");
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { add(write("list.jsonl", kInternVid)); }), HasSubstr("holds holiday.jpg"));
  fs::remove(root_ / "catalogue/holiday.jpg");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(root_ / "nothing"); }), HasSubstr("no such file"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { add(root_ / "list.jsonl", {.format = CaptionFormat::folder}); }), HasSubstr("expected, found a file"));
}

TEST_F(CatalogueTest, FilesThatOnlyBeginLikeTheCataloguesAreNobodysToDelete) {
  // A list in the folder that is to become the catalogue: it is no leftover.
  const fs::path list = write("catalogue/captions-10M.jsonl", kInternVid);
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { add(list); }), HasSubstr("holds captions-10M.jsonl and no catalogue.json"));
  EXPECT_EQ(read_file(list, 1 << 20), kInternVid);
  EXPECT_FALSE(fs::exists(folder() / "lock")) << "nothing is left in somebody's folder";
  fs::rename(list, root_ / "list.jsonl");

  add(root_ / "list.jsonl");
  const std::vector<std::string> theirs = {"captions-10M.jsonl", "captions-0000012", "captions-00001", "index-old", "index-000001.bak",
                                           "removed-000001", "removed-000001-x", ".spool-of-thread", ".catalogue.json.swp"};
  const std::vector<std::string> leftovers = {"captions-000009", "index-000009", "removed-000001-12", ".spool-aB3xYz", ".catalogue.json.1.2.tmp"};
  for (const std::string& name : theirs) write("catalogue/" + name, "x");
  for (const std::string& name : leftovers) write("catalogue/" + name, "x");
  fs::create_directory(folder() / "captions-000010");
  expect_error(ErrorKind::input_file, [&] { remove_clips(folder(), {"nobody"}); });
  for (const std::string& name : leftovers) EXPECT_TRUE(fs::exists(folder() / name)) << name << ": nothing was to be removed";
  remove_clips(folder(), {"-bb@60-62"});
  for (const std::string& name : leftovers) EXPECT_FALSE(fs::exists(folder() / name)) << name;
  add(root_ / "list.jsonl");
  for (const std::string& name : theirs) EXPECT_TRUE(fs::exists(folder() / name)) << name;
  EXPECT_TRUE(fs::exists(folder() / "captions-000010"));
}

TEST_F(CatalogueTest, AnImportThatComesToNothingLeavesTheFolderAsItWas) {
  fs::create_directory(folder());
  expect_error(ErrorKind::input_file, [&] { add(write("list.jsonl", "bad\n")); });
  EXPECT_TRUE(fs::is_empty(folder()));
  fs::remove(folder());
  expect_error(ErrorKind::input_file, [&] { add(root_ / "list.jsonl"); });
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(CatalogueTest, DamagedManifestsAreRefused) {
  add(write("list.jsonl", kInternVid));
  const std::string good = read_file(manifest_file(folder()), 1 << 20);
  const auto refusal = [&](std::string from, const std::string& to) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    write_file_atomic(manifest_file(folder()), bad);
    return expect_error(ErrorKind::input_file, [&] { open(); });
  };
  EXPECT_THAT(refusal("\"schema\": 1", "\"schema\": 2"), HasSubstr("schema 2, 1 expected"));
  EXPECT_THAT(refusal("\"plain\"", "\"german\""), HasSubstr("german"));
  EXPECT_THAT(refusal("\"rows\": 3", "\"rows\": 4"), HasSubstr("3 rows in its captions, 4 expected"));
  EXPECT_THAT(refusal("\"rows\": 3", "\"rows\": -3"), HasSubstr("rows: found -3"));
  EXPECT_THAT(refusal("\"number\": 1", "\"number\": 2"), HasSubstr("captions-000002"));
  EXPECT_THAT(refusal("{", "["), HasSubstr("catalogue.json"));
}

TEST_F(CatalogueTest, TwoWritersDoNotMeet) {
  add(write("list.jsonl", kInternVid));
  const auto lock = CatalogueLock::take(folder());
  EXPECT_THAT(expect_error(ErrorKind::busy, [&] { add(root_ / "list.jsonl"); }), HasSubstr("another process"));
  EXPECT_THAT(expect_error(ErrorKind::busy, [&] { remove_clips(folder(), {"aaa"}); }), HasSubstr("another process"));
  EXPECT_EQ(ids("dog").size(), 1u) << "readers are not kept out";
}

TEST_F(CatalogueTest, TheLoserOfTwoFirstImportsLeavesTheWinnerItsLock) {
  const fs::path list = write("list.jsonl", kInternVid);
  int refused = 0;
  const auto meanwhile = [&](std::string_view step) {
    if (step != "segment") return;
    expect_error(ErrorKind::busy, [&] { add(list); });
    EXPECT_TRUE(fs::exists(folder() / "lock"));
    ++refused;
  };
  EXPECT_EQ(add(list, {.before_step = meanwhile}).added, 3u);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(open().rows(), 3u);
}

TEST_F(CatalogueTest, FirstImportsThatFailAtTheSameTimeDisturbNoOther) {
  const fs::path good = write("good.jsonl", kInternVid), bad = write("bad.jsonl", "bad\n");
  for (int round = 0; round < 100; ++round) {
    const auto outcome = [&](const fs::path& list) {
      try {
        RunContext run;
        return add_clips({.folder = folder(), .from = list}, run).added == 3 ? "added" : "nothing";
      } catch (const Error& error) {
        return kind_name(error.kind());
      }
    };
    std::string of_bad;
    std::thread other([&] { of_bad = outcome(bad); });
    const std::string of_good = outcome(good);
    other.join();
    ASSERT_TRUE(of_good == "added" || of_good == "busy") << of_good;
    ASSERT_TRUE(of_bad == "input_file" || of_bad == "busy") << of_bad;
    ASSERT_FALSE(of_good == "busy" && of_bad == "busy") << "one of them held the lock";
    if (of_good == "added") ASSERT_EQ(open().rows(), 3u);
    else ASSERT_FALSE(fs::exists(manifest_file(folder())));
    fs::remove_all(folder());
  }
}

TEST_F(CatalogueTest, AStoppedImportLeavesNothing) {
  std::string list;
  for (int i = 0; i < 5000; ++i) list += fmt::format(R"({{"path":"{}.mp4","caption":"caption {}"}})" "\n", i, i);
  std::stop_source stop;
  stop.request_stop();
  run_.stop = stop.get_token();
  expect_error(ErrorKind::interrupted, [&] { add(write("list.jsonl", list)); });
  EXPECT_FALSE(fs::exists(folder()));
}

/// Every row's captions and the ranking survive damage, or the damage is named.
TEST_F(CatalogueTest, CaptionFilesDamagedAnywhereAreRefusedOrReadAsBefore) {
  std::string list;
  for (int i = 0; i < 3000; ++i) list += fmt::format(R"({{"path":"{}.mp4","caption":"caption {} of the list","score":{}}})" "\n", i, i, i);
  add(write("list.jsonl", list));
  const fs::path file = captions_file(folder(), 1);
  const std::string good = read_file(file, 1 << 24);
  std::mt19937 random(3);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    const size_t at = random() % bad.size();
    if (i % 3 == 0) bad.resize(at);
    else bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    fs::remove(file);
    write_file_atomic(file, bad);
    try {
      const Catalogue catalogue = open();
      for (uint64_t row = 0; row < catalogue.rows(); row += 97) {
        ASSERT_EQ(catalogue.clip(row).caption, fmt::format("caption {} of the list", row)) << "damaged at " << at;
        ASSERT_EQ(catalogue.rows_with_id(std::to_string(row)), std::vector<uint64_t>{row});
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::input_file) << error.line();
      ++refused;
    }
  }
  EXPECT_GT(refused, 150);
}

TEST_F(CatalogueTest, SeveralThreadsReadOneCatalogue) {
  std::string list;
  for (int i = 0; i < 20'000; ++i) list += fmt::format(R"({{"path":"{}.mp4","caption":"caption {} of the list"}})" "\n", i, i % 100);
  add(write("list.jsonl", list));
  const Catalogue catalogue = open();
  std::vector<std::thread> threads;
  std::array<bool, 4> right{};
  for (size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto hits = catalogue.search(fmt::format("caption {}", t), 400);
      right[t] = hits.size() == 400 && catalogue.clip(hits[7].row).caption == fmt::format("caption {} of the list", hits[7].row % 100);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, testing::Each(true));
}

}  // namespace
}  // namespace dreamrunner
