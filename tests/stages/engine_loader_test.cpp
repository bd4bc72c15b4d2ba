#include "stages/engine_loader.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

const fs::path kEngines = ENGINES_FOLDER;

TEST(EngineLoader, OpensTheLibraryBesideTheProgram) {
  Engine& engine = open_engine_beside(kEngines / "works");
  RunContext run;
  EXPECT_EQ(engine.forward({.part = "tokens", .model = {}, .input = {}, .output = {}, .scene = {}, .grid = {}}, run),
            std::vector<std::string>{"tokens"});
}

TEST(EngineLoader, OpensTheLibraryOfAnInstalledProgram) {
  const test::TemporaryFolder prefix;
  fs::create_directories(prefix / "bin");
  fs::create_directories(prefix / "lib/dreamrunner");
  fs::copy_file(kEngines / "works/libdreamrunner_engine.so", prefix / "lib/dreamrunner/libdreamrunner_engine.so");
  EXPECT_EQ(open_engine_beside(prefix / "bin").report().torch_version, "0");
}

TEST(EngineLoader, ErrorsOfTheEngineArriveAsErrors) {
  // Program and engine each hold a copy of Error; the exit code depends on the one being caught as the other.
  Engine& engine = open_engine_beside(kEngines / "works");
  RunContext run;
  const std::string line = expect_error(ErrorKind::numerical, [&] { engine.open_scenes({}, {}, run); });
  EXPECT_EQ(line, "scene 1: step 3: NaN; thrown inside the library");
}

TEST(EngineLoader, SaysWhereItLookedForAMissingLibrary) {
  const test::TemporaryFolder prefix;
  fs::create_directories(prefix / "bin");
  const std::string line = expect_error(ErrorKind::input_file, [&] { open_engine_beside(prefix / "bin"); });
  EXPECT_THAT(line, AllOf(HasSubstr("bin/libdreamrunner_engine.so: the engine library is missing"),
                          HasSubstr((prefix / "lib/dreamrunner/libdreamrunner_engine.so").string()), HasSubstr("make build")));
}

TEST(EngineLoader, QuotesTheLoaderOnADamagedLibrary) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "libdreamrunner_engine.so") << "not a library at all";
  const std::string line = expect_error(ErrorKind::input_file, [&] { open_engine_beside(folder.path()); });
  EXPECT_THAT(line, AllOf(HasSubstr("cannot be opened: "), HasSubstr("file too short"), HasSubstr("LibTorch")));
}

TEST(EngineLoader, QuotesTheLoaderOnAnUnmetNeed) {
  const std::string line = expect_error(ErrorKind::input_file, [&] { open_engine_beside(kEngines / "unmet_need"); });
  EXPECT_THAT(line, AllOf(HasSubstr("function_of_another_libtorch"), HasSubstr("make setup")));
}

TEST(EngineLoader, RefusesAnEngineOfAnotherBuild) {
  const std::string line = expect_error(ErrorKind::input_file, [&] { open_engine_beside(kEngines / "other_build"); });
  EXPECT_THAT(line, AllOf(HasSubstr("is of another build than this program"), HasSubstr("make build")));
}

TEST(EngineLoader, RefusesALibraryThatIsNoEngine) {
  const std::string line = expect_error(ErrorKind::input_file, [&] { open_engine_beside(kEngines / "no_maker"); });
  EXPECT_THAT(line, AllOf(HasSubstr("not an engine of this program"), HasSubstr("dreamrunner_make_engine")));
}

TEST(EngineLoader, KnowsTheFolderOfTheProgram) { EXPECT_TRUE(fs::exists(program_folder() / "stages_test")); }

}  // namespace
}  // namespace dreamrunner
