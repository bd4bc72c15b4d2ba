#include "text/bpe_model.h"

#include <algorithm>
#include <queue>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMostBytes = 32u << 20;
constexpr size_t kMostTokens = 1'000'000;
constexpr size_t kLongestToken = 1024;
constexpr const char* kEndOfWord = "</w>";
constexpr const char* kHint = "the folder needs vocab.json and merges.txt of one and the same model";

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", where, what), kHint);
}

/// A token for a message: untrusted, so cut short.
std::string shown(const std::string& token) { return Json(token.size() <= 40 ? token : token.substr(0, 40) + "...").dump(-1, ' ', true, Json::error_handler_t::replace); }

/// Takes `{"token": id, ...}` straight into a table: a tree of it would be searched anew for every one of 50,000 names.
class VocabularyHandler : public nlohmann::json_sax<Json> {
 public:
  VocabularyHandler(std::string origin, std::unordered_map<std::string, int32_t>& ids) : origin_(std::move(origin)), ids_(ids) {}

  bool start_object(std::size_t) override { return depth_++ == 0 || unexpected("an object"); }
  bool end_object() override { return true; }
  bool key(string_t& token) override {
    if (token.size() > kLongestToken) refuse(origin_, fmt::format("a token of {} bytes, at most {} expected", token.size(), kLongestToken));
    token_ = token;
    return true;
  }
  bool number_unsigned(number_unsigned_t id) override {
    if (depth_ == 0) return unexpected("a number");
    if (ids_.size() >= kMostTokens) refuse(origin_, fmt::format("more than {} tokens", kMostTokens));
    if (id >= kMostTokens) refuse(origin_, fmt::format("{}: id {}, less than {} expected", shown(token_), id, kMostTokens));
    if (!ids_.emplace(token_, static_cast<int32_t>(id)).second) refuse(origin_, fmt::format("token {} is there twice", shown(token_)));
    return true;
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction"); }
  bool string(string_t&) override { return unexpected("a string"); }
  bool binary(binary_t&) override { return unexpected("bytes"); }
  bool start_array(std::size_t) override { return unexpected("a list"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse(origin_, fmt::format("byte {}: no JSON", position));
  }

 private:
  bool unexpected(const char* found) { refuse(origin_, fmt::format("{}: found {}, one object of tokens and their ids expected", shown(token_), found)); }

  std::string origin_;
  std::unordered_map<std::string, int32_t>& ids_;
  std::string token_;
  int depth_ = 0;
};

/// GPT-2's alphabet: printable Latin-1 characters stand for their own byte, the other bytes for characters from U+0100 on.
std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const int point = printable ? byte : next++;
    std::string& text = characters[static_cast<size_t>(byte)];
    if (point < 0x80) {
      text = static_cast<char>(point);
    } else {
      text = {static_cast<char>(0xC0 | (point >> 6)), static_cast<char>(0x80 | (point & 0x3F))};
    }
  }
  return characters;
}

uint64_t pair_key(int32_t left, int32_t right) { return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right); }

}  // namespace

BpeModel BpeModel::from_folder(const fs::path& folder, const std::string& unknown) {
  return from_texts(read_file(folder / "vocab.json", kMostBytes), read_file(folder / "merges.txt", kMostBytes), unknown, folder.string());
}

BpeModel BpeModel::from_texts(std::string_view vocabulary, std::string_view merges, const std::string& unknown, const std::string& origin) {
  BpeModel model;
  model.read_vocabulary(vocabulary, origin + "/vocab.json");
  model.read_merges(merges, origin + "/merges.txt");
  model.look_up_bytes(origin + "/vocab.json", unknown);
  return model;
}

void BpeModel::read_vocabulary(std::string_view text, const std::string& origin) {
  if (!is_utf8(text)) refuse(origin, "not UTF-8");
  VocabularyHandler handler(origin, ids_);
  Json::sax_parse(text, &handler);
  std::vector<bool> used(ids_.size());
  for (const auto& [token, id] : ids_) {
    if (static_cast<size_t>(id) >= used.size()) refuse(origin, fmt::format("{}: id {} in a vocabulary of {}", shown(token), id, used.size()));
    if (used[static_cast<size_t>(id)]) refuse(origin, fmt::format("id {} is there twice", id));
    used[static_cast<size_t>(id)] = true;
  }
}

void BpeModel::read_merges(std::string_view text, const std::string& origin) {
  std::string_view rest = text;
  for (int64_t line_number = 1; !rest.empty(); ++line_number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string where = fmt::format("{}: line {}", origin, line_number);
    if (line_number == 1) {
      // The reference drops the first line unread; a file without the heading would lose its most frequent merge.
      if (line.find("#version") == std::string_view::npos) refuse(where, "a heading with \"#version\" expected");
      continue;
    }
    if (line.empty() && rest.find_first_not_of("\r\n") == std::string_view::npos) break;
    const size_t blank = line.find(' ');
    if (blank == 0 || blank == std::string_view::npos || blank + 1 == line.size() || line.find(' ', blank + 1) != std::string_view::npos) {
      refuse(where, "two tokens with one blank between them expected");
    }
    const std::string left(line.substr(0, blank)), right(line.substr(blank + 1));
    std::array<int32_t, 3> ids{};
    for (const auto& [slot, token] : {std::pair{0, left}, {1, right}, {2, left + right}}) {
      const auto found = ids_.find(token);
      if (found == ids_.end()) refuse(where, fmt::format("token {} is not in vocab.json", shown(token)));
      ids[static_cast<size_t>(slot)] = found->second;
    }
    const Merge merge{.rank = static_cast<int32_t>(merges_.size()), .id = ids[2]};
    if (!merges_.emplace(pair_key(ids[0], ids[1]), merge).second) refuse(where, "this merge is there twice");
  }
}

void BpeModel::look_up_bytes(const std::string& origin, const std::string& unknown) {
  const auto unknown_id = ids_.find(unknown);
  if (unknown_id == ids_.end()) refuse(origin, fmt::format("token {} is missing", shown(unknown)));
  const auto id = [&](const std::string& token) {
    const auto found = ids_.find(token);
    return found == ids_.end() ? unknown_id->second : found->second;
  };
  const auto characters = byte_characters();
  for (size_t byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = id(characters[byte]);
    last_byte_ids_[byte] = id(characters[byte] + kEndOfWord);
  }
}

const BpeModel::Merge* BpeModel::merge_of(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::optional<int64_t> BpeModel::id_of(const std::string& token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::vector<int64_t> BpeModel::word_ids(std::string_view word) const {
  /// Tokens in a chain; a token that was joined to its left neighbour has id -1 and is out of the chain.
  struct Link {
    int32_t id;
    int32_t previous, next;  // -1 at the ends
  };
  struct Candidate {
    int32_t rank, left;  // of two with the same rank, the one further left comes first
    int32_t id;
    bool operator>(const Candidate& other) const { return std::pair(rank, left) > std::pair(other.rank, other.left); }
  };
  if (word.empty()) return {};
  const auto count = static_cast<int32_t>(word.size());
  std::vector<Link> chain;
  for (int32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(word[static_cast<size_t>(i)]);
    const bool last = i + 1 == count;
    chain.push_back({(last ? last_byte_ids_ : byte_ids_)[byte], i - 1, last ? -1 : i + 1});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto propose = [&](int32_t left) {
    if (left < 0 || chain[static_cast<size_t>(left)].next < 0) return;
    const Link& link = chain[static_cast<size_t>(left)];
    if (const Merge* merge = merge_of(link.id, chain[static_cast<size_t>(link.next)].id)) candidates.push({merge->rank, left, merge->id});
  };
  for (int32_t i = 0; i + 1 < count; ++i) propose(i);

  while (!candidates.empty()) {
    const Candidate candidate = candidates.top();
    candidates.pop();
    Link& left = chain[static_cast<size_t>(candidate.left)];
    if (left.id < 0 || left.next < 0) continue;
    Link& right = chain[static_cast<size_t>(left.next)];
    // Proposed for neighbours that have since become others.
    const Merge* merge = merge_of(left.id, right.id);
    if (merge == nullptr || merge->id != candidate.id) continue;
    left.id = merge->id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) chain[static_cast<size_t>(left.next)].previous = candidate.left;
    propose(left.previous);
    propose(candidate.left);
  }

  std::vector<int64_t> ids;
  for (int32_t i = 0; i >= 0; i = chain[static_cast<size_t>(i)].next) ids.push_back(chain[static_cast<size_t>(i)].id);
  return ids;
}

}  // namespace dreamrunner
