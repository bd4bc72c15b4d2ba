#include "text/t5_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <unordered_set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace dreamrunner {
namespace fs = std::filesystem;

/// What tokenizer_config.json says about the ids; the defaults are transformers'.
struct T5Tokenizer::Config {
  std::string origin = "tokenizer_config.json";
  std::string eos = "</s>", pad = "<pad>", unknown = "<unk>";
  bool legacy = true;
  bool add_prefix_space = true;
  std::vector<std::pair<std::string, int64_t>> added;  // special tokens and the ids the file gives them

  static Config read(const fs::path& path);
};

namespace {

constexpr std::string_view kBlankMark = "\u2581";

[[noreturn]] void refuse(const std::string& origin, const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", origin, what), hint);
}

/// Not there, as opposed to there and unreadable, which the reading will tell.
bool is_absent(const fs::path& path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() == fs::file_type::not_found;
}

const char* const kConfigHint = "take the tokenizer folder of the model as it was published";

/// A token is written as its text or as an object that holds it as `content`.
std::string token_text(const Json& json, const std::string& origin, const std::string& where) {
  const Json* text = &json;
  if (json.is_object() && json.contains("content")) text = &json.at("content");
  if (!text->is_string()) refuse(origin, where + ": a token expected", kConfigHint);
  return text->get<std::string>();
}

void read_bool(const Json& config, const char* name, const std::string& origin, bool& value) {
  if (!config.contains(name) || config.at(name).is_null()) return;
  if (!config.at(name).is_boolean()) refuse(origin, fmt::format("{}: true or false expected", name), kConfigHint);
  value = config.at(name).get<bool>();
}

int64_t read_id(const std::string& text, const std::string& origin) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    refuse(origin, "added_tokens_decoder: an entry that is not named by an id", kConfigHint);
  }
  return id;
}

/// Tokens added after the training of the vocabulary would be cut out of the text before anything else. Special ones do
/// not stand in a prompt; others do, and without them the ids would be wrong without a word.
void read_added_tokens(const Json& entries, const std::string& origin, std::vector<std::pair<std::string, int64_t>>& added) {
  if (!entries.is_object()) refuse(origin, "added_tokens_decoder: an object expected", kConfigHint);
  for (const auto& [name, token] : entries.items()) {
    const int64_t id = read_id(name, origin);
    const std::string text = token_text(token, origin, "added_tokens_decoder");
    bool special = false;
    if (token.is_object()) read_bool(token, "special", origin, special);
    if (!special && !text.starts_with("<extra_id_")) {
      refuse(origin, fmt::format("added token \"{}\" (id {}): only special tokens can be added", text, id), kConfigHint);
    }
    added.emplace_back(text, id);
  }
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_punctuation(char c) { return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~'); }

}  // namespace

T5Tokenizer::Config T5Tokenizer::Config::read(const fs::path& path) {
  Config config;
  config.origin = path.string();
  if (is_absent(path)) return config;
  const Json json = read_json_file(path);
  const std::string& origin = config.origin;
  if (!json.is_object()) refuse(origin, "an object expected", kConfigHint);

  if (json.contains("tokenizer_class") && !json.at("tokenizer_class").is_null()) {
    const Json& name = json.at("tokenizer_class");
    if (name != "T5Tokenizer" && name != "T5TokenizerFast") {
      refuse(origin, fmt::format("tokenizer_class: {}, T5Tokenizer expected", name.dump()), kConfigHint);
    }
  }
  for (const auto& [name, text] : {std::pair{"eos_token", &config.eos}, {"pad_token", &config.pad}, {"unk_token", &config.unknown}}) {
    if (json.contains(name)) *text = token_text(json.at(name), origin, name);
  }
  read_bool(json, "legacy", origin, config.legacy);
  read_bool(json, "add_prefix_space", origin, config.add_prefix_space);
  if (json.contains("sp_model_kwargs") && !json.at("sp_model_kwargs").empty()) {
    refuse(origin, "sp_model_kwargs: none expected; sampling pieces gives other ids in every run", kConfigHint);
  }
  if (json.contains("added_tokens_decoder")) read_added_tokens(json.at("added_tokens_decoder"), origin, config.added);
  return config;
}

T5Tokenizer T5Tokenizer::from_folder(const fs::path& folder) {
  const fs::path spiece = folder / "spiece.model";
  if (is_absent(spiece) && !is_absent(folder / "tokenizer.json")) {
    refuse(folder.string(), "tokenizer.json without spiece.model",
           "put the spiece.model of the same model beside it; the two forms do not cut every text alike");
  }
  SpieceModel model = read_spiece_model(spiece);
  const Config config = Config::read(folder / "tokenizer_config.json");
  // The newer behaviour writes the leading blank itself.
  if (!config.legacy) model.normalizer.add_dummy_prefix = false;
  return T5Tokenizer(std::move(model), config);
}

T5Tokenizer::T5Tokenizer(SpieceModel model, const Config& config)
    : unigram_(std::move(model)),
      unknown_text_(config.unknown),
      unknown_text_pieces_(config.legacy ? 0 : unigram_.pieces(config.unknown).size()),
      legacy_(config.legacy),
      add_prefix_space_(config.add_prefix_space) {
  const auto special = [&](const char* name, const std::string& text) {
    const auto id = unigram_.id_of(text);
    if (!id) refuse(config.origin, fmt::format("{}: \"{}\" is not in the vocabulary", name, text), kConfigHint);
    for (const auto& [added_text, added_id] : config.added) {
      if (added_text == text && added_id != *id) {
        refuse(config.origin, fmt::format("{}: \"{}\" has id {} here and {} in spiece.model", name, text, added_id, *id), kConfigHint);
      }
    }
    return *id;
  };
  eos_id_ = special("eos_token", config.eos);
  pad_id_ = special("pad_token", config.pad);
  if (special("unk_token", config.unknown) != unigram_.unknown_id()) {
    refuse(config.origin, fmt::format("unk_token: \"{}\" is not the unknown piece of spiece.model", config.unknown), kConfigHint);
  }
}

std::vector<UnigramTokenizer::Piece> T5Tokenizer::modern_pieces(std::string_view text) const {
  if (text.empty()) return {};
  std::string prepared(add_prefix_space_ ? kBlankMark : "");
  while (!text.empty()) {
    const bool mark = text.starts_with(kBlankMark);
    prepared += mark ? ' ' : text.front();
    text.remove_prefix(mark ? kBlankMark.size() : 1);
  }
  if (!prepared.starts_with(kBlankMark) && !prepared.starts_with(' ')) return unigram_.pieces(prepared);
  // The normaliser drops blanks at the start, so the reference puts a word before the text and drops that word's pieces.
  auto pieces = unigram_.pieces(unknown_text_ + prepared);
  if (pieces.size() >= unknown_text_pieces_)
    pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(unknown_text_pieces_));
  return pieces;
}

std::vector<int64_t> T5Tokenizer::piece_ids(std::string_view text) const {
  std::vector<int64_t> ids;
  for (const auto& piece : legacy_ ? unigram_.pieces(text) : modern_pieces(text)) {
    // The reference goes from text to pieces to ids, so that a text that only an unused piece spells gets that piece.
    const bool unknown = piece.id == unigram_.unknown_id();
    ids.push_back(unknown ? unigram_.id_of_text(piece.text).value_or(piece.id) : piece.id);
  }
  return ids;
}

TokenizedText T5Tokenizer::encode(std::string_view text, int64_t max_length) const {
  if (max_length < 1) throw Error(ErrorKind::bug, fmt::format("a text of {} tokens was asked for", max_length));
  TokenizedText result;
  result.ids = piece_ids(text);
  result.length = static_cast<int64_t>(result.ids.size()) + 1;
  result.cut = result.length > max_length;
  if (result.cut) result.ids.resize(static_cast<size_t>(max_length - 1));
  result.ids.push_back(eos_id_);
  return result;
}

std::vector<int64_t> T5Tokenizer::padded(std::vector<int64_t> ids, int64_t max_length) const {
  if (static_cast<int64_t>(ids.size()) > max_length) {
    throw Error(ErrorKind::bug, fmt::format("{} tokens cannot be padded to {}", ids.size(), max_length));
  }
  ids.resize(static_cast<size_t>(max_length), pad_id_);
  return ids;
}

int64_t T5Tokenizer::unknown_pieces(std::string_view text) const {
  const auto ids = piece_ids(text);
  return std::count(ids.begin(), ids.end(), unigram_.unknown_id());
}

std::vector<std::string> T5Tokenizer::unknown_words(std::string_view text) const {
  std::vector<std::string> words;
  std::unordered_set<std::string_view> seen;
  while (!text.empty()) {
    const auto blank = std::find_if(text.begin(), text.end(), is_blank);
    std::string_view word = text.substr(0, static_cast<size_t>(blank - text.begin()));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty() || !seen.insert(word).second || unknown_pieces(word) == 0) continue;

    std::string_view core = word;
    while (!core.empty() && is_punctuation(core.front())) core.remove_prefix(1);
    while (!core.empty() && is_punctuation(core.back())) core.remove_suffix(1);
    if (!core.empty() && core != word && unknown_pieces(core) > 0) word = core;
    if (std::find(words.begin(), words.end(), word) == words.end()) words.emplace_back(word);
  }
  return words;
}

}  // namespace dreamrunner
