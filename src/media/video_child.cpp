// `dreamrunner_video_child`: decodes one video of a stranger's in a process that can do nothing else, and that nobody misses
// when the file crashes it. Started by `IsolatedVideo`, with the request as its standard input, the answer as its standard
// output, and the video at descriptor 3 (video_wire.h). By hand only:
//
//   dreamrunner_video_child --self-test < /dev/null 3< VIDEO | cat    locks itself down, then tries what it must not be able to do
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "media/libav_video.h"
#include "media/lock_down.h"
#include "media/lock_down_check.h"
#include "media/video_wire.h"

namespace dreamrunner {
namespace {

constexpr int kVideo = 3;

// Neither side can say anything to the other once the pipe is broken: these end the process.

void read_exactly(uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t n = ::read(STDIN_FILENO, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::_Exit(1);
    bytes += n;
    size -= static_cast<size_t>(n);
  }
}

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::_Exit(1);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

/// Says `working` now and then, so that the program can tell much work from a hang.
class SignsOfLife {
 public:
  explicit SignsOfLife(wire::ReplyWriter& reply) : reply_(reply) {}
  void operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(250)) return;
    last_ = now;
    reply_.working();
  }

 private:
  wire::ReplyWriter& reply_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void answer(const wire::Request& request, VideoFile file, wire::ReplyWriter& reply) {
  switch (request.task) {
    case wire::Task::check: break;
    case wire::Task::probe: reply.info(libav::probe(std::move(file), SignsOfLife(reply))); break;
    case wire::Task::read: {
      const auto source = libav::open_video(std::move(file), request.options, SignsOfLife(reply));
      reply.info(source->info());
      Picture picture;
      double time_s = 0;
      while (source->next(picture, time_s)) reply.picture(picture, time_s);
      break;
    }
  }
  reply.end();
}

int decode() {
  wire::ReplyWriter reply(write_all);
  try {
    const wire::Request request = wire::read_request(read_exactly);
    VideoFile file{Descriptor(kVideo)};  // Asks for the size, which glibc does by a call that could look at any file.
    const std::string why_not = lock_down(kVideo, {request.memory_bytes, request.processor_s});
    reply.hello({why_not.empty(), why_not});
    answer(request, std::move(file), reply);
  } catch (const std::bad_alloc&) {
    reply.refusal("more memory is needed than decoding may take");
  } catch (const std::exception& error) {
    reply.refusal(error.what());
  }
  return 0;
}

int self_test() {
  const std::string why_not = lock_down(kVideo, {int64_t{1} << 30, 10});
  std::printf("filter %s\n", why_not.empty() ? "on" : why_not.c_str());
  for (const Attempt& attempt : forbidden_attempts(kVideo)) {
    std::printf("%s %s\n", attempt.name, attempt.error == 0 ? "DONE" : ::strerrorname_np(attempt.error));
  }
  return 0;
}

}  // namespace
}  // namespace dreamrunner

int main(int count, char** arguments) {
  try {
    if (count == 2 && std::string_view(arguments[1]) == "--self-test") return dreamrunner::self_test();
    if (count == 1) return dreamrunner::decode();
    std::fprintf(stderr, "dreamrunner_video_child: a part of dreamrunner, started by it; `--self-test` shows what it cannot do\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dreamrunner_video_child: %s\n", error.what());
  }
  return 2;
}
