#pragma once

// For the .cpp files of this room only.

#include <png.h>

namespace dreamrunner {

/// libpng's simplified interface with an owner: one struct, errors as answers.
class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image_); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  png_image* operator->() { return &image_; }
  png_image* get() { return &image_; }

 private:
  png_image image_{};
};

}  // namespace dreamrunner
