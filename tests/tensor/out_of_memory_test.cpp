#include "tensor/out_of_memory.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

c10::Error saying(const std::string& words) { return c10::Error({__func__, __FILE__, __LINE__}, words); }

// As LibTorch 2.11, cuDNN and cuBLAS write them.
TEST(OutOfMemoryTest, IsKnownByItsTypeOrItsWords) {
  const c10::OutOfMemoryError allocator({__func__, __FILE__, __LINE__}, "CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of ...");
  EXPECT_TRUE(is_out_of_gpu_memory(allocator));
  EXPECT_TRUE(is_out_of_memory(allocator));
  for (const char* words : {"GET was unable to find an engine to execute this computation",
                            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"}) {
    EXPECT_TRUE(is_out_of_gpu_memory(saying(words))) << words;
  }
  const c10::Error processor = saying("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 1610612736 bytes. Error code 12");
  EXPECT_TRUE(is_out_of_memory(processor));
  EXPECT_FALSE(is_out_of_gpu_memory(processor));
  EXPECT_FALSE(is_out_of_memory(saying("shape '[5]' is invalid for input of size 6")));
}

TEST(OutOfMemoryTest, TellsHowMuchWasAskedFor) {
  EXPECT_EQ(asked_for_bytes(saying("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1610612736 bytes. Error code 12")), 1610612736.0);
  EXPECT_EQ(asked_for_bytes(saying("CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has ...")), 1610612736.0);
  EXPECT_EQ(asked_for_bytes(saying("Tried to allocate 20.00 MiB. GPU")), 20.0 * 1048576);
  EXPECT_EQ(asked_for_bytes(saying("GET was unable to find an engine to execute this computation")), 0);
  EXPECT_EQ(asked_for_bytes(saying("cannot allocate what was asked for")), 0);
}

}  // namespace
}  // namespace dreamrunner
