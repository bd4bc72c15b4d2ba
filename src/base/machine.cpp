#include "base/machine.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// What matrix products get faster with.
constexpr std::array<std::string_view, 9> kFeatures = {"avx2",        "fma",         "f16c",     "avx512f", "avx512_vnni",
                                                       "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"};

/// The text behind "NAME :" in a file of such lines; empty where there is none.
std::string field_of(const fs::path& file, std::string_view name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.find_first_not_of(" \t", name.size()) != colon) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

/// The second word of the line that begins with the word `name`; empty where there is none.
std::string word_after(const fs::path& file, std::string_view name) {
  std::ifstream stream(file);
  for (std::string word, value; stream >> word >> value;) {
    if (word == name) return value;
  }
  return "";
}

uint64_t number_of(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

/// "16384 kB" -> bytes.
uint64_t bytes_of(const std::string& text) { return number_of(text) * 1024; }

}  // namespace

Processor read_processor(const fs::path& root) {
  Processor processor;
  const fs::path file = root / "proc/cpuinfo";
  processor.name = field_of(file, "model name");
  std::istringstream flags(field_of(file, "flags"));
  std::set<std::string> present;
  for (std::string flag; flags >> flag;) present.insert(flag);
  for (const std::string_view feature : kFeatures) {
    if (present.contains(std::string(feature))) processor.features.emplace_back(feature);
  }
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) processor.threads = CPU_COUNT(&usable);
  return processor;
}

Memory read_memory(const fs::path& root) {
  Memory memory;
  memory.total_bytes = bytes_of(field_of(root / "proc/meminfo", "MemTotal"));
  memory.available_bytes = bytes_of(field_of(root / "proc/meminfo", "MemAvailable"));
  // Control groups of version 2; "max" means no limit.
  const std::string limit = first_line(root / "sys/fs/cgroup/memory.max");
  uint64_t bytes = 0;
  const auto [end, code] = std::from_chars(limit.data(), limit.data() + limit.size(), bytes);
  if (code != std::errc() || end != limit.data() + limit.size() || limit.empty() || bytes >= memory.total_bytes) return memory;
  memory.limit_bytes = bytes;
  // What the group holds already, but for pages of files that it can let go.
  const uint64_t held = number_of(first_line(root / "sys/fs/cgroup/memory.current"));
  const uint64_t files = number_of(word_after(root / "sys/fs/cgroup/memory.stat", "inactive_file"));
  const uint64_t taken = held > files ? held - files : 0;
  memory.available_bytes = std::min(memory.available_bytes, bytes > taken ? bytes - taken : 0);
  return memory;
}

NvidiaSystem read_nvidia(const fs::path& root) {
  NvidiaSystem nvidia;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(root / "sys/bus/pci/devices", code)) {
    // Class 03: display controllers (the same cards have audio and USB functions too).
    if (first_line(entry.path() / "vendor") == "0x10de" && first_line(entry.path() / "class").starts_with("0x03")) ++nvidia.cards;
  }
  nvidia.driver = first_line(root / "sys/module/nvidia/version");
  nvidia.device_file = fs::exists(root / "dev/nvidia0", code);
  return nvidia;
}

}  // namespace dreamrunner
