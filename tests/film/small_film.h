#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <fmt/format.h>

#include "base/run_context.h"
#include "film/make_film.h"
#include "story/plan_json.h"
#include "support/synthetic_engine.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

inline std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Every file below `root` with its bytes.
inline std::map<std::string, std::string> tree_of(const std::filesystem::path& root) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) tree[entry.path().lexically_relative(root).generic_string()] = read_bytes(entry.path());
  }
  return tree;
}

/// A film of a few scenes in a folder of its own, with a folder beside it that looks like a model.
class SmallFilm {
 public:
  explicit SmallFilm(int scenes = 3) {
    write_text(folder_ / "model/model_index.json", "{\"_class_name\": \"none\"}");
    write_text(folder_ / "model/transformer/weights.safetensors", "some weights");
    write_text(folder_ / "model/priors.json", R"({"schema": 1, "knows": ["walking", "jumping"]})");
    plan.title = "Two friends";
    for (int i = 1; i <= scenes; ++i) {
      Scene scene;
      scene.background = fmt::format("a quiet place, number {}", i);
      scene.narration = "They meet.";
      KeyFrame left{{{"bear", "walking", "a brown bear is walking", {0.0, 0.2, 0.5, 1.0}}}};
      KeyFrame right{{{"bear", "jumping", "a brown bear is jumping", {0.5, 0.2, 1.0, 1.0}}}};
      scene.key_frames = {left, right};
      plan.scenes.push_back(scene);
    }
    settings = "seed = 7\n[model]\npath = \"../model\"\n[generate]\nsteps = 4\n";
    save();
  }

  /// Writes `settings` and `plan`.
  void save() const {
    write_text(root() / "film.toml", settings);
    write_text(root() / "plan/plan.json", plan_to_json(plan).dump(2));
  }

  MakeResult make(SettingOverrides overrides = {}, std::optional<int> scene = std::nullopt) {
    return make_film({root(), std::move(overrides), scene}, [this]() -> Engine& { return engine; }, run);
  }

  std::filesystem::path root() const { return folder_ / "film"; }
  std::filesystem::path model() const { return folder_ / "model"; }
  std::filesystem::path operator/(const std::string& name) const { return root() / name; }

  std::string settings;
  Plan plan;
  SyntheticEngine engine;
  RunContext run;

 private:
  TemporaryFolder folder_;
};

}  // namespace dreamrunner::test
