#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "film/film_folder.h"
#include "film/film_settings.h"
#include "film/records.h"
#include "plan/planner.h"

namespace dreamrunner {

/// How a film's plan stands to the story or topic that film.toml names.
enum class PlanStanding {
  by_hand,   ///< film.toml names neither: the plan is all there is.
  missing,   ///< To be planned.
  fresh,     ///< As it was planned, and from what would be planned now.
  stale,     ///< As it was planned, but story, topic, characters or planner are others by now.
  edited,    ///< Not as it was planned: a person changed it.
  unknown,   ///< No record says who wrote it; taken for a person's.
};

/// A standing and its reason in words; the reason is empty when fresh or by hand.
struct PlanVerdict {
  PlanStanding standing = PlanStanding::missing;
  std::string reason;
  /// True where planning would overwrite nothing that a person wrote.
  bool to_be_planned() const { return standing == PlanStanding::missing || standing == PlanStanding::stale; }
  /// True for a plan that only `force` overwrites.
  bool kept() const { return standing == PlanStanding::edited || standing == PlanStanding::unknown; }
};

/// Judges the plan; writes nothing. A plan without a record that is, byte for byte, what the built-in planner makes of the
/// story is fresh: so is one that came with the film, by copy or from a repository.
/// Throws Error(usage) where film.toml names story and topic both, Error(input_file) for a story that cannot be read or is
/// no UTF-8.
PlanVerdict judge_plan(const FilmFolder& folder, const FilmSettings& settings, const Journal& journal);

/// What the planner is given: the story's text or the topic, characters, limits. Throws as `judge_plan`.
PlanningTask planning_task(const FilmFolder& folder, const FilmSettings& settings);

/// Makes the film's planner: built in, or one that asks a language model and records the chat in the folder, or one that
/// repeats recorded replies.
std::unique_ptr<Planner> make_film_planner(const FilmFolder& folder, const FilmSettings& settings);

/// `make_film_planner`, or what a test hands in.
using PlannerMaker = std::function<std::unique_ptr<Planner>(const FilmFolder&, const FilmSettings&)>;

/// What `plan_film` is asked for.
struct PlanRequest {
  std::filesystem::path film;  ///< The folder, or its film.toml.
  std::optional<int> scene;    ///< Plan only this scene again, counted from 1; the others stay.
  bool force = false;          ///< Plan again what is fresh or was edited.
};

/// What was done.
struct PlanResult {
  std::filesystem::path file;  ///< The plan.
  PlanVerdict before;          ///< How it stood.
  std::vector<int> planned;    ///< Scenes that were planned, counted from 1; empty when nothing was to do.
};

/// Plans a film: story, then every scene, then the motions by id; the plan appears complete, and a record says what it was
/// made from. Nothing is done for a plan that is fresh, by hand or kept, unless it is forced. One scene is planned again
/// from the script, or from the plan's own narration where there is no script; edits of other scenes stay, and stay edits.
/// Throws Error(usage) for a scene that plan or story do not have (before any scene is planned) or a film with nothing to
/// plan from, Error(busy), Error(storage), Error(interrupted), what `judge_plan` throws and what the planner throws, with the
/// plan as it was.
PlanResult plan_film(const PlanRequest& request, RunContext& run, const PlannerMaker& maker = make_film_planner);

/// What `make_film` does first: plans where the plan is missing or stale, and notes where it is kept or by hand.
void plan_if_needed(const std::filesystem::path& film, RunContext& run, const PlannerMaker& maker = make_film_planner);

}  // namespace dreamrunner
