// Stands in for `dreamrunner_video_child` as a file could make it that has taken it over. What it does wrong is its name: the
// tests start it through links.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "media/lock_down.h"
#include "media/video_wire.h"

namespace {

using namespace dreamrunner;

void say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(1, bytes.data(), bytes.size());
    if (n <= 0) std::_Exit(1);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

wire::ReplyWriter good(say);

/// A message as it should not be.
void raw(uint32_t kind, uint32_t size, std::string_view body = {}) {
  std::string message(8, '\0');
  std::memcpy(message.data(), &kind, 4);
  std::memcpy(message.data() + 4, &size, 4);
  say(message.append(body));
}

constexpr uint32_t kWorking = 2, kInfo = 3, kPicture = 4, kRefusal = 6;
constexpr uint32_t kHuge = std::numeric_limits<uint32_t>::max();

Picture picture(int width = 16, int height = 16) {
  return {width, height, std::vector<uint8_t>(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height), 100)};
}

/// The head of a picture's body.
std::string picture_head(double time_s, uint32_t width, uint32_t height) {
  std::string head(16, '\0');
  std::memcpy(head.data(), &time_s, 8);
  std::memcpy(head.data() + 8, &width, 4);
  std::memcpy(head.data() + 12, &height, 4);
  return head;
}

void info() { good.info({.container = "mov", .codec = "h264", .width = 16, .height = 16, .rate = {8, 1}}); }

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

void lock() { lock_down(3, {int64_t{1} << 30, 1}); }

/// After the hello.
const std::map<std::string, std::function<void()>> kLater = {
    {"crash", [] { ::raise(SIGSEGV); }},
    {"abort", [] { std::abort(); }},
    {"killed", [] { ::raise(SIGKILL); }},
    {"leave", [] { std::_Exit(3); }},
    {"hang", wait_for_ever},
    {"hang-locked", [] { lock(); volatile bool spin = true; while (spin) {} }},
    {"wait-locked", [] { lock(); const uint32_t word = 0; ::syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr); }},
    {"hang-closed", [] { ::close(1); wait_for_ever(); }},
    {"hang-among-pictures", [] { info(); good.picture(picture(), 0); wait_for_ever(); }},
    {"crash-among-pictures", [] { info(); good.picture(picture(), 0); ::raise(SIGILL); }},
    {"busy-for-ever", [] { for (;;) { good.working(); ::usleep(20'000); } }},
    {"drip", [] { info(); for (;;) { say(std::string(1, '\4')); ::usleep(20'000); } }},
    {"flood", [] { info(); for (;;) good.picture(picture(), 0); }},
    {"die-in-head", [] { info(); say(std::string("\4\0\0", 3)); }},
    {"die-in-body", [] { raw(kInfo, 100, "half"); }},
    {"die-in-pixels", [] { info(); raw(kPicture, 16 + 768, picture_head(0, 16, 16) + std::string(500, 'x')); ::raise(SIGBUS); }},
    {"huge-info", [] { raw(kInfo, kHuge); wait_for_ever(); }},
    {"huge-refusal", [] { raw(kRefusal, kHuge); wait_for_ever(); }},
    {"huge-working", [] { raw(kWorking, kHuge); wait_for_ever(); }},
    {"huge-picture", [] { info(); raw(kPicture, kHuge, picture_head(0, 37837, 37837)); wait_for_ever(); }},
    {"huge-width", [] { info(); raw(kPicture, 16 + 3 * 100'000, picture_head(0, 100'000, 1)); wait_for_ever(); }},
    {"no-pixels", [] { info(); raw(kPicture, 16, picture_head(0, 0, 0)); wait_for_ever(); }},
    {"wrong-size", [] { info(); raw(kPicture, 16 + 767, picture_head(0, 16, 16)); wait_for_ever(); }},
    {"short-picture", [] { info(); raw(kPicture, 8, std::string(8, '\0')); wait_for_ever(); }},
    {"other-size", [] { info(); good.picture(picture(), 0); good.picture(picture(16, 8), 0.1); wait_for_ever(); }},
    {"time-nan", [] { info(); good.picture(picture(), std::numeric_limits<double>::quiet_NaN()); wait_for_ever(); }},
    {"time-outside", [] { info(); good.picture(picture(), -1); wait_for_ever(); }},
    {"time-falls", [] { info(); good.picture(picture(), 1); good.picture(picture(), 0.5); wait_for_ever(); }},
    {"too-many", [] { info(); for (int i = 0; i < 12; ++i) good.picture(picture(), i); wait_for_ever(); }},
    {"picture-first", [] { good.picture(picture(), 0); wait_for_ever(); }},
    {"hello-again", [] { good.hello({}); wait_for_ever(); }},
    {"unknown-kind", [] { info(); raw(77, 0); wait_for_ever(); }},
    {"info-lies", [] { raw(kInfo, 4, std::string(4, '\x7f')); wait_for_ever(); }},
    {"info-too-long", [] { raw(kInfo, 65'000, std::string(65'000, '\0')); wait_for_ever(); }},
    {"info-huge-picture", [] { good.info({.width = 1 << 30, .height = 16, .rate = {8, 1}}); wait_for_ever(); }},
    {"info-no-rate", [] { good.info({.width = 16, .height = 16, .rate = {8, 0}}); wait_for_ever(); }},
    {"info-slanted", [] { good.info({.width = 16, .height = 16, .rate = {8, 1}, .rotation = 45}); wait_for_ever(); }},
    {"colourful-refusal", [] { good.refusal("\x1b[2J\x1b]0;owned\7 line\nbreak \xff"); wait_for_ever(); }},
    {"empty-refusal", [] { good.refusal(""); wait_for_ever(); }},
    {"end-at-once", [] { good.end(); wait_for_ever(); }},
    // Well behaved: what the others are compared with.
    {"good", [] { info(); for (int i = 0; i < 3; ++i) good.picture(picture(), i); good.end(); }},
};

/// Instead of a hello.
const std::map<std::string, std::function<void()>> kAtOnce = {
    {"crash-at-once", [] { ::raise(SIGSEGV); }},
    {"leave-at-once", [] { std::_Exit(127); }},
    {"hang-at-once", wait_for_ever},
    {"refuse-at-once", [] { good.refusal("limit of memory: Operation not permitted"); }},
    {"old-version", [] { raw(1, 9, std::string(9, '\0')); wait_for_ever(); }},
};

}  // namespace

int main(int, char** arguments) {
  const std::string what = std::filesystem::path(arguments[0]).filename();
  if (what == "deaf") wait_for_ever();
  wire::read_request([](uint8_t* bytes, size_t size) {
    for (ssize_t n; size > 0; bytes += n, size -= static_cast<size_t>(n)) {
      n = ::read(0, bytes, size);
      if (n <= 0) std::_Exit(1);
    }
  });
  if (const auto at_once = kAtOnce.find(what); at_once != kAtOnce.end()) {
    at_once->second();
    return 0;
  }
  good.hello({true, ""});
  kLater.at(what)();
}
