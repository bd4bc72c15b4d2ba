#include "tensor/out_of_memory.h"

#include <algorithm>
#include <initializer_list>
#include <locale>
#include <map>
#include <sstream>
#include <string_view>

namespace dreamrunner {
namespace {

bool holds_any(const std::string& words, std::initializer_list<const char*> phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](const char* phrase) { return words.find(phrase) != std::string::npos; });
}

}  // namespace

bool is_out_of_memory(const c10::Error& error) {
  return is_out_of_gpu_memory(error) || holds_any(error.what_without_backtrace(), {"can't allocate memory", "not enough memory"});
}

bool is_out_of_gpu_memory(const c10::Error& error) {
  // cuDNN's search for an algorithm swallows the error of each that gets no memory, and says at the end that there is none.
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         holds_any(error.what_without_backtrace(), {"unable to find an engine to execute this computation", "CUBLAS_STATUS_ALLOC_FAILED",
                                                    "CUDNN_STATUS_ALLOC_FAILED", "CUDA error: out of memory"});
}

double asked_for_bytes(const c10::Error& error) {
  constexpr std::string_view kVerb = "ried to allocate ";
  const std::string words = error.what_without_backtrace();
  const size_t at = words.find(kVerb);
  if (at == std::string::npos) return 0;
  std::istringstream rest(words.substr(at + kVerb.size()));
  rest.imbue(std::locale::classic());
  double number = 0;
  std::string unit;
  if (!(rest >> number >> unit)) return 0;
  if (unit.ends_with('.')) unit.pop_back();
  const std::map<std::string, double> bytes_of = {{"bytes", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
  const auto known = bytes_of.find(unit);
  return known != bytes_of.end() ? number * known->second : 0;
}

}  // namespace dreamrunner
