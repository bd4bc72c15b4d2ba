#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dreamrunner {

/// What the kernel tells of the processor. Text and numbers are empty or 0 where it does not.
struct Processor {
  std::string name;
  int threads = 0;                    ///< That this process may use.
  std::vector<std::string> features;  ///< Of those that make a difference here, such as "avx2", "avx512f", "avx512_bf16".
};

struct Memory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;         ///< That this process may still take, its control group counted.
  std::optional<uint64_t> limit_bytes;  ///< Of the control group this process is in (containers).
};

/// An NVIDIA card as the system sees it, whatever LibTorch makes of it.
struct NvidiaSystem {
  int cards = 0;             ///< On the PCI bus.
  std::string driver;        ///< Version of the kernel module; empty when none is loaded.
  bool device_file = false;  ///< /dev/nvidia0 is there: a container may hide it.
};

/// Each reads below `root`, which is `/` but for tests.
Processor read_processor(const std::filesystem::path& root = "/");
Memory read_memory(const std::filesystem::path& root = "/");
NvidiaSystem read_nvidia(const std::filesystem::path& root = "/");

}  // namespace dreamrunner
