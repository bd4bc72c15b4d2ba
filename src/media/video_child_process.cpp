#include "media/video_child_process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kName = "dreamrunner_video_child";
/// The process sees: 0 the request, 1 the answer, 2 nowhere, 3 the video (video_child.cpp).
constexpr int kFirstFree = 4;
constexpr int kPipe_bytes = 1 << 20;  // as much as an ordinary user may ask for
constexpr auto kSlice = std::chrono::milliseconds(50);

[[noreturn]] void cannot_start(const fs::path& program, const std::string& why) {
  throw Error(ErrorKind::storage, fmt::format("{}: {}", program.string(), why),
              "it decodes videos in a process of its own, and is built and installed with the program");
}

/// The folders in which the loader looks for a library that the file with this code in it (the program, the engine) names.
std::vector<fs::path> loader_folders() {
  std::vector<fs::path> folders;
  Dl_info self{};
  link_map* map = nullptr;
  if (::dladdr1(reinterpret_cast<void*>(&find_video_child), &self, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return folders;
  // An empty name is the program itself.
  void* handle = map->l_name[0] == '\0' ? ::dlopen(nullptr, RTLD_LAZY) : ::dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return folders;
  Dl_serinfo size{};
  if (::dlinfo(handle, RTLD_DI_SERINFOSIZE, &size) == 0) {
    std::vector<std::max_align_t> room(size.dls_size / sizeof(std::max_align_t) + 1);
    auto* list = reinterpret_cast<Dl_serinfo*>(room.data());
    *list = size;  // dlinfo wants to be told what it said.
    if (::dlinfo(handle, RTLD_DI_SERINFO, list) == 0) {
      const Dl_serpath* path = list->dls_serpath;
      for (unsigned i = 0; i < list->dls_cnt; ++i) folders.emplace_back(path[i].dls_name);
    }
  }
  ::dlclose(handle);
  return folders;
}

/// The same file under a number above those that the process will use, so that none is overwritten while they are handed over.
Descriptor high(int fd) { return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree)); }

/// Two ends of a connection, ours and the process's.
struct Ends {
  Descriptor ours, theirs;

  static Ends of(int ours, int theirs) {
    const Descriptor mine(ours), its(theirs);
    return {high(ours), high(theirs)};
  }
  bool open() const { return ours.get() >= 0 && theirs.get() >= 0; }
};

/// A socket: writing to one whose other end is gone is an error, not a SIGPIPE.
Ends request_ends() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  return Ends::of(ends[0], ends[1]);
}

Ends reply_ends() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return Ends::of(ends[0], ends[1]);
}

/// posix_spawn's lists, freed with their owner.
struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

}  // namespace

fs::path find_video_child() {
  for (const fs::path& folder : loader_folders()) {
    std::error_code ignored;
    if (fs::exists(folder / kName, ignored)) return folder / kName;
  }
  cannot_start(kName, "cannot be found beside libdreamrunner_video.so");
}

VideoChildProcess::VideoChildProcess(const fs::path& program, int video, const Patience& patience, const RunContext& run)
    : patience_(patience), run_(run) {
  const Descriptor file = high(video);
  Ends request = request_ends(), reply = reply_ends();
  if (file.get() < 0 || !request.open() || !reply.open()) cannot_start(program, fmt::format("cannot be started: {}", std::strerror(errno)));

  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.files, request.theirs.get(), 0);
  ::posix_spawn_file_actions_adddup2(&plan.files, reply.theirs.get(), 1);
  ::posix_spawn_file_actions_addopen(&plan.files, 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&plan.files, file.get(), 3);
  // What other libraries left open without O_CLOEXEC.
  ::posix_spawn_file_actions_addclosefrom_np(&plan.files, kFirstFree);
  // Signals as a fresh process has them, whatever this one blocks or ignores.
  sigset_t all, none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  std::string name = program.string();
  std::array<char*, 2> arguments{name.data(), nullptr};
  const char* libraries = std::getenv("LD_LIBRARY_PATH");
  std::string variable = libraries == nullptr ? "" : fmt::format("LD_LIBRARY_PATH={}", libraries);
  std::array<char*, 2> environment{variable.empty() ? nullptr : variable.data(), nullptr};
  const int code = ::posix_spawn(&pid_, program.c_str(), &plan.files, &plan.attributes, arguments.data(), environment.data());
  if (code != 0) {
    pid_ = -1;
    cannot_start(program, fmt::format("cannot be started: {}", std::strerror(code)));
  }
  request_ = std::move(request.ours);
  reply_ = std::move(reply.ours);
  ::fcntl(reply_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(reply_.get(), F_SETPIPE_SZ, kPipe_bytes);  // Fewer switches between the two; a smaller pipe does as well.
}

VideoChildProcess::~VideoChildProcess() { reap(Clock::duration::zero()); }

int VideoChildProcess::reap(Clock::duration grace) {
  if (pid_ < 0) return 0;
  int status = 0;
  const Clock::time_point end = Clock::now() + grace;
  while (Clock::now() < end) {
    const pid_t gone = ::waitpid(pid_, &status, WNOHANG);
    if (gone != 0) {
      pid_ = -1;
      return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

void VideoChildProcess::tell_end() {
  const int status = reap(std::chrono::seconds(1));
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::input_file, why); };
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU) refuse(fmt::format("decoding takes more than {:g} s of processor time", patience_.total_s));
  if (signal == SIGKILL) refuse("the decoder was killed (signal 9), as the system does where memory runs out");
  if (signal != 0) refuse(fmt::format("the decoder crashed (signal {})", signal));
  refuse(fmt::format("the decoder ended without an answer (exit status {})", WEXITSTATUS(status)));
  std::abort();  // Not reached.
}

void VideoChildProcess::wait_for(const Descriptor& end, short events) {
  // Slices are counted, not the clock read, so that a program that is stopped (Ctrl-Z) and goes on later blames nobody.
  const auto limit = [](double seconds) { return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)); };
  for (Clock::duration silent{0};;) {
    run_.check();
    const Clock::time_point before = Clock::now();
    pollfd ready{end.get(), events, 0};
    const int found = ::poll(&ready, 1, static_cast<int>(kSlice.count()));
    const Clock::duration passed = std::min<Clock::duration>(Clock::now() - before, 2 * kSlice);
    waited_ += passed;
    silent += passed;
    if (waited_ > limit(patience_.total_s)) {
      throw Error(ErrorKind::input_file, fmt::format("decoding takes more than {:g} s", patience_.total_s));
    }
    if (found > 0) return;
    if (silent > limit(patience_.silence_s)) {
      throw Error(ErrorKind::input_file, fmt::format("nothing decoded for {:g} s", patience_.silence_s));
    }
  }
}

void VideoChildProcess::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(request_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_for(request_, POLLOUT);
    } else if (errno != EINTR) {
      tell_end();
    }
  }
}

void VideoChildProcess::read(uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t n = ::read(reply_.get(), bytes, size);
    if (n > 0) {
      bytes += n;
      size -= static_cast<size_t>(n);
    } else if (n == 0) {
      tell_end();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_for(reply_, POLLIN);
    } else if (errno != EINTR) {
      throw Error(ErrorKind::storage, fmt::format("the decoder's answer cannot be read: {}", std::strerror(errno)));
    }
  }
}

}  // namespace dreamrunner
