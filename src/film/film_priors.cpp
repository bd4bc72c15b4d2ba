#include "film/film_priors.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors_index.h"
#include "film/character_pictures.h"
#include "film/lora_base.h"
#include "film/motion_clips.h"
#include "film/prior_library.h"
#include "film/records.h"
#include "plan/motion_ids.h"
#include "story/named_character.h"
#include "story/priors.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// Raise it when the same request is learnt differently; every prior is then learnt anew.
constexpr int kPriorFormat = 2;

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

/// What of an example decides the prior: its bytes and what is taken of them, not its name.
Json example_inputs(const FilmPrior& prior, size_t index, FileHashes& hashes) {
  const PriorExample& example = prior.examples[index];
  Json inputs = {{"sha256", hashes.sha256(example.file)}};
  if (prior.kind == PriorKind::motion) {
    inputs["start"] = optional_json(example.start_s);
    inputs["end"] = optional_json(example.end_s);
    inputs["crop"] = example.crop ? Json{example.crop->left, example.crop->top, example.crop->right, example.crop->bottom} : Json(nullptr);
  }
  // One text for all is the motion's name, or the first picture's caption.
  const bool read = prior.recipe.prompts == "per-video" || (prior.kind == PriorKind::subject && index == 0);
  if (read) inputs["caption"] = example.caption;
  return inputs;
}

Json prior_inputs(const FilmPrior& prior, const FilmSettings& settings, const std::string& fingerprint, FileHashes& hashes) {
  Json inputs = {{"artefact", "prior"},
                 {"format", kPriorFormat},
                 {"kind", prior_kind_name(prior.kind)},
                 {"name", prior.name},
                 {"base", fingerprint},
                 {"seed", settings.priors.seed},
                 {"recipe", deciding_values(prior.kind, prior.recipe)}};
  // "auto" is what suits the machine, and one machine's prior is good enough for another.
  if (settings.generate.dtype != "auto") inputs["dtype"] = settings.generate.dtype;
  inputs["examples"] = Json::array();
  for (size_t i = 0; i < prior.examples.size(); ++i) inputs["examples"].push_back(example_inputs(prior, i, hashes));
  return inputs;
}

std::string link_name_of(const PriorId& id) { return fmt::format("{}/{}/prior.safetensors", id.first == PriorKind::motion ? "motions" : "characters", id.second); }

const FilmCharacter* find_character(const FilmSettings& settings, const std::string& id) {
  const auto found = std::find_if(settings.characters.begin(), settings.characters.end(), [&](const FilmCharacter& one) { return one.character.id == id; });
  return found != settings.characters.end() ? &*found : nullptr;
}

}  // namespace

std::string FilmPrior::label() const { return fmt::format("{} {}", kind == PriorKind::motion ? "motion" : "character", id); }

std::string FilmPrior::link_name() const { return link_name_of({kind, id}); }

const FilmPrior* FilmPriors::find(const PriorId& id) const {
  const auto found = std::find_if(all.begin(), all.end(), [&](const FilmPrior& prior) { return prior.kind == id.first && prior.id == id.second; });
  return found != all.end() ? &*found : nullptr;
}

PriorGatherer::PriorGatherer(const fs::path& film, const FilmSettings& settings, const std::string& fingerprint, FileHashes& hashes)
    : film_(film), settings_(settings), fingerprint_(fingerprint), hashes_(hashes), model_(load_model_priors(settings.generate.model)) {}

std::optional<FilmPrior> PriorGatherer::own_file(FilmPrior prior) const {
  if (!has_own_prior(film_, {prior.kind, prior.id})) return std::nullopt;
  const fs::path file = film_ / prior.link_name();
  const MappedFile mapped(file);
  const LoraBase base = lora_base(parse_safetensors(mapped.bytes(), file.string()));
  prior.own_file = file;
  prior.other_base = other_base_in_words(base, settings_.generate.model, fingerprint_);
  prior.hash = hashes_.sha256(file);
  return prior;
}

FilmPrior PriorGatherer::finished(FilmPrior prior) const {
  const PriorChoices choices = prior_choices(prior.kind, model_, settings_.priors);
  prior.recipe = effective_recipe(prior.kind, choices.recipe);
  if (choices.max_clips && prior.examples.size() > static_cast<size_t>(*choices.max_clips)) prior.examples.resize(static_cast<size_t>(*choices.max_clips));
  prior.inputs = prior_inputs(prior, settings_, fingerprint_, hashes_);
  prior.hash = key_of(prior.inputs);
  return prior;
}

std::optional<FilmPrior> PriorGatherer::motion(const std::string& id, std::string& why_not) const {
  FilmPrior prior;
  prior.kind = PriorKind::motion;
  prior.id = prior.name = id;
  const auto weight = settings_.priors.weights.find(id);
  if (weight != settings_.priors.weights.end()) prior.weight = weight->second;
  if (auto own = own_file(prior)) return own;
  const std::string name = fmt::format("motions/{}/clips.json", id);
  std::error_code code;
  if (!fs::exists(film_ / name, code)) {
    why_not = fmt::format("there is no {}", name);
    return std::nullopt;
  }
  MotionClips clips = load_motion_clips(film_ / name, id, film_);
  if (clips.clips.empty()) {
    why_not = fmt::format("{} lists no clips", name);
    return std::nullopt;
  }
  prior.name = clips.motion;
  prior.examples = std::move(clips.clips);
  return finished(std::move(prior));
}

std::optional<FilmPrior> PriorGatherer::subject(const FilmCharacter& entry, std::string& why_not) const {
  FilmPrior prior;
  prior.kind = PriorKind::subject;
  prior.id = entry.character.id;
  prior.name = entry.character.token;
  const auto weight = settings_.priors.weights.find(prior.id);
  if (weight != settings_.priors.weights.end()) prior.weight = weight->second;
  if (auto own = own_file(prior)) return own;
  if (entry.pictures.empty()) {
    why_not = "film.toml names no pictures";
    return std::nullopt;
  }
  prior.examples = character_pictures(entry, film_);
  // Scenes that were made with the character must not be made again without it because a disk is not there.
  if (prior.examples.empty()) {
    throw Error(ErrorKind::input_file, fmt::format("character \"{}\": no file matches {}", prior.id, fmt::join(entry.pictures, ", ")),
                "see whether they are where film.toml looks for them, or take `pictures` out; --no-priors makes the film without");
  }
  return finished(std::move(prior));
}

void PriorGatherer::check_weights(const Plan& plan) const {
  std::vector<std::string_view> known;
  for (const Character& character : plan.characters) known.push_back(character.id);
  for (const Motion& motion : plan.motions) known.push_back(motion.id);
  for (const auto& [id, weight] : settings_.priors.weights) {
    if (std::find(known.begin(), known.end(), id) != known.end()) continue;
    const std::string near = nearest_word(id, known);
    throw Error(ErrorKind::usage, fmt::format("prior weight of \"{}\": the film has no such character or motion", id),
                near.empty() ? fmt::format("it has {}", fmt::join(known, ", ")) : fmt::format("did you mean \"{}\"?", near));
  }
}

void PriorGatherer::check_known_motions(const Plan& plan) const {
  std::vector<std::string_view> planned;
  for (const Motion& motion : plan.motions) planned.push_back(motion.id);
  for (const std::string& id : settings_.priors.known_motions) {
    // A motion that the plan has no more does no harm; a slip of the pen would.
    if (std::find(planned.begin(), planned.end(), id) != planned.end()) continue;
    const std::string near = nearest_word(id, planned);
    if (!near.empty()) throw Error(ErrorKind::usage, fmt::format("priors.known_motions: \"{}\": the film has no such motion", id), fmt::format("did you mean \"{}\"?", near));
  }
}

FilmPriors PriorGatherer::gather(const Plan& plan) const {
  FilmPriors priors;
  check_weights(plan);
  check_known_motions(plan);
  if (!settings_.priors.use) return priors;
  std::set<PriorId> wanted;
  for (const Scene& scene : plan.scenes) wanted.merge(wanted_in(plan, scene));
  for (const Motion& motion : plan.motions) {
    const PriorId id{PriorKind::motion, motion.id};
    if (!wanted.contains(id)) continue;
    if (!settings_.library.use) continue;  // No motion has a prior then (the paper's Table 2).
    std::string why_not;
    if (auto prior = this->motion(motion.id, why_not)) {
      priors.all.push_back(std::move(*prior));
    } else if (!is_known_motion(model_, settings_.priors, motion.id)) {
      priors.missing.push_back({id, why_not});
    }
  }
  for (const Character& character : plan.characters) {
    const FilmCharacter* entry = find_character(settings_, character.id);
    const FilmCharacter plain{character, {}, {}};
    if (entry != nullptr && !entry->pictures.empty() && entry->character.token != character.token) {
      throw Error(ErrorKind::usage, fmt::format("character \"{}\": its token is \"{}\" in film.toml and \"{}\" in the plan", character.id, entry->character.token, character.token),
                  "what is learnt is called up by the token: use one");
    }
    std::string why_not;
    if (auto prior = subject(entry != nullptr ? *entry : plain, why_not)) {
      priors.all.push_back(std::move(*prior));
    } else if (!character.token.empty() && wanted.contains({PriorKind::subject, character.id})) {
      priors.missing.push_back({{PriorKind::subject, character.id}, why_not});
    }
  }
  return priors;
}

bool has_own_prior(const fs::path& film, const PriorId& id) {
  const fs::path file = film / link_name_of(id);
  std::error_code code;
  const bool is_ours = fs::is_symlink(file, code) && is_library_link(fs::read_symlink(file, code));
  return !is_ours && fs::exists(fs::symlink_status(file, code));
}

void complete_for_priors(Plan& plan, const FilmSettings& settings) {
  for (const FilmCharacter& entry : settings.characters) {
    const bool known = std::any_of(plan.characters.begin(), plan.characters.end(), [&](const Character& one) { return one.id == entry.character.id; });
    if (!known) plan.characters.push_back(named_character(entry.character));
  }
  complete_motions(plan);
}

std::set<PriorId> wanted_in(const Plan& plan, const Scene& scene) {
  std::set<PriorId> wanted;
  for (const KeyFrame& key_frame : scene.key_frames) {
    for (const PlannedRegion& region : key_frame.regions) {
      const WantedPriors one = wanted_priors(plan, region);
      if (!one.motion.empty()) wanted.insert({PriorKind::motion, one.motion});
      if (!one.character.empty()) wanted.insert({PriorKind::subject, one.character});
    }
  }
  return wanted;
}

std::vector<SceneBinding> scene_bindings(const FilmPriors& priors, const Plan& plan, const Scene& scene) {
  std::vector<SceneBinding> bindings;
  if (priors.all.empty()) return bindings;
  for (const FilmPrior& prior : priors.all) bindings.push_back({&prior, {}});
  for (size_t k = 0; k < scene.key_frames.size(); ++k) {
    const KeyFrame& key_frame = scene.key_frames[k];
    for (size_t r = 0; r < key_frame.regions.size(); ++r) {
      const WantedPriors wanted = wanted_priors(plan, key_frame.regions[r]);
      for (SceneBinding& binding : bindings) {
        const std::string& id = binding.prior->kind == PriorKind::motion ? wanted.motion : wanted.character;
        if (id == binding.prior->id) binding.places.push_back({static_cast<int>(k), static_cast<int>(r)});
      }
    }
  }
  std::erase_if(bindings, [](const SceneBinding& binding) { return binding.places.empty() || binding.prior->weight == 0; });
  return bindings;
}

std::vector<std::string> foreign_in_words(const FilmPriors& priors, const Plan& plan, const Scene& scene) {
  std::vector<std::string> lines;
  for (const SceneBinding& binding : scene_bindings(priors, plan, scene)) {
    const FilmPrior& prior = *binding.prior;
    if (!prior.other_base.empty()) lines.push_back(fmt::format("{}: {} was {}", prior.label(), prior.link_name(), prior.other_base));
  }
  return lines;
}

std::vector<std::string> uncalled_in_words(const FilmPriors& priors, const Plan& plan, const Scene& scene) {
  std::vector<std::string> lines;
  for (const SceneBinding& binding : scene_bindings(priors, plan, scene)) {
    const FilmPrior& prior = *binding.prior;
    if (prior.kind != PriorKind::subject) continue;
    const auto& characters = plan.characters;
    const auto character = std::find_if(characters.begin(), characters.end(), [&](const Character& one) { return one.id == prior.id; });
    if (character == characters.end() || character->token.empty()) continue;
    const auto caption_at = [&](const RegionPlace& place) -> const std::string& {
      return scene.key_frames[static_cast<size_t>(place.key_frame)].regions[static_cast<size_t>(place.region)].caption;
    };
    const auto uncalled = std::find_if(binding.places.begin(), binding.places.end(), [&](const RegionPlace& place) { return !holds_token(caption_at(place), character->token); });
    if (uncalled == binding.places.end()) continue;
    lines.push_back(fmt::format("\"{}\" does not hold {}, which calls up {} (`dreamrunner plan FILM --check` finds all such captions)", caption_at(*uncalled), character->token, prior.id));
  }
  return lines;
}

std::vector<std::string> missing_in_words(const FilmPriors& priors, const std::set<PriorId>& wanted) {
  std::vector<std::string> lines;
  std::vector<std::string> motions;
  for (const MissingPrior& one : priors.missing) {
    if (!wanted.contains(one.id)) continue;
    if (one.id.first == PriorKind::motion) {
      motions.push_back(one.id.second);
    } else {
      lines.push_back(fmt::format("character {} has no prior: {}", one.id.second, one.reason));
    }
  }
  if (!motions.empty()) {
    lines.push_back(fmt::format("no clips, so left to the model: {} (motions/ID/clips.json; [priors] known_motions says that one needs none)", fmt::join(motions, ", ")));
  }
  return lines;
}

}  // namespace dreamrunner
