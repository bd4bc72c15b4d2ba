#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "base/machine.h"
#include "media/isolated_video.h"
#include "media/video_library.h"
#include "stages/engine_loader.h"
#include "stages/model_location.h"
#include "stages/stages.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Below this a film of CogVideoX-2B does not fit on the disk beside its parts being written.
constexpr uint64_t kLittleDisk_bytes = 2'000'000'000;
/// The playset needs about one gigabyte; LibTorch itself takes half of that.
constexpr uint64_t kLittleMemory_bytes = 2'000'000'000;

/// What was found, and what is missing with the way to get it.
struct Findings {
  Json report = Json::object();
  Json missing = Json::array();

  void miss(const std::string& what) { missing.push_back(what); }
};

void look_at_machine(Findings& findings) {
  const Processor processor = read_processor();
  findings.report["processor"] = {
      {"name", processor.name.empty() ? Json() : Json(processor.name)}, {"threads", processor.threads}, {"features", processor.features}};
  if (std::find(processor.features.begin(), processor.features.end(), "avx2") == processor.features.end()) {
    findings.miss("AVX2: the processor lacks it; everything works, several times slower");
  }

  const Memory memory = read_memory();
  Json lines = {{"total_bytes", memory.total_bytes}, {"available_bytes", memory.available_bytes}};
  if (memory.limit_bytes) lines["limit_bytes"] = *memory.limit_bytes;
  findings.report["memory"] = lines;
  if (memory.available_bytes < kLittleMemory_bytes) findings.miss("memory: less than 2 GB are free; close other programs");

  std::error_code code;
  const fs::space_info space = fs::space(".", code);
  if (!code) {
    findings.report["disk_here"] = {{"free_bytes", uint64_t{space.available}}, {"total_bytes", uint64_t{space.capacity}}};
    if (space.available < kLittleDisk_bytes) findings.miss("disk: less than 2 GB are free in this folder; work in another one");
  }
}

/// Opens the engine: the one way to know that it can be opened.
void look_at_engine(Findings& findings) {
  const NvidiaSystem nvidia = read_nvidia();
  Json gpu = {{"nvidia_cards", nvidia.cards}, {"driver", nvidia.driver.empty() ? Json("none") : Json(nvidia.driver)}};
  bool usable = false;
  try {
    const EngineReport report = open_engine().report();
    findings.report["engine"] = {
        {"libtorch", report.torch_version}, {"processor_code", report.cpu_capability}, {"threads", report.threads}};
    usable = !report.gpus.empty();
    gpu["usable"] = report.gpus;
    gpu["status"] = report.cuda_status;
  } catch (const Error& error) {
    findings.report["engine"] = {{"error", error.what()}};
    findings.miss("engine: " + error.line());
  }
  findings.report["gpu"] = gpu;
  if (usable || nvidia.cards == 0) return;
  if (nvidia.driver.empty()) {
    findings.miss(
        "NVIDIA driver: a card is there and no driver is loaded; install Debian's package nvidia-driver (580 or later for CUDA 13)");
  } else if (!nvidia.device_file) {
    findings.miss("/dev/nvidia0: the driver is loaded and the card is hidden; start the container with access to it (--gpus all)");
  } else if (gpu.contains("status")) {
    findings.miss("CUDA: " + gpu["status"].get<std::string>());
  }
}

bool is_cogvideox(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / "model_index.json", ignored)) return false;
  try {
    const Json index = read_json_file(folder / "model_index.json");
    return index.is_object() && index.value("_class_name", "").starts_with("CogVideoX");
  } catch (const std::exception&) {
    return false;  // Another program's folder, or a damaged one: not a model that we can offer.
  }
}

void look_for_models(Findings& findings) {
  const ModelPlaces places = model_places(program_folder());
  Json models = Json::object();
  std::error_code code;
  for (const fs::path& shelf : places.shelves) {
    for (const auto& entry : fs::directory_iterator(shelf, code)) {
      const std::string name = entry.path().filename().string();
      if (is_cogvideox(entry.path()) && !models.contains(name)) models[name] = entry.path().string();
    }
  }
  if (!places.hub_cache.empty()) {
    for (const auto& entry : fs::directory_iterator(places.hub_cache, code)) {
      constexpr std::string_view kPrefix = "models--";
      const std::string folder = entry.path().filename().string();
      const size_t split = folder.find("--", kPrefix.size());
      if (!folder.starts_with(kPrefix) || split == std::string::npos) continue;
      const std::string name = folder.substr(kPrefix.size(), split - kPrefix.size()) + "/" + folder.substr(split + 2);
      try {
        const fs::path found = find_model_in(places, name);
        if (is_cogvideox(found)) models[name] = found.string();
      } catch (const Error&) {
        // Not a pipeline, or half downloaded: `make --model NAME` says what is wrong with it.
      }
    }
  }
  findings.report["models"] = models.empty() ? Json("none") : models;
  if (models.empty()) {
    findings.miss(
        "a model: `playset` comes with the source in models/ (DREAMRUNNER_MODELS names another folder of models); or download "
        "THUDM/CogVideoX-2b and give its folder as --model");
  }
}

void look_at_media(Findings& findings) {
  try {
    const VideoSupport video = video_library().support();
    findings.report["video"] = {{"libavcodec", video.libavcodec}, {"x264", video.has_x264}};
    if (!video.has_x264) findings.miss("x264: this FFmpeg cannot write H.264; install Debian's libavcodec-extra or its own libavcodec");
  } catch (const Error& error) {
    findings.report["video"] = "none";
    findings.miss(fmt::format("video: {}; {}", error.what(), error.hint()));
  }

  try {
    const IsolationState decoder = isolation_state();
    findings.report["video_decoder"] = {{"process", "starts"}, {"system_calls", decoder.filtered ? Json("filtered") : Json("not filtered: " + decoder.why_not)}};
    if (!decoder.filtered) {
      findings.miss(fmt::format("a filter of system calls ({}): videos of others are decoded behind limits alone; docs/untrusted-video.md says what these leave open", decoder.why_not));
    }
  } catch (const Error& error) {
    findings.report["video_decoder"] = "none";
    findings.miss("decoder of others' videos: " + error.line());
  }

  constexpr const char* kFont = "usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  const bool has_font = fs::exists(fs::path("/") / kFont);
  findings.report["font"] = has_font ? "DejaVu Sans" : "another one";
  if (!has_font) findings.miss("DejaVu Sans: captions on contact sheets use another font; install fonts-dejavu-core");
}

}  // namespace

CommandBody attach_doctor(CLI::App&) {
  return [](Session& session) {
    Findings findings;
    findings.report["program"] = "dreamrunner " DREAMRUNNER_VERSION;
    look_at_machine(findings);
    look_at_engine(findings);
    look_for_models(findings);
    look_at_media(findings);
    if (session.json()) {
      findings.report["missing"] = findings.missing;
      session.print_report(findings.report);
      return;
    }
    session.print_report(findings.report);
    session.print(findings.missing.empty() ? "\nNothing is missing." : "\nMissing:");
    for (const Json& what : findings.missing) session.print("- " + what.get<std::string>());
  };
}

}  // namespace dreamrunner
