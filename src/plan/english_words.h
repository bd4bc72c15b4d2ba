#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What the built-in planner knows of English: enough to follow short narrations in the present tense. Rules and short word
/// lists, no dictionary; docs/plans.md says what a narration may look like.
namespace dreamrunner {

/// A word of a narration with what surrounds it.
struct Word {
  std::string text;          ///< As written, without marks and without a possessive ending.
  std::string low;           ///< `text` in small letters.
  bool capital = false;      ///< Begins with a capital letter.
  bool possessive = false;   ///< "witch's".
  bool comma = false;        ///< A comma (or colon, dash, bracket) follows.
  bool stop = false;         ///< The sentence ends here: . ! ? or ;
  size_t begin = 0;          ///< Its first byte in the text.
  size_t end = 0;            ///< Behind its last, a possessive ending included.
};

/// The words of `text` in order; a character's token such as [v1] is one word. Hyphens and apostrophes inside stay.
std::vector<Word> words_of(std::string_view text);

/// A key that the forms of one verb share: walk, walks, walked and walking; swim and swimming; lie, lies and lying; ran and
/// run. It is no word: "danc" for dance. Takes and gives small letters.
std::string verb_stem(std::string_view word);

/// The -ing form: walk, walks -> walking; dances -> dancing; sits -> sitting; lies -> lying. A word that ends in -ing stays.
std::string present_progressive(std::string_view verb);

/// "a red witch", "an orange cat", "a unicorn", "a [v1] owl"; a noun that begins with an article, a number or a capital letter stays.
std::string with_article(std::string_view noun);

bool is_determiner(std::string_view low);    ///< the, a, her, two, ...
bool is_preposition(std::string_view low);   ///< to, with, behind, ...
bool is_auxiliary(std::string_view low);     ///< is, are, begins, keeps, ...
bool is_adverb(std::string_view low);        ///< happily, then, still, ...
bool is_verb_form(std::string_view low);     ///< Looks like one: -s, -ed, -ing; many nouns do too.

/// How a body is held in a motion, which decides the shape of its box.
enum class Posture { upright, wide, tall, low, flat, afloat, aloft };

/// By the first word of a motion; `upright` for what is not known.
Posture posture_of(std::string_view motion);

/// True for a motion that takes somebody from one place to another: walking, running, swimming, flying, riding, ...
bool is_locomotion(std::string_view motion);

/// Kinds of body, by the last words of a name.
enum class Body { person, small_animal, large_animal, swimmer, flyer };
Body body_of(std::string_view name);

/// What pronoun a name goes with, as far as its words tell.
enum class Gender { unknown, female, male };
Gender gender_of(std::string_view name);

}  // namespace dreamrunner
