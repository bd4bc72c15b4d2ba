#include "stages/model_location.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "stages/stages.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

fs::path make_model(const fs::path& folder) {
  write(folder / "model_index.json", "{}");
  return folder;
}

/// Sets a variable of the environment, or removes it, for the length of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  Variable(const char* name, const fs::path& value) : Variable(name, value.c_str()) {}
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// A clean environment, whatever the machine that runs the tests has set.
class ModelLocation : public ::testing::Test {
 protected:
  test::TemporaryFolder folder;
  Variable models{"DREAMRUNNER_MODELS", static_cast<const char*>(nullptr)};
  Variable hub{"HF_HUB_CACHE", static_cast<const char*>(nullptr)};
  Variable old_hub{"HUGGINGFACE_HUB_CACHE", static_cast<const char*>(nullptr)};
  Variable hf_home{"HF_HOME", static_cast<const char*>(nullptr)};
  Variable xdg{"XDG_CACHE_HOME", static_cast<const char*>(nullptr)};
  Variable home{"HOME", folder / "home"};

  /// A cache as huggingface_hub leaves it: files are links into blobs/.
  fs::path make_snapshot(const fs::path& cache, const std::string& repository, const std::string& revision) {
    const fs::path base = cache / repository;
    write(base / "blobs/b10b", "{}");
    fs::create_directories(base / "snapshots" / revision);
    fs::create_symlink("../../blobs/b10b", base / "snapshots" / revision / "model_index.json");
    return base / "snapshots" / revision;
  }
};

TEST_F(ModelLocation, FindsAFolderByPath) {
  const fs::path model = make_model(folder / "my model");
  EXPECT_EQ(find_model_in({}, model.string()), model);
  EXPECT_EQ(find_model_in({}, (folder / "x/../my model").string()), model);
}

TEST_F(ModelLocation, FindsARelativePathFromTheWorkingFolder) {
  const fs::path before = fs::current_path();
  make_model(folder / "some/model");
  fs::current_path(folder.path());
  const fs::path found = find_model_in({}, "some/model");
  fs::current_path(before);
  EXPECT_TRUE(found.is_absolute());
  EXPECT_TRUE(fs::equivalent(found, folder / "some/model"));
}

TEST(ModelName, IsWhatPeopleCallIt) {
  EXPECT_EQ(model_name("/models/playset"), "playset");
  EXPECT_EQ(model_name("/models/playset/"), "playset");
  EXPECT_EQ(model_name("/cache/hub/models--THUDM--CogVideoX-2b/snapshots/1137dac"), "THUDM/CogVideoX-2b");
  EXPECT_EQ(model_name("/cache/hub/models--a--b--c/snapshots/1137dac/"), "a/b--c");
  EXPECT_EQ(model_name("/films/snapshots/mine"), "mine");
  EXPECT_EQ(model_name("/films/models--x/snapshots/mine"), "mine");
}

TEST_F(ModelLocation, RefusesAFolderThatIsNoModel) {
  fs::create_directories(folder / "empty");
  const std::string line = expect_error(ErrorKind::input_file, [&] { find_model_in({}, (folder / "empty").string()); });
  EXPECT_THAT(line, AllOf(HasSubstr("has no model_index.json"), HasSubstr("transformer/")));
}

TEST_F(ModelLocation, FindsThePlaysetInTheSourceTreeAndInstalled) {
  const fs::path in_tree = make_model(folder / "source/models/playset");
  EXPECT_EQ(find_model_in(model_places(folder / "source/build"), "playset"), in_tree);
  const fs::path installed = make_model(folder / "prefix/share/dreamrunner/models/playset");
  EXPECT_EQ(find_model_in(model_places(folder / "prefix/bin"), "playset"), installed);
}

TEST_F(ModelLocation, TheEnvironmentsShelfComesFirst) {
  make_model(folder / "source/models/playset");
  const fs::path mine = make_model(folder / "mine/playset");
  const Variable shelf("DREAMRUNNER_MODELS", folder / "mine");
  EXPECT_EQ(find_model_in(model_places(folder / "source/build"), "playset"), mine);
}

TEST_F(ModelLocation, AFolderOfThatNameDoesNotHideThePlayset) {
  const fs::path in_tree = make_model(folder / "source/models/playset");
  make_model(folder / "work/playset");
  const fs::path before = fs::current_path();
  fs::current_path(folder / "work");
  const ModelPlaces places = model_places(folder / "source/build");
  const fs::path by_name = find_model_in(places, "playset");
  const fs::path by_path = find_model_in(places, "./playset");
  fs::current_path(before);
  EXPECT_EQ(by_name, in_tree);
  EXPECT_TRUE(fs::equivalent(by_path, folder / "work/playset"));
}

TEST_F(ModelLocation, FindsTheSnapshotThatMainNames) {
  make_snapshot(folder / "hub", "models--THUDM--CogVideoX-2b", "0ld");
  const fs::path current = make_snapshot(folder / "hub", "models--THUDM--CogVideoX-2b", "1137dacf");
  write(folder / "hub/models--THUDM--CogVideoX-2b/refs/main", "1137dacf\n");
  EXPECT_EQ(find_model_in({{}, folder / "hub"}, "THUDM/CogVideoX-2b"), current);
}

TEST_F(ModelLocation, TakesTheOnlySnapshotWhereNothingIsNamedMain) {
  const fs::path only = make_snapshot(folder / "hub", "models--ORG--NAME", "abc");
  EXPECT_EQ(find_model_in({{}, folder / "hub"}, "ORG/NAME"), only);
  make_snapshot(folder / "hub", "models--ORG--NAME", "def");
  const std::string line = expect_error(ErrorKind::input_file, [&] { find_model_in({{}, folder / "hub"}, "ORG/NAME"); });
  EXPECT_THAT(line, HasSubstr("2 snapshots"));
}

TEST_F(ModelLocation, SaysWhenADownloadIsIncomplete) {
  const fs::path snapshot = make_snapshot(folder / "hub", "models--ORG--NAME", "abc");
  write(folder / "hub/models--ORG--NAME/refs/main", "abc");
  fs::remove(folder / "hub/models--ORG--NAME/blobs/b10b");  // The link dangles now.
  const std::string line = expect_error(ErrorKind::input_file, [&] { find_model_in({{}, folder / "hub"}, "ORG/NAME"); });
  EXPECT_THAT(line, AllOf(HasSubstr("snapshot abc has no model_index.json"), HasSubstr("incomplete")));
}

TEST_F(ModelLocation, AReferenceCannotLeaveTheCache) {
  make_model(folder / "elsewhere");
  fs::create_directories(folder / "hub/models--ORG--NAME/snapshots");
  write(folder / "hub/models--ORG--NAME/refs/main", "../../../elsewhere");
  const std::string line = expect_error(ErrorKind::input_file, [&] { find_model_in({{}, folder / "hub"}, "ORG/NAME"); });
  EXPECT_THAT(line, HasSubstr("the name of a snapshot expected"));
}

TEST_F(ModelLocation, TheCacheIsWhereHuggingFacePutsIt) {
  EXPECT_EQ(model_places("/p/bin").hub_cache, folder / "home/.cache/huggingface/hub");
  const Variable a("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(model_places("/p/bin").hub_cache, "/xdg/huggingface/hub");
  const Variable b("HF_HOME", "~/hf");
  EXPECT_EQ(model_places("/p/bin").hub_cache, folder / "home/hf/hub");
  const Variable c("HUGGINGFACE_HUB_CACHE", "/old");
  EXPECT_EQ(model_places("/p/bin").hub_cache, "/old");
  const Variable d("HF_HUB_CACHE", "/new");
  EXPECT_EQ(model_places("/p/bin").hub_cache, "/new");
  EXPECT_THAT(model_places("/p/bin").shelves, ElementsAre("/p/models", "/p/share/dreamrunner/models"));
}

TEST_F(ModelLocation, NamesThePlacesAndTheTwoWaysWhenNothingIsFound) {
  const ModelPlaces places = model_places(folder / "prefix/bin");
  std::string line = expect_error(ErrorKind::input_file, [&] { find_model_in(places, "playset"); });
  EXPECT_THAT(line, AllOf(HasSubstr((folder / "prefix/share/dreamrunner/models/playset").string()), HasSubstr("DREAMRUNNER_MODELS"),
                          HasSubstr("THUDM/CogVideoX-2b")));
  line = expect_error(ErrorKind::input_file, [&] { find_model_in(places, "THUDM/CogVideoX-5b"); });
  EXPECT_THAT(line, AllOf(HasSubstr("huggingface/hub/models--THUDM--CogVideoX-5b"), HasSubstr("playset")));
  expect_error(ErrorKind::input_file, [&] { find_model_in(places, ""); });
  expect_error(ErrorKind::input_file, [&] { find_model_in(places, "../.."); });
}

TEST_F(ModelLocation, TheShippedPlaysetIsAModel) {
  const Variable shelf("DREAMRUNNER_MODELS", fs::path(DREAMRUNNER_SOURCE_DIR) / "models");
  EXPECT_EQ(find_model("playset"), fs::path(DREAMRUNNER_SOURCE_DIR) / "models/playset");
}

}  // namespace
}  // namespace dreamrunner
