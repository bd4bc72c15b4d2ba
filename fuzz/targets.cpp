#include "targets.h"

#include <array>

namespace dreamrunner::fuzz {

std::span<const Target> targets() {
  static constexpr std::array kTargets{Target{"plan_text", plan_text},
                                       Target{"plan_json", plan_json},
                                       Target{"plan_checks", plan_checks},
                                       Target{"authors_jsonl", authors_jsonl},
                                       Target{"story_script", story_script},
                                       Target{"reply", reply},
                                       Target{"json", json},
                                       Target{"safetensors", safetensors},
                                       Target{"spiece_model", spiece_model},
                                       Target{"jsonl_catalogue", jsonl_catalogue},
                                       Target{"csv_catalogue", csv_catalogue},
                                       Target{"bm25_index", bm25_index},
                                       Target{"bpe_model", bpe_model},
                                       Target{"video_child_reply", video_child_reply}};
  return kTargets;
}

}  // namespace dreamrunner::fuzz
