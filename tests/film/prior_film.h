#pragma once

#include <gtest/gtest.h>

#include "film/film_project.h"
#include "film/learn_film.h"
#include "film/records.h"
#include "small_film.h"

namespace dreamrunner::test {

/// Keeps what was said.
class Notes : public Progress {
 public:
  void note(std::string_view message) override { notes.emplace_back(message); }
  std::vector<std::string> notes;
};

/// A small film that wants priors: a bear with a token and two pictures, who walks and jumps as the model knows it, and in
/// scene 2 turns cartwheels, of which there are two clips. Its library lies beside it.
class PriorFilm : public SmallFilm {
 public:
  explicit PriorFilm(int scenes = 2, const std::string& library = "../library") : SmallFilm(scenes) {
    settings += "[priors]\nlibrary = \"" + library + "\"\n";
    settings += "[[character]]\nid = \"bear\"\ntoken = \"[v1]\"\nname = \"brown bear\"\npictures = \"characters/bear/*.png\"\n";
    plan.characters = {{"bear", "[v1]", "brown bear"}};
    if (scenes > 1) plan.scenes[1].key_frames[0].regions[0].motion = "cartwheeling";
    write_text(root() / "characters/bear/0.png", "a picture");
    write_text(root() / "characters/bear/1.png", "another picture");
    write_text(root() / "motions/cartwheeling/one.mp4", "a clip");
    write_text(root() / "motions/cartwheeling/two.mp4", "another clip");
    clips = {{"schema", 1},
             {"motion", "cartwheeling"},
             {"clips",
              {{{"path", "one.mp4"}, {"start", 0.5}, {"end", 2.5}, {"caption", "a red witch is cartwheeling"}, {"crop", {0.0, 0.1, 0.5, 1.0}}},
               {{"path", "motions/cartwheeling/two.mp4"}, {"caption", "a blue knight is cartwheeling"}, {"score", 0.4}}}}};
    save();
  }

  void save() const {
    SmallFilm::save();
    write_text(clips_file(), clips.dump());
  }

  std::filesystem::path clips_file() const { return root() / "motions/cartwheeling/clips.json"; }
  std::filesystem::path library() const { return root() / "../library"; }

  LearnFilmResult learn(LearnFilmRequest request = {}) {
    request.film = root();
    return learn_film(request, [this]() -> Engine& { return engine; }, run);
  }

  FilmProject open(const SettingOverrides& overrides = {}) const { return open_film(root(), overrides); }

  /// The key of a prior as the film asks for it now.
  std::string key(PriorKind kind, const SettingOverrides& overrides = {}) const {
    const FilmProject film = open(overrides);
    const FilmPrior* prior = film.priors.find({kind, kind == PriorKind::motion ? "cartwheeling" : "bear"});
    return prior != nullptr ? prior->hash : "none";
  }

  Json clips;
};

}  // namespace dreamrunner::test
