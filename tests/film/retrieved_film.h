#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "film/retrieve_film.h"
#include "retrieve/clip_library.h"
#include "small_film.h"

namespace dreamrunner::test {

/// A film whose second scene wants "picking-up", of which a catalogue beside it has clips, and one whose video is missing.
class RetrievedFilm : public SmallFilm {
 public:
  explicit RetrievedFilm(const std::string& threshold = "0.2") : SmallFilm(2), library(root() / "../clips") {
    ::setenv("DREAMRUNNER_CACHE", (root() / "../cache").c_str(), 1);
    ::setenv("DREAMRUNNER_PRIORS", (root() / "../priors").c_str(), 1);
    for (const char* model : {"clip", "viclip", "yolov5"}) {
      write_text(root() / "../scorers" / model / "config.json", "{}");
      write_text(root() / "../scorers" / model / "model.safetensors", model);
    }
    settings += "[library]\npath = \"../clips/catalogue\"\nscorers = \"../scorers\"\nthreshold = " + threshold + "\n";
    plan.scenes[1].key_frames[0].regions[0].motion = "picking up";
    save();
    for (const char* name : {"a", "b", "c", "d", "e"}) library.add({.name = name, .caption = "a person is picking up", .room = {0, 0, 200}});
    library.list({{"id", "later"}, {"path", "later.mp4"}, {"caption", "a person is picking up"}, {"start", 0}, {"end", 2}});
    library.save();
    engine.make_scorers = [] { return std::make_unique<ColourScorers>(); };
  }

  RetrieveFilmResult retrieve(RetrieveFilmRequest request = {}) {
    request.film = root();
    return retrieve_film(request, [this]() -> Engine& { return engine; }, run);
  }

  std::filesystem::path folder() const { return root() / "motions/picking-up"; }
  Json clips() const { return read_json_file(folder() / "clips.json"); }
  Json report() const { return read_json_file(folder() / "report.json"); }
  std::vector<std::string> kept() const {
    std::vector<std::string> ids;
    const Json written = clips();
    for (const Json& clip : written["clips"]) ids.push_back(clip["id"]);
    return ids;
  }

  ClipLibrary library;
};

}  // namespace dreamrunner::test
