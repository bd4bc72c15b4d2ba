#include "plan/narration_cast.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "text/plain_text.h"

namespace dreamrunner {
namespace {

using Words = std::vector<std::string>;

bool is_subject_pronoun(std::string_view low) { return among(low, {"he", "she", "it", "they"}); }
bool is_object_pronoun(std::string_view low) { return among(low, {"him", "her", "them"}); }

bool is_function_word(std::string_view low) {
  return is_determiner(low) || is_preposition(low) || is_auxiliary(low) || is_adverb(low) || is_subject_pronoun(low) ||
         is_object_pronoun(low) || among(low, {"and", "or", "but", "while", "as", "when", "so", "i", "we", "you", "where", "because"});
}

Words low_words(std::string_view text) {
  Words low;
  for (const Word& word : words_of(text)) low.push_back(word.low);
  return low;
}

struct Name {
  Words words;
  size_t who;
};

/// Every way to call each of a cast, by its first word; of one first word the longest first.
using Names = std::unordered_map<std::string, std::vector<Name>>;

Names names_of(const std::vector<CastMember>& cast) {
  Names names;
  const auto add = [&](Words words, size_t who) {
    if (words.empty()) return;
    std::vector<Name>& alike = names[words.front()];
    alike.push_back({std::move(words), who});
  };
  const auto head = [](const CastMember& member) {
    const Words words = low_words(member.character.name);
    return words.empty() ? std::string() : words.back();
  };
  std::map<std::string, int> with_head;
  for (const CastMember& member : cast) ++with_head[head(member)];
  for (size_t i = 0; i < cast.size(); ++i) {
    const Character& character = cast[i].character;
    add(low_words(character.token), i);
    add(low_words(character.name), i);
    std::string id = character.id;
    std::replace_if(id.begin(), id.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
    add(low_words(id), i);
    // The last word, such as "witch" of "girl witch", where it means nobody else.
    const std::string last = head(cast[i]);
    if (!last.empty() && with_head.at(last) == 1) add({last}, i);
  }
  for (auto& [first, alike] : names) {
    std::stable_sort(alike.begin(), alike.end(), [](const Name& a, const Name& b) { return a.words.size() > b.words.size(); });
  }
  return names;
}

/// The longest name at word `i`; names of somebody who only owns something ("the witch's hat") do not count.
const Name* name_at(const Names& names, const std::vector<Word>& words, size_t i) {
  const auto alike = names.find(words[i].low);
  if (alike == names.end()) return nullptr;
  for (const Name& name : alike->second) {
    if (i + name.words.size() > words.size()) continue;
    bool same = true;
    for (size_t k = 0; k < name.words.size() && same; ++k) {
      same = words[i + k].low == name.words[k] && (k + 1 == name.words.size() || !words[i + k].stop);
    }
    if (same) return words[i + name.words.size() - 1].possessive ? nullptr : &name;
  }
  return nullptr;
}

/// Where the noun phrase around word `i` begins: at its determiner, past at most three adjectives.
size_t phrase_begin(const std::vector<Word>& words, size_t i) {
  size_t begin = i;
  for (int steps = 0; begin > 0 && steps < 4; ++steps) {
    const Word& before = words[begin - 1];
    if (before.stop || before.comma) break;
    if (is_determiner(before.low)) return begin - 1;
    if (is_function_word(before.low) || is_verb_form(before.low)) break;
    --begin;
  }
  // Adjectives without a determiner are more likely the verb and its like: "sees cat".
  return i;
}

/// Fills in how the mention stands in its sentence.
void place_mention(Mention& mention, const std::vector<Word>& words, const std::vector<Mention>& earlier) {
  const size_t begin = phrase_begin(words, mention.begin);
  if (begin == 0 || words[begin - 1].stop) return;
  const Word& before = words[begin - 1];
  mention.with = before.low == "with";
  const bool behind_verb = is_verb_form(before.low) && !before.comma;
  mention.object = (is_preposition(before.low) && !before.comma) || behind_verb;
  if (earlier.empty()) {
    // Nobody before it could be the one who does something to it, but "Behind the witch, ..." is no subject.
    mention.object = mention.object && is_preposition(before.low);
    return;
  }
  const Mention& last = earlier.back();
  const bool and_between = before.low == "and" && last.end + 1 == begin && !words[last.end - 1].stop;
  // "With her cat, the witch ..." is no list.
  const bool comma_between = last.end == begin && words[last.end - 1].comma && !last.object;
  mention.joined = and_between || comma_between;
  if (mention.joined) {
    mention.object = last.object;
    mention.with = last.with;
  }
}

/// True if the pronoun can stand for somebody of that gender; `surely` if it stands for that gender rather than another.
bool fits(Gender gender, std::string_view pronoun, bool surely = false) {
  if (pronoun == "she" || pronoun == "her") return surely ? gender == Gender::female : gender != Gender::male;
  if (pronoun == "he" || pronoun == "him") return surely ? gender == Gender::male : gender != Gender::female;
  return !surely || pronoun != "it" || gender == Gender::unknown;
}

/// Whom a pronoun stands for, given those mentioned before it.
std::vector<size_t> meant_by(const Word& pronoun, const std::vector<CastMember>& cast, const std::vector<Mention>& earlier) {
  std::vector<size_t> all(cast.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  if (pronoun.low == "they" || pronoun.low == "them") return all;
  // "He" goes on with the one who did something, "it" and objects with the last one named; but nobody waves to "him" who
  // is the one that waves.
  const bool goes_on = pronoun.low == "he" || pronoun.low == "she";
  const auto subject = std::find_if(earlier.rbegin(), earlier.rend(), [](const Mention& mention) { return !mention.object; });
  const auto is_itself = [&](size_t who) {
    return is_object_pronoun(pronoun.low) && subject != earlier.rend() && subject->who == std::vector<size_t>{who};
  };
  for (const bool surely : {true, false}) {
    const auto fitting = [&](size_t who) { return fits(gender_of(cast[who].character.name), pronoun.low, surely) && !is_itself(who); };
    for (const bool subjects_only : {goes_on, false}) {
      for (auto mention = earlier.rbegin(); mention != earlier.rend(); ++mention) {
        if (mention->who.size() != 1 || (subjects_only && mention->object)) continue;
        if (fitting(mention->who.front())) return mention->who;
      }
    }
    for (const size_t who : all) {
      if (fitting(who)) return {who};
    }
  }
  return {};
}

/// True if "her" at word `i` is somebody and not the owner of what follows.
bool stands_alone(const std::vector<Word>& words, size_t i) {
  if (words[i].low != "her") return true;
  return i + 1 == words.size() || words[i].stop || words[i].comma || is_function_word(words[i + 1].low);
}

/// The subjects of a narration that nobody introduced: "The old witch walks", "Teddy is sitting", "a cat and a dog run".
/// Names as they stand there, without the determiner.
std::vector<std::string> subjects_in(const StoryScene& scene) {
  const std::vector<Word> words = words_of(scene.narration);
  Words stems;
  for (const std::string& motion : scene.motions) {
    if (const auto phrase = words_of(motion); !phrase.empty()) stems.push_back(verb_stem(phrase.front().low));
  }
  const auto is_motion = [&](size_t i) { return std::find(stems.begin(), stems.end(), verb_stem(words[i].low)) != stems.end(); };
  const auto is_verb = [&](size_t i) {
    return i < words.size() && (is_motion(i) || is_verb_form(words[i].low) || (is_auxiliary(words[i].low) && words[i].low != "to"));
  };
  std::vector<std::string> subjects;
  std::vector<std::string> waiting;  // Behind them comes "and": they are subjects if what follows is one.
  for (size_t i = 0; i < words.size(); ++i) {
    const bool behind_preposition = i > 0 && is_preposition(words[i - 1].low) && !words[i - 1].stop && !words[i - 1].comma;
    const bool determined = is_determiner(words[i].low);
    const bool name = words[i].capital && !is_function_word(words[i].low);
    if (behind_preposition || !(determined || name)) {
      if (words[i].low != "and") waiting.clear();
      continue;
    }
    const size_t begin = determined ? i + 1 : i;
    size_t end = begin;
    while (end < words.size() && end < begin + 4 && !is_function_word(words[end].low) && !(end > begin && is_verb(end))) {
      if (!determined && !words[end].capital) break;
      const bool last = words[end].stop || words[end].comma || words[end].possessive;
      ++end;
      if (last) break;
    }
    if (end == begin || words[end - 1].possessive || words[end - 1].stop) {
      waiting.clear();
      continue;
    }
    std::string noun;
    for (size_t k = begin; k < end; ++k) noun += (k > begin ? " " : "") + (determined ? words[k].low : words[k].text);
    size_t verb = end;
    while (verb < words.size() && is_adverb(words[verb].low)) ++verb;
    // "... enters the wood, wandering": behind a comma the verb goes back to somebody else.
    if (is_verb(verb) && !words[end - 1].comma) {
      subjects.insert(subjects.end(), waiting.begin(), waiting.end());
      subjects.push_back(noun);
      waiting.clear();
    } else if (words[end - 1].comma || (end < words.size() && words[end].low == "and")) {
      waiting.push_back(noun);
    } else {
      waiting.clear();
    }
    i = end - 1;
  }
  return subjects;
}

/// Characters for a story without any: one for each last word of a subject, called as where it comes first.
std::vector<CastMember> characters_in(const StoryPlan& story) {
  std::vector<CastMember> found;
  std::set<std::string> known;
  for (const StoryScene& scene : story.scenes) {
    for (const std::string& subject : subjects_in(scene)) {
      const std::string head = low_words(subject).back();
      if (known.insert(head).second) found.push_back({{head, "", subject}, false});
    }
  }
  return found;
}

/// Whom `scene` names, in order of mention.
std::vector<size_t> named_in(const StoryScene& scene, const Names& names) {
  const std::vector<Word> words = words_of(scene.narration);
  std::vector<size_t> order;
  for (size_t i = 0; i < words.size(); ++i) {
    const Name* name = name_at(names, words, i);
    if (!name) continue;
    if (std::find(order.begin(), order.end(), name->who) == order.end()) order.push_back(name->who);
    i += name->words.size() - 1;
  }
  return order;
}

std::vector<CastMember> members(const std::vector<CastMember>& all, const std::vector<size_t>& order) {
  std::vector<CastMember> cast;
  for (const size_t who : order) cast.push_back(all[who]);
  return cast;
}

/// The first "he", "she" or "they" of a narration that stands before any name of `cast`.
std::optional<std::string> leading_pronoun(const StoryScene& scene, const std::vector<CastMember>& cast) {
  const std::vector<Word> words = words_of(scene.narration);
  const Names names = names_of(cast);
  for (size_t i = 0; i < words.size(); ++i) {
    if (name_at(names, words, i)) return std::nullopt;
    if (among(words[i].low, {"he", "she", "they"})) return words[i].low;
  }
  return std::nullopt;
}

}  // namespace

StoryCast::StoryCast(const PlanningTask& task, const StoryPlan& story) : characters_(task.characters), story_(story) {
  for (const Character& character : characters_) all_.push_back({character, true});
  if (all_.empty()) all_ = characters_in(story_);
  const Names names = names_of(all_);
  for (const StoryScene& scene : story_.scenes) named_.push_back(named_in(scene, names));
}

bool StoryCast::is_of(const PlanningTask& task, const StoryPlan& story) const { return task.characters == characters_ && story == story_; }

std::vector<CastMember> StoryCast::before(size_t index) const {
  while (index > 0 && named_[index - 1].empty()) --index;
  if (index > 0) return members(all_, named_[index - 1]);
  return all_.size() == 1 ? all_ : std::vector<CastMember>();
}

std::vector<CastMember> StoryCast::of_scene(size_t index) const {
  const StoryScene& scene = story_.scenes.at(index);
  std::vector<CastMember> cast = members(all_, named_[index]);
  const auto pronoun = leading_pronoun(scene, cast);
  if (cast.empty() && !pronoun && scene.motions.empty()) return cast;
  if (!cast.empty() && !pronoun) return cast;

  const std::vector<CastMember> earlier = before(index);
  if (cast.empty() && pronoun != "they") {
    // One "she" is one of them; where nothing tells who, it is the one named first.
    const auto fitting = std::find_if(earlier.begin(), earlier.end(), [&](const CastMember& member) {
      return !pronoun || fits(gender_of(member.character.name), *pronoun);
    });
    if (pronoun && fitting != earlier.end()) return {*fitting};
    return earlier;
  }
  std::vector<CastMember> joined;
  for (const CastMember& member : earlier) {
    const bool named = std::any_of(cast.begin(), cast.end(), [&](const CastMember& other) { return other.character.id == member.character.id; });
    if (!named && fits(gender_of(member.character.name), *pronoun)) joined.push_back(member);
    if (!joined.empty() && *pronoun != "they") break;
  }
  joined.insert(joined.end(), cast.begin(), cast.end());
  return joined;
}

std::vector<Mention> mentions_of(const std::vector<Word>& words, const std::vector<CastMember>& cast) {
  const Names names = names_of(cast);
  std::vector<Mention> mentions;
  for (size_t i = 0; i < words.size(); ++i) {
    Mention mention{i, i + 1, {}};
    if (const Name* name = name_at(names, words, i)) {
      mention.end = i + name->words.size();
      mention.who = {name->who};
      place_mention(mention, words, mentions);
    } else if (is_subject_pronoun(words[i].low)) {
      mention.who = meant_by(words[i], cast, mentions);
      place_mention(mention, words, mentions);
      mention.object = mention.object && words[i].low == "it";
    } else if (is_object_pronoun(words[i].low) && stands_alone(words, i)) {
      mention.who = meant_by(words[i], cast, mentions);
      mention.object = true;
    } else {
      continue;
    }
    if (!mention.who.empty()) mentions.push_back(mention);
    i = mention.end - 1;
  }
  return mentions;
}

std::pair<size_t, size_t> sentence_of(const std::vector<Word>& words, size_t at) {
  size_t first = at;
  while (first > 0 && !words[first - 1].stop) --first;
  size_t last = at;
  while (last < words.size() && !words[last].stop) ++last;
  return {first, std::min(last + 1, words.size())};
}

}  // namespace dreamrunner
