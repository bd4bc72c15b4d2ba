#pragma once

#include <span>
#include <string_view>

/// One function a reader of files that strangers wrote. Each reads any bytes; what is wrong shows as an exception that
/// leaves it, an abort of `require`, or a report of a sanitizer. fuzz/README.md tells how to run them.
namespace dreamrunner::fuzz {

void plan_text(std::string_view bytes);
void plan_json(std::string_view bytes);
void plan_checks(std::string_view bytes);
void authors_jsonl(std::string_view bytes);
void story_script(std::string_view bytes);
void reply(std::string_view bytes);
void json(std::string_view bytes);
void safetensors(std::string_view bytes);
void spiece_model(std::string_view bytes);
void jsonl_catalogue(std::string_view bytes);
void csv_catalogue(std::string_view bytes);
void bm25_index(std::string_view bytes);
void bpe_model(std::string_view bytes);
void video_child_reply(std::string_view bytes);

struct Target {
  const char* name;  ///< Of the function, and of its folder in fuzz/corpus.
  void (*run)(std::string_view bytes);
};

/// All of the above.
std::span<const Target> targets();

}  // namespace dreamrunner::fuzz
