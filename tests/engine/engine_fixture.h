#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {

inline const std::filesystem::path kPlayset = std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset";

/// What long work says of itself.
struct Listener : Progress {
  void begin(std::string_view stage, int64_t total) override { stages.push_back(std::string(stage) + " " + std::to_string(total)); }
  void note(std::string_view message) override { notes.emplace_back(message); }
  std::vector<std::string> stages;
  std::vector<std::string> notes;
};

class EngineTest : public testing::Test {
 protected:
  static Engine& engine() {
    static const std::unique_ptr<Engine> instance = make_torch_engine();
    return *instance;
  }

  TemporaryFolder folder_;
  Listener listener_;
  RunContext run_{.stop = {}, .progress = &listener_};
};

}  // namespace dreamrunner::test
