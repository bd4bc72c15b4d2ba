#include "adapt/lora_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>

#include <ATen/ATen.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "adapt/lora_metadata.h"
#include "adapt/lora_names.h"
#include "adapt/lora_strength.h"
#include "base/error.h"
#include "base/files.h"
#include "base/path_kind.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr size_t kNamesShown = 3;
constexpr const char* kPeftConfig = "adapter_config.json";
constexpr const char* kPeftWeights = "adapter_model.safetensors";
constexpr const char* kDiffusersWeights = "pytorch_lora_weights.safetensors";
constexpr const char* kPickleHint =
    "convert it to safetensors: tools/convert_dreamrunner_lora.py for a list of DreamRunner's trainer, "
    "for others the program that wrote it";

[[noreturn]] void refuse(const std::string& origin, const std::string& why, const std::string& hint = {}) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", origin, why), hint);
}

/// The first few of `names`, and how many more.
std::string some_of(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

bool is_pickle(const fs::path& file) {
  for (const char* ending : {".pt", ".pth", ".ckpt", ".pkl", ".bin"}) {
    if (file.extension() == ending) return true;
  }
  if (!is_file(file)) return false;  // Refused when it is opened; a FIFO would make this wait for a writer.
  std::ifstream stream(file, std::ios::binary);
  char head[4] = {};
  stream.read(head, sizeof head);
  // A safetensors file may begin like a bare pickle: with the length of its header.
  return std::string_view(head, 4) == "PK\x03\x04" || (head[0] == '\x80' && file.extension() != ".safetensors");
}

struct Place {
  fs::path weights;
  fs::path config;  ///< Empty where there is none.
};

/// Which files of `path` hold the LoRA.
Place locate(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) refuse(path.string(), "no such file or folder");
  if (!fs::is_directory(path, code)) {
    if (is_pickle(path)) refuse(path.string(), "a pickle, which can run code when it is read; safetensors expected", kPickleHint);
    const fs::path beside = path.parent_path() / kPeftConfig;
    if (path.filename() == kPeftWeights && fs::exists(beside, code)) return {path, beside};
    return {path, {}};
  }
  const bool peft = fs::exists(path / kPeftWeights, code), diffusers = fs::exists(path / kDiffusersWeights, code);
  if (peft && diffusers)
    refuse(path.string(), fmt::format("{} and {} found", kPeftWeights, kDiffusersWeights), "name the one that is meant");
  if (diffusers) return {path / kDiffusersWeights, {}};
  if (!peft) {
    for (const char* name : {"adapter_model.bin", "pytorch_lora_weights.bin"}) {
      if (fs::exists(path / name, code))
        refuse((path / name).string(), "a pickle, which can run code when it is read; safetensors expected", kPickleHint);
    }
    refuse(path.string(), fmt::format("neither {} nor {} in it", kPeftWeights, kDiffusersWeights), "name a .safetensors file");
  }
  // Without its configuration the strength of a PEFT adapter is anybody's guess.
  if (!fs::exists(path / kPeftConfig, code))
    refuse((path / kPeftConfig).string(), "no such file", fmt::format("name {} itself to read it with strength 1", kPeftWeights));
  return {path / kPeftWeights, path / kPeftConfig};
}

/// The tensors of one module.
struct Pieces {
  const TensorEntry* down = nullptr;
  const TensorEntry* up = nullptr;
  const TensorEntry* bias = nullptr;
  const TensorEntry* alpha = nullptr;
};

class LoraReader {
 public:
  LoraReader(const Place& place, const std::vector<AdaptableLinear>& linears)
      : file_(place.weights),
        origin_(place.weights.string()),
        names_(linears),
        strength_(read_header_strength(file_.index().metadata, origin_)) {
    if (place.config.empty()) return;
    strength_.settings.emplace(read_json_file(place.config), place.config.string());
    strength_.settings_bind = true;
  }

  LoraFile read() {
    collect();
    LoraFile result;
    result.info = read_lora_info(file_.index().metadata, origin_);
    for (const auto& [linear, pieces] : pieces_) {
      LoraFactors factors = factors_of(*linear, pieces);
      factors.scale = scale_of(*linear, pieces, factors.down.size(0));
      result.modules.emplace(linear->name, std::move(factors));
    }
    result.notes = notes();
    return result;
  }

 private:
  struct Refused {
    std::vector<std::string> names;
    std::string hint;
  };

  /// Sorts the file's tensors by module. What cannot be applied is named, by kind, before anything is read.
  void collect() {
    std::map<std::string, Refused> refused;
    std::vector<std::string> unknown;
    std::string why_unknown;
    for (const TensorEntry& entry : file_.index().tensors) {
      const LoraTensorName name = parse_lora_name(entry.name);
      if (name.part == LoraPart::foreign) {
        Refused& kind = refused[name.kind];
        kind.names.push_back(entry.name);
        kind.hint = name.hint;
        continue;
      }
      const AdaptableLinear* linear = names_.find(name.module);
      if (linear == nullptr) {
        unknown.push_back(entry.name);
        if (why_unknown.empty()) why_unknown = names_.why_unknown(name.module);
        continue;
      }
      any_alpha_ = any_alpha_ || name.part == LoraPart::alpha;
      take(pieces_[linear], name.part, entry, linear->name);
    }
    if (!refused.empty()) {
      std::vector<std::string> kinds;
      for (const auto& [kind, what] : refused) kinds.push_back(fmt::format("{} ({})", kind, some_of(what.names)));
      refuse(origin_, fmt::format("holds what cannot be applied: {}", fmt::join(kinds, "; ")), refused.begin()->second.hint);
    }
    if (!unknown.empty()) {
      refuse(origin_,
             fmt::format("{} tensors are for modules that this model lacks: {}",
                         unknown.size() == file_.index().tensors.size() ? "all" : std::to_string(unknown.size()), some_of(unknown)),
             why_unknown);
    }
    if (pieces_.empty()) refuse(origin_, "no tensors of a LoRA found");
  }

  void take(Pieces& pieces, LoraPart part, const TensorEntry& entry, const std::string& module) const {
    const TensorEntry*& slot = part == LoraPart::down    ? pieces.down
                               : part == LoraPart::up    ? pieces.up
                               : part == LoraPart::alpha ? pieces.alpha
                                                         : pieces.bias;
    if (slot != nullptr) {
      refuse(origin_, fmt::format("{} and {} are both for {}", slot->name, entry.name, module), "one adapter a file is read");
    }
    slot = &entry;
  }

  LoraFactors factors_of(const AdaptableLinear& linear, const Pieces& pieces) const {
    if (pieces.down == nullptr || pieces.up == nullptr) {
      const TensorEntry* found = pieces.down ? pieces.down : pieces.up ? pieces.up : pieces.bias ? pieces.bias : pieces.alpha;
      refuse(origin_, fmt::format("{} found, but no {} for {}", found->name, pieces.down == nullptr ? "A (down)" : "B (up)", linear.name));
    }
    LoraFactors factors;
    factors.down = matrix(*pieces.down, linear.in, 1, linear);
    factors.up = matrix(*pieces.up, linear.out, 0, linear);
    if (factors.down.size(0) != factors.up.size(1)) {
      refuse(origin_, fmt::format("{}: A has rank {} ({}), B has rank {} ({})", linear.name, factors.down.size(0),
                                  shape_text(pieces.down->shape), factors.up.size(1), shape_text(pieces.up->shape)));
    }
    if (pieces.bias != nullptr) {
      if (pieces.bias->shape != std::vector<int64_t>{linear.out}) wrong_shape(*pieces.bias, fmt::format("[{}]", linear.out), linear);
      factors.bias = numbers(*pieces.bias);
    }
    return factors;
  }

  [[noreturn]] void wrong_shape(const TensorEntry& entry, const std::string& expected, const AdaptableLinear& linear) const {
    refuse(origin_, fmt::format("learnt for another model: {} is {}, {} expected ({} takes {} and gives {} numbers)", entry.name,
                                shape_text(entry.shape), expected, linear.name, linear.in, linear.out));
  }

  /// A matrix whose side `fixed` (0 or 1) is `side` long and the other the rank. The kernel of a convolution is laid flat.
  at::Tensor matrix(const TensorEntry& entry, int64_t side, int fixed, const AdaptableLinear& linear) const {
    const std::string expected = fixed == 0 ? fmt::format("[{}, rank]", side) : fmt::format("[rank, {}]", side);
    if (entry.shape.size() < 2 || entry.shape.size() > 5 || entry.size == 0) wrong_shape(entry, expected, linear);
    const int64_t rows = entry.shape[0], columns = static_cast<int64_t>(entry.size) / element_size(entry.type) / rows;
    if ((fixed == 0 ? rows : columns) != side) wrong_shape(entry, expected, linear);
    return numbers(entry).view({rows, columns});
  }

  /// The values of a tensor as fp32, in memory of their own.
  at::Tensor numbers(const TensorEntry& entry) const {
    if (!at::isFloatingType(scalar_type(entry.type)))
      refuse(origin_, fmt::format("{} is {}, floating point expected", entry.name, type_name(entry.type)));
    at::Tensor values = file_.tensor(entry).to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    const int64_t bad = values.isfinite().logical_not().sum().item<int64_t>();
    if (bad > 0)
      refuse(origin_, fmt::format("{}: {} of {} values are NaN or infinite", entry.name, bad, values.numel()),
             "learn it anew, or take an earlier step");
    return values;
  }

  /// The strength of one module, and what has to be said about it.
  double scale_of(const AdaptableLinear& linear, const Pieces& pieces, int64_t rank) {
    if (strength_.settings && strength_.settings_bind && strength_.settings->rank_of(linear.name) != rank) {
      refuse(origin_,
             fmt::format("{}: rank {} found, {} says {}", linear.name, rank, strength_.settings->origin(),
                         strength_.settings->rank_of(linear.name)),
             "tensors and configuration are of different adapters");
    }
    if (pieces.alpha != nullptr) {
      const double alpha = number(*pieces.alpha);
      if (strength_.settings && alpha != strength_.settings->alpha_of(linear.name)) ++overruled_;
      if (alpha == 0) {
        zero_.push_back(linear.name);
        return 1.0;
      }
      return alpha / static_cast<double>(rank);
    }
    if (strength_.settings) return strength_.settings->scale(strength_.settings->alpha_of(linear.name), rank);
    // A number for all modules counts only where no module has its own: then it is not the whole truth.
    if (strength_.alpha && !any_alpha_) return *strength_.alpha / static_cast<double>(rank);
    without_alpha_.push_back(linear.name);
    return 1.0;
  }

  /// The one value of a tensor.
  double number(const TensorEntry& entry) const {
    if (static_cast<int64_t>(entry.size) != element_size(entry.type))
      refuse(origin_, fmt::format("{} is {}, one number expected", entry.name, shape_text(entry.shape)));
    const double value = file_.tensor(entry).to(at::kDouble).item<double>();
    if (!std::isfinite(value)) refuse(origin_, fmt::format("{}: {} found, a number expected", entry.name, value));
    return value;
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    if (!strength_.settings && strength_.alpha && !any_alpha_) {
      notes.push_back(fmt::format("alpha {} for all modules, from the header's {}", *strength_.alpha, strength_.alpha_key));
    } else if (!any_alpha_ && !without_alpha_.empty()) {
      notes.push_back(
          "no alpha anywhere: alpha = rank, so the strength is 1; a file that was trained with another needs its weight set to alpha / "
          "rank");
    } else if (!without_alpha_.empty()) {
      notes.push_back(
          fmt::format("{} of {} modules have no alpha: strength 1 for {}", without_alpha_.size(), pieces_.size(), some_of(without_alpha_)));
    }
    if (!zero_.empty())
      notes.push_back(fmt::format("alpha is 0, which Kohya's programs take for \"the rank\": strength 1 for {}", some_of(zero_)));
    if (overruled_ > 0)
      notes.push_back(fmt::format("{} modules have an alpha of their own, which counts instead of that in {}", overruled_,
                                  strength_.settings->origin()));
    return notes;
  }

  TensorFile file_;
  std::string origin_;
  LoraModuleNames names_;
  HeaderStrength strength_;
  std::map<const AdaptableLinear*, Pieces> pieces_;
  bool any_alpha_ = false;
  int64_t overruled_ = 0;
  std::vector<std::string> without_alpha_;
  std::vector<std::string> zero_;
};

}  // namespace

LoraFile read_lora(const fs::path& path, const std::vector<AdaptableLinear>& linears) { return LoraReader(locate(path), linears).read(); }

LoraFile read_lora(const std::filesystem::path& path, const std::vector<AdaptableLinear>& linears, RunContext& run) {
  LoraFile file = read_lora(path, linears);
  for (const std::string& note : file.notes) run.report().note(fmt::format("{}: {}", path.string(), note));
  return file;
}

}  // namespace dreamrunner
