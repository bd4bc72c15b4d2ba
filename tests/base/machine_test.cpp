#include "base/machine.h"

#include <fstream>

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

/// A root folder with files of the kernel's shape.
class MachineTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) const {
    const fs::path file = root_.path() / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  const fs::path& root() const { return root_.path(); }

 private:
  test::TemporaryFolder root_;
};

TEST_F(MachineTest, ProcessorHasItsNameAndTheFeaturesThatMatter) {
  put("proc/cpuinfo",
      "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx avx2 avx512f avx512_bf16 fma\n\nprocessor\t: 1\nmodel name\t: "
      "Other\n");
  const Processor processor = read_processor(root());
  EXPECT_EQ(processor.name, "Some CPU @ 2 GHz");
  EXPECT_EQ(processor.features, (std::vector<std::string>{"avx2", "fma", "avx512f", "avx512_bf16"}));
  EXPECT_GE(processor.threads, 1);
}

TEST_F(MachineTest, MemoryKnowsTheLimitOfAContainer) {
  put("proc/meminfo", "MemTotal:       16384 kB\nMemFree:            1 kB\nMemAvailable:    4096 kB\n");
  EXPECT_EQ(read_memory(root()).total_bytes, 16384u * 1024);
  EXPECT_EQ(read_memory(root()).available_bytes, 4096u * 1024);
  EXPECT_EQ(read_memory(root()).limit_bytes, std::nullopt);
  put("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(read_memory(root()).limit_bytes, std::nullopt);
  put("sys/fs/cgroup/memory.max", "1048576\n");
  EXPECT_EQ(read_memory(root()).limit_bytes, 1048576u);
  EXPECT_EQ(read_memory(root()).available_bytes, 1048576u);
  put("sys/fs/cgroup/memory.current", "1000000\n");
  EXPECT_EQ(read_memory(root()).available_bytes, 48576u) << "what the container holds is gone";
  put("sys/fs/cgroup/memory.stat", "anon 400000\nfile 600000\ninactive_file 500000\nactive_file 100000\n");
  EXPECT_EQ(read_memory(root()).available_bytes, 548576u) << "but pages of files come back";
  put("sys/fs/cgroup/memory.current", "2000000\n");
  EXPECT_EQ(read_memory(root()).available_bytes, 0u);
  put("sys/fs/cgroup/memory.max", "9223372036854771712\n");
  EXPECT_EQ(read_memory(root()).limit_bytes, std::nullopt) << "more than there is limits nothing";
}

TEST_F(MachineTest, CountsDisplayControllersOfNvidiaOnly) {
  put("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
  put("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
  put("sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n");
  put("sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");
  put("sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
  put("sys/bus/pci/devices/0000:02:00.0/class", "0x030000\n");
  NvidiaSystem nvidia = read_nvidia(root());
  EXPECT_EQ(nvidia.cards, 1);
  EXPECT_EQ(nvidia.driver, "");
  EXPECT_FALSE(nvidia.device_file);
  put("sys/module/nvidia/version", "580.65.06\n");
  put("dev/nvidia0", "");
  nvidia = read_nvidia(root());
  EXPECT_EQ(nvidia.driver, "580.65.06");
  EXPECT_TRUE(nvidia.device_file);
}

TEST_F(MachineTest, AMachineThatTellsNothingIsNoError) {
  EXPECT_EQ(read_processor(root()).name, "");
  EXPECT_EQ(read_memory(root()).total_bytes, 0u);
  EXPECT_EQ(read_nvidia(root()).cards, 0);
}

}  // namespace
}  // namespace dreamrunner
