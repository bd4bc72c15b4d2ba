#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/files.h"
#include "cli/command.h"
#include "film/lora_base.h"
#include "film/model_fingerprint.h"
#include "film/setting_checks.h"
#include "plan/load_plan.h"
#include "stages/stages.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// A part of a model and what its run has to be given.
struct Part {
  std::string_view name;
  std::string_view model_folder;  ///< Of the part in a model; empty when no model is needed.
  bool reads_tensors;
  bool writes;
  std::string_view help;
};

constexpr std::array<Part, 13> kParts = {{
    {"tokens", "tokenizer", false, false, "--text or a text a line on standard input -> ids"},
    {"text-encoder", "text_encoder", true, true, "input_ids [B,L] -> last_hidden_state"},
    {"transformer", "transformer", true, true,
     "hidden_states [B,F,C,H,W], encoder_hidden_states [B,N*T,D], timestep [B], regions [N,F,H/p,W/p] -> sample"},
    {"regions", "", false, true, "--plan --scene --grid -> regions [N,F,H,W], and the N captions"},
    {"vae-encode", "vae", true, true, "pixels [B,3,F,H,W] in -1..1 -> mean, logvar"},
    {"vae-decode", "vae", true, true, "latents [B,C,F,H,W], unscaled -> pixels"},
    {"denoise", "transformer", true, true,
     "latents [1,F,C,H,W], prompt_embeds [N,T,D], negative_prompt_embeds [N,T,D], regions -> latents"},
    {"video-write", "", true, true, "frames [F,H,W,3], uint8 or 0..1 -> an mp4"},
    {"clip-text", "clip", false, true, "--text or a text a line on standard input -> embeds [B,D], not normalised"},
    {"clip-image", "clip", true, true, "pixels [B,3,H,W], prepared, or frames [B,H,W,3] uint8 -> embeds [B,D]"},
    {"viclip", "viclip", true, true, "frames [F,H,W,3] uint8, a clip, or --text -> embeds [1,D]"},
    {"yolov5", "yolov5", true, true, "frames [F,H,W,3] uint8 -> boxes [M,6] of people: frame, x0, y0, x1, y1, score"},
    {"frames", "", false, true, "--video -> frames [F,H,W,3] uint8, times [F] s"},
}};

constexpr double kMostLoraWeight = 1000;
/// CogVideoX's own default, for a transformer whose config does not say.
constexpr int64_t kDefaultTextLength = 226;
/// Tokens of a grid: more than any video model has, few enough to lay out.
constexpr int64_t kMostGridTokens = int64_t{1} << 28;

struct Options {
  ForwardRequest request;
  std::vector<std::string> loras;
  std::string model;
  std::optional<std::string> text;
  fs::path video;
  CLI::Option* fps = nullptr;
  std::optional<int64_t> count;
  fs::path plan;
  int64_t scene = 0;
  std::string grid;
  int64_t steps = 50;
};

const Part& part_named(const std::string& name) {
  for (const Part& part : kParts) {
    if (part.name == name) return part;
  }
  std::vector<std::string_view> names;
  for (const Part& part : kParts) names.push_back(part.name);
  const std::string nearest = nearest_word(name, names);
  throw Error(ErrorKind::usage, fmt::format("{}: unknown part, one of {} expected", name, fmt::join(names, ", ")),
              nearest.empty() ? "" : fmt::format("did you mean {}?", nearest));
}

void require_option(bool given, const Part& part, const char* option) {
  if (!given)
    throw Error(ErrorKind::usage, fmt::format("{}: {} is missing", part.name, option),
                "`dreamrunner forward --help` lists what each part needs");
}

/// "8x6x9" -> frames, height, width.
std::vector<int64_t> parse_grid(const std::string& text) {
  std::vector<int64_t> sides;
  int64_t tokens = 1;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    int64_t side = 0;
    const auto [next, code] = std::from_chars(at, end, side);
    if (code != std::errc() || side < 1 || side > kMostGridTokens || (tokens *= side) > kMostGridTokens) break;
    sides.push_back(side);
    if (next == end && sides.size() == 3) return sides;
    if (next == end || *next != 'x' || sides.size() == 3) break;
    at = next + 1;
  }
  throw Error(ErrorKind::usage, fmt::format("--grid: found \"{}\", FxHxW in tokens expected", text), "such as 8x6x9");
}

/// Whether a part is a model of its own, in a folder of its own or beside a video model.
bool is_scorer(const Part& part) { return part.model_folder == "clip" || part.model_folder == "viclip" || part.model_folder == "yolov5"; }

/// The folder of a model by name. A folder that holds just the part wanted will do.
fs::path model_folder(const std::string& name, const Part& part) {
  std::error_code ignored;
  if (fs::is_directory(fs::path(name) / part.model_folder, ignored)) return name;
  if (is_scorer(part) && fs::exists(fs::path(name) / "config.json", ignored)) return name;
  return find_model(name);
}

/// The texts of a request: the one given, or one a line on standard input.
std::vector<std::string> read_texts(const std::optional<std::string>& text) {
  if (text) return {*text};
  std::vector<std::string> texts;
  for (std::string line; std::getline(std::cin, line);) texts.push_back(line);
  return texts;
}

/// How many ids a text may have in this model, `</s>` among them.
int64_t text_length(const fs::path& model) {
  const fs::path config = model / "transformer" / "config.json";
  std::error_code ignored;
  if (!fs::exists(config, ignored)) return kDefaultTextLength;
  const Json json = read_json_file(config);
  const auto length = json.find("max_text_seq_length");
  if (length == json.end() || length->is_null()) return kDefaultTextLength;
  if (!length->is_number_integer() || length->get<int64_t>() < 1 || length->get<int64_t>() > 65536) {
    throw Error(ErrorKind::input_file,
                fmt::format("{}: max_text_seq_length: found {}, 1 to 65536 expected", config.string(), length->dump()));
  }
  return length->get<int64_t>();
}

void print_tokens(const T5Tokenizer& tokenizer, const std::string& text, int64_t most, Session& session) {
  const TokenizedText tokens = tokenizer.encode(text, most);
  if (session.json()) {
    session.print_event({{"ids", tokens.ids}, {"length", tokens.length}, {"cut", tokens.cut}});
    return;
  }
  session.print(fmt::format("{}", fmt::join(tokens.ids, " ")));
}

/// Runs without the engine, in milliseconds.
void run_tokens(const Options& options, const fs::path& model, Session& session) {
  const T5Tokenizer tokenizer = T5Tokenizer::from_folder(model / "tokenizer");
  const int64_t most = text_length(model);
  if (options.text) {
    print_tokens(tokenizer, *options.text, most, session);
    return;
  }
  for (std::string line; std::getline(std::cin, line);) print_tokens(tokenizer, line, most, session);
}

/// "FILE" or "FILE=WEIGHT"; a file's own "=" is no trouble, since what follows it is no number.
std::pair<fs::path, double> parse_lora(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {text, 1.0};
  double weight = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data() + equals + 1, end, weight);
  if (code != std::errc() || stopped != end || equals + 1 == text.size()) return {text, 1.0};
  checked_number("--lora", weight, -kMostLoraWeight, kMostLoraWeight);
  return {text.substr(0, equals), weight};
}

/// Says of each LoRA that was learnt on another model. A folder of one part alone has another fingerprint than the whole model.
void note_other_bases(const ForwardRequest& request, RunContext& run) {
  std::error_code ignored;
  if (!fs::exists(request.model / "model_index.json", ignored)) return;
  std::string fingerprint;
  for (const auto& [file, weight] : request.loras) {
    const LoraBase base = lora_base(file);
    if (base.fingerprint.empty()) continue;
    if (fingerprint.empty()) fingerprint = model_fingerprint(request.model);
    if (const std::string words = other_base_in_words(base, request.model, fingerprint); !words.empty()) {
      run.report().note(fmt::format("{}: it was {}", file.string(), words));
    }
  }
}

void run_part(Options& options, Session& session) {
  ForwardRequest& request = options.request;
  const Part& part = part_named(request.part);
  if (!part.model_folder.empty()) {
    require_option(!options.model.empty(), part, "--model");
    request.model = model_folder(options.model, part);
  }
  if (part.name == "tokens") return run_tokens(options, request.model, session);

  const bool takes_text = part.name == "clip-text" || (part.name == "viclip" && options.text);
  if (part.name == "frames") {
    require_option(!options.video.empty(), part, "--video");
    request.input = options.video;
    if (options.fps->count() == 0) request.fps.clear();
    if (options.count) request.count = static_cast<int>(checked_whole("--count", *options.count, {1, 100'000}));
  }
  if (part.reads_tensors && !takes_text) require_option(!request.input.empty(), part, "--in");
  if (part.writes) require_option(!request.output.empty(), part, "--out");
  if (takes_text) request.texts = read_texts(options.text);
  if (part.name == "regions") {
    require_option(!options.plan.empty(), part, "--plan");
    require_option(options.scene != 0, part, "--scene");
    require_option(!options.grid.empty(), part, "--grid");
    request.grid = parse_grid(options.grid);
    request.scene = load_scene(options.plan, static_cast<size_t>(checked_whole("--scene", options.scene, {1, 1'000'000})));
  }
  for (const std::string& lora : options.loras) request.loras.push_back(parse_lora(lora));
  request.steps = static_cast<int>(checked_whole("--steps", options.steps, kStepsRange));
  checked_number("--guidance-scale", request.guidance_scale, 0, kMostGuidance);
  checked_whole("--seed", request.seed, kSeedRange);

  RunContext& run = session.run("run the same command again");
  note_other_bases(request, run);
  const std::vector<std::string> captions = open_engine().forward(request, run);
  session.finish_progress();
  if (session.json()) {
    Json done = {{"event", "done"}, {"out", request.output.string()}};
    if (part.name == "regions") done["captions"] = captions;
    session.print_event(done);
    return;
  }
  for (const std::string& caption : captions) session.print(caption);
}

std::string parts_help() {
  std::string text = "Parts, and the names of the tensors they read and write:\n";
  for (const Part& part : kParts) text += fmt::format("  {:<14}{}\n", part.name, part.help);
  return text +
         "Literal special tokens in a text (\"</s>\", \"<pad>\") are plain characters; the reference implementation takes them\n"
         "for the tokens themselves. `regions` of the transformer may be left out: then one text goes with all tokens.\n";
}

}  // namespace

CommandBody attach_forward(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  ForwardRequest& request = options->request;
  app.footer(parts_help());
  app.add_option("PART", request.part, "one of those below")->required()->type_name("");
  const auto add = [&app](const char* name, auto& value, const char* type, const char* text) {
    return app.add_option(name, value, text)->type_name(type);
  };
  add("--model", options->model, "NAME", "a folder in the Hugging Face layout, a name in its cache, or playset");
  add("--in", request.input, "FILE", "tensors to read (safetensors)");
  add("--out", request.output, "FILE", "tensors to write (safetensors), or the mp4");
  add("--text", options->text, "TEXT", "tokens, clip-text and viclip: the text");
  add("--video", options->video, "FILE", "frames: the video");
  add("--start", request.start_s, "S", "frames: seconds from the first frame");
  add("--end", request.end_s, "S", "frames: seconds from the first frame, not included");
  add("--count", options->count, "N", "frames: this many, spread evenly");
  add("--plan", options->plan, "FILE", "regions: plan.json, the text of a plan, or the authors' JSON Lines");
  add("--scene", options->scene, "K", "regions: the scene (of JSON Lines: the line), from 1");
  add("--grid", options->grid, "FxHxW", "regions: frames, height and width in tokens");
  add("--interpolation", request.interpolation, "NAME", "regions: repeat or linear")->capture_default_str();
  add("--lora", options->loras, "FILE[=WEIGHT]", "transformer: a LoRA and its strength, 1 if not said; repeatable; `lora_regions` says where each acts");
  add("--visual-attn", request.visual_attn, "NAME", "transformer and denoise with regions: full or hard")->capture_default_str();
  app.add_flag("--vae-tiling", request.vae_tiling, "vae-encode and vae-decode: in overlapping tiles");
  add("--steps", options->steps, "N", "denoise: steps")->capture_default_str();
  add("--guidance-scale", request.guidance_scale, "X", "denoise: 1 is no guidance")->capture_default_str();
  add("--sampler", request.sampler, "NAME", "denoise: auto, ddim or dpm")->capture_default_str();
  add("--seed", request.seed, "N", "denoise: of the noise that DPM draws")->capture_default_str();
  options->fps = add("--fps", request.fps, "RATE", "video-write: such as 8 or 24000/1001; frames: those shown at this rate, else all");
  options->fps->capture_default_str();
  add("--device", request.device, "NAME", "auto, cpu or cuda")->capture_default_str();
  add("--dtype", request.dtype, "NAME", "auto, fp32, fp16 or bf16")->capture_default_str();
  return [options](Session& session) { run_part(*options, session); };
}

}  // namespace dreamrunner
