#include "plan/english_words.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <utility>

#include "text/plain_text.h"

namespace dreamrunner {
namespace {

using Words = std::initializer_list<std::string_view>;

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_plain(char c) { return (c >= 'a' && c <= 'z') || is_capital(c) || (c >= '0' && c <= '9'); }
bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }
bool has_vowel(std::string_view word) { return word.find_first_of("aeiouy") != std::string_view::npos; }

/// Bytes of the letter or digit at the start of `text`; 0 for anything else. Beyond ASCII all but the block of general
/// punctuation (dashes, curly quotes) counts as a letter.
size_t letter_bytes(std::string_view text) {
  if (text.empty()) return 0;
  if (is_plain(text.front())) return 1;
  if ((static_cast<unsigned char>(text.front()) & 0x80) == 0 || text.starts_with("\xe2\x80")) return 0;
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

size_t apostrophe_bytes(std::string_view text) { return text.starts_with('\'') ? 1 : text.starts_with("\u2019") ? 3 : 0; }

/// Bytes of a character's token such as [v1] at the start of `text`.
size_t token_bytes(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  const size_t end = text.find(']');
  if (end == std::string_view::npos || end < 2 || end > 40 || text.substr(0, end).find_first_of(" \t\n") != std::string_view::npos) return 0;
  return end + 1;
}

/// Moves the word at the start of `text` into `word`, curly apostrophes made straight; returns the bytes it took.
size_t take_word(std::string_view text, std::string& word) {
  size_t at = 0;
  while (at < text.size()) {
    if (const size_t letter = letter_bytes(text.substr(at)); letter > 0) {
      word += text.substr(at, letter);
      at += letter;
      continue;
    }
    const size_t apostrophe = apostrophe_bytes(text.substr(at));
    const size_t mark = apostrophe > 0 ? apostrophe : text[at] == '-' ? 1 : 0;
    if (mark == 0 || letter_bytes(text.substr(at + mark)) == 0) break;
    word += apostrophe > 0 ? '\'' : '-';
    at += mark;
  }
  return at;
}

void note_mark(std::string_view text, Word& word) {
  const char c = text.front();
  if (c == '.' || c == '!' || c == '?' || c == ';') word.stop = true;
  if (c == ',' || c == ':' || c == '(' || c == ')' || text.starts_with("\u2013") || text.starts_with("\u2014")) word.comma = true;
}

/// Past forms that no rule finds. Only verbs that stories use often.
const std::map<std::string_view, std::string_view>& irregular() {
  static const std::map<std::string_view, std::string_view> kForms{
      {"ran", "run"},     {"swam", "swim"},  {"swum", "swim"},   {"flew", "fly"},    {"flown", "fly"},   {"sat", "sit"},
      {"lay", "lie"},     {"stood", "stand"}, {"slept", "sleep"}, {"ate", "eat"},     {"drank", "drink"}, {"sang", "sing"},
      {"rode", "ride"},   {"rose", "rise"},  {"wrote", "write"}, {"threw", "throw"}, {"caught", "catch"}, {"went", "go"},
      {"gone", "go"},     {"came", "come"},  {"crept", "creep"}, {"leapt", "leap"},  {"spun", "spin"},   {"knelt", "kneel"},
      {"drew", "draw"},   {"drove", "drive"}, {"fell", "fall"},   {"took", "take"},   {"woke", "wake"},   {"swung", "swing"},
      {"dug", "dig"},     {"fought", "fight"}, {"shook", "shake"}, {"climbed", "climb"}, {"held", "hold"}, {"read", "read"}};
  return kForms;
}

/// True for what -es leaves of chases, dozes and rises, whose e is the verb's own: a single s or z behind a single vowel.
bool lost_its_e(std::string_view rest) {
  if (rest.size() < 2 || (rest.back() != 's' && rest.back() != 'z')) return false;
  const auto vowel_at = [&](size_t back) { return rest.size() >= back && is_vowel(rest[rest.size() - back]); };
  return vowel_at(2) && !vowel_at(3);
}

/// The word without the ending of a verb form, before spelling is evened out.
std::string_view without_ending(std::string_view word) {
  const auto cut = [&](size_t letters) { return word.substr(0, word.size() - letters); };
  if (word.ends_with("ing") && has_vowel(cut(3))) return cut(3);
  if (word.ends_with("ed") && !word.ends_with("eed") && has_vowel(cut(2))) return cut(2);
  if (!word.ends_with('s') || word.ends_with("ss") || word.ends_with("us") || word.size() < 3) return word;
  if (word.ends_with("es")) {
    const std::string_view rest = cut(2);
    const bool whole = rest.ends_with("ch") || rest.ends_with("sh") || rest.ends_with('s') || rest.ends_with('x') ||
                       rest.ends_with('z') || rest.ends_with('o') || rest.ends_with('i');
    if (whole && rest.size() >= 2 && !lost_its_e(rest)) return rest;
  }
  return cut(1);
}

/// The first word in small letters, or a motion's other words would have to be known too.
std::string first_word(std::string_view motion) {
  const auto words = words_of(motion);
  return words.empty() ? std::string() : words.front().low;
}

/// True if `motion`'s verb is one of `verbs`, given by their plain forms.
bool is_one_of(std::string_view motion, Words verbs) {
  const std::string stem = verb_stem(first_word(motion));
  return std::any_of(verbs.begin(), verbs.end(), [&](std::string_view verb) { return verb_stem(verb) == stem; });
}

/// Whether "an" goes before a word in small letters. Its first letter says so, but for those few whose u is "you", whose o
/// is "won", or whose h is not heard.
bool begins_with_vowel_sound(std::string_view low) {
  const auto begins = [&](Words beginnings) {
    return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view beginning) { return low.starts_with(beginning); });
  };
  if (begins({"hour", "honest", "honor", "honour", "heir"})) return true;
  if (begins({"unic", "unif", "unio", "uniq", "unit", "univ", "use", "usu", "uti", "ufo", "ukulele", "eu", "ewe", "one-", "once-"})) return false;
  return !low.empty() && is_vowel(low.front());
}

bool has_word(std::string_view name, Words known) {
  const auto words = words_of(name);
  return std::any_of(words.begin(), words.end(), [&](const Word& word) { return among(word.low, known); });
}

}  // namespace

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  for (size_t at = 0; at < text.size();) {
    const size_t token = token_bytes(text.substr(at));
    if (token == 0 && letter_bytes(text.substr(at)) == 0) {
      if (!words.empty()) note_mark(text.substr(at), words.back());
      ++at;
      continue;
    }
    Word word;
    word.begin = at;
    if (token > 0) {
      word.text = text.substr(at, token);
      at += token;
    } else {
      at += take_word(text.substr(at), word.text);
      // "the witches' cat": the mark behind the word is all that says so.
      word.possessive = word.text.ends_with('s') && apostrophe_bytes(text.substr(at)) > 0;
    }
    word.end = at;
    if (word.text.size() > 2 && word.text.ends_with("'s")) {
      word.possessive = true;
      word.text.resize(word.text.size() - 2);
    }
    word.capital = is_capital(word.text.front());
    word.low = small_letters(word.text);
    words.push_back(std::move(word));
  }
  return words;
}

std::string verb_stem(std::string_view word) {
  if (const auto found = irregular().find(word); found != irregular().end()) word = found->second;
  std::string stem(without_ending(word));
  const auto last = [&](size_t back) { return stem[stem.size() - back]; };
  if (stem.size() >= 3 && last(1) == last(2) && !is_vowel(last(1))) stem.pop_back();
  if (stem.size() >= 2 && last(1) == 'e') stem.pop_back();
  if (stem.size() >= 2 && last(1) == 'y' && !is_vowel(last(2))) stem.back() = 'i';
  return stem;
}

std::string present_progressive(std::string_view verb) {
  if (verb.size() > 4 && verb.ends_with("ing")) return std::string(verb);
  if (const auto found = irregular().find(verb); found != irregular().end()) verb = found->second;
  std::string base(verb);
  if (base.ends_with("ies")) {
    base.replace(base.size() - 3, 3, base.size() > 4 ? "y" : "ie");
  } else if (base.ends_with("ed") || base.ends_with('s')) {
    const std::string_view rest = without_ending(base);
    // "danced" leaves "danc": c, v, s and z do not end an English verb without an e.
    const bool lost_e = base.ends_with("ed") && std::string_view("cvsz").find(rest.back()) != std::string_view::npos;
    base = std::string(rest) + (lost_e ? "e" : "");
  }
  const size_t n = base.size();
  if (n > 2 && base.ends_with("ie")) return base.substr(0, n - 2) + "ying";
  if (n > 2 && base.ends_with('e') && !base.ends_with("ee") && !base.ends_with("oe") && !base.ends_with("ye")) return base.substr(0, n - 1) + "ing";
  const auto vowels = std::count_if(base.begin(), base.end(), is_vowel);
  const bool doubles = n >= 3 && vowels == 1 && is_vowel(base[n - 2]) && !is_vowel(base[n - 1]) && std::string_view("wxy").find(base[n - 1]) == std::string_view::npos;
  if (doubles) return base + base.back() + "ing";
  return base + "ing";
}

std::string with_article(std::string_view noun) {
  if (noun.empty()) return {};
  const auto words = words_of(noun);
  const std::string first = words.empty() ? std::string() : words.front().low;
  if (is_capital(noun.front()) || is_determiner(first)) return std::string(noun);
  return (begins_with_vowel_sound(first) ? "an " : "a ") + std::string(noun);
}

bool is_determiner(std::string_view low) {
  return among(low, {"the", "a", "an", "her", "his", "its", "their", "my", "our", "your", "this", "that", "these", "those", "another",
                     "some", "one", "two", "three", "four", "both", "each", "every", "no", "many", "several", "all"});
}

bool is_preposition(std::string_view low) {
  return among(low, {"to",      "at",     "with",   "toward", "towards", "for",    "by",      "behind", "beside", "besides", "near",    "of",
                     "in",      "on",     "into",   "onto",   "from",    "through", "across", "over",   "under",  "around",  "between", "past",
                     "along",   "beneath", "below", "above",  "against", "after",  "before",  "like",   "without", "inside", "outside", "off",
                     "among",   "amid",   "about",  "beyond", "next",    "front",  "alongside"});
}

bool is_auxiliary(std::string_view low) {
  return among(low, {"is",     "are",   "was",    "were",   "be",     "been",   "being",  "am",    "has",   "have",  "had",  "can",
                     "will",   "begins", "begin", "starts", "start",  "keeps",  "keep",   "comes", "come",  "goes",  "go",   "who",
                     "which",  "that",  "to",     "continues", "stops", "stays", "does",  "do"});
}

bool is_adverb(std::string_view low) {
  if (low.size() > 4 && low.ends_with("ly")) return true;
  return among(low, {"then", "also", "still", "now", "too", "again", "together", "both", "all", "first", "soon", "just", "next", "finally",
                     "high", "fast", "alone", "later", "afterwards", "there", "here", "up", "down", "away", "out", "home", "back"});
}

bool is_verb_form(std::string_view low) {
  if (low.size() < 4 || is_determiner(low) || is_preposition(low) || is_adverb(low)) return false;
  return low.ends_with("ing") || low.ends_with("ed") || (low.ends_with('s') && !low.ends_with("ss") && !low.ends_with("us"));
}

Posture posture_of(std::string_view motion) {
  if (is_one_of(motion, {"sit", "kneel", "crouch", "squat", "meditate", "perch", "read", "row", "bow"})) return Posture::low;
  if (is_one_of(motion, {"lie", "sleep", "recline", "nap", "crawl", "rest", "sunbathe", "doze", "creep", "slither"})) return Posture::flat;
  if (is_one_of(motion, {"swim", "dive", "float", "snorkel", "paddle", "drift"})) return Posture::afloat;
  if (is_one_of(motion, {"fly", "hover", "soar", "levitate", "swoop"})) return Posture::aloft;
  if (is_one_of(motion, {"jump", "leap", "hop", "bounce", "somersault", "skip"})) return Posture::tall;
  if (is_one_of(motion, {"dance", "wave", "spin", "stretch", "cartwheel", "twirl", "cheer", "juggle", "fight", "swing", "turn", "clap"})) return Posture::wide;
  return Posture::upright;
}

bool is_locomotion(std::string_view motion) {
  return is_one_of(motion, {"walk",   "run",    "jog",    "hike",   "stroll", "wander", "swim",   "dive",     "fly",    "soar",    "glide",  "ride",
                            "march",  "crawl",  "creep",  "sneak",  "sprint", "race",   "skate",  "ski",      "sail",   "drive",   "cycle",  "bike",
                            "row",    "paddle", "trot",   "gallop", "roam",   "travel", "climb",  "chase",    "follow", "drift",   "slither", "cartwheel",
                            "somersault", "skip", "tiptoe", "stride", "dash",  "rush",   "flee",   "approach", "surf",   "scamper", "swoop",  "roll"});
}

Body body_of(std::string_view name) {
  // "teddy bear" is held like a person; a bear alone is an animal.
  if (has_word(name, {"teddy", "toy", "robot", "man", "woman"})) return Body::person;
  if (has_word(name, {"fish", "dolphin", "mermaid", "whale", "shark", "turtle", "octopus", "seal", "seahorse", "merman"})) return Body::swimmer;
  if (has_word(name, {"bird", "dragon", "owl", "eagle", "butterfly", "bee", "parrot", "raven", "crow", "bat", "pterodactyl", "phoenix"})) return Body::flyer;
  if (has_word(name, {"horse", "cow", "elephant", "bear", "lion", "tiger", "camel", "deer", "unicorn", "pony", "donkey", "bull", "zebra", "rhino"})) {
    return Body::large_animal;
  }
  if (has_word(name, {"cat",   "dog",   "fox",    "rabbit", "mouse", "hedgehog", "squirrel", "frog",  "kitten", "puppy", "hare",
                      "duck",  "hen",   "chick",  "goose",  "pig",   "piglet",   "lamb",     "sheep", "goat",   "wolf",  "rat",
                      "raccoon", "hamster", "otter", "beaver", "lizard", "snake", "penguin",  "monkey", "chicken", "panda", "crab"})) {
    return Body::small_animal;
  }
  return Body::person;
}

Gender gender_of(std::string_view name) {
  if (has_word(name, {"witch", "girl", "woman", "queen", "princess", "mermaid", "mother", "lady", "sister", "grandmother", "cow", "hen"})) return Gender::female;
  if (has_word(name, {"wizard", "boy", "man", "king", "prince", "father", "brother", "grandfather", "knight", "merman", "bull"})) return Gender::male;
  return Gender::unknown;
}

}  // namespace dreamrunner
